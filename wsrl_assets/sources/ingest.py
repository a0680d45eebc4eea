"""Registering shards, and reading them into `source_documents`."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import polars as pl

from wsrl_assets.llm.recipes import Provenance, StageRecipe, rule_recipe
from wsrl_assets.sources.heuristics import HEURISTICS_VERSION, HeuristicThresholds, check
from wsrl_assets.sources.passages import CountTokens, Passage, split_for_model
from wsrl_assets.sources.readers import (
    DropReason,
    ShardFault,
    ShardFile,
    SourceError,
    SourceRow,
    discover,
    read_rows,
)
from wsrl_assets.sources.shards import (
    Earlier,
    address,
    discover_all,
    files_shard,
    is_gone,
    safe_name,
)
from wsrl_assets.sources.streams import locate
from wsrl_assets.storage import Partition, PartitionKind, Store, Transaction
from wsrl_assets.storage.schema import frame_of_columns
from wsrl_assets.storage.tables import Shard, SourceDocument, Status, utc_now
from wsrl_assets.storage.takedowns import WITHDRAWN, taken_down
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.language import language_of
from wsrl_assets.text.normalisation import (
    content_id_of_normal,
    estimate_tokens,
    normalise_document,
)

STAGE = Stage.SOURCE_DOCUMENTS
DOCUMENTS = Partition.library("documents")
_HEADING = re.compile(r"\ufeff?\s*#\s+(\S.{0,198}\S)\s*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How a shard is read.

    Attributes:
        max_passage_tokens: a longer document is cut into passages.
        counted_by: whose tokens these are: a model's, or those of an estimate.
        thresholds: of the heuristics.
    """

    max_passage_tokens: int = 3000
    counted_by: str = "estimate"
    thresholds: HeuristicThresholds = HeuristicThresholds()


@dataclass(frozen=True, slots=True)
class Registered:
    """A shard of the store.

    Attributes:
        key: of its partition.
        path: where its file is; of a copy, where the first of its kind is.
        is_new: whether this call registered it.
    """

    key: str
    path: str
    is_new: bool


def register(
    store: Store, paths: str | Path | Sequence[str | Path], text_column: str | None = None
) -> list[Registered]:
    """Registers the shards that paths stand for: files, or folders of files.

    A shard is named by its content, so registering twice changes nothing, a renamed copy is
    recognised, and a changed file becomes a shard of its own. Files that a folder has gained become
    shards beside those that there are.

    Raises:
        SourceError: a path holds nothing that can be read. Nothing is registered then.
    """
    known = _Known.of(store)
    several = [paths] if isinstance(paths, (str, Path)) else paths
    found = discover_all(several, known.earlier)
    return [_register(store, file, text_column, known) for file in found]


def register_files(
    store: Store, folder: str, names: Sequence[str], text_column: str | None = None
) -> Registered:
    """Registers some files of a folder as one shard; see `register`."""
    return _register(store, files_shard(folder, names), text_column, _Known.of(store))


def ingest_shard(
    store: Store,
    key: str,
    run_id: str,
    settings: IngestSettings | None = None,
    on_rows: Callable[[int], None] = lambda rows: None,
    count_tokens: CountTokens = estimate_tokens,
) -> int:
    """Reads a registered shard to its end; returns the number of new rows.

    `on_rows` is called with the number of rows of each commit. `count_tokens` is how
    `settings.counted_by` counts; it is asked of long documents only.

    A shard that was read to its end is not read again. One that was interrupted, or ended by a
    fault, is read from its start, and its rows merged by position.

    Raises:
        ShardFault: it was not read to its end. The rows before the fault are stored, and the shard
            counts as one failed row until a later call reads it to its end.
        SourceError: the file was changed since, or cannot be read at all.
        StoreBusyError: another run is at this shard.
    """
    settings = settings or IngestSettings()
    partition = Partition.shard(key)
    with store.exclusive_run(partition):
        shard = _registered(store, partition)
        if shard.source_rows is not None or shard.forgotten_at is not None:
            return 0
        reader = _Ingest(store, partition, shard, settings, run_id, count_tokens)
        try:
            return reader.run(on_rows)
        finally:
            store.publish(partition)


