"""How a stage tells that it moves; whoever runs it decides how that looks."""

from typing import Protocol


class Progress(Protocol):
    """Told by a stage about its work."""

    def expect(self, stage: str, rows: int) -> None:
        """`rows` more are known to be coming at `stage`."""
        ...

    def advance(self, stage: str, rows: int = 1) -> None:
        """`rows` were finished at `stage`."""
        ...


class NoProgress:
    """Says nothing."""

    def expect(self, stage: str, rows: int) -> None:
        """Nothing."""

    def advance(self, stage: str, rows: int = 1) -> None:
        """Nothing."""
