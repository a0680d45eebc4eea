"""The release: the pairs that a spec takes as parquet, in a folder named by its content.

A release is immutable: the same tables and spec make the same name and the same bytes. It is
written in a hidden folder and renamed when complete, so a half-written one is never seen.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.release.card import write_card
from wsrl_assets.release.croissant import write_croissant
from wsrl_assets.release.curriculum import in_order
from wsrl_assets.release.folder import write_checksums, write_whole, written_whole
from wsrl_assets.release.licences import with_licences
from wsrl_assets.release.proof import split_proven
from wsrl_assets.release.provenance import ROW_RECIPES, ReleaseProvenance, trace_back
from wsrl_assets.release.selection import (
    Selected,
    in_proportion,
    in_share,
    in_spec,
    in_use,
    mixture,
    selected,
)
from wsrl_assets.release.spec import EVERYTHING, ReleaseSpec
from wsrl_assets.release.splits import Split
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.labels import rejected_in_review
from wsrl_assets.storage.tables import ReleasedPair, Status, utc_now
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
_ZSTD_LEVEL = 3
_ROW_GROUP_ROWS = 50_000

# The columns of the published data set first (Salesforce/Webscale-RL), then ours.
COLUMNS: dict[str, str] = {
    "pretrain_text": "the source document (passage)",
    "domain": "domain, as the paper names it",
    "persona": "the reader for whom the question was written",
    "question": "the question; it stands alone",
    "answer": "the short gold answer as written",
    "pair_id": "id of the pair, a content hash; `wsrl trace` takes it",
    "gold": "typed gold answer as JSON, as wsrl_assets.reward reads it",
    "answer_type": "answer type of the reward",
    "form": "open, cloze, multiple_choice, computed, unanswerable or multi_hop",
    "evidence": "the quote that supports the answer; none where no answer is to be found",
    "basis": "facts and query of a computed answer, what another document answers to an "
    "unanswerable question, or the two facts of a multi_hop one, JSON; none for other forms",
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


class ReleaseError(RuntimeError):
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

    An empty release is written too: it says that nothing passed, and has the schema.
    """
    # Repetitions last but for the size: of one question's two answers, the one that is asked for
    # is kept, and what is no longer there takes no room.
    candidates, refused = _select(
        with_licences(_gather(store)),
        in_use,
        _hold_out,
        lambda pairs: _reviewed(pairs, rejected_in_review(store)),
        split_proven,
        lambda pairs: in_spec(pairs, spec),
        spec.rates.split,
        _self_test,
        lambda pairs: in_share(pairs, spec),
    )
    kept, over = in_proportion(candidates, spec)
    refused = pl.concat([refused, over])
    mixed = mixture(candidates, kept, spec)
    provenance = trace_back(store, kept, refused, spec, mixed)
    table = in_order(kept, spec).select(list(COLUMNS))
    name = _name(table, provenance)
    release = Release(
        name,
        store.home / "releases" / name,
        {split: table.filter(pl.col("split") == split).height for split in Split},
        refused.filter(pl.col("reason").is_in([DUPLICATE, SPLIT_CONFLICT])).height,
    )
    if not release.folder.exists():
        _write(release, table, provenance)
    _record(store, name, kept, refused)
    return release


def current_release(store: Store) -> Path:
    """The folder of the newest release.

    Raises:
        ReleaseError: there is none, or its folder is gone.
    """
    pointer = store.home / "releases" / CURRENT
    try:
        folder = store.home / "releases" / pointer.read_text().strip()
    except OSError:
        raise ReleaseError(
            f"there is no release under {store.home} yet: materialize rl_dataset, or use `wsrl run`"
        ) from None
    if not folder.is_dir():
        raise ReleaseError(f"the release {folder} is gone; make it again with `wsrl run`")
    return folder


def read_release(folder: Path) -> pl.DataFrame:
    """All pairs of a release, with the columns of `COLUMNS`; those it is too old for are null.

    Raises:
        ReleaseError: a file of it is gone or damaged.
    """
    try:
        parts = [pl.read_parquet(folder / f"{split}.parquet", glob=False) for split in Split]
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReleaseError(
            f"the release {folder} cannot be read ({str(error).splitlines()[0]}): delete the "
            "folder and make it again with `wsrl run`"
        ) from None
    return pl.concat([_empty().select(list(COLUMNS)), *parts], how="diagonal")


def _gather(store: Store) -> pl.DataFrame:
    frames = []
    for partition in store.partitions(PartitionKind.DOMAIN):
        domain = Domain(partition.key)
        # Joined here, the pairs of a document share its text; joined by SQL, each has a copy.
        documents = store.read(partition, "release_documents")
        pairs = store.read(partition, "release_rows").join(documents, on="doc_id")
        frames.append(
            pairs.with_columns(
                domain=pl.lit(domain.label), slug=pl.lit(str(domain), dtype=pl.String)
            )
        )
    if not frames:
        return _empty()
    return pl.concat(frames).sort("pair_id")


def _empty() -> pl.DataFrame:
    integers = ("evidence_start", "evidence_end", "source_row", "passage", "rollouts")
    names = [
        *COLUMNS,
        "question_id",
        "slug",
        "unit",
        "passage",
        "held_out",
        "document_cluster",
        *ROW_RECIPES.values(),
    ]
    types = dict.fromkeys(integers, pl.Int64) | {"pass_rate": pl.Float64, "held_out": pl.Boolean}
    return pl.DataFrame(schema={name: types.get(name, pl.String) for name in names})


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


def _name(table: pl.DataFrame, provenance: ReleaseProvenance) -> str:
    """A hash of all that the files of a release are made of."""
    digest = hashlib.blake2b(json.dumps(COLUMNS).encode(), digest_size=6)
    digest.update(_as_json(provenance.to_dict()).encode())
    for row in table.iter_rows():
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()


def _write(release: Release, table: pl.DataFrame, provenance: ReleaseProvenance) -> None:
    with written_whole(release.folder) as folder:
        for split in Split:
            _write_parquet(table.filter(pl.col("split") == split), folder / f"{split}.parquet")
        described = {"release": release.name, "rows": release.rows, **provenance.to_dict()}
        (folder / DESCRIPTION).write_text(_as_json(described, indent=2) + "\n", "utf-8")
        write_croissant(folder, release.name, table, COLUMNS)
        write_card(folder, release.name, table, COLUMNS, provenance)
        write_checksums(folder)


def _write_parquet(part: pl.DataFrame, path: Path) -> None:
    """Nothing is left to the writer that could make other bytes of the same rows."""
    part.rechunk().write_parquet(
        path,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        row_group_size=_ROW_GROUP_ROWS,
        statistics=True,
    )


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _record(store: Store, name: str, kept: pl.DataFrame, refused: pl.DataFrame) -> None:
    now = utc_now()
    stays = kept.with_columns(reason=_NO_TEXT, detail=_NO_TEXT)
    columns = ("pair_id", "slug", "reason", "detail")
    rows = [
        ReleasedPair(
            pair_id=pair_id,
            domain=slug,
            release=name,
            status=Status.KEPT if reason is None else Status.REJECTED,
            reason=reason,
            detail=detail,
            created_at=now,
        )
        for pairs in (stays, refused)
        for pair_id, slug, reason, detail in pairs.select(columns).iter_rows()
    ]
    with store.transaction(RELEASE) as transaction:
        transaction.clear(ReleasedPair)
        transaction.merge(rows)
    store.publish(RELEASE)
    write_whole(store.home / "releases" / CURRENT, name + "\n")
