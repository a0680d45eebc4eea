"""From what a user typed to shards: the files that become Dagster partitions."""

import hashlib
import json
import logging
import os
import re
import unicodedata
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path

import fsspec

from wsrl_assets.sources.rows import SourceError
from wsrl_assets.sources.streams import (
    BROKEN_STREAM,
    decompressed,
    faults_named,
    is_local,
    locate,
    open_bytes,
)

_log = logging.getLogger(__name__)

_HASH_CHUNK_BYTES = 1 << 20
# A shard is a database and a Dagster run of its own: too much for each of many small files.
_SMALL_BYTES = 16 << 20
_FEW_FILES = 100
_FILES_BYTES = 64 << 20
_MAX_NAME_CHARS = 80
_PATTERN = re.compile(r"[*?\[]")


class ShardKind(StrEnum):
    """How a shard is read."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    TABLE = "table"
    TEXT = "text"
    FILES = "files"


_KIND_BY_ENDING = {
    ".parquet": ShardKind.PARQUET,
    ".jsonl": ShardKind.JSONL,
    ".ndjson": ShardKind.JSONL,
    ".csv": ShardKind.TABLE,
    ".tsv": ShardKind.TABLE,
    ".txt": ShardKind.TEXT,
    ".md": ShardKind.TEXT,
}
KNOWN_ENDINGS = tuple(_KIND_BY_ENDING)
_COMPRESSED_ENDINGS = (".gz", ".zst", ".zstd")
_PARQUET_MAGIC = b"PAR1"
_HEAD_BYTES = 1 << 16
_HEAD_LINES = 50


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One input: a data file, a text file, or several files of a folder.

    Attributes:
        name: From the file's or folder's own name, for file names and partition keys: ASCII
            letters, digits, ".", "_" and "-" only.
        path: Absolute local path or URL.
        kind: How it is read; several files of a folder each by their own kind.
        members: The several files, relative to `path`, sorted; else empty.
        size_bytes: Of the file, or of all members together.
        sha256: Of the content, 64 hex characters; of several files, over their names and
            contents.
    """

    name: str
    path: str
    kind: ShardKind
    members: tuple[str, ...]
    size_bytes: int
    sha256: str

    @property
    def key(self) -> str:
        """The partition key. It follows the content, so a changed file is another shard."""
        return f"{self.name}-{self.sha256[:8]}"

    @property
    def label(self) -> str:
        """The name as its owner knows it, for messages."""
        return _base_name(self.path)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is registered already, so that files which a folder has gained are shards by themselves.

    Attributes:
        keys: of shards.
        members: those of the folder's shards of several files, by `ShardFile.sha256`.
    """

    keys: Container[str] = frozenset()
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)


def discover(path: str | Path, earlier: Earlier | None = None) -> list[ShardFile]:
    """The shards behind a file, a folder or an fsspec URL such as ``s3://`` or ``hf://``.

    A parquet, JSON-lines, CSV or TSV file is a shard. All text files of a folder and its subfolders
    are one shard together, since they tend to be small and many, and so are data files of at most
    16 MiB where there are more than 100 of them, up to 64 MiB a shard. A file named by itself is a
    shard too. A file with another ending, such as `.json.gz`, is a shard if it plainly is JSON
    lines or parquet. Within a folder, hidden files and empty data files are skipped, and so are
    others; what was skipped is logged. Links to folders are followed, and each folder is read once.
    Of two data files with the same name and content the first counts.

    A file that is a shard by itself, or is in one with others, stays there as long as none of them
    changes.

    Every byte is read once, for `ShardFile.sha256`.

    Raises:
        SourceError: The path does not exist, may not be read, is of no known kind, is empty, or is
            a folder with nothing to read.
    """
    filesystem, inner = locate(path)
    shown = address(filesystem, inner)
    _require_printable(shown)
    with faults_named(shown):
        kind_of_entry = filesystem.info(inner)["type"]
        if kind_of_entry == "directory":
            found = _walk(filesystem, inner)
            return _discover_files(shown, found, earlier or Earlier())
        if kind_of_entry != "file":
            raise SourceError(f'"{shown}" is neither a file nor a folder. Copy it to a file first.')
        return [_single_shard(shown, _known_kind(shown), _content(shown))]


def discover_all(
    paths: Sequence[str | Path], earlier: Callable[[str | Path], Earlier] = lambda path: Earlier()
) -> list[ShardFile]:
    """The shards behind several paths, each as `discover` finds them.

    Of many files of a folder that are named one by one, or by a pattern, small ones are shards
    together, as if the folder held nothing else.

    Args:
        paths: files, folders and URLs.
        earlier: what is registered already of a path.

    Raises:
        SourceError: see `discover`.
    """
    by_folder: dict[str, list[str]] = {}
    for path in map(str, paths):
        folder, slash, _ = path.rstrip("/").rpartition("/")
        by_folder.setdefault(folder or slash or ".", []).append(path)
    found: list[ShardFile] = []
    for folder, named in by_folder.items():
        files = _plain_files(folder) if len(named) > _FEW_FILES else {}
        listed = [(name, files[name]) for name in sorted(set(map(_base_name, named)) & set(files))]
        found += _discover_files(folder, listed, earlier(folder)) if listed else []
        alone = [path for path in named if _base_name(path) not in files]
        found += [shard for path in alone for shard in discover(path, earlier(path))]
    return list({shard.key: shard for shard in reversed(found)}.values())[::-1]


def files_shard(folder: str, names: Sequence[str]) -> ShardFile:
    """Several files of a folder as one shard; `names` are relative to it.

    Raises:
        SourceError: one is gone, or may not be read.
    """
    filesystem, inner = locate(folder)
    shown = address(filesystem, inner)
    with faults_named(shown):
        contents = {name: _content(f"{shown}/{name}") for name in names}
    return _files_shard(shown, contents)


def member_shard(shard: ShardFile, name: str) -> ShardFile:
    """One file of a shard of several. It has no hash, since that of the whole was compared.

    Raises:
        SourceError: it is gone, may not be read, or is of no known kind.
    """
    path = f"{shard.path}/{name}"
    filesystem, inner = locate(path)
    with faults_named(path):
        kind, size_bytes = _known_kind(path), int(filesystem.size(inner) or 0)
    return ShardFile(safe_name(_base_name(name)), path, kind, (), size_bytes, "")


def small_files(sizes: Mapping[str, int]) -> list[str]:
    """The data files that are shards together: the small ones, where there are many.

    Args:
        sizes: of all data files in bytes, by name.
    """
    small = sorted(name for name, size in sizes.items() if size <= _SMALL_BYTES)
    return small if len(small) > _FEW_FILES else []


def in_groups(names: Sequence[str], sizes: Mapping[str, int]) -> list[list[str]]:
    """Files in their order, a list for each shard."""
    ends = accumulate(sizes[name] for name in names)
    numbered = zip((end // _FILES_BYTES for end in ends), names, strict=True)
    return [[name for _, name in group] for _, group in groupby(numbered, key=itemgetter(0))]


def is_gone(path: str, members: Sequence[str] = ()) -> bool:
    """Whether the store that a path is in says that it, or one of its members, is not there."""
    filesystem, inner = locate(path)
    paths = [f"{inner}/{name}" for name in members] or [inner]
    with suppress(Exception):  # a store that cannot be asked says nothing
        return not all(filesystem.exists(one) for one in paths)
    return False


def matching(typed: str) -> list[str]:
    """The paths that a pattern stands for, sorted; what is there under the very name is itself.

    Only what a user typed is ever a pattern. Elsewhere brackets and stars are part of a name.

    Raises:
        SourceError: nothing matches, or the store cannot be asked.
    """
    filesystem, inner = locate(typed)
    with faults_named(typed):
        if not _PATTERN.search(typed) or filesystem.exists(inner):
            return [typed]
        found = sorted(str(path) for path in filesystem.glob(inner))
    if not found:
        raise SourceError(f'"{typed}" does not exist, and as a pattern it matches nothing.')
    return [address(filesystem, path) for path in found]


def safe_name(name: str) -> str:
    """A name that is safe as a file name and as a Dagster partition key; never empty.

    Accents are dropped, runs of other characters become one "-"; what has no ASCII letter or
    digit at all is called "shard".
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_name)
    # Dagster refuses "..." in a partition key.
    stem = re.sub(r"\.{2,}", ".", stem)
    # The end of a name tells more than its start: it has the number and the ending.
    stem = re.sub(r"-{2,}", "-", stem)[-_MAX_NAME_CHARS:].strip("-.")
    return stem if re.search("[A-Za-z0-9]", stem) else "shard"


