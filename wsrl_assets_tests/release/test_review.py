"""What people reject leaves the next release; what they say stands in card and report."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from wsrl_assets.release.dataset import RELEASE, build_release, read_release
from wsrl_assets.reporting import report
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import REVIEW, save_labels
from wsrl_assets.storage.tables import ReleasedPair, ReviewLabel, Status
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets_tests.factories import WHEN, rows
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_finalise import question
from wsrl_assets_tests.reporting.test_report import Page

PAIRS = some(4)
LEAKED = Pair(question(20), source="source 20", status=Status.REJECTED)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home [x]")
    fill(store, [*PAIRS, LEAKED])
    return store


def say(store: Store, pair: Pair, verdict: Opinion | None, reviewer: str = "Ada") -> None:
    reason = Fault.WRONG_ANSWER if verdict is Opinion.REJECT else None
    label = ReviewLabel(
        pair_id=pair.pair_id, reviewer=reviewer, verdict=verdict, reason=reason, created_at=WHEN
    )
    save_labels(store, [label])


def released(store: Store) -> set[str]:
    return set(read_release(build_release(store, "run").folder)["pair_id"])


def ids(pairs: Sequence[Pair]) -> set[str]:
    return {pair.pair_id for pair in pairs}


def test_a_pair_that_anybody_rejects_leaves_the_next_release(store: Store) -> None:
    before = build_release(store, "run")
    say(store, PAIRS[0], Opinion.REJECT)
    say(store, PAIRS[0], Opinion.ACCEPT, "Grace")
    say(store, PAIRS[1], Opinion.ACCEPT)
    say(store, PAIRS[2], None)
    assert released(store) == ids(PAIRS[1:])
    assert set(read_release(before.folder)["pair_id"]) == ids(PAIRS)
    (out,) = [row for row in rows(store, ReleasedPair, RELEASE) if row.status is Status.REJECTED]
    assert (out.pair_id, out.reason) == (PAIRS[0].pair_id, "rejected_in_review")
    assert out.detail == "Ada: wrong answer"


def test_a_pair_comes_back_when_the_reviewer_takes_it_back(store: Store) -> None:
    say(store, PAIRS[0], Opinion.REJECT)
    assert released(store) == ids(PAIRS[1:])
    say(store, PAIRS[0], Opinion.ACCEPT)
    assert released(store) == ids(PAIRS)


def test_a_home_that_nobody_reviews_keeps_its_releases(store: Store) -> None:
    before = build_release(store, "run")
    assert "review" not in json.loads((before.folder / "release.json").read_text("utf-8"))
    assert not store.exists(REVIEW)
    assert "Reviewed by people" not in (before.folder / "README.md").read_text("utf-8")
    assert "not by people" in (before.folder / "README.md").read_text("utf-8")
    assert "Checks against people" not in report.write_report(store).read_text("utf-8")


def test_card_and_report_tell_what_people_say_and_name_nobody(store: Store) -> None:
    say(store, PAIRS[0], Opinion.REJECT)
    say(store, PAIRS[1], Opinion.ACCEPT)
    say(store, LEAKED, Opinion.ACCEPT)
    folder = build_release(store, "run").folder
    card = (folder / "README.md").read_text("utf-8")
    assert "1 person read 3 pairs" in card
    assert "| passed every check | accept | 1 of 2: 50% (9% to 91%) |" in card
    assert "| rejected as leaked | accept | 1 of 1: 100% (21% to 100%) |" in card
    assert "rejected_in_review | 1 |" in card
    assert "not by people" not in card
    text = Page(report.write_report(store).read_text("utf-8")).text
    assert "passed every check accept 2 50.0% 9% to 91%" in text
    assert "rejected as leaked accept 1 100.0% 21% to 100%" in text
    assert all("Ada" not in path.read_text("utf-8") for path in folder.glob("*.[jm]*"))
