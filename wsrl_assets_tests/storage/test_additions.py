"""A large domain is counted whole once, then by its added rows; figures are those of all rows."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.storage import Store, additions, catalog
from wsrl_assets.storage.accounting import accounts, call_totals
from wsrl_assets.storage.additions import Column, Mark, joined
from wsrl_assets.storage.home_accounting import (
    home_accounts,
    home_calls,
    repeated_ids,
    version_of_stage,
)
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import (
    FilteredDocument,
    FinalSplit,
    PassRate,
    Personas,
    QADraft,
    Status,
    VerifiedPair,
)
from wsrl_assets.storage.transaction import CHANGES, Transaction
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    WHEN,
    call_row,
    document_text,
    draft_row,
    filtered_document,
)

MADE: dict[str, Any] = {"recipe": "r", "run_id": "planted", "created_at": WHEN}
WANTED = Wanted(forms=("open",), optional=frozenset({Stage.PASS_RATES}))
OF_STAGES: tuple[type[Row], ...] = (FilteredDocument, Personas, QADraft, VerifiedPair, FinalSplit)


def document(number: int) -> list[Row]:
    """A document with all its rows: personas, a draft, its verdict, its place, a call."""
    text = document_text(number)
    found, draft = filtered_document(number, text), draft_row(number, text)
    pair: dict[str, Any] = {"pair_id": draft.draft_id, **MADE}
    return [
        found,
        Personas(doc_id=found.doc_id, personas=("a reader",), **MADE),
        draft,
        VerifiedPair(doc_id=found.doc_id, gold="{}", verdicts=(), **pair),
        FinalSplit(doc_id=found.doc_id, question_id="q", split="train", **pair),
        call_row(number, stage="qa_drafts", latency_ms=float(number)),
    ]


def place(number: int) -> FinalSplit:
    (found,) = [row for row in document(number) if isinstance(row, FinalSplit)]
    return found


def add(store: Store, *rows: Row) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge(rows)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A domain of four documents that counts as large, of which one waits for its draft."""
    monkeypatch.setattr(additions, "SMALL_ROWS", 1)
    monkeypatch.setattr(additions, "_MOST_ADDED", 10.0)
    store = Store(tmp_path)
    add(store, *(row for number in range(4) for row in document(number)))
    waiting = document(9)
    add(store, *waiting[:2])
    home_accounts(store, WANTED)
    return store


@pytest.fixture
def whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Mark]:
    """The marks up to which rows are looked at again; one for each count."""
    found: list[Mark] = []
    before = Mark.before

    def noting(self: Mark, connection: Any) -> AbstractContextManager[None]:
        found.append(self)
        return before(self, connection)

    monkeypatch.setattr(Mark, "before", noting)
    return found


def mark(store: Store) -> dict[str, Any]:
    path = store.home / "domains" / "figures" / f"{DOMAIN}.json"
    kept = json.loads(path.read_text("utf-8"))["whole"]
    return dict(kept["mark"]) if kept else {}


def assert_as_if_counted_whole(store: Store) -> None:
    found = home_accounts(store, WANTED)
    versions = [version_of_stage(store, IN_DOMAIN, row_type) for row_type in OF_STAGES]
    repeated = [repeated_ids(store, IN_DOMAIN, row_type).rows() for row_type in OF_STAGES]
    (calls,) = home_calls(store)
    with catalog(store) as connection:
        assert found == accounts(connection, WANTED)
        (totals,) = call_totals(connection)
    # The median of parts is that of the middle part.
    assert replace(calls, latency_ms_median=0.0) == replace(totals, latency_ms_median=0.0)
    (store.home / "domains" / "figures" / f"{DOMAIN}.json").unlink()
    assert versions == [version_of_stage(store, IN_DOMAIN, row_type) for row_type in OF_STAGES]
    assert repeated == [repeated_ids(store, IN_DOMAIN, row_type).rows() for row_type in OF_STAGES]


def test_new_documents_are_counted_without_a_look_at_the_others(
    store: Store, whole: list[Mark]
) -> None:
    first = mark(store)
    new = document(5)
    for rows in (new[:1], new[1:2], new[2:3], new[3:]):  # as the stages of a run commit them
        add(store, *rows)
        home_accounts(store, WANTED)
        assert mark(store) == first
    assert_as_if_counted_whole(store)


