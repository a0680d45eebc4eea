"""Work in another process, for tests of locks and of sudden death."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

Said = Callable[[str], None]

_PATIENCE_S = 60.0
# A fork of a process that has everything imported is there in milliseconds; an interpreter of its
# own would import for seconds, twenty times over.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["wsrl_assets_tests.factories", "wsrl_assets.curation.filter"])


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A process at work."""

    process: BaseProcess
    said: Connection

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def hear(self, timeout_s: float = _PATIENCE_S) -> str:
        """What the process says next; fails if it says nothing, or dies."""
        assert self.said.poll(timeout_s), f"process {self.pid} said nothing in {timeout_s:.0f} s"
        return str(self.said.recv())

    def join(self, timeout_s: float = _PATIENCE_S) -> int:
        """Waits for its end, and returns its exit code (negative: the signal that killed it)."""
        self.process.join(timeout_s)
        code = self.process.exitcode
        assert code is not None, f"process {self.pid} was still there after {timeout_s:.0f} s"
        return code

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self.process.kill()
        self.join()

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C sends."""
        os.kill(self.pid, signal.SIGINT)


@contextmanager
def elsewhere(work: Callable[..., None], *arguments: object) -> Iterator[Elsewhere]:
    """Runs `work(say, *arguments)` in a process of its own, and kills it on the way out.

    `work` and its arguments must be importable and picklable; `say(text)` reaches `hear`.
    """
    here, there = _context.Pipe(duplex=False)
    process = _context.Process(target=_run, args=(work, there, arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield Elsewhere(process, here)
    finally:
        process.kill()
        process.join(_PATIENCE_S)
        here.close()


def _run(work: Callable[..., None], said: Connection, arguments: tuple[object, ...]) -> None:
    work(said.send, *arguments)