def ingest_recipe(settings: IngestSettings) -> StageRecipe:
    """The recipe of reading: heuristics, their thresholds, and the length of a passage."""
    return rule_recipe(
        STAGE,
        HEURISTICS_VERSION,
        max_passage_tokens=settings.max_passage_tokens,
        counted_by=settings.counted_by,
        thresholds=asdict(settings.thresholds),
    )


def _register(
    store: Store,
    file: ShardFile,
    text_column: str | None,
    known: "_Known",
) -> Registered:
    same = known.with_content(file)
    if same is not None:
        return Registered(same.shard, _followed(store, same, file), False)
    row = Shard(
        shard=file.key,
        path=str(file.path),
        members=file.members,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        text_column=text_column,
        registered_at=utc_now(),
    )
    with store.transaction(Partition.shard(file.key)) as transaction:
        transaction.merge([row])
    known.add(Partition.shard(file.key))
    return Registered(file.key, str(file.path), True)


@dataclass(frozen=True, slots=True)
class _Known:
    """The shards of a store by the end of their keys, which is that of their content's hash."""

    store: Store
    keys: set[str] = field(default_factory=set)
    by_ending: dict[str, list[Partition]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> "_Known":
        known = cls(store)
        for partition in store.partitions(PartitionKind.SHARD):
            known.add(partition)
        return known

    def earlier(self, path: str | Path) -> Earlier:
        """What `discover` has to know of these shards."""
        folder = address(*locate(path))
        shards = [_shard_row(self.store, known) for known in named_like(self.store, {folder})]
        members = {
            shard.sha256: shard.members
            for shard in shards
            if shard is not None and shard.members and shard.path == folder
        }
        return Earlier(self.keys, members)

    def add(self, partition: Partition) -> None:
        self.keys.add(partition.key)
        self.by_ending.setdefault(partition.key.rpartition("-")[2], []).append(partition)

    def with_content(self, file: ShardFile) -> Shard | None:
        """The shard that has a file's content, under whatever name it was registered."""
        for partition in self.by_ending.get(file.key.rpartition("-")[2], ()):
            shard = _shard_row(self.store, partition)
            if shard is not None and shard.sha256 == file.sha256:
                return shard
        return None


def named_like(store: Store, paths: Iterable[str]) -> list[Partition]:
    """The shards that have one of the paths, and others whose files are called the same.

    A key begins with the name of the file, so none of the other shards need be opened.
    """
    names = {safe_name(path.rstrip("/").rpartition("/")[2]) for path in paths}
    partitions = store.partitions(PartitionKind.SHARD)
    return [found for found in partitions if found.key.rpartition("-")[0] in names]


def _shard_row(store: Store, partition: Partition) -> Shard | None:
    with store.transaction(partition) as transaction:
        return next(iter(transaction.rows(Shard)), None)


def _followed(store: Store, shard: Shard, file: ShardFile) -> str:
    """Where a known shard's file is: one that was not read yet is followed to where it moved."""
    if shard.source_rows is not None or shard.path == file.path or _is_there(shard):
        return shard.path
    with store.transaction(Partition.shard(shard.shard)) as transaction:
        transaction.merge([replace(shard, path=str(file.path))])
    return str(file.path)


def _files(shard: Shard) -> Sequence[ShardFile]:
    if shard.members:
        return [files_shard(shard.path, shard.members)]
    return discover(shard.path)


def _is_there(shard: Shard) -> bool:
    try:
        return any(file.sha256 == shard.sha256 for file in _files(shard))
    except SourceError:
        return False


def _registered(store: Store, partition: Partition) -> Shard:
    known = ", ".join(known.key for known in store.partitions(PartitionKind.SHARD)) or "none"
    missing = SourceError(
        f"shard {partition.key!r} is not registered; use `wsrl ingest PATH`. Registered: {known}"
    )
    shard = _shard_row(store, partition) if store.exists(partition) else None
    if shard is None:
        raise missing
    return shard


@dataclass(slots=True)
class _Part:
    """A passage of a source row with what is worked out of its text, or the row without one."""

    source: SourceRow
    title: str | None
    metadata: str
    number: int
    passage: Passage
    doc_id: str
    parent_id: str
    tokens: int
    reason: str | None = None
    detail: str | None = None

    @property
    def position(self) -> tuple[int, int]:
        """Where it stands in its shard."""
        return self.source.row_number, self.number

    @property
    def is_kept(self) -> bool:
        return self.reason is None


_NOTHING = Passage("", 0, 0)
_AS_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
# Each commit looks up its ids among all of the home, which large ones do less often.
_COMMITTED_ROWS = 4000
_COMMITTED_BYTES = 16 << 20


@dataclass
class _Ingest:
    """One reading of one shard."""

    store: Store
    partition: Partition
    shard: Shard
    settings: IngestSettings
    run_id: str
    count_tokens: CountTokens
    read: int = 0

    def __post_init__(self) -> None:
        self.provenance = Provenance(ingest_recipe(self.settings), self.run_id)

    def run(self, on_rows: Callable[[int], None]) -> int:
        added = 0
        try:
            for batch in read_rows(
                self._file(),
                text_column=self.shard.text_column,
                batch_rows=_COMMITTED_ROWS,
                batch_bytes=_COMMITTED_BYTES,
            ):
                parts = [part for source in batch for part in self._parts(source)]
                self._commit(parts)
                self.read += len(batch)
                added += len(parts)
                on_rows(len(parts))
        except ShardFault as fault:
            self._end(rows_read=self.read, fault=str(fault.reason), fault_detail=str(fault))
            raise
        self._drop_earlier_rows()
        self._end(source_rows=self.read, ingest_recipe=self.provenance.recipe.hash)
        return added

    def _end(self, **found: str | int) -> None:
        """Notes how this try to read the shard ended, in place of the try before."""
        before = replace(self.shard, rows_read=None, fault=None, fault_detail=None)
        with self.store.transaction(self.partition) as transaction:
            transaction.merge([replace(before, **found), self.provenance.recipe.row()])  # type: ignore[arg-type]

    def _drop_earlier_rows(self) -> None:
        """Drops what an earlier reading gave, by another text column say, and this one did not."""
        with self.store.transaction(self.partition) as transaction:
            transaction.execute("forget_earlier_rows", run_id=self.run_id)
            transaction.execute("forget_untied_triage")

    def _file(self) -> ShardFile:
        """The shard's file, if it still is what was registered."""
        try:
            files = _files(self.shard)
        except SourceError as error:
            if not is_gone(self.shard.path, self.shard.members):
                raise
            if self.store.shared is not None:
                raise SourceError(
                    f"shard {self.shard.shard!r}: {self.shard.path} cannot be seen from this host. "
                    "Run `wsrl run` on the host that has it, or register it again from a place "
                    "that all hosts see; what is read already is not read again."
                ) from None
            again = f", or leave it out with `wsrl ingest --again {self.shard.path}`"
            raise ShardFault(
                DropReason.FILE_GONE,
                f"shard {self.shard.shard!r}: {error} Put the file back"
                f"{again if self.shard.members else ''}, or withdraw the shard with "
                f"`wsrl forget {self.shard.shard}`.",
            ) from None
        for file in files:
            if file.sha256 == self.shard.sha256:
                return file
        raise ShardFault(
            DropReason.FILE_CHANGED,
            f"{self.shard.path} was changed since it was registered as {self.shard.shard!r}. "
            "`wsrl ingest --again PATH` reads its new content in place of the old.",
        )

    def _parts(self, source: SourceRow) -> Iterator[_Part]:
        title = source.title or _heading(source.text)
        metadata = _AS_JSON(dict(source.metadata))
        text = normalise_document(source.text or "")
        parent_id = content_id_of_normal(text)
        if source.reason is not None:
            yield _Part(
                source,
                title,
                metadata,
                0,
                _NOTHING,
                parent_id,
                parent_id,
                0,
                str(source.reason),
                source.detail,
            )
            return
        of_all = estimate_tokens(text)
        most = self.settings.max_passage_tokens
        passages = split_for_model(text, most, self.count_tokens, of_all)
        for number, passage in enumerate(passages or [_NOTHING]):
            is_whole = passage.text == text
            doc_id = parent_id if is_whole else content_id_of_normal(passage.text)
            tokens = of_all if is_whole else estimate_tokens(passage.text)
            part = _Part(source, title, metadata, number, passage, doc_id, parent_id, tokens)
            found = check(passage.text, self.settings.thresholds, tokens)
            if found is not None:
                part.reason, part.detail = str(found.reason), found.detail
            yield part

    def _commit(self, parts: Sequence[_Part]) -> None:
        kept = sorted({part.doc_id for part in parts if part.is_kept})
        withdrawn = taken_down(self.store, kept)
        for part in parts:
            if part.is_kept and part.doc_id in withdrawn:
                part.reason = WITHDRAWN
        ids = [doc_id for doc_id in kept if doc_id not in withdrawn]
        languages = [language_of(part.passage.text) for part in parts]
        elsewhere = self._claim(ids)
        with self.store.transaction(self.partition) as transaction:
            _reject_duplicates(parts, _first_positions(transaction, ids), elsewhere)
            transaction.merge_frame(SourceDocument, self._frame(parts, languages))

    def _frame(self, parts: Sequence[_Part], languages: Sequence[str | None]) -> pl.DataFrame:
        """The parts, with their languages, as rows of `source_documents`."""
        same = {"shard": self.shard.shard, **self.provenance.columns()}
        columns: dict[str, Sequence[object]] = {
            "source_row": [part.source.row_number for part in parts],
            "passage": [part.number for part in parts],
            "doc_id": [part.doc_id for part in parts],
            "parent_id": [part.parent_id for part in parts],
            "title": [part.title for part in parts],
            "text": [part.passage.text for part in parts],
            "char_start": [part.passage.start for part in parts],
            "char_end": [part.passage.end for part in parts],
            "tokens": [part.tokens for part in parts],
            "metadata": [part.metadata for part in parts],
            "language": languages,
            "status": [str(Status.KEPT if part.is_kept else Status.REJECTED) for part in parts],
            "reason": [part.reason for part in parts],
            "detail": [part.detail for part in parts],
            **{name: [value] * len(parts) for name, value in same.items()},
        }
        return frame_of_columns(SourceDocument, columns)

    def _claim(self, ids: list[str]) -> dict[str, str]:
        """Claims documents for this shard; returns those that another has, with its name.

        In a transaction of its own before the rows are written: of two shards that are read at
        once, one gets a document, and a shard that is read again still has what it claimed.
        """
        names = {"shard": self.shard.shard, "doc_ids": ids}
        with self.store.transaction(DOCUMENTS) as transaction:
            transaction.execute("claim_documents", **names)
            owners = transaction.query("document_owners", **names)
        return dict(zip(owners["doc_id"], owners["shard"], strict=True))


def _heading(text: str | None) -> str | None:
    """The title that a markdown document gives itself in its first line."""
    found = _HEADING.match(text or "")
    return found.group(1) if found else None


def _first_positions(transaction: Transaction, ids: list[str]) -> dict[str, tuple[int, int]]:
    known = transaction.query("known_positions", doc_ids=ids)
    return {row["doc_id"]: (row["source_row"], row["passage"]) for row in known.to_dicts()}


def _reject_duplicates(
    parts: Sequence[_Part], firsts: dict[str, tuple[int, int]], shards: dict[str, str]
) -> None:
    """Rejects parts whose text was kept before: in this shard, or in another."""
    for part in parts:
        if not part.is_kept:
            continue
        # A file that could not be read at the last try may come before what was read then.
        first = firsts[part.doc_id] = min(part.position, firsts.get(part.doc_id, part.position))
        if first < part.position:
            part.detail = f"same as row {first[0]} of this shard"
        elif part.doc_id in shards:
            part.detail = f"same as a row of shard {shards[part.doc_id]}"
        else:
            continue
        part.reason = "exact_duplicate"
