"""The terminal: no text of a stranger can style or move it."""

import logging
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from wsrl_assets.text.highlight import printable


class Terminal(Console):
    """A console on which control characters in texts print as U+FFFD, and brackets as brackets.

    Names of files and models, replies, and the errors of servers come from strangers, and are in
    nearly every sentence; so it is done where everything passes, not where each is printed.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, **options)

    def render(self, *args: Any, **options: Any) -> Iterable[Segment]:
        """The segments of a renderable; those of the terminal's own control are left alone."""
        for segment in super().render(*args, **options):
            clean = segment if segment.control else segment._replace(text=printable(segment.text))
            yield clean


class PlainLogs(logging.Formatter):
    """Log lines without control characters, a line each but for tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def log_to_stderr() -> None:
    """Sends warnings to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLogs("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


console = Terminal()
errors = Terminal(stderr=True)


def say_error(message: str) -> None:
    """Prints an error unbroken, so that paths and setting names in it can be copied."""
    errors.print(f"error: {message}", style="bold red", highlight=False, soft_wrap=True)
