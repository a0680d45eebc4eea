"""How far checks agree with people: the figures, worked out by hand."""

from datetime import timedelta
from pathlib import Path

import pytest

from wsrl_assets.review.agreement import Reviewed, Share, agreement, read_agreement
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import save_labels
from wsrl_assets.storage.tables import ReviewLabel
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets_tests.explore.home import pair, pair_id, plant
from wsrl_assets_tests.factories import WHEN, document_text

GOOD, BAD = (Opinion.ACCEPT,), (Opinion.REJECT,)


def kept(opinions: tuple[Opinion, ...]) -> Reviewed:
    return Reviewed("p", opinions, "kept", None, ())


def rejected(opinions: tuple[Opinion, ...], reason: str, *checks: str) -> Reviewed:
    return Reviewed("p", opinions, "rejected", reason, checks)


def label(number: int, verdict: Opinion | None, reviewer: str = "Ada") -> ReviewLabel:
    reason = Fault.OTHER if verdict is Opinion.REJECT else None
    return ReviewLabel(
        pair_id=pair_id(number), reviewer=reviewer, verdict=verdict, reason=reason, created_at=WHEN
    )


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # By the formula of Wilson (1927), as in Newcombe (1998), table I.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_an_interval_is_wilsons(part: int, whole: int, low: float, high: float) -> None:
    assert Share(part, whole).interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_read_says_nothing() -> None:
    assert Share(0, 0).interval == (0.0, 1.0)
    assert str(Share(0, 0)) == "none read"


def test_each_figure_counts_its_own_pairs() -> None:
    found = agreement(
        [
            kept(GOOD),
            kept(GOOD * 2),
            kept(BAD),
            rejected(BAD, "leaked", "leak"),
            rejected(GOOD, "leaked", "leak", "evidence"),
            rejected(BAD * 2, "no_evidence", "evidence", "evidence"),
            rejected(GOOD + BAD, "leaked", "leak"),
            Reviewed("p", GOOD, None, None, ()),
        ],
        2,
    )
    assert (found.pairs, found.disputed, found.gone) == (8, 1, 1)
    assert found.shared == Share(2, 3)
    assert found.kept == Share(2, 3)
    assert found.rejected == Share(2, 3)
    assert found.checks == [("evidence", Share(1, 2)), ("leak", Share(1, 2))]
    assert found.reasons == [("leaked", Share(1, 2)), ("no_evidence", Share(0, 1))]


def test_labels_of_a_home_meet_its_verdicts(tmp_path: Path) -> None:
    text = document_text(0)
    rows = [*pair(0, text), *pair(1, text, "leaked", persona_index=1), *pair(2, text)]
    store = plant(tmp_path, [text], rows)
    assert read_agreement(store) is None
    save_labels(
        store,
        [
            label(0, Opinion.REJECT),
            label(1, Opinion.ACCEPT),
            label(1, Opinion.REJECT, "Grace"),
            label(2, None),
            label(9, Opinion.ACCEPT),
        ],
    )
    found = read_agreement(store)
    assert found is not None
    assert (found.reviewers, found.pairs, found.disputed, found.gone) == (2, 3, 1, 1)
    assert found.kept == Share(0, 1)


def test_a_later_word_of_the_same_person_replaces_the_earlier(tmp_path: Path) -> None:
    store = Store(tmp_path)
    save_labels(store, [label(0, Opinion.REJECT)])
    save_labels(
        store,
        [
            ReviewLabel(
                pair_id=pair_id(0),
                reviewer="Ada",
                verdict=Opinion.ACCEPT,
                created_at=WHEN + timedelta(seconds=1),
            )
        ],
    )
    found = read_agreement(store)
    assert found is not None
    assert found.pairs == 1
