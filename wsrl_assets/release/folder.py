"""A folder of files that is there as a whole or not at all, even if its writer is killed."""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKSUMS = "SHA256SUMS"
_ABANDONED_AFTER_S = 24 * 3600


@contextmanager
def hidden(parent: Path) -> Iterator[Path]:
    """A hidden folder to write to, of nobody else's, for `put_in_place`; it is gone at the end.

    What killed processes left is swept away.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    partial = parent / f".partial.{os.getpid()}-{secrets.token_hex(4)}"
    partial.mkdir()
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put_in_place(partial: Path, folder: Path) -> None:
    """Makes a hidden folder that is complete the folder of this name, beside it.

    Another process may have made the same folder meanwhile: then that one stays.
    """
    _flush(partial)
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    _flush_entry(folder.parent)


def write_whole(path: Path, text: str) -> None:
    """Writes a file that is there as a whole or as it was before."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def write_checksums(folder: Path) -> None:
    """Writes `SHA256SUMS` over every other file, for `sha256sum -c`."""
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / CHECKSUMS).write_text("".join(lines), "utf-8")


def broken_files(folder: Path) -> list[str] | None:
    """The files that are not as they were written, or gone; none if there are no checksums."""
    try:
        lines = (folder / CHECKSUMS).read_text("utf-8").splitlines()
    except OSError:
        return None
    stated = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    return [
        name
        for name, digest in stated.items()
        if not (folder / name).is_file() or sha256_of(folder / name) != digest
    ]


def sha256_of(path: Path) -> str:
    """The hash of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    """To the disk, or a power cut could leave the name of a folder without what is in it."""
    for path in [*folder.iterdir(), folder]:
        _flush_entry(path)


def _flush_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        # Some network file systems know no such thing.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(parent: Path) -> None:
    """Removes what nobody has touched for long: its writer was killed, here or on another host."""
    for entry in parent.glob(".*.*"):
        with contextlib.suppress(OSError):  # somebody else may sweep too
            if time.time() - entry.stat().st_mtime < _ABANDONED_AFTER_S:
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()
