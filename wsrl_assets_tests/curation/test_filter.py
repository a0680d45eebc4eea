"""A domain gets its qualified documents from all shards, once each, less near-duplicates of any."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from wsrl_assets.curation import dedup as dedup_module
from wsrl_assets.curation import filter as filter_module
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.storage import Partition, Store, replacement
from wsrl_assets.storage.claims import DOCUMENT_INDEX
from wsrl_assets.storage.tables import (
    DocumentLink,
    FilteredDocument,
    Signature,
    Status,
    TriagedDocument,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.minhash import MinHashSettings, signature
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import WHEN, balances, rows, source_document
from wsrl_assets_tests.text.test_minhash import edited, text

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


OTHER = Domain.MATH


def kept_in(store: Store, domain: Domain) -> set[str]:
    found = rows(store, FilteredDocument, Partition.domain(domain))
    return {row.doc_id for row in found if row.status is Status.KEPT}


class TestOverDomains:
    def test_a_near_duplicate_in_another_domain_is_rejected(self, store: Store) -> None:
        plant(store, "a", [text(1)])
        plant(store, "b", [edited(text(1), 3), text(2)], OTHER)
        filter_domain(store, DOMAIN, "run")
        filter_domain(store, OTHER, "run")
        assert kept_in(store, DOMAIN) == {content_id(text(1))}
        assert kept_in(store, OTHER) == {content_id(text(2))}
        copy = next(
            row
            for row in rows(store, FilteredDocument, Partition.domain(OTHER))
            if row.status is Status.REJECTED
        )
        assert (copy.reason, copy.cluster_id) == ("near_duplicate", content_id(text(1)))

    def test_the_account_of_each_domain_balances(self, store: Store) -> None:
        plant(store, "a", [text(1), text(3)])
        plant(store, "b", [edited(text(1), 3), text(2)], OTHER)
        for domain in (DOMAIN, OTHER):
            filter_domain(store, domain, "run")
        found = [a for a in balances(store) if a.stage == "filtered_documents"]
        assert len(found) == 2
        assert all(account.balanced and account.pending == 0 for account in found)

    def test_a_document_that_triage_gave_to_two_domains_is_kept_in_one(self, store: Store) -> None:
        plant(store, "a", [text(1)])
        plant(store, "b", [text(1)], OTHER)
        filter_domain(store, DOMAIN, "run")
        filter_domain(store, OTHER, "run")
        assert kept_in(store, DOMAIN) | kept_in(store, OTHER) == {content_id(text(1))}
        assert not kept_in(store, OTHER)

    def test_domains_in_processes_of_their_own_agree(self, store: Store) -> None:
        """Each domain has a near-copy of every document, and all begin at once."""
        domains = [DOMAIN, OTHER, Domain.EDUCATION]
        for number, domain in enumerate(domains):
            copies = [edited(text(seed), number, seed) for seed in range(12)]
            plant(store, f"s{number}", copies, domain)
        with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
            list(pool.map(filter_domain, [store] * 3, domains, ["run"] * 3))
        kept = [name for domain in domains for name in kept_in(store, domain)]
        assert len(kept) == 12
        assert all(a.balanced for a in balances(store) if a.stage == "filtered_documents")


def triage_again(store: Store, shard: str, body: str, domain: Domain, status: Status) -> None:
    with store.transaction(Partition.shard(shard)) as transaction:
        transaction.merge([triaged(body, domain, status)])


class TestAnotherVerdict:
    """Triage was regenerated, and a document belongs elsewhere, or nowhere."""

    @pytest.mark.parametrize("order", [(DOMAIN, OTHER, DOMAIN, OTHER), (OTHER, DOMAIN, OTHER)])
    def test_a_document_moves_whichever_domain_comes_first(
        self, store: Store, order: Sequence[Domain]
    ) -> None:
        plant(store, "a", [text(1), text(2)])
        filter_domain(store, DOMAIN, "run")
        triage_again(store, "a", text(1), OTHER, Status.KEPT)
        for domain in order:
            filter_domain(store, domain, "again")
        assert kept_in(store, DOMAIN) == {content_id(text(2))}
        assert kept_in(store, OTHER) == {content_id(text(1))}
        assert all(a.balanced for a in balances(store) if a.stage == "filtered_documents")

    @pytest.mark.parametrize("domain", [DOMAIN, OTHER])
    def test_what_gave_way_to_one_that_leaves_is_let_in(self, store: Store, domain: Domain) -> None:
        copy = edited(text(1), 3)
        plant(store, "a", [text(1)])
        filter_domain(store, DOMAIN, "run")
        plant(store, "b", [copy], domain)
        filter_domain(store, domain, "run")
        assert content_id(copy) not in kept_in(store, domain)
        triage_again(store, "a", text(1), DOMAIN, Status.REJECTED)
        filter_domain(store, DOMAIN, "again")
        filter_domain(store, domain, "again")
        assert kept_in(store, domain) == {content_id(copy)}
        assert all(a.balanced for a in balances(store) if a.stage == "filtered_documents")

    def test_a_withdrawal_that_is_killed_is_finished_by_the_next_run(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plant(store, "a", [text(1)])
        filter_domain(store, DOMAIN, "run")
        triage_again(store, "a", text(1), OTHER, Status.KEPT)
        with monkeypatch.context() as patched:
            patched.setattr(replacement, "give_up_documents", killed)
            with pytest.raises(KeyboardInterrupt):
                filter_domain(store, DOMAIN, "again")
        assert kept_in(store, DOMAIN) == {content_id(text(1))}
        filter_domain(store, DOMAIN, "again")
        filter_domain(store, OTHER, "again")
        assert kept_in(store, OTHER) == {content_id(text(1))}


class TestKilled:
    """A run that stops between the claim and the rows, which no transaction spans."""

    def test_its_claims_are_its_own_again(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plant(store, "a", [text(1), edited(text(1), 3), text(2)])
        plant(store, "b", [edited(text(1), 4)], OTHER)
        with monkeypatch.context() as patched:
            patched.setattr(filter_module, "_rows", killed)
            with pytest.raises(KeyboardInterrupt):
                filter_domain(store, DOMAIN, "run")
        assert filtered(store) == {}
        filter_domain(store, OTHER, "run")
        filter_domain(store, DOMAIN, "again")
        assert kept_in(store, DOMAIN) == {content_id(text(1)), content_id(text(2))}
        assert not kept_in(store, OTHER)
        assert all(a.balanced for a in balances(store) if a.stage == "filtered_documents")
        assert len(rows(store, Signature, DOCUMENT_INDEX)) == 2


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_old_texts_are_not_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(store, "a", [text(n) for n in range(4)])
    filter_domain(store, DOMAIN, "run")
    plant(store, "b", [edited(text(1), 3)])
    signed: list[str] = []

    def noted(body: str, settings: MinHashSettings) -> bytes:
        signed.append(body)
        return signature(body, settings)

    monkeypatch.setattr(dedup_module, "signature", noted)
    filter_domain(store, DOMAIN, "run")
    assert signed == [edited(text(1), 3)]


def test_a_shard_of_many_pages_keeps_the_order_of_its_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_module, "_PAGE", 2)
    texts = [text(1), text(2), text(3), edited(text(1), 3), edited(text(2), 3), edited(text(3), 3)]
    plant(store, "a", texts)
    filter_domain(store, DOMAIN, "run")
    assert kept(store) == {content_id(body) for body in texts[:3]}


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_results_do_not_depend_on_the_size_of_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    shards = {
        "a": [text(1), edited(text(1), 3), "", text(2), "one two", edited(text(2), 60)],
        "b": [text(3), edited(text(2), 2), "two one", edited(text(3), 4), text(1, 290)],
        "c": [edited(text(3), 2), text(4), "One, two!"],
    }
    found = []
    for name in ("whole", "paged"):
        store = Store(tmp_path / name)
        for shard, texts in shards.items():
            plant(store, shard, texts)
        filter_domain(store, DOMAIN, "run")
        same_time = {n: replace(row, created_at=WHEN) for n, row in filtered(store).items()}
        links = rows(store, DocumentLink, DOCUMENT_INDEX)
        found.append((same_time, sorted((link.doc_id, link.cluster_id) for link in links)))
        monkeypatch.setattr(filter_module, "_PAGE", size)
    assert found[0] == found[1]
    assert {row.status for row in found[0][0].values()} == {Status.KEPT, Status.REJECTED}


def test_a_document_that_stands_twice_in_a_shard_comes_from_its_first_row(store: Store) -> None:
    plant(store, "a", [text(2), text(1), text(3), text(1)])
    assert filter_domain(store, DOMAIN, "run") == 3
    assert filtered(store)[content_id(text(1))].source_row == 2


def test_a_run_that_finds_nothing_new_leaves_the_files_as_they_are(store: Store) -> None:
    """Figures that are kept for a state of a file would have to be counted again."""
    plant(store, "a", [text(1), edited(text(1), 3)])
    filter_domain(store, DOMAIN, "run")
    before = {path: path.stat().st_mtime_ns for path in store.home.rglob("*.duckdb")}
    assert filter_domain(store, DOMAIN, "again") == 0
    assert {path: path.stat().st_mtime_ns for path in store.home.rglob("*.duckdb")} == before


def test_a_row_that_repeats_a_passage_of_another_is_linked_to_it(store: Store) -> None:
    """Rows A and B have a passage in common; the split must know, though B's is dropped."""
    plant(store, "a", [text(1)])
    repeated = source_document(
        0,
        text(1),
        "b",
        parent_id="row B",
        status=Status.REJECTED,
        reason="exact_duplicate",
    )
    rest = source_document(0, text(2), "b", parent_id="row B", passage=1)
    with store.transaction(Partition.shard("b")) as transaction:
        transaction.merge([repeated, rest, triaged(text(2))])
    for _ in range(2):
        filter_domain(store, DOMAIN, "run")
    links = {(row.doc_id, row.parent_id): row for row in rows(store, DocumentLink, DOCUMENT_INDEX)}
    assert links[content_id(text(1)), "row B"].cluster_id is None
    assert links[content_id(text(1)), content_id(text(1))].cluster_id == content_id(text(1))
    assert links[content_id(text(2)), "row B"].cluster_id == content_id(text(2))
    assert len(links) == 3


def test_progress_is_told_by_rows(store: Store) -> None:
    plant(store, "a", [text(n) for n in range(3)])
    told: list[int] = []
    filter_domain(store, DOMAIN, "run", on_rows=told.append)
    assert sum(told) == 3


def test_a_home_without_shards_has_no_documents(store: Store) -> None:
    assert filter_domain(store, DOMAIN, "run") == 0
