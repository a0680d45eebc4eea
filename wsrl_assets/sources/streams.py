"""Byte streams of shards: any file system, gzip and zstd, and lines with a bounded length."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import fsspec
import zstandard
from fsspec.implementations.local import LocalFileSystem

from wsrl_assets.sources.rows import DropReason, ReadError, ShardFault, SourceError

_BUFFER_BYTES = 1 << 20
_SKIP_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
# The largest that the format has: `zstd --long=31`.
_MAX_ZSTD_WINDOW_BYTES = 1 << 31
_BOMB_BYTES = 1 << 27
_BOMB_RATIO = 200


def locate(path: str | Path) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a local path or URL, and the path on it.

    Raises:
        SourceError: Nothing that is installed can open this kind of URL.
    """
    typed = str(path)
    if "://" not in typed:
        return LocalFileSystem(), str(Path(typed).expanduser().absolute())
    try:
        filesystem, inner = fsspec.core.url_to_fs(typed)
    except (ImportError, ValueError) as error:
        scheme = typed.split("://")[0]
        raise SourceError(
            f'cannot open "{typed}": {error}. Install the fsspec package for {scheme}:// '
            "(s3fs for s3, gcsfs for gs, huggingface-hub for hf), or copy the file here."
        ) from error
    return filesystem, cast(str, inner)


def is_local(filesystem: fsspec.AbstractFileSystem) -> bool:
    return isinstance(filesystem, LocalFileSystem)


@contextmanager
def faults_named(path: str) -> Iterator[None]:
    """Turns what a file system throws at us into a `ReadError` that names the file."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        raise ReadError(f'"{path}" does not exist. Check the spelling.') from error
    except PermissionError as error:
        raise ReadError(
            f'no permission to read "{path}". Give this user read access, or your credentials '
            "to this store."
        ) from error
    except Exception as error:  # stores raise their client library's own kinds
        problem = f"{type(error).__name__}: {error}"
        raise ReadError(
            f'cannot read "{path}" ({problem}). Check the address, the network and the '
            "credentials of this store."
        ) from error


@contextmanager
def open_bytes(path: str) -> Iterator[io.BufferedReader]:
    """A file of any file system, buffered.

    Raises:
        ReadError: It is not there, or may not be read; also from every later read of the stream.
    """
    filesystem, inner = locate(path)
    with faults_named(path):
        raw = filesystem.open(inner, "rb")
    with io.BufferedReader(cast(Any, _WatchedStream(path, raw)), _BUFFER_BYTES) as stream:
        yield stream


class _WatchedStream(io.RawIOBase):
    """A file whose every fault in reading is a `ReadError`, and so never taken for the format's.

    A store that ends a file early, as dropped connections do, raises one too.
    """

    def __init__(self, path: str, raw: Any) -> None:
        self._path = path
        self._raw = raw
        size = getattr(raw, "size", None)
        self._size_bytes = size if isinstance(size, int) else None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._raw.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with faults_named(self._path):
            return int(self._raw.seek(offset, whence))

    def tell(self) -> int:
        return int(self._raw.tell())

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        with faults_named(self._path):
            data = self._raw.read(len(target))
            if not data and target:
                self._require_end()
        target[: len(data)] = data
        return len(data)

    def _require_end(self) -> None:
        position = self._raw.tell()
        if self._size_bytes is not None and position < self._size_bytes:
            raise EOFError(f"{position:,} of {self._size_bytes:,} bytes came")

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def decompressed(stream: io.BufferedReader) -> io.BufferedReader:
    """The stream inside a gzip or zstd stream, which its first bytes tell; else the stream itself.

    Reading past a break raises one of `BROKEN_STREAM`, after all bytes before it were given.
    """
    start = stream.peek(4)[:4]
    if start.startswith(_GZIP_MAGIC):
        # One piece at a time: what was read before a break would be lost in a larger one.
        unpacked: _Read = gzip.GzipFile(fileobj=stream).read1
    elif start == _ZSTD_MAGIC or start[1:] == _ZSTD_SKIPPABLE:
        unpacked = _ZstdStream(stream).read
    else:
        return stream
    return io.BufferedReader(_Measured(stream, unpacked), _BUFFER_BYTES)


_Read = Callable[[int], bytes | None]


class _Measured(io.RawIOBase):
    """What is unpacked, up to where the file is nothing but a bomb.

    Text shrinks to a third or a tenth; a file of one repeated line, to a thousandth and less.
    """

    def __init__(self, packed: io.BufferedReader, unpacked: _Read) -> None:
        self._packed = packed
        self._unpacked = unpacked
        self._size_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        data = self._unpacked(len(target)) or b""
        target[: len(data)] = data
        self._size_bytes += len(data)
        if is_bomb(self._size_bytes, self._packed.tell()):
            raise CompressionBomb(
                f"{self._packed.tell():,} bytes of it unpack to more than {self._size_bytes:,}; "
                "if that is meant, unpack it first"
            )
        return len(data)


class CompressionBomb(ValueError):
    """A file that unpacks to far more than any text does."""


def is_bomb(unpacked_bytes: int, packed_bytes: int) -> bool:
    """Whether so many bytes come out of so few that no honest text was packed."""
    return unpacked_bytes > max(_BOMB_BYTES, _BOMB_RATIO * packed_bytes)


class _ZstdStream(io.RawIOBase):
    """Zstd frames, one after another, that notices when the last one has no end.

    `zstandard`'s own reader takes a truncated file for a short one. Input is fed in small pieces:
    a few bytes may stand for 128 KiB of output, and a bigger piece could fill the memory.
    """

    _INPUT_BYTES = 512

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = source
        self._context = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW_BYTES)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        while not self._output and self._fill():
            pass
        size = min(len(target), len(self._output))
        target[:size] = self._output[:size]
        self._output = self._output[size:]
        return size

    def _fill(self) -> bool:
        self._input = self._input or self._source.read(self._INPUT_BYTES)
        if not self._input:
            if self._frame is not None:
                raise EOFError("the file ends inside its zstd stream")
            return False
        if self._frame is None:
            self._frame = self._context.decompressobj()
        self._output = memoryview(self._frame.decompress(self._input))
        ended = self._frame.eof
        self._input = self._frame.unused_data if ended else b""
        if ended:
            self._frame = None
        return True


BROKEN_STREAM = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError, CompressionBomb)


def broken_stream(error: Exception) -> ShardFault:
    """What one of `BROKEN_STREAM` says of the file."""
    if isinstance(error, EOFError):
        return ShardFault(DropReason.TRUNCATED_FILE, "the file ends inside its compressed stream.")
    if isinstance(error, CompressionBomb):
        return ShardFault(DropReason.CORRUPT_FILE, f"a compression bomb: {error}.")
    return ShardFault(DropReason.CORRUPT_FILE, f"the compressed stream is broken ({error}).")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file; `data` is None when it is longer than allowed."""

    number: int
    size_bytes: int
    data: bytes | None