def _plain_files(folder: str) -> dict[str, int]:
    """The files right in a folder that are not hidden, by name, with their sizes in bytes."""
    filesystem, inner = locate(folder)
    with faults_named(folder):
        if is_local(filesystem):
            paths = [path for path in Path(inner).iterdir() if path.is_file()]
            sizes = {path.name: path.stat().st_size for path in paths}
        else:
            entries = filesystem.ls(inner, detail=True)
            files = [entry for entry in entries if entry["type"] == "file"]
            sizes = {_base_name(entry["name"]): int(entry["size"] or 0) for entry in files}
    return {name: size for name, size in sizes.items() if not is_hidden(name)}


def _discover_files(
    folder: str, files: Iterable[tuple[str, int]], earlier: Earlier
) -> list[ShardFile]:
    """The shards that files of a folder are, given by relative path and size in bytes."""
    filesystem, inner = locate(folder)
    shown = address(filesystem, inner)
    found = [(name, size) for name, size in files if not is_hidden(name)]
    for name, _ in found:
        _require_printable(name)
    texts = [name for name, _ in found if kind_of(name) is ShardKind.TEXT]
    others = dict(found).keys() - set(texts)
    empty = [name for name, size in found if size == 0 and name in others]
    sizes = {name: size for name, size in found if size > 0 and name in others}
    kinds = {name: _kind(f"{shown}/{name}") for name in sizes}
    unknown = [name for name, kind in kinds.items() if kind is None]
    _log_skipped(shown, "that are no JSON lines, table or text", unknown)
    _log_skipped(shown, "that are empty", empty)
    data = {name: kind for name, kind in kinds.items() if kind is not None}
    contents = {name: _content(f"{shown}/{name}") for name in [*data, *texts]}
    singles = {
        name: _single_shard(f"{shown}/{name}", kind, contents[name]) for name, kind in data.items()
    }
    alone = [name for name, shard in singles.items() if shard.key in earlier.keys]
    together = _together(
        shown, contents, earlier, small_files({name: sizes[name] for name in data}), texts, alone
    )
    grouped = {name for shard in together for name in shard.members}
    shards = [shard for name, shard in singles.items() if name not in grouped] + together
    if not shards:
        raise SourceError(
            f'nothing to read in the folder "{shown}": it has no file that ends in '
            f"{_endings_in_words()} and is not empty. Name another folder."
        )
    return list({shard.key: shard for shard in reversed(shards)}.values())[::-1]


