"""What can be wrong with a database file, or refused by the system, and what to do about it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from wsrl_assets.errors import UserError


class StoreBusyError(UserError, RuntimeError):
    """Another process holds a partition; the message names the partition and the process."""


class ElsewhereError(StoreBusyError):
    """Another host works on a partition of a shared home; the message names both."""


class StoreError(UserError, RuntimeError):
    """A database file cannot be used; the message names the file and what to do."""


def unusable(path: Path, error: duckdb.Error) -> StoreError:
    """A file that DuckDB does not open, as an error with a remedy."""
    return fault_of_system(path, error) or StoreError(
        f"{path} cannot be opened as a DuckDB database ({_first_line(error)}). "
        "Move the file away; what it held is made again by a new run."
    )


_REMEDIES = {
    errno.EMFILE: "More files are open than this process may open: allow more with "
    "`ulimit -n 65536`, and run again.",
    errno.ENFILE: "More files are open than this machine allows: close other programs, and run "
    "again.",
    errno.ENOSPC: "Free some space, and run again: what was committed is kept.",
    errno.EDQUOT: "Free some of your quota, and run again: what was committed is kept.",
    errno.EACCES: "Give this user the right to read and write it, and run again.",
    errno.EPERM: "Give this user the right to read and write it, and run again.",
    errno.EROFS: "Make the file system writable, or name another home with WSRL_HOME.",
    errno.EIO: "The disk or its file system fails: see the system's log before anything else.",
    errno.ENOMEM: "Free some memory, and run again: what was committed is kept.",
}
"""What to do about a fault of the system. In none of them anything is wrong with the file."""


def fault_of_system(path: Path, error: Exception) -> StoreError | None:
    """What the system refused, as an error with a remedy; none if it was something else.

    DuckDB gives the system's own words for it in its message, and no number.
    """
    for number, remedy in _REMEDIES.items():
        words = os.strerror(number)
        if words in str(error) or (isinstance(error, OSError) and error.errno == number):
            place = getattr(error, "filename", None) or path
            return StoreError(f"{place}: {words.lower()}. {remedy}")
    return None


@contextmanager
def faults_of_system_told(path: Path) -> Iterator[None]:
    """Raises `StoreError` for what the system refuses while a file is written or copied."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        told = fault_of_system(path, error)
        if told is None:
            raise
        raise told from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