def lines(stream: io.BufferedReader, max_line_bytes: int) -> Iterator[Line]:
    r"""Lines that end in ``\n``, without it. Of a longer one no more than the limit is ever held.

    Of blank lines in a row the first is yielded; the others count, and cost next to nothing.

    Raises:
        One of `BROKEN_STREAM`, after all whole lines before the break.
    """
    number = 0
    while data := stream.readline(max_line_bytes + 1):
        number += 1
        whole = data.endswith(b"\n") or len(data) <= max_line_bytes
        if whole:
            content = data.removesuffix(b"\n")
            yield Line(number, len(content), content)
            if not content:
                number += _skip_blank_lines(stream)
            continue
        size_bytes = len(data)
        del data
        yield Line(number, size_bytes + _skip_line(stream), None)


def _skip_blank_lines(stream: io.BufferedReader) -> int:
    """Reads to the start of the next line that is not blank, and returns how many were."""
    count = 0
    while ahead := stream.peek(1):
        blank = len(ahead) - len(ahead.lstrip())
        end = ahead.rfind(b"\n", 0, blank) + 1
        if not end:
            break
        count += stream.read(end).count(b"\n")
    return count


def _skip_line(stream: io.BufferedReader) -> int:
    """Reads to the end of the line, and returns how many bytes that were."""
    size_bytes = 0
    while data := stream.readline(_SKIP_BYTES):
        size_bytes += len(data)
        if data.endswith(b"\n"):
            return size_bytes - 1
    return size_bytes
