"""The release: the pairs that a spec takes as parquet, in a folder named by its content.

A release is immutable: the same tables and spec make the same name and the same bytes. It is
written in a hidden folder and renamed when complete, so a half-written one is never seen.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from wsrl_assets.errors import UserError
from wsrl_assets.release.card import write_card
from wsrl_assets.release.croissant import write_croissant
from wsrl_assets.release.curriculum import in_order
from wsrl_assets.release.folder import hidden, put_in_place, write_checksums, write_whole
from wsrl_assets.release.full_rows import full_rows
from wsrl_assets.release.licences import with_licences
from wsrl_assets.release.proof import failing_golds, split_proven
from wsrl_assets.release.provenance import ROW_RECIPES, ReleaseProvenance, trace_back
from wsrl_assets.release.row_groups import RowGroups
from wsrl_assets.release.selection import (
    Mixed,
    Selected,
    in_proportion,
    in_share,
    in_spec,
    in_use,
    mixture,
    selected,
)
from wsrl_assets.release.shared import fetch_pointer, fetch_releases, share_release
from wsrl_assets.release.spec import EVERYTHING, ReleaseSpec
from wsrl_assets.release.splits import Split
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.catalog import batches, workspace
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.labels import rejected_in_review
from wsrl_assets.storage.tables import ReleasedPair, Status, utc_now
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage

STAGE = Stage.RL_DATASET
RELEASE = Partition.library("release")
CURRENT = "current"
DESCRIPTION = "release.json"
DUPLICATE = "duplicate_question"
SPLIT_CONFLICT = "split_conflict"
HELD_OUT = "held_out_for_warmup"
REJECTED_IN_REVIEW = "rejected_in_review"

_NO_TEXT = pl.lit(None, dtype=pl.String)
_BATCH_ROWS = 10_000
_GOLDS_AT_ONCE = 200_000

# The columns of the published data set first (Salesforce/Webscale-RL), then ours.
COLUMNS: dict[str, str] = {
    "pretrain_text": "the source document (passage)",
    "domain": "domain, as the paper names it",
    "persona": "the reader for whom the question was written",
    "question": "the question; it stands alone",
    "answer": "the short gold answer as written",
    "pair_id": "id of the pair, a content hash; `wsrl trace` takes it",
    "gold": "typed gold answer, or rubric, as JSON, as wsrl_assets.reward reads it",
    "answer_type": "answer type of the reward, or rubric",
    "form": "open, cloze, multiple_choice, computed, unanswerable, multi_hop or rubric",
    "evidence": "the quote that supports the answer; none where no answer is to be found",
    "basis": "facts and query of a computed answer, what another document answers to an "
    "unanswerable question, the two facts of a multi_hop one, what is typed at Python's prompt for "
    "a cloze of a transcript, or the facts of a rubric with their places, JSON; none for other "
    "pairs",
    "evidence_start": "offset of the evidence in pretrain_text, characters",
    "evidence_end": "end offset, exclusive",
    "model": "model that wrote the question, none where a rule did",
    "doc_id": "content hash of the passage",
    "parent_id": "content hash of the source row",
    "shard": "shard of the source row",
    "source_row": "row or line number in the shard, from 1",
    "title": "title given by the source, if any",
    "metadata": "other columns of the source row (licence, url ...), JSON",
    "license": "licence that the source row states, none if it states none",
    "source": "where the source row says that it comes from, if it says so",
    "split": "train, validation or test",
    "pass_rate": "share of the policy's closed-book rollouts that pass, none if not rated",
    "rollouts": "number of these rollouts",
    "policy": "model whose pass rate it is",
}
_INTEGERS = ("evidence_start", "evidence_end", "source_row", "rollouts")
SCHEMA: dict[str, pl.DataType] = {
    name: pl.Int64() if name in _INTEGERS else pl.String() for name in COLUMNS
} | {"pass_rate": pl.Float64()}
"""The types of the columns."""

_ORIGIN = ("license", "source")
# What a release chooses by, and what its card counts.
_CHOOSING = (
    "pair_id domain slug doc_id parent_id document_cluster question_id answer_type form split "
    "license source pass_rate rollouts policy held_out"
).split() + list(ROW_RECIPES.values())


class ReleaseError(UserError, RuntimeError):
    """A release cannot be made or found; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk.

    Attributes:
        name: 12 hex characters of the hash of its content.
        folder: holds `train.parquet` and the other splits, `README.md` and its metadata.
        rows: pairs by split.
        left_out: pairs left out because of what another domain has: the same question, or the same
            source in another split.
    """

    name: str
    folder: Path
    rows: dict[str, int]
    left_out: int

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def build_release(store: Store, run_id: str, spec: ReleaseSpec = EVERYTHING) -> Release:
    """Writes the release of the pairs that have a place in a split now and that the spec takes.

    An empty release is written too: it says that nothing passed, and has the schema. Memory holds
    the narrow columns of all pairs, and the texts of a few thousand.

    Raises:
        ReleaseError: the tables are damaged.
    """
    releases = store.home / "releases"
    with hidden(releases) as folder, _placed(store, folder / "spill") as connection:
        kept, refused, mixed = _choose(store, connection, spec)
        provenance = trace_back(store, kept, refused, spec, mixed)
        pairs = folder / "pairs"
        pairs.mkdir()
        name = _write_pairs(pairs, _in_full(connection, in_order(kept, spec), folder), provenance)
        release = Release(
            name,
            releases / name,
            {split: kept.filter(pl.col("split") == split).height for split in Split},
            refused.filter(pl.col("reason").is_in([DUPLICATE, SPLIT_CONFLICT])).height,
        )
        if not release.folder.exists():
            _describe(pairs, release, kept, provenance)
            put_in_place(pairs, release.folder)
    _record(store, name, kept, refused)
    return release


def current_release(store: Store) -> Path:
    """The folder of the newest release.

    Raises:
        ReleaseError: there is none, or its folder is gone.
    """
    fetch_pointer(store, CURRENT)
    pointer = store.home / "releases" / CURRENT
    try:
        folder = store.home / "releases" / pointer.read_text().strip()
    except OSError:
        raise ReleaseError(
            f"there is no release under {store.address} yet: materialize rl_dataset, or use "
            "`wsrl run`"
        ) from None
    if not folder.is_dir():
        fetch_releases(store, [folder.name])
    if not folder.is_dir():
        raise ReleaseError(f"the release {folder} is gone; make it again with `wsrl run`")
    return folder


def read_release(folder: Path, columns: Sequence[str] = tuple(COLUMNS)) -> pl.DataFrame:
    """All pairs of a release, with columns of `COLUMNS`; those it is too old for are null.

    Raises:
        ReleaseError: a file of it is gone or damaged.
    """
    nothing = pl.DataFrame(schema={name: SCHEMA[name] for name in columns})
    with _readable(folder):
        parts = [
            _with_columns(pl.scan_parquet(folder / f"{split}.parquet", glob=False), columns)
            for split in Split
        ]
    return pl.concat([nothing, *parts], how="diagonal")


def pairs_of_release(folder: Path, pair_ids: Sequence[str]) -> pl.DataFrame:
    """Some pairs of a release with all columns, in the order of their ids here.

    Raises:
        ReleaseError: a file of it is gone or damaged.
    """
    wanted = pl.DataFrame({"pair_id": pair_ids}, schema={"pair_id": pl.String})
    is_wanted = pl.col("pair_id").is_in(wanted["pair_id"].implode())
    found = [pl.DataFrame(schema=SCHEMA)]
    with _readable(folder):
        for split in Split:
            part = pl.scan_parquet(folder / f"{split}.parquet", glob=False, parallel="prefiltered")
            found.append(part.filter(is_wanted).collect())
    both = pl.concat(found, how="diagonal")
    return wanted.join(both, on="pair_id", maintain_order="left").select(list(COLUMNS))


def _with_columns(part: pl.LazyFrame, columns: Sequence[str]) -> pl.DataFrame:
    held = part.collect_schema()
    return part.select(name for name in columns if name in held).collect()


def release_batches(folder: Path, split: str) -> Iterator[pl.DataFrame]:
    """The pairs of a split as `read_release` has them, a row group at a time.

    Raises:
        ReleaseError: the file is gone or damaged.
    """
    nothing = pl.DataFrame(schema=SCHEMA)
    with _readable(folder), pq.ParquetFile(folder / f"{split}.parquet") as file:
        for number in range(file.num_row_groups):
            some = pl.DataFrame(file.read_row_group(number))
            yield pl.concat([nothing, some], how="diagonal")


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise ReleaseError(
            f"the release {folder} cannot be read ({str(error).splitlines()[0]}): delete the "
            "folder and make it again with `wsrl run`"
        ) from None


def _placed(store: Store, scratch: Path) -> AbstractContextManager[Connection]:
    """The tables of all domains as they are now: chosen from and written by one state of them."""
    return workspace(store, store.partitions(PartitionKind.DOMAIN), scratch)


def _choose(
    store: Store, connection: Connection, spec: ReleaseSpec
) -> tuple[pl.DataFrame, pl.DataFrame, list[Mixed]]:
    """The pairs that are released, the others with their reasons, and the mixture by domain."""
    failing: dict[str, str] = {}
    for golds in batches(connection, "release_golds", _GOLDS_AT_ONCE):
        failing |= failing_golds(store, golds)
    # Repetitions last but for the size: of one question's two answers, the one that is asked for
    # is kept, and what is no longer there takes no room.
    candidates, refused = _select(
        _gather(connection),
        in_use,
        _hold_out,
        lambda pairs: _reviewed(pairs, rejected_in_review(store)),
        lambda pairs: split_proven(pairs, failing),
        lambda pairs: in_spec(pairs, spec),
        spec.rates.split,
        _self_test,
        lambda pairs: in_share(pairs, spec),
    )
    kept, over = in_proportion(candidates, spec)
    return kept, pl.concat([refused, over]), mixture(candidates, kept, spec)


def _gather(connection: Connection) -> pl.DataFrame:
    """The kept pairs of all domains by id, without their texts."""
    stated = [
        with_licences(some).drop("metadata")
        for some in batches(connection, "release_documents", _BATCH_ROWS)
    ]
    origins = pl.concat(stated) if stated else _empty().select("slug", "doc_id", *_ORIGIN)
    found = frame(connection, "release_rows").join(origins, on=["slug", "doc_id"])
    # Also of domains that are no longer in use: `in_use` says that of their pairs.
    labels = {slug: Domain(slug).label for slug in found["slug"].unique()}
    return (
        found.with_columns(
            domain=pl.col("slug").replace_strict(labels, return_dtype=pl.String),
            # Few values, each in very many rows.
            **{column: pl.col(column).cast(pl.Categorical) for column in ROW_RECIPES.values()},
        )
        .select(_empty().columns)
        .sort("pair_id")
    )


def _empty() -> pl.DataFrame:
    """No pairs, in the columns that a release chooses by and that are counted on its card."""
    types: dict[str, Any] = {"pass_rate": pl.Float64, "rollouts": pl.Int64, "held_out": pl.Boolean}
    types |= dict.fromkeys(ROW_RECIPES.values(), pl.Categorical)
    return pl.DataFrame(schema={name: types.get(name, pl.String) for name in _CHOOSING})


def _in_full(connection: Connection, chosen: pl.DataFrame, scratch: Path) -> Iterator[pl.DataFrame]:
    """All columns of the chosen pairs, in their order, some thousands at a time.

    Raises:
        ReleaseError: a pair has more than one row in a table.
    """
    rows = 0
    for some in full_rows(connection, chosen, scratch):
        rows += some.height
        yield some.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
    if rows != chosen.height:
        raise ReleaseError(
            f"no release: {chosen.height} pairs were chosen and {rows} found. Ids repeat: "
            "`wsrl run` names the tables in its checks."
        )


def _select(pairs: pl.DataFrame, *filters: Callable[[pl.DataFrame], Selected]) -> Selected:
    """What passes one filter after the other, and all that did not, with reason and detail."""
    refused = [pairs.clear().with_columns(reason=_NO_TEXT, detail=_NO_TEXT)]
    for keep in filters:
        pairs, left_out = keep(pairs)
        refused.append(left_out)
    return pairs, pl.concat(refused)


def _hold_out(pairs: pl.DataFrame) -> Selected:
    """Leaves out what the warm-up set has: no pair is in supervised training and in RL."""
    reason = pl.when(pl.col("held_out")).then(pl.lit(HELD_OUT))
    return selected(pairs.with_columns(reason=reason, detail=_NO_TEXT))


def _reviewed(pairs: pl.DataFrame, rejects: pl.DataFrame) -> Selected:
    """Leaves out what somebody rejects, whatever others say of it."""
    marked = pairs.join(rejects, on="pair_id", how="left", maintain_order="left")
    reason = pl.when(pl.col("said").is_not_null()).then(pl.lit(REJECTED_IN_REVIEW))
    return selected(marked.with_columns(reason=reason, detail="said").drop("said"))


def _self_test(pairs: pl.DataFrame) -> Selected:
    """Leaves out repeated questions, and what would stand in two splits.

    Final splits see to both over all domains. This is for domains that were placed under different
    settings, or whose index was lost in between. Of a source or cluster in two splits only what is
    in train stays, so that nothing of it is left to be evaluated on.
    """
    is_first = pl.col("pair_id").rank("ordinal").over("question_id") == 1
    spans = pl.any_horizontal(
        pl.col("split").n_unique().over(key) > 1 for key in ("parent_id", "document_cluster")
    )
    reason = (
        pl.when(~is_first)
        .then(pl.lit(DUPLICATE))
        .when(spans & (pl.col("split") != Split.TRAIN))
        .then(pl.lit(SPLIT_CONFLICT))
    )
    return selected(pairs.with_columns(reason=reason, detail=_NO_TEXT))


def _write_pairs(folder: Path, pairs: Iterable[pl.DataFrame], provenance: ReleaseProvenance) -> str:
    """Writes a file for each split; returns the name, a hash of all that the files are made of."""
    digest = _digest(provenance)
    with contextlib.ExitStack() as stack:
        files = {
            split: stack.enter_context(RowGroups(folder / f"{split}.parquet", SCHEMA))
            for split in Split
        }
        for some in pairs:
            _digest_rows(digest, some)
            for split, file in files.items():
                file.add(some.filter(pl.col("split") == split))
    return digest.hexdigest()


def _digest(provenance: ReleaseProvenance) -> "hashlib.blake2b":
    digest = hashlib.blake2b(json.dumps(COLUMNS).encode(), digest_size=6)
    digest.update(_as_json(provenance.to_dict()).encode())
    return digest


def _digest_rows(digest: "hashlib.blake2b", pairs: pl.DataFrame) -> None:
    for row in pairs.iter_rows():
        digest.update(json.dumps(row, ensure_ascii=False).encode())


def _describe(
    folder: Path, release: Release, pairs: pl.DataFrame, provenance: ReleaseProvenance
) -> None:
    """Writes what stands beside the pairs."""
    described = {"release": release.name, "rows": release.rows, **provenance.to_dict()}
    (folder / DESCRIPTION).write_text(_as_json(described, indent=2) + "\n", "utf-8")
    write_croissant(folder, release.name, pairs, COLUMNS, SCHEMA)
    write_card(folder, release.name, pairs, COLUMNS, provenance)
    write_checksums(folder)


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _record(store: Store, name: str, kept: pl.DataFrame, refused: pl.DataFrame) -> None:
    stays = kept.with_columns(reason=_NO_TEXT, detail=_NO_TEXT)
    rows = [
        pairs.select(
            "pair_id",
            domain="slug",
            release=pl.lit(name),
            status=pl.lit(str(status)),
            reason="reason",
            detail="detail",
            created_at=pl.lit(utc_now()),
        )
        for pairs, status in ((stays, Status.KEPT), (refused, Status.REJECTED))
    ]
    with store.transaction(RELEASE) as transaction:
        transaction.clear(ReleasedPair)
        for some in rows:
            transaction.insert(ReleasedPair, some)
    store.publish(RELEASE)
    write_whole(store.home / "releases" / CURRENT, name + "\n")
    share_release(store, name, CURRENT)
