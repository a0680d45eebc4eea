"""The accounts of a home are kept by partition, and counted again where rows have changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.storage import Partition, Store, catalog, figures, remembered
from wsrl_assets.storage import store as store_module
from wsrl_assets.storage.accounting import accounts, call_totals
from wsrl_assets.storage.catalog import attached_catalog, pooled_catalog
from wsrl_assets.storage.home_accounting import (
    home_accounts,
    home_calls,
    open_shards,
    total_rows,
)
from wsrl_assets.storage.tables import FilteredDocument, QADraft, TriagedDocument
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    WHEN,
    call_row,
    document_text,
    draft_row,
    filtered_document,
    plant_shard,
)

SHARDS = ("sample-0001", "sample-0002")
TEXTS = {shard: [document_text(n, shard) for n in range(3)] for shard in SHARDS}


def filtered(number: int, shard: str) -> FilteredDocument:
    return filtered_document(number, TEXTS[shard][number], shard=shard)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two shards of three documents, which a domain has; two calls and a draft."""
    store = Store(tmp_path)
    documents = [filtered(n, shard) for shard in SHARDS for n in range(3)]
    for shard in SHARDS:
        plant_shard(store, TEXTS[shard], shard)
        given = [
            TriagedDocument(
                doc_id=document.doc_id,
                qualified=True,
                domain=str(DOMAIN),
                recipe="r",
                run_id="planted",
                created_at=WHEN,
            )
            for document in documents
            if document.shard == shard
        ]
        with store.transaction(Partition.shard(shard)) as transaction:
            transaction.merge([*given, call_row(len(shard), stage="triaged_documents")])
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge(
            [*documents, call_row(1), draft_row(0, TEXTS[SHARDS[0]][0], answer="short")]
        )
    return store


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Partition]:
    """The partitions that are opened to be counted."""
    found: list[Partition] = []

    def counted(files: Mapping[Partition, Path], *queries: Any) -> Any:
        found.extend(files)
        return pooled_catalog(files, *queries)

    monkeypatch.setattr(remembered, "pooled_catalog", counted)
    return found


def test_a_partition_is_opened_once_for_each_state_of_it(
    store: Store, opened: list[Partition]
) -> None:
    first = home_accounts(store)
    assert sorted(opened) == [IN_DOMAIN, *map(Partition.shard, SHARDS)]
    opened.clear()
    assert home_accounts(Store(store.home)) == first
    assert opened == []
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([draft_row(1, TEXTS[SHARDS[0]][0], persona_index=1)])
    assert home_accounts(store) != first
    assert opened == [IN_DOMAIN]


def test_a_damaged_file_of_figures_is_counted_again(store: Store) -> None:
    first = home_accounts(store)
    (store.home / "domains" / "figures" / f"{DOMAIN}.json").write_text("{", "utf-8")
    assert home_accounts(store) == first


def test_a_large_partition_is_counted_without_a_copy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_COPY_EVERY_COMMIT_BYTES", 0)
    snapshot = store.home / "domains" / "snapshots" / f"{DOMAIN}.duckdb"
    before = snapshot.stat().st_ino
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([draft_row(1, TEXTS[SHARDS[0]][0], persona_index=1)])
    (drafts,) = [a for a in home_accounts(store) if a.stage == "qa_drafts"]
    assert drafts.kept == total_rows(store, IN_DOMAIN, QADraft) == 2
    assert snapshot.stat().st_ino == before


def test_rows_elsewhere_are_those_that_were_counted_last(store: Store) -> None:
    elsewhere = Partition.domain(Domain.MATH)
    for number in range(2):
        with store.transaction(elsewhere) as transaction:
            transaction.merge([draft_row(number, TEXTS[SHARDS[0]][0], persona_index=number)])
        assert total_rows(store, IN_DOMAIN, QADraft) == 2
    assert total_rows(store, elsewhere, QADraft) == 3


def test_the_ledgers_of_partitions_are_summed(store: Store) -> None:
    with catalog(store) as connection:
        assert home_calls(store) == call_totals(connection)


def test_shards_are_open_to_a_domain_that_has_other_documents_of_them(store: Store) -> None:
    assert open_shards(store, str(DOMAIN)) == []
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.delete_where(FilteredDocument, "doc_id", [filtered(1, SHARDS[1]).doc_id])
    assert open_shards(store, str(DOMAIN)) == [SHARDS[1]]
    with catalog(store) as connection:
        assert home_accounts(store) == accounts(connection)


def test_a_document_that_two_shards_have_comes_in_once(store: Store) -> None:
    with store.transaction(Partition.shard(SHARDS[1])) as transaction:
        transaction.connection.execute(
            f"UPDATE triaged_documents SET doc_id = '{filtered(0, SHARDS[0]).doc_id}' "
            f"WHERE doc_id = '{filtered(0, SHARDS[1]).doc_id}'"
        )
    with catalog(store) as connection:
        counted = accounts(connection)
    assert home_accounts(store) == counted
    assert any(a.stage == "filtered_documents" and not a.balanced for a in counted)


def test_of_a_large_domain_the_newest_pairs_are_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_SHOWN", 1)
    newer = WHEN.replace(year=WHEN.year + 1)
    with store.transaction(IN_DOMAIN) as transaction:
        text = TEXTS[SHARDS[0]][0]
        late = draft_row(1, text, persona_index=1, answer="a longer answer", created_at=newer)
        transaction.merge([late])
    with catalog_of_domain(store) as connection:
        with figures.newest_pairs(connection, IN_DOMAIN):
            shown = figures.answer_shapes(connection, IN_DOMAIN, [])
        assert shown["characters"].to_list() == [len("a longer answer")]
        assert figures.answer_shapes(connection, IN_DOMAIN, [])["pairs"].sum() == 2


def catalog_of_domain(store: Store) -> Any:
    with store.current([IN_DOMAIN]) as files:
        return attached_catalog(files)
