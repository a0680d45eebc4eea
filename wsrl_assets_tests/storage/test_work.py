"""A run's work is listed once, and a page of it is read from where it is stored."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wsrl_assets.storage import Store
from wsrl_assets.storage import work as work_module
from wsrl_assets.storage.remembered import NOTHING_DONE
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import Personas, Status, VerifiedPair
from wsrl_assets.storage.work import DOCUMENTS, listed
from wsrl_assets_tests.factories import IN_DOMAIN, WHEN, draft_row, filtered_document, plant_domain

GIVEN: dict[str, Any] = {"recipe": "r", "run_id": "planted", "created_at": WHEN}
TEXTS = [f"document {number}" for number in range(6)]
DOC_IDS = [filtered_document(0, text).doc_id for text in TEXTS]


@pytest.fixture(params=["read at once", "read from a copy"], autouse=True)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "read from a copy":
        monkeypatch.setattr(work_module, "_FEW", 0)


def add(store: Store, *rows: Row) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge(rows)


def named(number: int, **others: Any) -> Personas:
    given = {"doc_id": DOC_IDS[number], "personas": ("a reader",), **GIVEN}
    return Personas(**{**given, **others})


def verdict(number: int) -> VerifiedPair:
    draft = draft_row(number, TEXTS[number])
    return VerifiedPair(
        pair_id=draft.draft_id, doc_id=draft.doc_id, gold=f"gold {number}", verdicts=(), **GIVEN
    )


def work(store: Store, *, page: int = 2, retry_failed: bool = False) -> list[list[dict[str, Any]]]:
    """The pages of everything that is pending in the domain."""
    wanted = {f"with_{stage}": True for stage in ("personas", "drafts", "verification")}
    found = []
    with listed(
        store,
        IN_DOMAIN,
        DOCUMENTS,
        forms=["open"],
        retry_failed=retry_failed,
        **wanted,
        **NOTHING_DONE,
    ) as read:
        for first in range(1, len(TEXTS) + 1, page):
            found.append(read(first, first + page - 1).to_dicts())
    return found


def test_pages_hold_each_pending_document_once_in_the_order_in_which_they_are_stored(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    plant_domain(store, TEXTS)
    done = (named(2), draft_row(2, TEXTS[2]), verdict(2))
    add(store, *done)
    found = [[row["text"] for row in page] for page in work(store)]
    assert found == [[TEXTS[0], TEXTS[1]], [TEXTS[3], TEXTS[4]], [TEXTS[5]]]


def test_a_document_comes_with_what_there_is_of_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant_domain(store, TEXTS[:2])
    second = draft_row(9, TEXTS[1], persona_index=1, question="unverified?")
    add(store, named(1, personas=("one", "two", "three")), draft_row(1, TEXTS[1], question="q"))
    add(store, verdict(1), second)
    (fresh, begun), *_ = work(store)
    assert (fresh["personas_status"], fresh["drafted"], fresh["verified"]) == (None, [], [])
    assert begun["personas"] == ["one", "two", "three"]
    assert sorted(slot["persona_index"] for slot in begun["drafted"]) == [0, 1]
    assert [draft["draft_id"] for draft in begun["unverified"]] == [second.draft_id]
    assert [(pair["question"], pair["gold"]) for pair in begun["verified"]] == [("q", "gold 1")]


def test_a_failed_row_is_work_again_only_when_that_is_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant_domain(store, TEXTS[:1])
    add(store, named(0, status=Status.FAILED, personas=()))
    assert work(store) == [[], [], []]
    assert [row["personas_status"] for row in work(store, retry_failed=True)[0]] == [None]


def test_rows_that_a_killed_run_committed_are_no_work(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant_domain(store, TEXTS[:2])
    live = tmp_path / "domains" / f"{IN_DOMAIN.key}.duckdb"
    kept = [tmp_path / name for name in ("live", "log")]
    with duckdb.connect(live) as connection:
        connection.execute(
            "INSERT INTO personas BY NAME SELECT doc_id, ['a reader'] AS personas, "
            "'failed' AS status, recipe, run_id, created_at FROM filtered_documents LIMIT 1"
        )
        # What a kill leaves: a commit that is in the log alone.
        for source, target in zip((live, Path(f"{live}.wal")), kept, strict=True):
            shutil.copyfile(source, target)
    for target, source in zip((live, Path(f"{live}.wal")), kept, strict=True):
        shutil.copyfile(source, target)
    assert [row["text"] for row in work(store)[0]] == [TEXTS[1]]
