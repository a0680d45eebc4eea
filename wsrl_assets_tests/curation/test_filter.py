"""A domain gets its qualified documents from all shards, once each and less near-duplicates."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.domains import Domain
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import FilteredDocument, Status, TriagedDocument
from wsrl_assets.text import content_id
from wsrl_assets_tests.curation.test_dedup import edited, text
from wsrl_assets_tests.factories import WHEN, rows, source_document

DOMAIN = Domain.CODING


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def triaged(body: str, domain: Domain = DOMAIN, status: Status = Status.KEPT) -> TriagedDocument:
    return TriagedDocument(
        doc_id=content_id(body),
        status=status,
        qualified=status is Status.KEPT,
        domain=domain,
        recipe="r",
        run_id="planted",
        created_at=WHEN,
    )


def plant(store: Store, shard: str, texts: Sequence[str], domain: Domain = DOMAIN) -> None:
    """A shard whose documents all qualified for a domain."""
    with store.transaction(Partition.shard(shard)) as transaction:
        transaction.merge([source_document(n, body, shard) for n, body in enumerate(texts)])
        transaction.merge([triaged(body, domain) for body in texts])


def filtered(store: Store) -> dict[str, FilteredDocument]:
    return {row.doc_id: row for row in rows(store, FilteredDocument, Partition.domain(DOMAIN))}


def kept(store: Store) -> set[str]:
    return {name for name, row in filtered(store).items() if row.status is Status.KEPT}


def test_documents_of_all_shards_come_in_with_their_lineage(store: Store) -> None:
    plant(store, "a", [text(1)])
    plant(store, "b", [text(2), text(3)])
    assert filter_domain(store, DOMAIN, "run") == 3
    row = filtered(store)[content_id(text(3))]
    assert (row.shard, row.source_row, row.text, row.status) == ("b", 2, text(3), Status.KEPT)
    assert row.cluster_id == row.doc_id


def test_a_near_duplicate_is_rejected_by_the_name_of_the_first(store: Store) -> None:
    plant(store, "a", [text(1)])
    plant(store, "b", [edited(text(1), 3), edited(text(1), 4)])
    filter_domain(store, DOMAIN, "run")
    first = content_id(text(1))
    assert kept(store) == {first}
    copies = [row for name, row in filtered(store).items() if name != first]
    assert {row.reason for row in copies} == {"near_duplicate"}
    assert {row.cluster_id for row in copies} == {first}
    assert all(row.detail is not None and first in row.detail for row in copies)


def test_of_two_near_duplicates_in_a_shard_the_first_row_stays(store: Store) -> None:
    plant(store, "a", [text(5), text(1), edited(text(1), 3), text(6)])
    filter_domain(store, DOMAIN, "run")
    assert content_id(text(1)) in kept(store)
    assert content_id(edited(text(1), 3)) not in kept(store)


def test_a_second_run_adds_nothing(store: Store) -> None:
    plant(store, "a", [text(1), edited(text(1), 3)])
    assert filter_domain(store, DOMAIN, "run") == 2
    before = filtered(store)
    assert filter_domain(store, DOMAIN, "again") == 0
    assert filtered(store) == before


def test_shard_by_shard_is_the_same_as_all_at_once(tmp_path: Path) -> None:
    shards = {
        "a": [text(1), text(2)],
        "b": [edited(text(1), 3), text(3)],
        "c": [edited(text(3), 2), edited(text(2), 60), text(4)],
    }
    at_once, stepwise = Store(tmp_path / "once"), Store(tmp_path / "steps")
    for name, texts in shards.items():
        plant(at_once, name, texts)
        plant(stepwise, name, texts)
        filter_domain(stepwise, DOMAIN, name)
    filter_domain(at_once, DOMAIN, "run")
    clusters = [
        {name: row.cluster_id for name, row in filtered(store).items()}
        for store in (at_once, stepwise)
    ]
    assert clusters[0] == clusters[1]
    assert kept(at_once) == kept(stepwise)
    assert len(kept(at_once)) == 5


def test_only_qualified_documents_of_the_domain_are_taken(store: Store) -> None:
    plant(store, "a", [text(1)])
    plant(store, "b", [text(2)], Domain.MATH)
    with store.transaction(Partition.shard("a")) as transaction:
        transaction.merge([source_document(9, text(3), "a"), source_document(8, text(4), "a")])
        transaction.merge([triaged(text(3), status=Status.REJECTED)])
    filter_domain(store, DOMAIN, "run")
    assert set(filtered(store)) == {content_id(text(1))}


def test_a_document_in_two_shards_comes_in_once(store: Store) -> None:
    plant(store, "a", [text(1)])
    plant(store, "b", [text(1)])
    assert filter_domain(store, DOMAIN, "run") == 1
    assert filtered(store)[content_id(text(1))].shard == "a"


def test_progress_is_told_by_rows(store: Store) -> None:
    plant(store, "a", [text(n) for n in range(3)])
    told: list[int] = []
    filter_domain(store, DOMAIN, "run", on_progress=told.append)
    assert sum(told) == 3


def test_a_home_without_shards_has_no_documents(store: Store) -> None:
    assert filter_domain(store, DOMAIN, "run") == 0
