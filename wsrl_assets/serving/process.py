"""One supervised child process: start it, read its log, end it for certain."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SUPERVISOR = Path(__file__).with_name("supervisor.py")

# vLLM needs about two seconds to end its engine process after SIGTERM; llama.cpp none.
_GRACE_S = 8.0
_SUPERVISOR_S = 5.0  # what the supervisor may take beyond the grace, for SIGKILL and its end

_LOG_TAIL_BYTES = 16_384
# vLLM: "(EngineCore pid=12) INFO 11-22 16:02:33 [core.py:88] "; llama.cpp: "0.01.234.567 I ".
_LOG_PREFIX = re.compile(
    r"^(\(\w+ pid=\d+\)\s*)?([A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\]\s*)?([\d.]+ [A-Z] )?"
)
_HAS_WORDS = re.compile(r"[A-Za-z]{3}")
# Warnings that come with every start say nothing of how far it is; nor does vLLM's list of routes.
_NO_NEWS = re.compile(r"warn|Triton|Route: |available routes|^Traceback", re.IGNORECASE)
_ACTIVITY_LINES = 60
_ACTIVITY_CHARACTERS = 90


@dataclass(frozen=True, slots=True)
class SupervisedProcess:
    """A running command under its supervisor. `pid` is the supervisor's: signal that one."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def exit_code(self) -> int | None:
        """The command's exit code, negative for a signal's number; None while it runs."""
        return self.popen.poll()

    def log_lines(self, count: int) -> list[str]:
        """The last lines of the log that are not blank, as the server wrote them."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOG_TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except OSError:
            return []
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def activity(self) -> str:
        """What the server last said that it does, without time stamp; "" when it said nothing."""
        for line in reversed(self.log_lines(_ACTIVITY_LINES)):
            if _NO_NEWS.search(line):
                continue
            said = _LOG_PREFIX.sub("", line).partition("|")[0].strip()  # "|" starts a bar
            if _HAS_WORDS.search(said):
                return said[:_ACTIVITY_CHARACTERS]
        return ""

    def stop(self) -> None:
        """End the command and all below it; returns when they are gone. Twice is harmless."""
        if self.popen.stdin is not None:
            self.popen.stdin.close()  # end of file: the supervisor starts to clean up
        try:
            code = self.popen.wait(_GRACE_S + _SUPERVISOR_S)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        if code < 0:  # the supervisor hangs or was killed itself: take the whole group
            self._kill_group()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        self.popen.wait()


@contextmanager
def supervised(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[SupervisedProcess]:
    """Run `command` in a session of its own until the block ends, its output in `log`.

    The command and everything it started end with the block, on any exception (Ctrl-C too),
    and when this process is killed. An earlier log of that name is overwritten.

    A command that cannot be started shows as exit code 127, with the reason in the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [*_supervisor_command(), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
    process = SupervisedProcess(popen, log)
    try:
        yield process
    finally:
        process.stop()


def _supervisor_command() -> list[str]:
    options = ["--parent", str(os.getpid()), "--grace-s", str(_GRACE_S), "--"]
    # -P: else the folder of the script is searched first, and our module names shadow others.
    return [sys.executable, "-P", str(_SUPERVISOR), *options]
