"""The view `pairs` tells of each draft what became of it in the end."""

from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.storage import Partition, catalog
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import FinalSplit, ReleasedPair, Status, VerifiedPair
from wsrl_assets_tests.explore.home import pair_id, plant
from wsrl_assets_tests.factories import DOMAIN, WHEN, document_text, draft_row

TEXT = document_text(0)
MADE: dict[str, Any] = {"recipe": "r", "run_id": "planted", "created_at": WHEN}
REJECTED: dict[str, Any] = {"status": Status.REJECTED, "reason": "why"}


def draft(**others: Any) -> Row:
    return draft_row(0, TEXT, question="q", **others)


def verified(**others: Any) -> Row:
    return VerifiedPair(
        pair_id=pair_id(0), doc_id="d", verdicts=(), **{**MADE, "detail": None, **others}
    )


def placed(**others: Any) -> Row:
    return FinalSplit(pair_id=pair_id(0), doc_id="d", question_id="x", **{**MADE, **others})


def released(**others: Any) -> Row:
    given = {"status": Status.KEPT, **others}
    return ReleasedPair(pair_id=pair_id(0), domain=DOMAIN, release="abc", created_at=WHEN, **given)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([draft(**REJECTED)], ("rejected", "qa_drafts", "why")),
        ([draft(status=Status.FAILED, reason="fault")], ("failed", "qa_drafts", "fault")),
        ([draft()], ("pending", None, None)),
        ([draft(), verified(**REJECTED)], ("rejected", "verified_pairs", "why")),
        ([draft(), verified()], ("kept", None, None)),
        ([draft(), verified(), placed(**REJECTED)], ("rejected", "final_splits", "why")),
        ([draft(), verified(), placed(), released()], ("kept", None, None)),
        ([draft(), verified(), placed(), released(**REJECTED)], ("rejected", "rl_dataset", "why")),
    ],
)
def test_a_pair_has_the_verdict_of_the_stage_where_it_left(
    tmp_path: Path, rows: list[Row], expected: tuple[str, str | None, str | None]
) -> None:
    store = plant(tmp_path, [TEXT], [row for row in rows if not isinstance(row, ReleasedPair)])
    with store.transaction(Partition.library("release")) as transaction:
        transaction.merge([row for row in rows if isinstance(row, ReleasedPair)])
    with catalog(store) as connection:
        found = connection.sql("SELECT verdict, left_at, reason FROM pairs").fetchall()
    assert found == [expected]