def _together(
    shown: str,
    contents: "Mapping[str, _Content]",
    earlier: Earlier,
    small: Sequence[str],
    texts: Sequence[str],
    alone: Collection[str],
) -> list[ShardFile]:
    """The shards of several files of a folder: those that are registered, and new ones.

    Args:
        shown, contents: the folder, and what its files hold.
        earlier: see `discover`.
        small, texts: files that are shards together, of two sorts.
        alone: files that are registered as shards by themselves.
    """

    def shard_of(names: Sequence[str]) -> ShardFile:
        return _files_shard(shown, {name: contents[name] for name in names})

    unchanged = [
        shard
        for sha256, names in earlier.members.items()
        if contents.keys() >= set(names) and (shard := shard_of(names)).sha256 == sha256
    ]
    taken = {*alone, *(name for shard in unchanged for name in shard.members)}
    sizes = {name: content.size_bytes for name, content in contents.items()}
    new_small, new_texts = ([n for n in names if n not in taken] for names in (small, texts))
    groups = [*in_groups(new_small, sizes), *([new_texts] if new_texts else [])]
    return [*unchanged, *map(shard_of, groups)]


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds: its hash, and its size in bytes as it was read."""

    digest: bytes
    size_bytes: int


def _content(path: str) -> _Content:
    digest = hashlib.sha256()
    size_bytes = 0
    with open_bytes(path) as stream:
        while chunk := stream.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    return _Content(digest.digest(), size_bytes)


def _single_shard(shown: str, kind: ShardKind, content: _Content) -> ShardFile:
    if content.size_bytes == 0:
        raise SourceError(f'"{shown}" is empty. Remove it, or write rows to it.')
    return ShardFile(
        name=safe_name(_base_name(shown)),
        path=shown,
        kind=kind,
        members=(),
        size_bytes=content.size_bytes,
        sha256=content.digest.hex(),
    )


def _files_shard(shown: str, contents: Mapping[str, _Content]) -> ShardFile:
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(len(name.encode()).to_bytes(8, "big"))
        digest.update(name.encode())
        digest.update(contents[name].digest)
    return ShardFile(
        name=safe_name(_base_name(shown)),
        path=shown,
        kind=ShardKind.FILES,
        members=tuple(sorted(contents)),
        size_bytes=sum(content.size_bytes for content in contents.values()),
        sha256=digest.hexdigest(),
    )


def _walk(filesystem: fsspec.AbstractFileSystem, folder: str) -> list[tuple[str, int]]:
    """All files below a folder, as relative path and size in bytes, sorted."""
    entries = _walk_local(folder) if is_local(filesystem) else _walk_remote(filesystem, folder)
    return sorted(entries)


def _walk_local(folder: str) -> Iterator[tuple[str, int]]:
    for path in local_files(Path(folder), onerror=_raise):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.stat().st_size


def local_files(
    folder: Path, *, onerror: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """What is in a folder and below, links to folders followed, but no folder twice.

    Hidden folders are left out. A loop of links ends, since each folder is known by its inode.
    """
    seen: set[tuple[int, int]] = set()
    for parent, subfolders, names in os.walk(folder, onerror=onerror, followlinks=True):
        found = Path(parent).stat()
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if (found.st_dev, found.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        yield from (Path(parent, name) for name in sorted(names))


def _walk_remote(filesystem: fsspec.AbstractFileSystem, folder: str) -> Iterator[tuple[str, int]]:
    prefix = folder.rstrip("/") + "/"
    for path, info in filesystem.find(folder, detail=True).items():
        if info["type"] == "file":
            yield path.removeprefix(prefix), int(info["size"] or 0)


def _raise(error: OSError) -> None:
    raise error


def address(filesystem: fsspec.AbstractFileSystem, path: str) -> str:
    """The address to store and to show: a plain path here, a URL elsewhere."""
    path = path.rstrip("/") or path
    return path if is_local(filesystem) else str(filesystem.unstrip_protocol(path))


def _require_printable(name: str) -> None:
    """A name in an encoding of its own can be stored in no table and shown in no UI."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        raise SourceError(f"the file name {name!r} is not UTF-8. Rename it.")


