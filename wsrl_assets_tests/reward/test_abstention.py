"""An abstention is right for its own gold, however it is put, and for no other gold."""

import pytest

from wsrl_assets.reward import score, self_test
from wsrl_assets.reward.abstention import ABSTENTION
from wsrl_assets_tests.reward.test_hardening import GOLDS

SAID = (
    "Answer: unanswerable",
    "The passages speak of other years only.\nAnswer: Unanswerable.",
    "<answer>unanswerable</answer>",
    "\\boxed{\\text{unanswerable}}",
    "Answer: not stated",
    "Answer: The answer is not given.",
    "Answer: cannot be determined",
    "Answer: cannot be answered",
    "Answer: unknown",
)
OTHER = (
    "Answer: answerable",
    "Answer: 1938",
    "Answer: Pietro Varesi",
    "Answer: not unanswerable",
    "Answer: unanswerable or 1938",
    "Answer: 1938, or it is unanswerable",
    "Answer: unanswerable\nAnswer: 1938",
    "The answer might be 1938",
    "",
)


def test_the_gold_proves_itself() -> None:
    assert self_test(ABSTENTION).ok


@pytest.mark.parametrize("response", SAID)
def test_an_abstention_is_accepted(response: str) -> None:
    assert score(response, ABSTENTION).value == 1


@pytest.mark.parametrize("response", OTHER)
def test_an_answer_is_no_abstention(response: str) -> None:
    assert score(response, ABSTENTION).value == 0


@pytest.mark.parametrize("gold", GOLDS.values(), ids=list(GOLDS))
def test_an_abstention_is_paid_nowhere_else(gold: object) -> None:
    assert [score(said, gold).value for said in SAID] == [0] * len(SAID)  # type: ignore[arg-type]
