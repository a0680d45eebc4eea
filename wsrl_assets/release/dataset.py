"""The release: all kept pairs as parquet, in a folder named by its content.

A release is immutable: the same pairs make the same name and the same bytes. It is written in a
hidden folder and renamed when complete, so a half-written one is never seen.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from wsrl_assets.domains import Domain
from wsrl_assets.release.card import write_card
from wsrl_assets.release.difficulty import ANY_RATE, PassRateRange
from wsrl_assets.release.proof import split_proven
from wsrl_assets.release.splits import Split
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import ReleasedPair, Status, utc_now

STAGE = "rl_dataset"
RELEASE = Partition.library("release")

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
    "form": "open or cloze",
    "evidence": "the quote that supports the answer",
    "evidence_start": "offset of the evidence in pretrain_text, characters",
    "evidence_end": "end offset, exclusive",
    "model": "model that wrote the question, none where a rule did",
    "doc_id": "content hash of the passage",
    "parent_id": "content hash of the source row",
    "shard": "shard of the source row",
    "source_row": "row or line number in the shard, from 1",
    "title": "title given by the source, if any",
    "metadata": "other columns of the source row (licence, url ...), JSON",
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
        folder: holds `train.parquet` and the other splits, and `README.md`.
        rows: pairs by split.
        duplicates: pairs left out because another domain has the same question.
    """

    name: str
    folder: Path
    rows: dict[str, int]
    duplicates: int

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def build_release(store: Store, run_id: str, rates: PassRateRange = ANY_RATE) -> Release:
    """Writes the release of everything that has a place in a split now and a pass rate in range.

    An empty release is written too: it says that nothing passed, and has the schema.
    """
    # First the range: where one question has two answers, the one that is in range is kept.
    proven, unproven = split_proven(_gather(store))
    pairs, out_of_range = rates.split(proven)
    kept, duplicates = _drop_duplicates(pairs)
    name = _name(kept)
    release = Release(
        name,
        store.home / "releases" / name,
        {split: kept.filter(pl.col("split") == split).height for split in Split},
        duplicates.height,
    )
    if not release.folder.exists():
        _write(release, kept)
    _record(store, name, kept, duplicates, pl.concat([unproven, out_of_range]))
    return release


def current_release(store: Store) -> Path:
    """The folder of the newest release.

    Raises:
        ReleaseError: there is none, or its folder is gone.
    """
    pointer = store.home / "releases" / "current"
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
    """All pairs of a release, with the columns of `COLUMNS`; those it is too old for are null."""
    parts = [pl.read_parquet(folder / f"{split}.parquet") for split in Split]
    return pl.concat([_empty().select(list(COLUMNS)), *parts], how="diagonal")


def _gather(store: Store) -> pl.DataFrame:
    frames = []
    for domain in Domain:
        partition = Partition.domain(domain)
        if store.exists(partition):
            frame = store.read(partition, "release_rows")
            frames.append(
                frame.with_columns(
                    domain=pl.lit(domain.label), slug=pl.lit(str(domain), dtype=pl.String)
                )
            )
    if not frames:
        return _empty()
    return pl.concat(frames).sort("pair_id")


def _empty() -> pl.DataFrame:
    integers = ("evidence_start", "evidence_end", "source_row", "passage", "rollouts")
    names = [*COLUMNS, "question_id", "slug", "unit", "passage"]
    types = dict.fromkeys(integers, pl.Int64) | {"pass_rate": pl.Float64}
    return pl.DataFrame(schema={name: types.get(name, pl.String) for name in names})


def _drop_duplicates(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    first = pl.col("pair_id").rank("ordinal").over("question_id") == 1
    marked = pairs.with_columns(is_first=first)
    return (
        marked.filter("is_first").drop("is_first"),
        marked.filter(~pl.col("is_first")).drop("is_first"),
    )


def _name(kept: pl.DataFrame) -> str:
    digest = hashlib.blake2b(json.dumps(list(COLUMNS)).encode(), digest_size=6)
    for row in kept.select(list(COLUMNS)).iter_rows():
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()


def _write(release: Release, kept: pl.DataFrame) -> None:
    partial = release.folder.with_name(f".{release.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        table = kept.select(list(COLUMNS))
        for split in Split:
            part = table.filter(pl.col("split") == split)
            part.write_parquet(partial / f"{split}.parquet", compression="zstd")
        write_card(partial, release.name, table, COLUMNS)
        partial.rename(release.folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _record(
    store: Store,
    name: str,
    kept: pl.DataFrame,
    duplicates: pl.DataFrame,
    refused: pl.DataFrame,
) -> None:
    now = utc_now()

    def row(
        pair: dict[str, str], status: Status, reason: str | None, detail: str | None = None
    ) -> ReleasedPair:
        return ReleasedPair(
            pair_id=pair["pair_id"],
            domain=pair["slug"],
            release=name,
            status=status,
            reason=reason,
            detail=detail,
            created_at=now,
        )

    columns = ("pair_id", "slug")
    rows = [row(pair, Status.KEPT, None) for pair in kept.select(columns).iter_rows(named=True)]
    rows += [
        row(pair, Status.REJECTED, "duplicate_question")
        for pair in duplicates.select(columns).iter_rows(named=True)
    ]
    rows += [
        row(pair, Status.REJECTED, pair["reason"], pair["detail"])
        for pair in refused.select(*columns, "reason", "detail").iter_rows(named=True)
    ]
    with store.transaction(RELEASE) as transaction:
        transaction.clear(ReleasedPair)
        transaction.merge(rows)
    store.publish(RELEASE)
    pointer = store.home / "releases" / "current"
    partial = pointer.with_name(f".current.{os.getpid()}")
    partial.write_text(name + "\n")
    partial.replace(pointer)
