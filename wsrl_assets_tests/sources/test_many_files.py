"""Claims about folders of many small files, which are few shards."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsrl_assets.sources import shards
from wsrl_assets.sources.inbox import scan
from wsrl_assets.sources.ingest import Registered, ingest_shard, register
from wsrl_assets.sources.readers import (
    ShardFault,
    ShardFile,
    ShardKind,
    SourceError,
    discover,
    read_rows,
)
from wsrl_assets.sources.rows import ReadError, ReadLimits, SourceRow
from wsrl_assets.sources.tables import read_table
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets_tests.sources.files import json_lines, write, write_parquet

MANY = 12
TEXT = " ".join(f"Sentence number {n} says that item {n} weighs {n * 3} grams." for n in range(12))


@pytest.fixture(autouse=True)
def more_than_ten_are_many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "few" not in request.node.name:
        monkeypatch.setattr(shards, "_FEW_FILES", 10)


def many(folder: Path, count: int = MANY) -> Path:
    """Files of three kinds, one document each."""
    (folder / "deep").mkdir(parents=True)
    for number in range(count):
        text = f"Document {number}. {TEXT}"
        kind = number % 3
        if kind == 0:
            write(folder / f"part-{number:04}.jsonl", json_lines({"text": text, "file": "own"}))
        elif kind == 1:
            write_parquet(folder / "deep" / f"part-{number:04}.parquet", {"content": [text]})
        else:
            write(
                folder / f"part-{number:04}.csv", f'text,url\n"{text}",http://a.example/{number}\n'
            )
    return folder


def read(store: Store, shards: list[Registered]) -> dict[str, tuple[str | None, str]]:
    """The documents of shards: by text, their status and file."""
    found = {}
    for shard in shards:
        with store.snapshot(Partition.shard(shard.key)) as connection:
            rows = connection.sql(
                "SELECT text, status, metadata ->> 'shard_file' FROM source_documents"
            ).fetchall()
        found.update({text: (status, file) for text, status, file in rows if status == "kept"})
    return found


def test_many_small_files_are_one_shard_and_each_row_names_its_file(tmp_path: Path) -> None:
    (shard,) = discover(many(tmp_path / "corpus"))
    assert (shard.kind, len(shard.members), shard.name) == (ShardKind.FILES, MANY, "corpus")
    rows = [row for batch in read_rows(shard) for row in batch]
    assert sorted(row.metadata["shard_file"] for row in rows) == sorted(shard.members)
    places = {name: place for place, name in enumerate(shard.members, start=1)}
    assert all(
        divmod(row.row_number, 10**9)
        == (places[row.metadata["shard_file"]], int(row.metadata["shard_file_row"]))
        for row in rows
    )
    assert {row.metadata.get("file") for row in rows} == {None, "own"}


def test_few_small_files_and_large_ones_are_shards_by_themselves(tmp_path: Path) -> None:
    folder = many(tmp_path / "corpus", 101)
    write(folder / "large.jsonl", json_lines({"text": TEXT * (16 * 2**20 // len(TEXT) + 1)}))
    assert [len(shard.members) for shard in discover(folder)] == [0, 101]
    assert all(not shard.members for shard in discover(many(tmp_path / "few", 100)))


def test_a_group_ends_at_64_mib(tmp_path: Path) -> None:
    noise = "0" * 1_000_000
    for number in range(140):
        write(tmp_path / f"{number:03}.jsonl", json_lines({"text": f"{number} {noise}"}))
    sizes = [shard.size_bytes for shard in discover(tmp_path)]
    assert len(sizes) == 3
    assert max(sizes) <= 65 * 2**20


def test_files_that_a_folder_gains_are_one_more_shard(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    folder = many(tmp_path / "corpus")
    (first,) = register(store, folder)
    ingest_shard(store, first.key, "test")
    write(folder / "a-new-one.jsonl", json_lines({"text": f"New. {TEXT}"}))
    write(folder / "notes.md", f"Notes. {TEXT}")
    registered = register(store, folder)
    assert [shard.is_new for shard in registered] == [False, True, True]
    assert registered[0].key == first.key
    assert [ingest_shard(store, shard.key, "test") for shard in registered] == [0, 1, 1]
    assert [shard.is_new for shard in register(store, folder)] == [False, False, False]
    write(folder / "more.md", f"More notes. {TEXT}")
    assert [shard.is_new for shard in register(store, folder)] == [False, False, False, True]


def test_small_files_that_are_named_one_by_one_are_one_shard_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    folder = many(tmp_path / "corpus")
    large = write(
        folder / "large.jsonl", json_lines({"text": TEXT * (16 * 2**20 // len(TEXT) + 1)})
    )
    other = write(tmp_path / "other.md", TEXT)
    paths = [*folder.glob("*.*"), *(folder / "deep").glob("*"), other]
    registered = register(store, paths)
    alone = {shard.key.rpartition("-")[0] for shard in registered}
    assert len(registered) == 2 + MANY  # 8 files in the folder and 4 below it are not so many
    assert {"large.jsonl", "other.md"} <= alone
    for number in range(MANY):
        write(folder / f"more-{number}.jsonl", json_lines({"text": f"More {number}. {TEXT}"}))
    named = [*folder.glob("*.*"), other]
    again = register(store, named)
    assert [shard.key for shard in again if shard.is_new] == [again[-2].key]
    assert large.name in again[0].key
    missing = folder / "not-there.jsonl"
    with pytest.raises(SourceError, match="not-there"):
        register(store, [*named, missing])


def test_a_changed_file_makes_another_shard_of_which_only_it_is_new(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    folder = many(tmp_path / "corpus")
    (first,) = register(store, folder)
    ingest_shard(store, first.key, "test")
    write(folder / "part-0000.jsonl", json_lines({"text": f"Changed. {TEXT}"}))
    (second,) = register(store, folder)
    assert second.is_new
    ingest_shard(store, second.key, "test")
    kept = read(store, [second])
    assert [text[:8] for text in kept] == ["Changed."]


def test_small_files_that_were_registered_by_themselves_stay(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    folder = many(tmp_path / "corpus", 10)
    before = {shard.key for shard in register(store, folder)}
    for number in range(3):
        write(folder / f"new-{number}.jsonl", json_lines({"text": f"New {number}. {TEXT}"}))
    after = register(store, folder)
    assert {shard.key for shard in after if not shard.is_new} == before
    assert len(after) == 11


BROKEN = {
    "cut.jsonl.gz": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4a", "truncated_file"),
    "no-text.jsonl": (b'{"a": 1}\n', "unreadable_file"),
    "bad.parquet": (b"PAR1 and nothing more", "unreadable_file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_keeps_the_others_in_and_is_named_until_it_is_mended(
    tmp_path: Path, name: str
) -> None:
    content, reason = BROKEN[name]
    store = Store(tmp_path / "home")
    folder = many(tmp_path / "corpus")
    broken = folder / f"part-0005-{name}"
    broken.write_bytes(content)
    (shard,) = register(store, folder)
    with pytest.raises(
        ShardFault, match=rf"{MANY} rows were read, then: .*{broken.name}"
    ) as caught:
        ingest_shard(store, shard.key, "test")
    assert str(caught.value.reason) == reason
    assert len(read(store, [shard])) == MANY
    broken.unlink()
    with pytest.raises(ShardFault, match=r"does not exist.*ingest --again"):
        ingest_shard(store, shard.key, "again")
    assert len(read(store, [shard])) == MANY


def test_a_file_that_cannot_be_read_now_is_read_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "home")
    folder = many(tmp_path / "corpus")
    copy = folder / "part-0011-copy.csv"
    shutil.copy(folder / "part-0002.csv", copy)
    (shard,) = register(store, folder)

    def failing(file: ShardFile, column: str | None, limits: ReadLimits) -> Iterator[SourceRow]:
        if file.path.endswith("part-0002.csv"):
            raise ReadError("the store gave no answer")
        return read_table(file, column, limits)

    with monkeypatch.context() as patch:
        patch.setattr("wsrl_assets.sources.readers.read_table", failing)
        with pytest.raises(ShardFault, match=r"part-0002.csv.*no answer"):
            ingest_shard(store, shard.key, "first")
    assert read(store, [shard])[f"Document 2. {TEXT}"][1] == copy.name
    assert ingest_shard(store, shard.key, "second") == MANY + 1
    kept = read(store, [shard])
    assert len(kept) == MANY
    assert kept[f"Document 2. {TEXT}"][1] == "part-0002.csv"


def test_many_small_files_that_settle_together_are_one_arrival(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    inbox = many(tmp_path / "inbox")
    write(inbox / "a.md", f"A note. {TEXT}")
    scan(store, inbox)
    found = scan(store, inbox)
    assert len(found.arrivals) == 2
    assert found.settling == 0
    assert len(list(store.partitions(PartitionKind.SHARD))) == 2
    write(inbox / "late.jsonl", json_lines({"text": f"Late. {TEXT}"}))
    scan(store, inbox)
    late = scan(store, inbox, after=max(row.number or 0 for row in found.arrivals))
    assert [Path(row.path).name for row in late.arrivals] == ["late.jsonl"]
