"""Lists of work pass over the rows of documents that were done when their domain was counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.storage import Store, additions
from wsrl_assets.storage.accounting import inflow_query
from wsrl_assets.storage.home_accounting import home_accounts
from wsrl_assets.storage.remembered import NOTHING_DONE, done_before
from wsrl_assets.storage.tables import FinalSplit
from wsrl_assets.storage.work import DOCUMENTS, PLACES, WorkList, listed
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.factories import IN_DOMAIN
from wsrl_assets_tests.storage.test_additions import add, document, place

WAITING = [inflow_query(stage, Wanted(forms=("open",))) for stage in QUESTION_STAGES]
OF_DOCUMENTS: dict[str, Any] = {
    "forms": ["open"],
    "retry_failed": False,
    **{f"with_{stage}": True for stage in ("personas", "drafts", "verification")},
}
ALL_SINCE = dict.fromkeys(NOTHING_DONE, 10**9)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A domain of four documents that are done, and counts as large."""
    monkeypatch.setattr(additions, "SMALL_ROWS", 1)
    monkeypatch.setattr(additions, "_MOST_ADDED", 10.0)
    store = Store(tmp_path)
    add(store, *(row for number in range(4) for row in document(number)))
    home_accounts(store)
    return store


def test_figures_of_a_version_that_had_no_marks_are_counted_again(store: Store) -> None:
    path = store.home / "domains" / "figures" / f"{IN_DOMAIN.key}.json"
    old = json.loads(path.read_text("utf-8"))
    queries = {query.key: [["math", 4, 4]] for query in WAITING}
    path.write_text(json.dumps({"version": old["version"], "rows": queries}), "utf-8")
    home_accounts(store)
    assert done_before(store, IN_DOMAIN, WAITING) != NOTHING_DONE


def waiting(store: Store, work: WorkList, since: dict[str, int], **parameters: Any) -> list[str]:
    """The ids of the rows of a list."""
    with listed(store, IN_DOMAIN, work, **parameters, **since) as read:
        return list(read(1, 100)[:, 0])


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_document_that_came_since_is_listed_by_its_own_rows_alone(
    store: Store, rows: int
) -> None:
    new = document(5)[:rows]
    add(store, *new)
    since = done_before(store, IN_DOMAIN, WAITING)
    assert since["since_filtered_documents"] == since["since_qa_drafts"] == 4
    found = waiting(store, DOCUMENTS, since, **OF_DOCUMENTS)
    assert found == waiting(store, DOCUMENTS, NOTHING_DONE, **OF_DOCUMENTS) == [new[0].doc_id]  # type: ignore[attr-defined]
    assert waiting(store, DOCUMENTS, ALL_SINCE, **OF_DOCUMENTS) == []


def test_while_an_older_document_waits_all_rows_are_looked_at(store: Store) -> None:
    add(store, *document(5)[:2])
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.delete_where(FinalSplit, "pair_id", [place(1).pair_id])
    home_accounts(store)
    assert done_before(store, IN_DOMAIN, WAITING) == NOTHING_DONE
    add(store, *document(6)[:1])
    assert done_before(store, IN_DOMAIN, WAITING) == NOTHING_DONE
    assert len(waiting(store, DOCUMENTS, NOTHING_DONE, **OF_DOCUMENTS)) == 2


def test_a_pair_that_came_since_is_placed(store: Store) -> None:
    *new, _, _ = document(5)
    add(store, *new)
    since = done_before(store, IN_DOMAIN, WAITING)
    for given in (since, NOTHING_DONE):
        assert waiting(store, PLACES, given, recipe="r") == [place(5).pair_id]
    assert len(waiting(store, PLACES, NOTHING_DONE, recipe="another")) == 5
