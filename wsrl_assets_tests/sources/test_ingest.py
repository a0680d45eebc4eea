"""Registering and reading shards: what is kept, why the rest is not, and what a rerun does."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wsrl_assets.sources.ingest import IngestSettings, ingest_shard, register
from wsrl_assets.sources.readers import ShardFault, SourceError
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.accounting import accounts

LONG = "The Suez Canal was opened to shipping in November 1869 by the Khedive of Egypt. " * 1
BODY = " ".join(f"Sentence number {n} says that item {n} weighs {n * 3} grams." for n in range(12))


def shard_file(folder: Path, name: str, *rows: object) -> Path:
    path = folder / name
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def ingest(store: Store, path: Path) -> str:
    (shard,) = register(store, path)
    ingest_shard(store, shard.key, "test")
    return shard.key


def outcomes(store: Store, key: str) -> list[tuple[int, str, str | None]]:
    with store.snapshot(Partition.shard(key)) as connection:
        return connection.sql(
            "SELECT source_row, status, reason FROM source_documents ORDER BY source_row, passage"
        ).fetchall()


def test_every_bad_row_is_kept_with_its_reason(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    path = shard_file(
        tmp_path,
        "mixed.jsonl",
        {"text": f"{LONG}{BODY}"},
        '{"text": "broken',
        {"text": None},
        {"text": "too short"},
        {"text": f"{LONG}  {BODY}"},
    )
    assert outcomes(store, ingest(store, path)) == [
        (1, "kept", None),
        (2, "rejected", "bad_json"),
        (3, "rejected", "no_text"),
        (4, "rejected", "too_short"),
        (5, "rejected", "exact_duplicate"),
    ]


def test_two_shards_never_keep_the_same_document(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    first = ingest(store, shard_file(tmp_path, "a.jsonl", {"text": LONG + BODY}))
    second = ingest(store, shard_file(tmp_path, "b.jsonl", {"text": LONG + BODY, "n": 2}))
    assert outcomes(store, first) == [(1, "kept", None)]
    assert outcomes(store, second) == [(1, "rejected", "exact_duplicate")]


def test_registering_a_file_twice_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    path = shard_file(tmp_path, "a.jsonl", {"text": LONG + BODY})
    (first,) = register(store, path)
    (second,) = register(store, path)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.key == second.key


def test_a_shard_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    path = shard_file(tmp_path, "a.jsonl", {"text": LONG + BODY})
    key = ingest(store, path)
    path.unlink()
    assert ingest_shard(store, key, "again") == 0


def test_a_changed_file_is_refused_under_its_old_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    path = shard_file(tmp_path, "a.jsonl", {"text": LONG + BODY})
    (shard,) = register(store, path)
    shard_file(tmp_path, "a.jsonl", {"text": BODY})
    with pytest.raises(SourceError, match="changed since it was registered"):
        ingest_shard(store, shard.key, "test")


def test_an_unknown_shard_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="wsrl ingest"):
        ingest_shard(Store(tmp_path / "home"), "nothing-00000000", "test")


def test_a_long_document_becomes_passages_of_one_parent(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    long = "\n\n".join(f"{BODY} Paragraph {n}." for n in range(20))
    (shard,) = register(store, shard_file(tmp_path, "a.jsonl", {"text": long}))
    ingest_shard(store, shard.key, "test", IngestSettings(max_passage_tokens=600))
    with store.snapshot(Partition.shard(shard.key)) as connection:
        passages, parents, longest = connection.sql(
            "SELECT count(*), count(DISTINCT parent_id), max(tokens) FROM source_documents"
        ).fetchall()[0]
    assert passages > 1
    assert parents == 1
    assert longest <= 600


def test_a_markdown_document_is_called_by_its_heading(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    (tmp_path / "canal.md").write_text(f"# The Suez Canal\n\n{LONG}{BODY}\n", "utf-8")
    key = ingest(store, tmp_path / "canal.md")
    with store.snapshot(Partition.shard(key)) as connection:
        assert connection.sql("SELECT title FROM source_documents").fetchall() == [
            ("The Suez Canal",)
        ]


def test_the_rows_of_a_shard_are_accounted_for(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    (unread,) = register(store, shard_file(tmp_path, "unread.jsonl", {"text": BODY}))
    read = ingest(store, shard_file(tmp_path, "read.jsonl", {"text": LONG + BODY}, "no json"))
    with catalog(store) as connection:
        found = {a.partition: a for a in accounts(connection) if a.stage == "source_documents"}
    assert found[unread.key].pending == 1
    assert (found[read].rows_in, found[read].kept, found[read].rejected) == (2, 1, 1)
    assert all(account.balanced for account in found.values())


def cut_gzip(folder: Path, rows: int) -> Path:
    lines = "".join(json.dumps({"text": f"{LONG}{BODY} {n**9}."}) + "\n" for n in range(rows))
    data = gzip.compress(lines.encode(), mtime=0)
    path = folder / "cut.jsonl.gz"
    path.write_bytes(data[: len(data) // 2])
    return path


def test_a_shard_that_ends_early_is_failed_with_the_rows_before_the_fault_kept(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "home")
    (shard,) = register(store, cut_gzip(tmp_path, 400))
    with pytest.raises(ShardFault, match="rows were read, then: the file ends inside"):
        ingest_shard(store, shard.key, "test")
    with catalog(store) as connection:
        (account,) = [a for a in accounts(connection) if a.stage == "source_documents"]
        (row,) = connection.sql("SELECT rows_read, fault, source_rows FROM shards").fetchall()
    assert row == (account.kept, "truncated_file", None)
    assert (account.failed, account.rejected, account.pending) == (1, 0, 0)
    assert account.kept > 100
    assert account.balanced
    assert account.reasons == {"truncated_file": 1}


@pytest.mark.parametrize("fault", [TimeoutError("no answer"), OSError(5, "EIO"), EOFError("cut")])
def test_a_store_that_fails_while_a_shard_is_read_loses_no_row_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    store = Store(tmp_path / "home")
    (shard,) = register(store, shard_file(tmp_path, "a.jsonl", {"text": LONG + BODY}))
    with monkeypatch.context() as patch:
        patch.setattr("fsspec.implementations.local.LocalFileOpener.read", raises(fault))
        with pytest.raises(ShardFault, match=type(fault).__name__):
            ingest_shard(store, shard.key, "test")
    with catalog(store) as connection:
        (account,) = [a for a in accounts(connection) if a.stage == "source_documents"]
    assert (account.failed, account.reasons) == (1, {"read_error": 1})
    assert ingest_shard(store, shard.key, "again") == 1
    assert outcomes(store, shard.key) == [(1, "kept", None)]
    with catalog(store) as connection:
        (account,) = [a for a in accounts(connection) if a.stage == "source_documents"]
    assert (account.kept, account.failed) == (1, 0)


def raises(fault: Exception) -> Callable[..., bytes]:
    def read(*_: object) -> bytes:
        raise fault

    return read


def test_each_passage_has_its_language(tmp_path: Path) -> None:
    german = (
        "Die Brücke über den Fluss wurde im Frühling eröffnet und trägt seither die Straße. " * 3
    )
    store = Store(tmp_path / "home")
    key = ingest(store, shard_file(tmp_path, "a.jsonl", {"text": LONG + BODY}, {"text": german}))
    with store.snapshot(Partition.shard(key)) as connection:
        found = connection.sql("SELECT language FROM source_documents ORDER BY source_row")
        assert found.fetchall() == [("en",), ("de",)]