def kind_of(name: str) -> ShardKind | None:
    """The kind that a file's name promises, compressed or not."""
    lowered = name.lower()
    for ending in _COMPRESSED_ENDINGS:
        lowered = lowered.removesuffix(ending)
    endings = (ending for ending in KNOWN_ENDINGS if lowered.endswith(ending))
    return _KIND_BY_ENDING.get(next(endings, ""))


def _kind(shown: str) -> ShardKind | None:
    """The kind of a file by its name, else by how it begins."""
    named = kind_of(shown)
    if named is not None:
        return named
    with open_bytes(shown) as raw:
        try:
            head = decompressed(raw).read(_HEAD_BYTES)
        except BROKEN_STREAM:
            return None
    if head.startswith(_PARQUET_MAGIC):
        return ShardKind.PARQUET
    return ShardKind.JSONL if _has_object_lines(head) else None


def _known_kind(shown: str) -> ShardKind:
    kind = _kind(shown)
    if kind is None:
        raise SourceError(
            f'"{shown}" has an ending that is not known, and is neither parquet nor JSON lines. '
            f"Known are {_endings_in_words()}, also with .gz or .zst: convert it (a JSON array by "
            "jq -c '.[]' OLD > NEW.jsonl)."
        )
    return kind


def _has_object_lines(head: bytes) -> bool:
    """Whether it begins with an object and a line is one, or is too long to see the end of it."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lines = text.split(b"\n", _HEAD_LINES)
    is_cut = len(lines) == 1 and len(head) == _HEAD_BYTES
    return text.startswith(b"{") and (is_cut or any(map(_is_object, lines)))


def _is_object(line: bytes) -> bool:
    with suppress(ValueError, RecursionError):
        return isinstance(json.loads(line), dict)
    return False


def is_hidden(relative_path: str) -> bool:
    return any(part.startswith(".") for part in relative_path.split("/"))


def _base_name(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _endings_in_words() -> str:
    return f"{', '.join(KNOWN_ENDINGS[:-1])} or {KNOWN_ENDINGS[-1]}"


def _log_skipped(folder: str, why: str, names: Sequence[str]) -> None:
    if names:
        _log.warning('skipped %d files in "%s" %s: %s', len(names), folder, why, list(names[:5]))
