"""Claims about the pairs that the demo shows as they come."""

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from wsrl_assets.cli import first_pairs
from wsrl_assets.cli.first_pairs import FirstPairs
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import Status, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import WHEN, document_text, draft_row

TEXT = document_text(0)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_pairs, "_LOOK_EVERY_S", 0.01)


def verify(store: Store, *numbers: int, status: Status = Status.KEPT) -> None:
    drafts = [
        draft_row(n, TEXT, question=f"Question {n}?", answer=f"\x1b[2Janswer {n}") for n in numbers
    ]
    verdicts = [
        VerifiedPair(
            pair_id=draft.draft_id,
            doc_id=draft.doc_id,
            status=status,
            verdicts=(),
            recipe="r",
            run_id="planted",
            created_at=WHEN,
        )
        for draft in drafts
    ]
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge([*drafts, *verdicts])


def shown(console: Console, pairs: int) -> str:
    """What is printed, once there are so many pairs."""
    deadline = time.monotonic() + 20
    text = ""
    while text.count("verified after") < pairs and time.monotonic() < deadline:
        time.sleep(0.01)
        text = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_pairs_are_printed_as_they_pass_and_those_of_before_are_not(tmp_path: Path) -> None:
    store, console = Store(tmp_path), Console(file=io.StringIO(), width=80)
    verify(store, 1)
    with FirstPairs(store, console, time.monotonic()):
        verify(store, 2)
        verify(store, 3, status=Status.REJECTED)
        verify(store, 4)
        shown(console, 2)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert [f"Question {n}?" in text for n in (1, 2, 3, 4)] == [False, True, False, True]
    assert "answer 2" in text
    assert "\x1b" not in text


def test_no_more_are_printed_than_were_asked_for(tmp_path: Path) -> None:
    store, console = Store(tmp_path), Console(file=io.StringIO(), width=80)
    with FirstPairs(store, console, time.monotonic(), most=2):
        verify(store, 1, 2, 3)
        shown(console, 2)
        verify(store, 4)
        time.sleep(0.2)
    assert console.file.getvalue().count("verified after") == 2  # type: ignore[attr-defined]


def test_a_home_without_a_domain_shows_nothing(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with FirstPairs(Store(tmp_path), console, time.monotonic()):
        time.sleep(0.05)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]
