"""The checks of final splits: no source document in two splits, each gold passes its self-test."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wsrl_assets.orchestration.metadata import place_checks
from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets.storage import Store
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import FinalSplit, Status, VerifiedPair
from wsrl_assets_tests.factories import IN_DOMAIN, WHEN, filtered_document

MADE: dict[str, Any] = {"recipe": "r", "run_id": "planted", "created_at": WHEN}
GOOD = Gold(AnswerType.INTEGER, "12").to_json()


def placed(number: int, split: str, gold: str | None = GOOD, *, source: str) -> list[Row]:
    """A document of a source, with a pair that has a place."""
    text = f"document {number}"
    found = filtered_document(number, text, parent_id=source)
    pair: dict[str, Any] = {"pair_id": f"pair-{number}", "doc_id": found.doc_id, **MADE}
    return [
        found,
        VerifiedPair(gold=gold, verdicts=(), **pair),
        FinalSplit(question_id="q", split=split, **pair),
    ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two sources of two documents each, all in train, but for one pair that has no place."""
    store = Store(tmp_path)
    rows = [row for n in range(4) for row in placed(n, "train", source=f"source-{n // 2}")]
    pair: dict[str, Any] = {"pair_id": "out", "doc_id": "x", **MADE}
    out = FinalSplit(question_id="q", status=Status.REJECTED, reason="contaminated", **pair)
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge([*rows, VerifiedPair(gold="not a gold", verdicts=(), **pair), out])
    return store


def checks(store: Store) -> list[dg.AssetCheckResult]:
    return place_checks("final_splits", store, IN_DOMAIN)


def test_they_pass_whatever_pairs_without_a_place_look_like(store: Store) -> None:
    leakage, self_test = checks(store)
    assert leakage.passed
    assert self_test.passed
    assert leakage.description == "Each of 2 source documents is in one split."
    assert self_test.description == "All 4 golds pass their self-test."


def test_a_source_document_in_two_splits_is_named(store: Store) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        transaction.merge(placed(9, "test", source="source-1"))
    leakage, _ = checks(store)
    assert not leakage.passed
    assert leakage.metadata["examples"].value == ["source-1"]


@pytest.mark.parametrize("gold", ["not a gold", None])
def test_each_pair_whose_gold_fails_is_named(store: Store, gold: str | None) -> None:
    with store.transaction(IN_DOMAIN) as transaction:
        for number in (8, 9):
            transaction.merge(placed(number, "train", gold, source="source-1"))
    _, self_test = checks(store)
    assert not self_test.passed
    assert self_test.metadata["examples"].value == ["pair-8", "pair-9"]
