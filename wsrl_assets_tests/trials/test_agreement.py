"""Rewards compared: kappa and shares by hand, intervals by document, and what is undecided."""

from collections.abc import Sequence

import numpy as np
import pytest

from wsrl_assets.pipeline.rewards import Case, RewardRun, Said, Verdict
from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets.trials.agreement import Agreement, Estimate, RewardComparison, compare_rewards

VERDICTS = {"+": Verdict.ACCEPTED, "-": Verdict.REJECTED, "?": Verdict.UNDECIDED}


def case(number: int, source: str = "", **others: object) -> Case:
    given = {
        "case_id": f"c{number}",
        "source": source or f"s{number}",
        "question": f"What is {number}?",
        "gold": Gold(AnswerType.INTEGER, str(number)),
        "response": f"Answer: {number}",
    }
    return Case(**{**given, **others})  # type: ignore[arg-type]


def ruled(name: str, verdicts: str, **others: float) -> RewardRun:
    """A reward that says what a string says, a sign a case."""
    calls = int(others.get("calls", 0))
    said = [
        Said(VERDICTS[sign], "r", calls=calls, tokens=10 * calls, cost=0.5 * calls)
        for sign in verdicts
    ]
    return RewardRun(name, said, seconds=others.get("seconds", 0.0))


def compared(*runs: RewardRun, cases: Sequence[Case] | None = None) -> RewardComparison:
    cases = cases or [case(number) for number in range(len(runs[0].said))]
    return compare_rewards(cases, runs, seed=0)


def only(found: RewardComparison) -> Agreement:
    (pair,) = found.pairs
    return pair


def test_kappa_is_agreement_beyond_chance() -> None:
    # Both 4, only the first 2, only the second 1, neither 3: 70 % agree, by chance 50 %.
    found = only(compared(ruled("a", "++++++----"), ruled("b", "++++--+---")))
    assert (found.both, found.only_first, found.only_second, found.neither) == (4, 2, 1, 3)
    assert found.agreement.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)
    assert found.kappa.low is not None
    assert found.kappa.high is not None
    assert found.kappa.low < 0.4 < found.kappa.high


def test_undecided_is_neither_accepted_nor_rejected() -> None:
    found = compared(ruled("a", "++--??"), ruled("b", "+-+-+?"))
    pair = only(found)
    assert (pair.both, pair.only_first, pair.only_second, pair.neither) == (1, 1, 1, 1)
    assert pair.undecided == 2
    a, b = found.rewards
    assert (a.accepted, a.rejected, a.undecided) == (2, 2, 2)
    assert a.accepted_share.value == pytest.approx(0.5), "of what it decided"
    assert (b.accepted, b.rejected, b.undecided) == (3, 2, 1)


def test_rewards_that_decide_nothing_in_common_have_no_kappa() -> None:
    pair = only(compared(ruled("a", "++??"), ruled("b", "??+-")))
    assert pair.kappa == pair.agreement == Estimate(None)
    always = only(compared(ruled("a", "++++"), ruled("b", "++++")))
    assert always.agreement.value == 1
    assert always.kappa.value is None, "there is no chance of disagreement to compare with"


def test_rollouts_of_one_document_are_one_case() -> None:
    """The same verdicts: 40 documents of one rollout are surer than 4 documents of ten."""
    one, other = "++++-----+" * 4, "++-+--+--+" * 4
    apart = only(compared(ruled("a", one), ruled("b", other)))
    cases = [case(number, source=f"s{number % 10}") for number in range(40)]
    joined = only(compared(ruled("a", one), ruled("b", other), cases=cases))
    assert apart.kappa.value == joined.kappa.value
    assert _width(joined.kappa) > 1.5 * _width(apart.kappa)


