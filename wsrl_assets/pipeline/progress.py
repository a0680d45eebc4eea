"""How a stage reports progress; the caller decides how to show it."""

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of stages, from any thread."""

    @property
    def is_stopping(self) -> bool:
        """Whether work should end at the next row boundary."""
        ...

    def expect(self, stage: str, rows: int) -> None:
        """`rows` more are known to be coming at `stage`."""
        ...

    def advance(self, stage: str, rows: int = 1) -> None:
        """`rows` were finished at `stage`."""
        ...


class NoProgress:
    """Shows nothing, and never stops."""

    is_stopping = False

    def expect(self, stage: str, rows: int) -> None:
        """Does nothing."""

    def advance(self, stage: str, rows: int = 1) -> None:
        """Does nothing."""


def commit_callback(progress: Progress, stage: str) -> Callable[[int], None]:
    """For a stage without an event loop: call it after each commit, with the rows committed.

    Raises:
        KeyboardInterrupt: from the callback, once the run is to stop.
    """

    def committed(rows: int) -> None:
        progress.advance(stage, rows)
        if progress.is_stopping:
            raise KeyboardInterrupt

    return committed
