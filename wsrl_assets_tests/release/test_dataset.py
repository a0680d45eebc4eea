"""A release is immutable, named by its content, and there as a whole or not at all."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from wsrl_assets.release import dataset, full_rows, row_groups
from wsrl_assets.release.dataset import (
    COLUMNS,
    RELEASE,
    SCHEMA,
    ReleaseError,
    build_release,
    current_release,
    read_release,
)
from wsrl_assets.release.decontamination import load_benchmarks
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.provenance import ReleaseProvenance
from wsrl_assets.release.row_groups import RowGroups
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.reward import Gold, score
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import QADraft, ReleasedPair, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import rows
from wsrl_assets_tests.release.pairs import HALVES, Pair, plant
from wsrl_assets_tests.release.test_decontamination import LONG, SHORT, benchmark
from wsrl_assets_tests.release.test_finalise import question

NOTHING = ReleaseProvenance({}, (), (), (), (), ())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home [x]")


def fill(store: Store, pairs: list[Pair], domain: Domain = Domain.MATH) -> None:
    """Pairs with their places, ready for a release."""
    plant(store, pairs, domain)
    split_domain(store, domain, "run", HALVES)


def some(count: int, first: int = 0) -> list[Pair]:
    return [Pair(question(n), source=f"source {n}") for n in range(first, first + count)]


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def visible(store: Store) -> list[str]:
    folder = store.home / "releases"
    return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.exists() else []


def test_a_release_has_every_kept_pair_with_its_lineage(store: Store) -> None:
    fill(store, some(8))
    fill(store, some(4, first=8), Domain.OTHER)
    release = build_release(store, "run")
    table = read_release(release.folder)
    assert table.columns == list(COLUMNS)
    assert table.height == release.total == 12
    assert set(table["domain"]) == {"Math", "Other"}
    row = table.filter(pl.col("pair_id") == some(1)[0].pair_id).to_dicts()[0]
    assert row["pretrain_text"] == some(1)[0].text
    assert row["pretrain_text"][row["evidence_start"] : row["evidence_end"]] == row["evidence"]
    assert (row["title"], row["metadata"]) == ("About source 0", '{"license": "CC0"}')
    assert (row["model"], row["persona"], row["form"]) == ("a-model", "a pilot", "open")
    assert score("Answer: 1869", Gold.from_json(row["gold"])).value == 1


def test_every_split_has_a_file_and_only_its_own_pairs(store: Store) -> None:
    fill(store, some(12))
    release = build_release(store, "run")
    for split, count in release.rows.items():
        part = pl.read_parquet(release.folder / f"{split}.parquet", glob=False)
        assert part.height == count
        assert set(part["split"]) <= {split}
    assert sum(release.rows.values()) == 12


def test_the_same_tables_make_the_same_name_and_bytes(tmp_path: Path) -> None:
    releases = []
    for number in range(2):
        store = Store(tmp_path / str(number))
        pairs = some(6)
        fill(store, pairs if number == 0 else pairs[::-1])
        releases.append(build_release(store, f"run-{number}"))
    one, other = releases
    assert one.name == other.name
    assert bytes_of(one.folder) == bytes_of(other.folder)


def test_a_release_is_never_written_again(store: Store) -> None:
    fill(store, some(3))
    release = build_release(store, "run")
    (release.folder / "train.parquet").write_bytes(b"touched")
    assert build_release(store, "again").name == release.name
    assert (release.folder / "train.parquet").read_bytes() == b"touched"


def test_new_pairs_make_a_new_release_and_the_old_one_stays(store: Store) -> None:
    fill(store, some(3))
    old = build_release(store, "run")
    before = bytes_of(old.folder)
    fill(store, some(2, first=3))
    new = build_release(store, "run")
    assert new.name != old.name
    assert bytes_of(old.folder) == before
    assert visible(store) == sorted([old.name, new.name])
    assert current_release(store) == new.folder
    assert read_release(new.folder).height == 5


@pytest.mark.parametrize("column", ["evidence", "metadata", "model", "title", "pretrain_text"])
def test_whatever_column_changes_makes_another_name(tmp_path: Path, column: str) -> None:
    row = dict.fromkeys(COLUMNS) | {column: "same", "split": "train"}
    one = pl.DataFrame([row], schema=SCHEMA)
    other = one.with_columns(pl.lit("changed").alias(column))

    def name(number: int, pairs: pl.DataFrame) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        return dataset._write_pairs(folder, [pairs], NOTHING)

    assert name(1, one) == name(2, one) != name(3, other)


def test_texts_are_read_and_written_in_parts_and_make_the_same_release(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, some(30))
    whole = build_release(store, "run")
    before = bytes_of(whole.folder)
    shutil.rmtree(whole.folder)
    buckets: list[Path] = []
    read = full_rows._read

    def noted(path: Path) -> pl.DataFrame:
        buckets.append(path)
        return read(path)

    monkeypatch.setattr(full_rows, "_READ_ROWS", 4)
    monkeypatch.setattr(full_rows, "_BUCKET_ROWS", 7)
    monkeypatch.setattr(full_rows, "_read", noted)
    assert build_release(store, "run").name == whole.name
    assert bytes_of(whole.folder) == before
    assert len(buckets) == 3 * 5  # three tables, and 30 pairs in sevens


def test_a_release_of_many_row_groups_reads_as_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, some(30))
    monkeypatch.setattr(row_groups, "ROWS", 4)
    release = build_release(store, "run")
    with pq.ParquetFile(release.folder / "train.parquet") as file:
        assert file.num_row_groups == -(-release.rows["train"] // 4) > 1
    table = read_release(release.folder)
    parts = [
        some_rows
        for split in release.rows
        for some_rows in dataset.release_batches(release.folder, split)
    ]
    assert max(part.height for part in parts) == 4
    assert pl.concat(parts).select(list(COLUMNS)).equals(table)


def test_a_pair_that_is_there_twice_makes_no_release(store: Store) -> None:
    fill(store, some(2))
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        draft = transaction.frame(QADraft).head(1)
        transaction.insert(QADraft, draft)
    with pytest.raises(ReleaseError, match="Ids repeat"):
        build_release(store, "run")
    assert visible(store) == []


class TestEmpty:
    def test_a_home_with_nothing_makes_an_empty_release_with_its_schema(self, store: Store) -> None:
        release = build_release(store, "run")
        assert release.total == 0
        table = read_release(release.folder)
        assert table.columns == list(COLUMNS)
        assert table.schema["evidence_start"] == pl.Int64
        assert (release.folder / "README.md").exists()

    def test_its_schema_is_that_of_a_full_one(self, tmp_path: Path) -> None:
        empty = build_release(Store(tmp_path / "empty"), "run")
        store = Store(tmp_path / "full")
        fill(store, some(2))
        full = build_release(store, "run")
        assert read_release(empty.folder).schema == read_release(full.folder).schema

    def test_so_does_a_domain_whose_pairs_were_all_rejected(self, store: Store) -> None:
        fill(store, [Pair(question(1), status=Status.REJECTED)])
        assert build_release(store, "run").total == 0


class TestCrash:
    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_a_half_written_release_is_never_seen(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, after: int
    ) -> None:
        fill(store, some(6))
        old = build_release(store, "run")
        fill(store, some(2, first=6))
        written: list[pl.DataFrame] = []
        write = RowGroups._write

        def failing(file: RowGroups, rows: pl.DataFrame) -> None:
            if len(written) == after:
                raise OSError("no space left on device")
            written.append(rows)
            write(file, rows)

        monkeypatch.setattr(RowGroups, "_write", failing)
        with pytest.raises(OSError, match="no space"):
            build_release(store, "run")
        assert visible(store) == [old.name]
        assert current_release(store) == old.folder

        monkeypatch.undo()
        assert build_release(store, "run").total == 8

    def test_a_killed_writer_leaves_nothing_that_a_reader_takes_for_a_release(
        self, store: Store
    ) -> None:
        fill(store, some(3))
        half = store.home / "releases" / ".0123456789ab.999"
        half.mkdir(parents=True)
        (half / "train.parquet").write_bytes(b"half")
        release = build_release(store, "run")
        assert current_release(store) == release.folder
        assert [name for name in visible(store) if not name.startswith(".")] == [release.name]

    def test_a_card_that_fails_leaves_no_release(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(store, some(3))

        def fail(*_: object) -> None:
            raise RuntimeError("no card")

        monkeypatch.setattr(dataset, "write_card", fail)
        with pytest.raises(RuntimeError, match="no card"):
            build_release(store, "run")
        assert visible(store) == []


def forget_index(store: Store) -> None:
    """What a user does who deletes the index of questions: domains know no more of each other."""
    for path in (store.home / "library").rglob("question_index*"):
        path.unlink()


class TestAcrossDomains:
    """The last look, for homes whose index was lost or whose domains were placed unlike."""

    def test_a_question_of_two_domains_is_kept_once(self, store: Store) -> None:
        one, other = sorted(
            (Pair(question(1), source="north"), Pair(question(1), source="south")),
            key=lambda pair: pair.pair_id,
        )
        fill(store, [one], Domain.OTHER)
        forget_index(store)
        fill(store, [other], Domain.MATH)
        release = build_release(store, "run")
        assert (release.total, release.left_out) == (1, 1)
        assert read_release(release.folder)["pair_id"].to_list() == [one.pair_id]

    def test_every_pair_with_a_place_is_accounted_for(self, store: Store) -> None:
        fill(store, [*some(3), Pair(question(7), source="north")], Domain.MATH)
        forget_index(store)
        fill(store, [Pair(question(7), source="south")], Domain.OTHER)
        release = build_release(store, "run")
        booked = rows(store, ReleasedPair, RELEASE)
        assert len(booked) == 5
        assert {row.release for row in booked} == {release.name}
        assert [row.reason for row in booked if row.status is Status.REJECTED] == [
            "duplicate_question"
        ]

    @pytest.mark.parametrize("tie", ["source", "cluster"])
    def test_what_two_domains_dealt_unlike_is_in_one_split_only(
        self, store: Store, tie: str
    ) -> None:
        """One domain was placed under other shares, and a release made before the rest were."""
        common = {"source": "north"} if tie == "source" else {"cluster": "one"}
        first = Pair(question(1), passage=1, **{"source": "a", **common})  # type: ignore[arg-type]
        other = Pair(question(2), passage=2, **{"source": "b", **common})  # type: ignore[arg-type]
        plant(store, [first], Domain.MATH)
        plant(store, [other], Domain.OTHER)
        split_domain(store, Domain.MATH, "run", SplitSettings(0, 0))
        split_domain(store, Domain.OTHER, "run", SplitSettings(0, 0.999))
        release = build_release(store, "run")
        assert release.rows == {"train": 1, "validation": 0, "test": 0}
        booked = {row.pair_id: row for row in rows(store, ReleasedPair, RELEASE)}
        assert booked[other.pair_id].reason == "split_conflict"
        assert len(booked) == 2

    def test_a_new_release_replaces_the_account_of_the_old_one(self, store: Store) -> None:
        fill(store, some(2))
        build_release(store, "run")
        fill(store, some(1, first=2))
        release = build_release(store, "run")
        booked = rows(store, ReleasedPair, RELEASE)
        assert len(booked) == 3
        assert {row.release for row in booked} == {release.name}


class TestCurrent:
    def test_without_a_release_the_way_to_one_is_said(self, store: Store) -> None:
        with pytest.raises(ReleaseError, match="wsrl run"):
            current_release(store)

    def test_a_release_that_was_deleted_is_named(self, store: Store) -> None:
        fill(store, some(1))
        release = build_release(store, "run")
        shutil.rmtree(release.folder)
        with pytest.raises(ReleaseError, match=release.name):
            current_release(store)


def test_the_card_counts_what_the_release_holds(store: Store) -> None:
    fill(store, [*some(3), Pair(question(9), source="source 0", passage=1)])
    release = build_release(store, "run")
    card = (release.folder / "README.md").read_text("utf-8")
    assert f"# Release {release.name}" in card
    assert "4 question-answer pairs" in card
    assert "3 source documents" in card
    assert "| Math | 4 |" in card
    assert all(f"| {name} |" in card for name in COLUMNS)


def test_the_card_counts_the_pairs_that_each_benchmark_took_out(
    store: Store, tmp_path: Path
) -> None:
    """Other benchmarks make another card, and so a release of another name."""
    fill(store, some(3))
    before = build_release(store, "run")
    assert "None: no benchmark file" in (before.folder / "README.md").read_text("utf-8")
    load_benchmarks(store, [benchmark(tmp_path, LONG), benchmark(tmp_path, SHORT, name="b.jsonl")])
    fill(store, [*some(3), Pair(LONG), Pair("Say: " + LONG)])
    release = build_release(store, "run")
    assert (release.total, release.name == before.name) == (3, False)
    card = (release.folder / "README.md").read_text("utf-8")
    assert "| bench.jsonl | 1 | 1 | 1 | 2 |" in card
    assert "| b.jsonl | 1 | 1 | 1 | 0 |" in card


def test_a_pair_that_a_later_verification_rejects_leaves_the_release(store: Store) -> None:
    (pair,) = some(1)
    fill(store, [pair])
    plant(store, [replace(pair, status=Status.REJECTED)])
    split_domain(store, Domain.MATH, "run", HALVES)
    assert build_release(store, "run").total == 0


@pytest.mark.parametrize("settings", [HALVES, SplitSettings(0, 0), SplitSettings(0, 0.99)])
def test_datasets_loads_the_folder_as_it_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: SplitSettings
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    plant(store, some(8))
    split_domain(store, Domain.MATH, "run", settings)
    release = build_release(store, "run")
    # The library takes brackets in a path for a pattern.
    folder = shutil.copytree(release.folder, tmp_path / "copy")
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    filled = {split: rows for split, rows in release.rows.items() if rows}
    assert {split: part.num_rows for split, part in loaded.items()} == filled
    assert next(iter(loaded.values())).column_names == list(COLUMNS)
