"""Ctrl-C and SIGTERM in commands that run for long."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SAYS = (
    "\nstopping: replies that come back within 10 s are kept. Ctrl-C again stops at once; nothing "
    "that is done is lost either way.\n"
)


@contextmanager
def stops_on_signals() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM say that the run stops, and raise KeyboardInterrupt."""
    said = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal said
        if not said:
            sys.stderr.write(_SAYS)
            sys.stderr.flush()
        said = True
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
