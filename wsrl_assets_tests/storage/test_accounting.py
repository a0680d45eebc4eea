"""Accounting balances for what the stages write, and not when a row is too many or missing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wsrl_assets.storage import Partition, Store, Transaction
from wsrl_assets.storage.accounting import accounts, call_totals
from wsrl_assets.storage.catalog import catalog
from wsrl_assets.storage.home_accounting import home_accounts
from wsrl_assets.storage.tables import Personas, Status, TriagedDocument, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    IN_SHARD,
    WHEN,
    balances,
    call_row,
    document_text,
    draft_row,
    filtered_document,
    plant_shard,
)

TEXTS = [document_text(number) for number in range(4)]


def triaged(text: str) -> TriagedDocument:
    return TriagedDocument(
        doc_id=content_id(text),
        qualified=True,
        domain=str(DOMAIN),
        recipe="r",
        run_id="planted",
        created_at=WHEN,
    )


def personas(text: str) -> Personas:
    named = ("a planner of trips", "a keeper of books")
    return Personas(
        doc_id=content_id(text), personas=named, recipe="r", run_id="planted", created_at=WHEN
    )


def pair(number: int, status: Status, reason: str | None = None) -> VerifiedPair:
    draft = draft_row(number, TEXTS[0])
    return VerifiedPair(
        pair_id=draft.draft_id,
        doc_id=draft.doc_id,
        status=status,
        reason=reason,
        verdicts=(),
        recipe="r",
        run_id="planted",
        created_at=WHEN,
    )


def home_in_order(home: Path) -> Store:
    """Four documents; personas of two of them, one draft of two verified."""
    store = Store(home)
    plant_shard(store, TEXTS)
    with store.transaction(IN_SHARD) as transaction:
        transaction.merge([triaged(text) for text in TEXTS])
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([filtered_document(n, text) for n, text in enumerate(TEXTS)])
        transaction.merge([personas(text) for text in TEXTS[:2]])
        transaction.merge([draft_row(0, TEXTS[0]), draft_row(1, TEXTS[0], persona_index=1)])
        transaction.merge([pair(0, Status.REJECTED, "leaked")])
    assert not unbalanced(store)
    return store


def unbalanced(store: Store) -> set[str]:
    found = balances(store)
    assert home_accounts(store, Wanted(("open",))) == found, "what is kept is what is counted"
    return {account.stage for account in found if not account.balanced}


def change(store: Store, statement: str, where: str = "domain") -> None:
    partition = IN_DOMAIN if where == "domain" else IN_SHARD
    with store.transaction(partition) as transaction:
        transaction.connection.execute(statement)


def test_every_stage_balances_with_work_left_at_each(tmp_path: Path) -> None:
    found = {account.stage: account for account in balances(home_in_order(tmp_path))}
    assert all(account.balanced for account in found.values())
    assert (found["personas"].rows_in, found["personas"].pending) == (4, 2)
    assert (found["qa_drafts"].rows_in, found["qa_drafts"].pending) == (4, 2)
    assert (found["verified_pairs"].rows_in, found["verified_pairs"].pending) == (2, 1)
    assert found["verified_pairs"].reasons == {"leaked": 1}


Plant = Callable[[Transaction], None]

ORPHANS: dict[str, Plant] = {
    "filtered_documents": lambda t: t.merge([filtered_document(9, document_text(9))]),
    "personas": lambda t: t.merge([personas(document_text(9))]),
    "qa_drafts": lambda t: t.merge([draft_row(9, TEXTS[0], persona_index=7)]),
    "verified_pairs": lambda t: t.merge([pair(9, Status.REJECTED, "leaked")]),
}


@pytest.mark.parametrize("stage", ORPHANS)
def test_a_row_without_upstream_is_found(tmp_path: Path, stage: str) -> None:
    store = home_in_order(tmp_path)
    with store.transaction(IN_DOMAIN) as transaction:
        ORPHANS[stage](transaction)
    assert stage in unbalanced(store)


@pytest.mark.parametrize("stage", ORPHANS)
def test_a_doubled_row_is_found(tmp_path: Path, stage: str) -> None:
    store = home_in_order(tmp_path)
    change(store, f"INSERT INTO {stage} SELECT * FROM {stage} LIMIT 1")
    assert stage in unbalanced(store)


@pytest.mark.parametrize(
    ("lost", "found_at"),
    [
        ("filtered_documents", "personas"),
        ("personas", "qa_drafts"),
        ("qa_drafts", "verified_pairs"),
    ],
)
def test_a_lost_row_is_found_where_its_successors_hang_in_the_air(
    tmp_path: Path, lost: str, found_at: str
) -> None:
    store = home_in_order(tmp_path)
    first = content_id(TEXTS[0])
    change(store, f"DELETE FROM {lost} WHERE doc_id = '{first}'")
    assert found_at in unbalanced(store)


def test_a_lost_row_without_successors_is_pending_again(tmp_path: Path) -> None:
    store = home_in_order(tmp_path)
    change(store, "DELETE FROM verified_pairs")
    found = {account.stage: account for account in balances(store)}
    assert found["verified_pairs"].balanced
    assert found["verified_pairs"].pending == 2


def test_a_lost_or_doubled_source_row_is_found(tmp_path: Path) -> None:
    store = home_in_order(tmp_path)
    change(store, "DELETE FROM source_documents WHERE source_row = 1", "shard")
    assert "source_documents" in unbalanced(store)
    other = home_in_order(tmp_path / "other")
    change(other, "INSERT INTO triaged_documents FROM triaged_documents LIMIT 1", "shard")
    assert "triaged_documents" in unbalanced(other)


def test_two_drafts_for_one_persona_and_form_are_found(tmp_path: Path) -> None:
    """As a second recipe would make them."""
    store = home_in_order(tmp_path)
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([draft_row(5, TEXTS[0], persona_index=0, recipe="another")])
    assert "qa_drafts" in unbalanced(store)


def test_forms_in_use_are_those_of_each_domain(tmp_path: Path) -> None:
    """So a domain is complete under what it was drafted with, under any current settings."""
    store = Store(tmp_path)
    for domain, form in ((Domain.MATH, "cloze"), (Domain.CODING, None)):
        drafts = [draft_row(n, TEXTS[0], persona_index=n, form=form) for n in range(2)]
        with store.transaction(Partition.domain(domain)) as transaction:
            transaction.merge([filtered_document(0, TEXTS[0]), personas(TEXTS[0])])
            transaction.merge(drafts if form else [])
    with catalog(store) as connection:
        found = {
            in_use: {
                a.partition: (a.pending, a.balanced)
                for a in accounts(connection, Wanted(("open",), forms_in_use=in_use))
                if a.stage == "qa_drafts"
            }
            for in_use in (True, False)
        }
    for in_use, accounted in found.items():
        kept = home_accounts(store, Wanted(("open",), forms_in_use=in_use))
        said = {a.partition: (a.pending, a.balanced) for a in kept if a.stage == "qa_drafts"}
        assert said == accounted
    assert found[True] == {"math": (0, True), "coding": (2, True)}
    assert found[False] == {"math": (2, True), "coding": (2, True)}


def test_the_ledger_is_summed_by_stage_and_step_and_by_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    calls = [
        call_row(0, prompt_tokens=100, cached_tokens=40, attempts=3, cost=0.5),
        call_row(1, error="truncated", run_id="other"),
        call_row(2, step="round_trip", stage="verified_pairs"),
    ]
    with store.transaction(IN_SHARD) as transaction:
        transaction.merge(calls)
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([replace(calls[2], call_id="call-3")])
    with catalog(store) as connection:
        triage, round_trip = call_totals(connection)
        (only,) = call_totals(connection, run_id="other")
    assert (triage.calls, triage.failed, triage.retries) == (2, 1, 2)
    assert (triage.prompt_tokens, triage.cached_tokens, triage.cost) == (110, 40, 0.5)
    assert (round_trip.step, round_trip.calls) == ("round_trip", 2)
    assert (only.calls, only.failed) == (1, 1)
