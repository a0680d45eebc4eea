"""The inbox: a folder, or a prefix of an object store, whose files become shards as they arrive.

A scan lists the inbox, compares it with what the table `inbox_files` has of earlier scans, and
opens only files that are new or have changed:

* A file is taken once its size and its times of change are the same at two looks in a row, so one
  that is still being written waits. Hidden files, and names that end in `.tmp`, `.part` and the
  like, are never looked at: write under such a name and rename, and no half file is ever taken.
* The text files that settle between two scans are one shard together, since they tend to be small
  and many. So are small data files, where many settle at once.
* A file whose content is a shard already, under whatever name, is noted as a copy.
* A file that changed under its old name becomes another shard, since a shard is its content.
* A file that cannot be read, or is of no known kind, is noted with its reason and named once; it is
  tried again when it changes.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from stat import S_ISREG
from typing import Any

import fsspec

from wsrl_assets.sources.ingest import register, register_files
from wsrl_assets.sources.rows import SourceError
from wsrl_assets.sources.shards import (
    ShardKind,
    address,
    in_groups,
    is_hidden,
    kind_of,
    local_files,
    small_files,
)
from wsrl_assets.sources.streams import faults_named, is_local, locate
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import InboxFile, utc_now

_log = logging.getLogger(__name__)

INBOX = Partition.library("inbox")
UNFINISHED_ENDINGS = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", "~")
# A sensor is given a minute; what does not fit is taken at the next scan.
LOOK_S = 20.0


class InboxError(RuntimeError):
    """The inbox cannot be listed; the message names it and says what to do."""


class State(StrEnum):
    """What is known of a file."""

    SETTLING = "settling"
    REGISTERED = "registered"
    COPY = "copy"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class InboxScan:
    """What one scan of the inbox found.

    Attributes:
        arrivals: files that were registered in this scan or an earlier one, after the number
            asked for, in order.
        said: a sentence for each file that this scan decided on.
        files: files that could be shards.
        settling: of these, not taken yet.
    """

    arrivals: tuple[InboxFile, ...]
    said: tuple[str, ...]
    files: int
    settling: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it is listed."""

    path: str
    size_bytes: int
    version: str

    def is_as(self, known: InboxFile | None) -> bool:
        return known is not None and (known.size_bytes, known.version) == (
            self.size_bytes,
            self.version,
        )


def scan(
    store: Store,
    inbox: str | Path,
    *,
    after: int = -1,
    text_column: str | None = None,
    budget_s: float = LOOK_S,
) -> InboxScan:
    """Looks at the inbox once, and registers what has settled.

    Args:
        store: the databases.
        inbox: a local folder, or a URL that fsspec knows.
        after: number of the last arrival that the caller has dealt with. So an arrival is not lost
            if the caller dies between this call and its own.
        text_column: see `register`.
        budget_s: no further file is opened once this time is over.

    Raises:
        InboxError: it cannot be listed.
    """
    deadline = time.monotonic() + budget_s
    known = _known(store)
    listed = _listed(inbox)
    number = 1 + max((row.number for row in known.values() if row.number is not None), default=-1)
    so_far = _Arrivals(number, {r.shard for r in known.values() if r.number is not None})
    said = []
    changed = [_settling(seen, known.get(seen.path)) for seen in listed if _is_news(seen, known)]
    settled = [seen for seen in listed if _has_settled(seen, known.get(seen.path))]
    for group in _shards_to_be(settled):
        if time.monotonic() >= deadline:
            break
        pairs = [(seen, known.get(seen.path)) for seen in group]
        for taken in _take_group(store, inbox, pairs, so_far, text_column):
            known[taken.path] = taken
            said.append(_sentence(taken))
    _remember(store, changed)
    known.update({row.path: row for row in changed})
    arrivals = [
        row
        for row in known.values()
        if row.state == State.REGISTERED and row.number is not None and row.number > after
    ]
    states = [known[seen.path].state for seen in listed]
    return InboxScan(
        tuple(sorted(arrivals, key=lambda row: row.number or 0)),
        tuple(said),
        len(listed),
        states.count(State.SETTLING),
    )


def inbox_shards(store: Store) -> set[str]:
    """The shards that came through the inbox."""
    return {row.shard for row in _known(store).values() if row.shard is not None}


def _known(store: Store) -> dict[str, InboxFile]:
    if not store.exists(INBOX):
        return {}
    with store.transaction(INBOX) as transaction:
        return {row.path: row for row in transaction.rows(InboxFile)}


def _remember(store: Store, rows: list[InboxFile]) -> None:
    if rows:
        with store.transaction(INBOX) as transaction:
            transaction.merge(rows)


def _settling(seen: _Seen, before: InboxFile | None) -> InboxFile:
    """The row of a file that is new or has changed. It keeps its old shard and number."""
    return InboxFile(
        path=seen.path,
        size_bytes=seen.size_bytes,
        version=seen.version,
        state=State.SETTLING,
        shard=before.shard if before else None,
        number=before.number if before else None,
        seen_at=utc_now(),
    )


def _is_news(seen: _Seen, known: Mapping[str, InboxFile]) -> bool:
    return not seen.is_as(known.get(seen.path))


def _has_settled(seen: _Seen, before: InboxFile | None) -> bool:
    return before is not None and before.state == State.SETTLING and seen.is_as(before)


