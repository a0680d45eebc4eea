"""Progress bars for long work, one a stage; plain lines where no terminal watches."""

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

_LINE_EVERY_S = 10.0


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
        self._last_line = time.monotonic()

    def __enter__(self) -> "Watched":
        if self._drawn:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._bars.stop()

    def expect(self, stage: str, rows: int) -> None:
        with self._mutex:
            self._expected[stage] = self._expected.get(stage, 0) + rows
            self._show(stage)

    def advance(self, stage: str, rows: int = 1) -> None:
        with self._mutex:
            self.done[stage] = self.done.get(stage, 0) + rows
            self._show(stage)

    def _show(self, stage: str) -> None:
        if self._silent:
            return
        done = self.done.get(stage, 0)
        expected = max(done, self._expected.get(stage, 0))
        if self._drawn:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=expected)
            self._bars.update(self._tasks[stage], completed=done, total=expected)
        elif time.monotonic() - self._last_line > _LINE_EVERY_S:
            self._last_line = time.monotonic()
            parts = [
                f"{name} {self.done.get(name, 0)}/{max(self.done.get(name, 0), rows)}"
                for name, rows in self._expected.items()
            ]
            print("  ".join(parts), file=sys.stderr, flush=True)
