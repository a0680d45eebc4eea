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
from wsrl_assets.release.decontamination import BENCHMARKS
from wsrl_assets.release.splits import Split
from wsrl_assets.storage import Kind, Partition, Store
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


def build_release(store: Store, run_id: str) -> Release:
    """Writes the release of everything that has a place in a split now.

    An empty release is written too: it says that nothing passed, and has the schema.
    """
    marked = _last_look(_gather(store))
    kept = marked.filter(pl.col("reason").is_null())
    contamination = _contamination(store)
    name = _name(kept, contamination)
    release = Release(
        name,
        store.home / "releases" / name,
        {split: kept.filter(pl.col("split") == split).height for split in Split},
        marked.height - kept.height,
    )
    if not release.folder.exists():
        _write(release, kept, contamination)
    _record(store, name, marked)
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
    """All pairs of a release, with the columns of `COLUMNS`."""
    return pl.concat(pl.read_parquet(folder / f"{split}.parquet") for split in Split)


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
    integers = ("evidence_start", "evidence_end", "source_row", "passage")
    names = [*COLUMNS, "question_id", "document_cluster", "slug", "unit", "passage"]
    return pl.DataFrame(
        schema={name: pl.Int64 if name in integers else pl.String for name in names}
    )


def _last_look(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with a `reason` where one must be left out.

    Final splits see to both: equal questions and splits over all domains. This is for domains that
    were placed under different settings, or whose index was lost in between. Of a source or cluster
    in two splits only what is in train stays, so that nothing of it is left to be evaluated on.
    """
    is_first = pl.col("pair_id").rank("ordinal").over("question_id") == 1
    spans = pl.any_horizontal(
        pl.col("split").n_unique().over(key) > 1 for key in ("parent_id", "document_cluster")
    )
    return pairs.with_columns(
        reason=pl.when(~is_first)
        .then(pl.lit("duplicate_question"))
        .when(spans & (pl.col("split") != Split.TRAIN))
        .then(pl.lit("split_conflict"))
    )


def _contamination(store: Store) -> pl.DataFrame:
    """Each `benchmark`, the `items` in it, and the `pairs` that were left out because of it."""
    schema = {"benchmark": pl.String, "items": pl.Int64, "pairs": pl.Int64}
    if not store.exists(BENCHMARKS):
        return pl.DataFrame(schema=schema)
    files = store.read(BENCHMARKS, "benchmark_sizes")
    counts = [
        store.read(partition, "contaminated_counts") for partition in store.partitions(Kind.DOMAIN)
    ]
    taken = pl.concat([pl.DataFrame(schema={"benchmark": pl.String, "pairs": pl.Int64}), *counts])
    return (
        files.join(taken.group_by("benchmark").sum(), on="benchmark", how="left")
        .with_columns(pl.col("pairs").fill_null(0))
        .sort("benchmark")
    )


def _name(kept: pl.DataFrame, contamination: pl.DataFrame) -> str:
    """Of the pairs, and of what they are clean of, which the card says."""
    digest = hashlib.blake2b(json.dumps(list(COLUMNS)).encode(), digest_size=6)
    for row in [*kept.select(list(COLUMNS)).iter_rows(), *contamination.iter_rows()]:
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()


def _write(release: Release, kept: pl.DataFrame, contamination: pl.DataFrame) -> None:
    partial = release.folder.with_name(f".{release.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        table = kept.select(list(COLUMNS))
        for split in Split:
            part = table.filter(pl.col("split") == split)
            part.write_parquet(partial / f"{split}.parquet", compression="zstd")
        write_card(partial, release.name, table, COLUMNS, contamination)
        partial.rename(release.folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _record(store: Store, name: str, marked: pl.DataFrame) -> None:
    now = utc_now()
    rows = [
        ReleasedPair(
            pair_id=pair_id,
            domain=slug,
            release=name,
            status=Status.REJECTED if reason else Status.KEPT,
            reason=reason,
            created_at=now,
        )
        for pair_id, slug, reason in marked.select("pair_id", "slug", "reason").iter_rows()
    ]
    with store.transaction(RELEASE) as transaction:
        transaction.clear(ReleasedPair)
        transaction.merge(rows)
    store.publish(RELEASE)
    pointer = store.home / "releases" / "current"
    partial = pointer.with_name(f".current.{os.getpid()}")
    partial.write_text(name + "\n")
    partial.replace(pointer)