def test_what_was_asked_for_later_is_counted_up_to_the_same_mark(store: Store) -> None:
    add(store, *document(5))
    for wanted in (WANTED, replace(WANTED, forms=("open", "cloze"))):
        with catalog(store) as connection:
            assert home_accounts(store, wanted) == accounts(connection, wanted)


Change = Callable[[Transaction], None]


def deleted(transaction: Transaction) -> None:
    transaction.delete_where(FinalSplit, "pair_id", [place(1).pair_id])


def reopened(transaction: Transaction) -> None:
    transaction.execute("forget_places", pair_ids=[place(1).pair_id])


def changed(transaction: Transaction) -> None:
    transaction.merge([replace(place(1), status=Status.REJECTED, reason="contaminated")])


def cleared(transaction: Transaction) -> None:
    transaction.clear(Personas)


def older(transaction: Transaction) -> None:
    transaction.merge(document(9)[2:])


def rating(pair_id: str) -> PassRate:
    return PassRate(
        pair_id=pair_id,
        rollouts=2,
        passed=1,
        pass_rate=0.5,
        truncated=0,
        completion_tokens_mean=9.0,
        completion_tokens_max=9,
        misses=(),
        rollout_recipe="r",
        **MADE,
    )


def rated(transaction: Transaction) -> None:
    transaction.merge([rating(place(1).pair_id)])


@pytest.mark.parametrize("change", [deleted, reopened, changed, cleared, older, rated])
def test_rows_that_were_there_and_changed_are_counted_again(store: Store, change: Change) -> None:
    first = mark(store)
    add(store, *document(5))
    with store.transaction(IN_DOMAIN) as transaction:
        change(transaction)
    home_accounts(store, WANTED)
    assert mark(store) != first
    assert_as_if_counted_whole(store)


def test_a_statement_that_finds_nothing_changes_nothing(store: Store) -> None:
    first = mark(store)
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.execute("forget_places", pair_ids=["no such pair"])
        transaction.merge(document(5))
    home_accounts(store, WANTED)
    assert mark(store) == first


def test_rows_that_were_moved_by_the_database_are_counted_again(store: Store) -> None:
    """As where a version that kept no token deleted some, and others took their place."""
    first = mark(store)
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.connection.execute("DELETE FROM personas WHERE rowid = 0")
    add(store, *document(5))
    home_accounts(store, WANTED)
    assert mark(store) != first
    assert_as_if_counted_whole(store)


def test_an_added_row_that_repeats_an_id_is_found(store: Store) -> None:
    add(store, *document(5))
    with store.transaction(IN_DOMAIN) as transaction:
        drafts = transaction.frame(QADraft)
        transaction.insert(QADraft, drafts.tail(1))
        transaction.insert(QADraft, drafts.head(1))
    repeated = repeated_ids(store, IN_DOMAIN, QADraft)
    assert sorted(repeated["rows"]) == [2, 2]


def test_a_file_of_the_version_before_is_counted_whole_until_it_is_written_to(
    store: Store,
) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.connection.execute(f"DROP TABLE {CHANGES}")
        transaction.connection.execute("DELETE FROM final_splits WHERE rowid = 0")
    fresh = Store(store.home)
    home_accounts(fresh, WANTED)
    assert mark(fresh) == {}
    add(fresh, *document(5))
    home_accounts(fresh, WANTED)
    assert mark(fresh) != {}
    assert_as_if_counted_whole(fresh)


def test_a_domain_that_doubles_is_counted_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mark(store)
    monkeypatch.setattr(additions, "_MOST_ADDED", 0.1)
    add(store, *(row for number in range(20, 24) for row in document(number)))
    home_accounts(store, WANTED)
    assert mark(store) != first
    assert_as_if_counted_whole(store)


def test_rows_of_two_parts_meet_by_their_keys() -> None:
    columns = (Column.KEY, Column.SUM, Column.XOR, Column.LATER)
    big = str(2**70)
    before, added = [["a", 1, "6", 1], ["b", 5, "1", 2]], [["b", 2, "3", 9], ["c", 1, "0", 4]]
    assert joined(before, added, columns) == [["a", 1, "6", 1], ["b", 7, "2", 9], ["c", 1, "0", 4]]
    assert joined([[0, None]], [[1, big]], (Column.SUM, Column.SUM)) == [[1, big]]
    assert joined([[2, big]], [[1, big]], (Column.SUM, Column.SUM)) == [[3, str(2**71)]]
    assert joined([[2, big]], [[0, None]], (Column.SUM, Column.SUM)) == [[2, big]]
