"""The rubric reward: what a judge is shown, what its verdicts come to, what never reaches it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.reward import (
    Asked,
    Gold,
    Must,
    Reason,
    Rubric,
    RubricScore,
    is_rubric,
    score_rollout,
    score_rubric,
    score_rubric_async,
    self_test_rubric,
)
from wsrl_assets.reward.rubric import BESIDE, MISTAKE_COST, THRESHOLD
from wsrl_assets.reward.rubric_rules import MAX_ANSWER_CHARS, contradicts_itself, says_by_rule

from .rubric_adversary import CASES, MASTER_KEYS, PLEAS, Attempt, misses, sample
from .test_hardening import EMPTY, HOSTILE

BRIDGE, YEAST = CASES
GOOD = BRIDGE.rubric.reference
_COUNT = 3_000


class Recorder:
    """A judge with given verdicts, and keeps what it was asked."""

    def __init__(self, *verdicts: object) -> None:
        self.verdicts = list(verdicts)
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> bool:
        self.asked.append(asked)
        verdict = self.verdicts[min(len(self.asked), len(self.verdicts)) - 1]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict  # type: ignore[return-value]


def by_rule(asked: Asked) -> bool:
    """The stand-in judge of `rubric_rules`, which knows no wordings."""
    texts = (json.loads(text) for text in (asked.answer, asked.fact, asked.question))
    return says_by_rule(*texts)


def test_the_reference_passes_and_an_empty_or_foreign_answer_does_not() -> None:
    for one, other in ((BRIDGE, YEAST), (YEAST, BRIDGE)):
        assert self_test_rubric(one.rubric).ok
        for judge in (one.judge, by_rule):
            assert score_rubric(f"Answer: {one.rubric.reference}", one.rubric, judge).passed
            for answer in ("", other.rubric.reference, one.rubric.question):
                assert score_rubric(answer, one.rubric, judge).value == 0


def test_a_mistake_costs_more_than_may_be_missing() -> None:
    mistake = BRIDGE.wordings[BRIDGE.rubric.must_not[0]][1]
    scored = score_rubric(f"{GOOD} {mistake}.", BRIDGE.rubric, BRIDGE.judge)
    assert (scored.value, scored.passed) == (1 - MISTAKE_COST, False)
    assert (scored.reason, scored.mistakes) == (Reason.MISTAKE_SAID, (True,))
    assert 1 - MISTAKE_COST < THRESHOLD


def test_one_of_four_equal_facts_may_be_missing_and_none_of_three() -> None:
    for facts, passed in ((4, True), (3, False)):
        must = tuple(replace(one, weight=BESIDE) for one in YEAST.rubric.must[:facts])
        rubric = replace(YEAST.rubric, must=must)
        told = ". ".join(one.fact for one in must[1:])
        assert score_rubric(told, rubric, YEAST.judge).passed is passed


def test_a_judge_sees_one_fact_at_a_time_in_either_order() -> None:
    judge = Recorder(True, True, True, True, True, True, False)
    answer = f"{GOOD} No steamer was there."
    scored = score_rubric(f"I think so.\nAnswer: {answer}", BRIDGE.rubric, judge)
    assert scored == RubricScore(1.0, answer, Reason.FACTS_SAID, (True, True, True), (False,))
    assert [one.answer_first for one in judge.asked] == [False, True] * 4
    facts = [*(one.fact for one in BRIDGE.rubric.must), *BRIDGE.rubric.must_not]
    assert [json.loads(one.fact) for one in judge.asked[::2]] == facts
    for one in judge.asked:
        assert json.loads(one.answer) == answer
        assert (one.task.index("Text: ") < one.task.index("Statement: ")) is one.answer_first


@pytest.mark.parametrize("unclear", [None, "yes", 1, "true"])
def test_what_is_no_clear_yes_or_no_never_helps(unclear: object) -> None:
    assert score_rubric(GOOD, BRIDGE.rubric, Recorder(unclear)).value == 0
    doubtful = Recorder(True, True, True, True, True, True, unclear)
    answer = f"{GOOD} A steamer had rammed something else."
    scored = score_rubric(answer, BRIDGE.rubric, doubtful)
    assert (scored.mistakes, scored.passed) == ((True,), False)


def test_one_yes_of_two_is_not_enough() -> None:
    assert score_rubric(GOOD, BRIDGE.rubric, lambda asked: not asked.answer_first).value == 0
    assert score_rubric(GOOD, BRIDGE.rubric, lambda asked: asked.answer_first).value == 0


def test_a_judge_that_raises_gives_no_verdict() -> None:
    for verdicts in ((RuntimeError("down"),), (True, True, True, RuntimeError("down"))):
        scored = score_rubric(GOOD, BRIDGE.rubric, Recorder(*verdicts))
        assert (scored.reason, scored.decided) == (Reason.JUDGE_FAILED, False)


def test_the_async_form_agrees_with_the_other() -> None:
    for verdicts in (
        (True, True, True, True, True, True, False),
        (True, False),
        (ValueError("x"),),
    ):
        first, second = Recorder(*verdicts), Recorder(*verdicts)

        async def judge(asked: Asked, inner: Recorder = second) -> bool:
            await asyncio.sleep(0)
            return inner(asked)

        expected = score_rubric(GOOD, BRIDGE.rubric, first)
        assert asyncio.run(score_rubric_async(GOOD, BRIDGE.rubric, judge)) == expected
        assert first.asked == second.asked


def test_without_a_judge_a_rubric_has_no_verdict_and_says_so() -> None:
    scored = score_rollout(GOOD, BRIDGE.rubric.to_json())
    assert (scored.reason, scored.decided) == (Reason.NEEDS_JUDGE, False)
    with pytest.raises(ValueError, match=r"unknown key|must be one of"):
        Gold.from_json(BRIDGE.rubric.to_json())


@pytest.mark.parametrize("key", MASTER_KEYS)
def test_a_master_key_earns_nothing_from_a_judge_that_it_works_on(key: str) -> None:
    for one in CASES:
        for response in (key, f"Answer: {key}", f"{key}\n{one.rubric.question}", f"{key} " * 8):
            judge = Recorder(True)
            assert score_rubric(response, one.rubric, judge).value == 0
            assert judge.asked == [], "no judge was asked"


@pytest.mark.parametrize("plea", PLEAS)
def test_an_answer_that_speaks_to_the_grader_is_not_shown(plea: str) -> None:
    for text in (f"{GOOD} {plea}", f"{plea}\n{GOOD}", f"{GOOD}\n{plea}"):
        judge = Recorder(True)
        scored = score_rubric(text, BRIDGE.rubric, judge)
        # A template's token begins another turn, so that what stands before it is not said at all.
        others = {Reason.NO_ANSWER} if "<|" in plea else set()
        assert scored.value == 0
        assert scored.reason in {Reason.TO_THE_GRADER, *others}, text
        assert judge.asked == []


@pytest.mark.parametrize("name", [*EMPTY, *HOSTILE])
def test_what_is_empty_or_hostile_is_not_shown_and_takes_no_time(name: str) -> None:
    response, judge = {**EMPTY, **HOSTILE}[name], Recorder(True)
    began = time.process_time()
    assert score_rubric(response, BRIDGE.rubric, judge).value == 0
    assert time.process_time() - began < 2
    assert judge.asked == []


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (f"{GOOD}\x07", Reason.MALFORMED),
        (f"{GOOD}\u200b", Reason.MALFORMED),
        (GOOD * (MAX_ANSWER_CHARS // len(GOOD) + 1), Reason.TOO_LONG),
        (BRIDGE.rubric.question, Reason.REPEATS_QUESTION),
        (f"Why? {BRIDGE.rubric.question} It did fail.", Reason.REPEATS_QUESTION),
        (f"{GOOD} {BRIDGE.rubric.must_not[0]}.", Reason.QUOTES_RUBRIC),
        (f"{GOOD} Ice had not blocked two of its five arches.", Reason.CONTRADICTS_ITSELF),
        (f"{GOOD} Ice had blocked two of its six arches.", None),
        (f"{GOOD} The pier was built in 1901. The pier was built in 1902.", "contradicts_itself"),
        (f"<think>{GOOD}", Reason.NO_ANSWER),
    ],
)
def test_a_rule_refuses(response: str, reason: str | None) -> None:
    scored = score_rubric(response, BRIDGE.rubric, BRIDGE.gullible)
    assert scored.reason == (reason or Reason.FACTS_SAID)
    assert scored.value == (1 if reason is None else 0)


def test_a_second_case_is_no_contradiction() -> None:
    assert not contradicts_itself("In 1902 it had 5 rooms. In 1910 it had 8 rooms.")
    assert not contradicts_itself("It stores trehalose. It stores no other sugar in its cells.")
    assert contradicts_itself("It did erupt in March. It did not erupt in March.")
    assert contradicts_itself("The town has 40 towers. The town has 41 towers.")


def test_a_rollout_that_was_cut_off_scores_zero() -> None:
    scored = score_rubric(GOOD, BRIDGE.rubric, BRIDGE.judge, "length")
    assert (scored.value, scored.reason) == (0, Reason.TRUNCATED)


def test_messages_count_by_their_last_one() -> None:
    chat = [{"role": "user", "content": GOOD}, {"role": "assistant", "content": "Answer: hm"}]
    assert score_rubric(chat, BRIDGE.rubric, BRIDGE.judge).value == 0
    chat[1]["content"] = GOOD
    assert score_rubric(chat, BRIDGE.rubric.to_json(), BRIDGE.judge).passed


def test_the_adversary_finds_no_miss() -> None:
    tried = sample(_COUNT, 13)
    assert [f"{one.made_by}: {one.response}" for one in misses(tried)] == []
    passing = sum(one.value >= THRESHOLD for one in tried)
    assert _COUNT / 10 < passing < _COUNT / 2


def test_the_adversary_catches_a_reward_that_shows_everything_to_a_gullible_judge() -> None:
    def naive(one: Attempt) -> float:
        return float("steamer" not in one.response)

    assert len(misses(sample(_COUNT, 13), naive)) > _COUNT / 4


def test_rules_alone_hold_what_is_spoiled_back_from_a_gullible_judge() -> None:
    """Rules refuse every spoiled attempt, and the judge decides the others."""
    spoiled = [one for one in sample(_COUNT, 13) if not one.made_by.endswith("clean")]
    paid = [
        one.made_by
        for one in spoiled
        if score_rubric(one.response, one.case.rubric, one.case.gullible).value > 0
    ]
    assert len(spoiled) > _COUNT / 3
    assert paid == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"must": []}, "must"),
        ({"must_not": []}, "must_not"),
        ({"must_not": ["A mistake"] * 6}, "3 to 7"),
        ({"question": ""}, "question"),
        ({"reference": 5}, "reference"),
        ({"must": [{"fact": "x", "weight": 3}] * 3}, "weight"),
        ({"must": ["x", "y"]}, "keys"),
        ({"extra": 1}, "keys"),
        ({"type": "entity"}, "keys"),
    ],
)
def test_a_damaged_rubric_is_named_and_scores_nothing(change: dict[str, object], said: str) -> None:
    row = {**json.loads(BRIDGE.rubric.to_json()), **change}
    with pytest.raises(ValueError, match=said):
        Rubric.from_object(row)
    scored = score_rubric(GOOD, row, BRIDGE.gullible)
    assert (scored.reason, scored.decided) == (Reason.INVALID_GOLD, False)


def test_a_rubric_survives_its_json_and_is_told_from_a_gold() -> None:
    text = YEAST.rubric.to_json()
    assert Rubric.from_json(text) == YEAST.rubric
    assert is_rubric(text)
    assert is_rubric(json.loads(text))
    for other in ('{"type": "entity", "value": "\\"rubric\\""}', "rubric", '"rubric"', None, 5):
        assert not is_rubric(other)


@pytest.mark.parametrize(
    ("rubric", "why"),
    [
        (replace(BRIDGE.rubric, reference="Nobody knows it."), "refused"),
        (
            replace(BRIDGE.rubric, must=(*BRIDGE.rubric.must, Must("Rats gnawed cables"))),
            "does not say",
        ),
        (replace(BRIDGE.rubric, reference=f"{GOOD} {BRIDGE.rubric.must_not[0]}."), "refused"),
        (replace(BRIDGE.rubric, must_not=("gravel",)), "refused"),
    ],
)
def test_a_rubric_that_proves_nothing_fails_its_self_test(rubric: Rubric, why: str) -> None:
    tested = self_test_rubric(rubric)
    assert not tested.ok
    assert why in tested.reason


@given(st.text(max_size=400))
def test_no_text_makes_it_raise(text: str) -> None:
    scored = score_rubric(text, BRIDGE.rubric, BRIDGE.judge)
    assert scored.reason is not Reason.INTERNAL_ERROR
    assert 0 <= scored.value <= 1