def _width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_intervals_cover_the_share_that_is_true() -> None:
    draws = np.random.default_rng(0)
    covered = 0
    for _ in range(40):
        verdicts = "".join("+" if one < 0.3 else "-" for one in draws.random(150))
        share = compared(ruled("a", verdicts), ruled("b", verdicts)).rewards[0].accepted_share
        assert share.low is not None
        assert share.high is not None
        covered += share.low <= 0.3 <= share.high
    assert covered >= 34, "of 40 intervals of 95 %"


def test_the_same_seed_gives_the_same_figures() -> None:
    runs = ruled("a", "++--+-"), ruled("b", "+-+-+?")
    assert compared(*runs) == compared(*runs)


def test_cost_is_told_for_a_thousand_rollouts() -> None:
    found = compared(ruled("a", "+-", calls=3, seconds=0.5), ruled("b", "+-"))
    a, b = found.rewards
    assert (a.calls, a.tokens, a.cost, a.seconds) == (3000, 30_000, 1500, 250)
    assert (b.calls, b.tokens, b.cost, b.seconds) == (0, 0, 0, 0)


def test_labels_of_people_give_precision_and_recall() -> None:
    labels = [True, True, False, False, None, None]
    cases = [case(number, is_right=label) for number, label in enumerate(labels)]
    a, b = compared(ruled("a", "++--+?"), ruled("b", "+-+-+-"), cases=cases).rewards
    assert a.precision is not None
    assert a.recall is not None
    assert (a.precision.value, a.recall.value) == (1, 1)
    assert b.precision is not None
    assert b.recall is not None
    assert (b.precision.value, b.recall.value) == (0.5, 0.5)
    unlabelled = compared(ruled("a", "+-"), ruled("b", "+-")).rewards[0]
    assert unlabelled.precision is unlabelled.recall is unlabelled.of_good_pairs is None


def test_labels_of_pairs_say_what_share_is_paid_for_a_good_pair() -> None:
    cases = [case(n, is_good_pair=good) for n, good in enumerate([True, False, False, None])]
    a, b = compared(ruled("a", "+++-"), ruled("b", "+--+"), cases=cases).rewards
    assert a.of_good_pairs is not None
    assert b.of_good_pairs is not None
    assert a.of_good_pairs.value == pytest.approx(1 / 3)
    assert b.of_good_pairs.value == 1
    assert a.precision is None, "a label of a pair does not say that an answer is right"


def test_figures_by_answer_type_add_up() -> None:
    cases = [
        case(n, gold=Gold(AnswerType.ENTITY if n < 2 else AnswerType.DATE, "1969-07-20"))
        for n in range(5)
    ]
    found = compared(ruled("a", "+-+??"), ruled("b", "++---"), cases=cases)
    assert [(one.answer_type, one.rollouts) for one in found.types] == [("date", 3), ("entity", 2)]
    date, entity = found.types
    assert date.accepted == [1, 0]
    assert date.undecided == [2, 0]
    assert [(one.both, one.only_first, one.only_second) for one in entity.pairs] == [(1, 0, 1)]
    assert sum(one.pairs[0].only_first for one in found.types) == only(found).only_first


def test_differing_rollouts_are_shown_by_type_each_pattern_in_turn() -> None:
    cases = [case(n) for n in range(30)]
    found = compared(
        ruled("a", "+" * 20 + "-" * 10), ruled("b", "-" * 18 + "++" + "+?" * 5), cases=cases
    )
    shown = found.examples["integer"]
    patterns = [tuple(str(said.verdict) for said in one.said) for one in shown]
    assert patterns[:3] == [
        ("accepted", "rejected"),
        ("rejected", "accepted"),
        ("rejected", "undecided"),
    ]
    assert len(shown) == 6
    ids = [one.case.case_id for one in shown]
    assert len(set(ids)) == len(ids)
    assert "c18" not in ids, "both accept it"


def test_rewards_that_agree_have_no_examples() -> None:
    assert compared(ruled("a", "+-?"), ruled("b", "+-?")).examples == {}
