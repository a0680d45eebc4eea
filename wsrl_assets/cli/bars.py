"""Progress bars for long work, one a stage; a plain line a minute where no terminal watches."""

import sys
import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_LINE_EVERY_S = 60.0


class Watched:
    """A `wsrl_assets.pipeline.progress.Progress` that counts and draws. Safe from several threads.

    Args:
        console: where bars or lines go; none draws nothing.

    Attributes:
        done: rows finished so far, by stage.
    """

    is_stopping = False

    def __init__(self, console: Console | None) -> None:
        self._silent = console is None
        self._drawn = console is not None and console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:20}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._expected: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self._mutex = threading.Lock()
        self._began: dict[str, float] = {}
        self._ended = threading.Event()
        self._lines = threading.Thread(target=self._write, name="wsrl-progress", daemon=True)

    def __enter__(self) -> "Watched":
        if self._drawn:
            self._bars.start()
        elif not self._silent:
            self._lines.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._drawn:
            self._bars.stop()

    def expect(self, stage: str, rows: int) -> None:
        with self._mutex:
            self._began.setdefault(stage, time.monotonic())
            self._expected[stage] = self._expected.get(stage, 0) + rows
            self._draw(stage)

    def advance(self, stage: str, rows: int = 1) -> None:
        with self._mutex:
            self._began.setdefault(stage, time.monotonic())
            self.done[stage] = self.done.get(stage, 0) + rows
            self._draw(stage)

    def _draw(self, stage: str) -> None:
        if not self._drawn:
            return
        done = self.done.get(stage, 0)
        expected = max(done, self._expected.get(stage, 0))
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=expected)
        self._bars.update(self._tasks[stage], completed=done, total=expected)

    def _write(self) -> None:
        while not self._ended.wait(_LINE_EVERY_S):
            with self._mutex:
                line = self._line(time.monotonic())
            if line:
                print(line, file=sys.stderr, flush=True)

    def _line(self, now: float) -> str:
        """Each stage that is not done, with an estimate; empty if there is none."""
        parts = []
        for stage, expected in self._expected.items():
            done = self.done.get(stage, 0)
            if done < expected:
                left = time_left(done, expected, now - self._began[stage])
                parts.append(f"{stage} {done:,}/{expected:,}" + (f", {left}" if left else ""))
        return "; ".join(parts)


def time_left(done: int, expected: int, elapsed_s: float) -> str:
    """How long the rest takes if it goes on as it went, in words; empty before the first row."""
    if not done:
        return ""
    minutes = elapsed_s / done * (expected - done) / 60
    if minutes < 1:
        return "under a minute left"
    if minutes < 90:
        return f"about {minutes:.0f} min left"
    return f"about {minutes / 60:.1f} h left"
