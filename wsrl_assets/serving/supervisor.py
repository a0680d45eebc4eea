"""Run one server and leave nothing of it behind, even if the process that asked for it dies.

Started by file path (`python -P supervisor.py --parent PID --grace-s 8 -- COMMAND...`) and so
imports nothing but the standard library. It sits between the pipeline and the server because
the pipeline can be killed outright, and then has no chance to clean up:

* its standard input is a pipe whose other end the pipeline holds. End of file, a new parent,
  or SIGTERM each mean: stop the server;
* it adopts every orphan below it (`PR_SET_CHILD_SUBREAPER`), so worker processes that the
  server leaves behind, even in sessions of their own, are found and ended too;
* the server itself dies with the supervisor (`PR_SET_PDEATHSIG`), should someone kill that.

Off Linux the last two are missing, and the process group is signalled instead.

It exits with the server's exit code when the server ends by itself, and with 0 when told to stop.
"""

import argparse
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_POLL_S = 0.2
_KILL_S = 3.0
_LIFELINE = 0  # standard input
_CANNOT_START = 127  # as shells say


def main(arguments: list[str]) -> int:
    """Start the command, watch it and the lifeline, and return the exit code to end with."""
    options = _parse(arguments)
    stop = _stop_on_signals()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        server = subprocess.Popen(
            options.command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_supervisor
        )
    except OSError as error:
        print(f"cannot start {options.command[0]}: {error}", file=sys.stderr)
        return _CANNOT_START
    status = _watch(server.pid, options.parent, stop)
    _end_everything(options.grace_s)
    server.returncode = status or 0  # reaped by _reap, so Popen has nothing to wait for
    return server.returncode


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--parent", type=int, required=True, help="process id that must live on")
    parser.add_argument("--grace-s", type=float, required=True, help="wait before SIGKILL")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _stop_on_signals() -> threading.Event:
    """An event that the usual signals set, and that a second one cannot hurry."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _watch(server_pid: int, parent_pid: int, stop: threading.Event) -> int | None:
    """Wait for the server's end (its exit code) or a reason to stop it (None)."""
    while not stop.is_set() and os.getppid() == parent_pid:
        status = _reap().get(server_pid)
        if status is not None:
            return status
        readable, _, _ = select.select([_LIFELINE], [], [], _POLL_S)
        if readable and not os.read(_LIFELINE, 1024):
            return None
    return None


def _end_everything(grace_s: float) -> None:
    """SIGTERM to all that is below us, then SIGKILL to what is left after `grace_s`."""
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, _KILL_S)):
        deadline = time.monotonic() + patience_s
        _signal_descendants(number)
        while time.monotonic() < deadline:
            _reap()
            if not _descendants():
                return
            time.sleep(_POLL_S / 4)
            if number == signal.SIGKILL:  # something may have forked in between
                _signal_descendants(number)


def _reap() -> dict[int, int]:
    """Collect every ended child, adopted ones too: process id to exit code."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def _signal_descendants(number: signal.Signals) -> None:
    if not _has_proc():
        os.killpg(0, number)  # SIGTERM is ignored here; SIGKILL ends us as well, as the last
        return
    for pid in _descendants():
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _descendants() -> list[int]:
    """All processes below this one. Without /proc: the direct children are not known, so
    whether any is left is asked of `waitpid` and answered with a stand-in."""
    if not _has_proc():
        return [-1] if _has_children() else []
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent_of(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    frontier = [os.getpid()]
    while frontier:
        below = children.get(frontier.pop(), [])
        found += below
        frontier += below
    return found


def _parent_of(entry: Path) -> int | None:
    try:
        # "pid (name) state ppid ...": the name may hold spaces and brackets, so cut at the last.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None  # it ended while we looked


def _has_proc() -> bool:
    return Path("/proc/self/stat").exists()


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _die_with_supervisor() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
