"""What is withdrawn is in no later release; what is read again leaves nothing of the old behind."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.pipeline.samples import drawn_rows
from wsrl_assets.pipeline.takedowns import (
    forget_shard,
    matching_documents,
    read_again,
    withdraw_matching,
)
from wsrl_assets.pipeline.takedowns import take_in as register_named
from wsrl_assets.sources.ingest import ingest_shard, register
from wsrl_assets.sources.rows import ShardFault, SourceError
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.tables import FilteredDocument, SourceDocument, Status, TriagedDocument
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.curation.test_filter import triaged
from wsrl_assets_tests.factories import balances, rows
from wsrl_assets_tests.text.test_minhash import text

DOMAIN = Domain.CODING


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def write(path: Path, texts: Sequence[str], column: str = "text") -> Path:
    lines = [
        json.dumps(
            {column: body, "url": f"https://example.com/{path.stem}/{n}", "other": text(90 + n, 80)}
        )
        for n, body in enumerate(texts)
    ]
    path.write_text("\n".join(lines), "utf-8")
    return path


def take_in(store: Store, path: Path) -> str:
    """Registers, reads, triages and filters a file; returns its shard."""
    (shard,) = register(store, path)
    advance(store, shard.key)
    return shard.key


def advance(store: Store, shard: str, run_id: str = "run") -> None:
    ingest_shard(store, shard, run_id)
    partition = Partition.shard(shard)
    known = {row.doc_id for row in rows(store, TriagedDocument, partition)}
    bodies = [row.text or "" for row in kept_rows(store, shard) if row.doc_id not in known]
    with store.transaction(partition) as transaction:
        transaction.merge([triaged(body, DOMAIN) for body in bodies])
    store.publish(partition)
    filter_domain(store, DOMAIN, run_id)


def kept_rows(store: Store, shard: str) -> list[SourceDocument]:
    found = rows(store, SourceDocument, Partition.shard(shard))
    return [row for row in found if row.status is Status.KEPT]


def in_domain(store: Store) -> set[str]:
    found = rows(store, FilteredDocument, Partition.domain(DOMAIN))
    return {row.text or "" for row in found if row.status is Status.KEPT}


def assert_accounts_balance(store: Store) -> None:
    found = balances(store)
    assert found
    assert [a for a in found if not a.balanced] == []


TEXTS = [text(n, 80) for n in range(3)]


def test_a_forgotten_shard_leaves_the_domain_and_is_not_read_again(
    store: Store, tmp_path: Path
) -> None:
    shard = take_in(store, write(tmp_path / "a.jsonl", TEXTS))
    assert len(in_domain(store)) == 3
    withdrawn = forget_shard(store, shard, "forget")
    assert withdrawn.documents == {shard: 3}
    assert in_domain(store) == set()
    assert ingest_shard(store, shard, "run-2") == 0
    filter_domain(store, DOMAIN, "run-2")
    assert in_domain(store) == set()
    assert_accounts_balance(store)


def test_a_document_of_two_shards_stays_when_one_of_them_is_forgotten(
    store: Store, tmp_path: Path
) -> None:
    first = take_in(store, write(tmp_path / "a.jsonl", TEXTS))
    second = take_in(store, write(tmp_path / "b.jsonl", TEXTS[:1]))
    assert kept_rows(store, second) == []
    forget_shard(store, first, "forget")
    assert [row.text for row in kept_rows(store, second)] == TEXTS[:1]
    advance(store, second)
    assert in_domain(store) == set(TEXTS[:1])
    assert_accounts_balance(store)


@pytest.mark.parametrize("pattern", ["https://example.com/a/1", "*example.com/a/[1]", "{doc_id}"])
def test_a_takedown_withdraws_what_matches_for_good(
    store: Store, tmp_path: Path, pattern: str
) -> None:
    shard = take_in(store, write(tmp_path / "a.jsonl", TEXTS))
    doc_id = next(row.doc_id for row in kept_rows(store, shard) if row.text == TEXTS[1])
    pattern = pattern.format(doc_id=doc_id)
    assert matching_documents(store, pattern) == {shard: [doc_id]}
    withdraw_matching(store, pattern, "forget")
    assert in_domain(store) == {TEXTS[0], TEXTS[2]}
    copy = take_in(store, write(tmp_path / "copy.jsonl", [TEXTS[1], text(7, 80)]))
    assert in_domain(store) == {TEXTS[0], TEXTS[2], text(7, 80)}
    reasons = {row.text: row.reason for row in rows(store, SourceDocument, Partition.shard(copy))}
    assert reasons[TEXTS[1]] == "withdrawn"
    assert_accounts_balance(store)


def test_a_shard_that_was_forgotten_comes_back_when_it_is_ingested_again(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    shard = take_in(store, path)
    withdraw_matching(store, "https://example.com/a/0", "forget")
    forget_shard(store, shard, "forget")
    read_again(store, [str(path)])
    advance(store, shard, "run-2")
    assert in_domain(store) == set(TEXTS[1:]), "all but what was withdrawn for good"
    assert_accounts_balance(store)


def test_another_text_column_leaves_nothing_of_the_first_one(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    shard = take_in(store, path)
    read_again(store, [str(path)], "other")
    advance(store, shard, "run-2")
    assert in_domain(store) == {text(90 + n, 80) for n in range(3)}
    assert_accounts_balance(store)


def test_reading_again_what_did_not_change_keeps_every_verdict(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    shard = take_in(store, path)
    before = rows(store, TriagedDocument, Partition.shard(shard))
    read_again(store, [str(path)])
    ingest_shard(store, shard, "run-2")
    assert rows(store, TriagedDocument, Partition.shard(shard)) == before
    assert len(in_domain(store)) == 3


def test_a_changed_file_takes_the_place_of_its_old_content(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    take_in(store, path)
    write(path, [text(50, 80)])
    (again,) = read_again(store, [str(path)])
    advance(store, again.key, "run-2")
    assert in_domain(store) == {text(50, 80)}
    assert_accounts_balance(store)


def test_an_unknown_shard_is_named_with_those_that_there_are(store: Store, tmp_path: Path) -> None:
    shard = take_in(store, write(tmp_path / "a.jsonl", TEXTS))
    with pytest.raises(SourceError, match=shard):
        forget_shard(store, "nothing", "forget")


def test_a_text_column_that_is_named_later_is_read(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    shard = take_in(store, path)
    register_named(store, str(path), "other")
    advance(store, shard, "run-2")
    assert in_domain(store) == {text(90 + n, 80) for n in range(3)}


def test_a_file_that_changed_before_it_was_read_takes_the_place_of_its_shard(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    (old,) = register(store, path)
    write(path, [text(50, 80)])
    (new,) = register_named(store, str(path))
    assert ingest_shard(store, old.key, "run") == 0
    assert ingest_shard(store, new.key, "run") == 1


def test_a_file_that_is_gone_fails_its_shard_until_that_is_forgotten(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", TEXTS)
    (shard,) = register(store, path)
    path.unlink()
    with pytest.raises(ShardFault, match=f"wsrl forget {shard.key}"):
        ingest_shard(store, shard.key, "run")
    assert sum(a.failed for a in balances(store)) == 1
    forget_shard(store, shard.key, "forget")
    assert sum(a.failed + a.pending for a in balances(store)) == 0


def test_what_is_withdrawn_is_in_no_sample_and_in_no_text_for_training(
    store: Store, tmp_path: Path
) -> None:
    shard = take_in(store, write(tmp_path / "a.jsonl", [text(n) for n in range(6)]))
    gone, *others = sorted(row.doc_id for row in kept_rows(store, shard))
    withdraw_matching(store, gone, "run")
    store.publish(Partition.shard(shard))
    for query in ("trial_documents", "preview_documents"):
        assert sorted(row["doc_id"] for row in drawn_rows(store, query, 0, 100)) == others
    with catalog(store) as connection:
        found = frame(connection, "proof_source_documents", held_out=["none"], most=100)
    assert found["doc_id"].to_list() == others