def _shards_to_be(settled: Sequence[_Seen]) -> Iterator[list[_Seen]]:
    """Files that are to be shards, those together that are one."""
    by_path = {seen.path: seen for seen in settled}
    texts = [path for path in by_path if kind_of(path) is ShardKind.TEXT]
    sizes = {path: by_path[path].size_bytes for path in by_path.keys() - set(texts)}
    named = {path: size for path, size in sizes.items() if size and kind_of(path) is not None}
    small = small_files(named)
    alone = sorted(sizes.keys() - set(small))
    groups = [*([path] for path in alone), *in_groups(small, sizes), texts]
    yield from ([by_path[path] for path in group] for group in groups if group)


@dataclass
class _Arrivals:
    """The arrivals so far.

    Attributes:
        number: of the next one.
        shards: that have arrived.
    """

    number: int
    shards: set[str | None]

    def numbered(self, row: InboxFile) -> InboxFile:
        """The row of a registered shard, with a number if it had not arrived before."""
        if row.shard in self.shards:
            return row
        self.shards.add(row.shard)
        self.number += 1
        return replace(row, number=self.number - 1)


def _take_group(
    store: Store,
    inbox: str | Path,
    group: Sequence[tuple[_Seen, InboxFile | None]],
    arrivals: _Arrivals,
    text_column: str | None,
) -> list[InboxFile]:
    """Registers files as one shard, or each by itself where one of them cannot be read.

    What was opened is remembered at once, and not opened again.
    """
    if len(group) > 1:
        folder = address(*locate(inbox))
        names = [seen.path.removeprefix(f"{folder}/") for seen, _ in group]
        with suppress(SourceError):
            found = register_files(store, folder, names, text_column)
            rows = [
                replace(
                    _settling(seen, before), state=State.REGISTERED, shard=found.key, number=None
                )
                for seen, before in group
            ]
            rows[0] = arrivals.numbered(rows[0])  # one arrival, and so one run, for all of them
            _remember(store, rows)
            return rows
    rows = []
    for seen, before in group:
        rows.append(_take(store, seen, before, arrivals, text_column))
        _remember(store, rows[-1:])
    return rows


def _take(
    store: Store,
    seen: _Seen,
    before: InboxFile | None,
    arrivals: _Arrivals,
    text_column: str | None,
) -> InboxFile:
    row = replace(_settling(seen, before), state=State.REFUSED)
    try:
        (found,) = register(store, seen.path, text_column)
    except SourceError as error:
        return replace(row, detail=str(error))
    except Exception as error:  # a bad file must not keep the others out
        _log.exception("inbox file %s", seen.path)
        return replace(row, detail=f"{type(error).__name__}: {error}")
    if found.path != seen.path:
        detail = f"the same content as {found.path}, shard {found.key}, so not registered again"
        return replace(row, state=State.COPY, shard=found.key, detail=detail)
    row = replace(row, state=State.REGISTERED, shard=found.key)
    if found.key in arrivals.shards:
        return replace(row, detail="touched; its content was registered before")
    old = before.shard if before else None
    news = f"changed since it was shard {old}, which stays" if old else None
    return arrivals.numbered(replace(row, detail=news))


def _sentence(row: InboxFile) -> str:
    states = {State.REGISTERED: f"is shard {row.shard}", State.COPY: "is a copy"}
    what = states.get(State(row.state), "is refused")
    return f"{row.path} {what}" + (f": {row.detail}" if row.detail else "")


def _listed(inbox: str | Path) -> list[_Seen]:
    """The files of the inbox that could be shards, by path."""
    try:
        filesystem, inner = locate(inbox)
        shown = address(filesystem, inner)
        with faults_named(shown):
            filesystem.invalidate_cache()
            if is_local(filesystem):
                if not Path(inner).is_dir():
                    raise SourceError(f'"{shown}" is not a folder. Make it, or set WSRL_INBOX.')
                found = list(_local(Path(inner)))
            else:
                found = list(_remote(filesystem, inner))
    except SourceError as error:
        raise InboxError(f"the inbox cannot be read: {error}") from None
    return sorted(found, key=lambda seen: seen.path)


def _local(folder: Path) -> Iterator[_Seen]:
    for path in local_files(folder):
        if not _may_be_shard(path.name):
            continue
        try:
            stat = path.stat()
        except OSError:  # gone since it was listed, or a link to nowhere
            continue
        if S_ISREG(stat.st_mode):
            yield _Seen(str(path), stat.st_size, f"{stat.st_mtime_ns}/{stat.st_ctime_ns}")


def _remote(filesystem: fsspec.AbstractFileSystem, prefix: str) -> Iterator[_Seen]:
    base = prefix.rstrip("/") + "/"
    for path, info in filesystem.find(prefix, detail=True).items():
        relative = path.removeprefix(base)
        if info["type"] == "file" and not is_hidden(relative) and _may_be_shard(relative):
            yield _Seen(address(filesystem, path), int(info["size"] or 0), _version(info))


def _version(info: Mapping[str, Any]) -> str:
    """What changes with a file: stores name it differently."""
    names = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "created")
    return "/".join(str(info[name]) for name in names if info.get(name) is not None)


def _may_be_shard(name: str) -> bool:
    is_unfinished = name.lower().endswith(UNFINISHED_ENDINGS)
    printable = not any(0xD800 <= ord(character) <= 0xDFFF for character in name)
    is_hidden_file = name.startswith(".")
    return printable and not is_unfinished and not is_hidden_file
