"""Which part of a rollout is its final answer."""

from __future__ import annotations

import pytest

from wsrl_assets.reward import AnswerType, Gold, Reason, extract_answer, score


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("12", "12"),
        ("First line.\n\n12\n", "12"),
        ("\\boxed{12}", "12"),
        ("so $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("\\boxed{a} and later\n\\boxed{b}", "b"),
        ("\\boxed{12}\\text{ km}", "12 \\text{ km}"),
        ("\\boxed{12}, which is even", "12"),
        ("<answer> Paris </answer> I hope this helps.", "Paris"),
        ("<ANSWER>Paris</ANSWER>", "Paris"),
        ("Answer: Paris", "Paris"),
        ("**Answer:** Paris.", "Paris"),
        ("**Final Answer**: Paris", "Paris"),
        ("ANSWER: Paris", "Paris"),
        ("Answer:\n\nParis", "Paris"),
        ("### Answer\nParis", "Paris"),
        ("**Final Answer**\n\n$\\boxed{12}$\n\nI hope it is correct.", "12"),
        ("The answer is Paris.", "Paris"),
        ("The final answer is: **Paris**.", "Paris"),
        ("The answer to the question is Paris.", "Paris"),
        ("The answer is x = \\boxed{5}", "5"),
        ("The answer is Paris. It is the capital.", "Paris"),
        ("#### 42", "42"),
        ("<think>London?</think>Paris", "Paris"),
        ("<think>Answer: London</think>\nAnswer: Paris", "Paris"),
        ("Answer: London\nNo, I was wrong.\nAnswer: Paris", "Paris"),
        ("Paris<|im_end|>", "Paris"),
        ("Answer: 12<end_of_turn>\n<pad><pad>", "12"),
        ("Answer: 12<|return|>", "12"),
        ("Answer: 12<\uff5cend\u2581of\u2581sentence\uff5c>", "12"),
        ("Paris</s>\n", "Paris"),
        ("Answer:\n- red\n- green", "- red\n- green"),
        ("Answer:\n```python\nf(x)\n```", "```python\nf(x)\n```"),
        ("It is this:\n```\nf(x)\n```", "```\nf(x)\n```"),
        ("\\[\n12\n\\]", "12"),
        ("Answer: J. R. R. Tolkien", "J. R. R. Tolkien"),
    ],
)
def test_final_answer_is_found(response: str, answer: str) -> None:
    assert extract_answer(response) == answer


@pytest.mark.parametrize(
    "response",
    [
        "",
        " \n ",
        ":",
        "...",
        "Thought process:",
        "Answer:",
        "Paris\n\nAnswer:",
        "\\boxed{}",
        "\\boxed{12",
        "<answer>12",
        "<answer></answer>",
        "<think>Paris</think>",
        "<think>Answer: Paris",
        "Answer: " + "a" * 5_000,
    ],
)
def test_no_final_answer_is_none(response: str) -> None:
    assert extract_answer(response) is None


@pytest.mark.parametrize(
    "response",
    [
        "The answer is not Paris, it is the answer is Paris",
        "\\boxed{London} or \\boxed{Paris}",
        "Answer: Rome Answer: Paris",
        "Answer: Paris\nWait, actually no.",
        "Answer: Paris\nLondon\nRome",
        "Possibly the answer is Paris",
        "London\nRome\nParis",
        "1. London\n2. Paris",
        "Answer: a\nAnswer: b\nAnswer: c\nAnswer: Paris",
        "I don't believe it is \\boxed{Paris}",
    ],
)
def test_guesses_and_doubts_are_hedged(response: str) -> None:
    assert score(response, Gold(AnswerType.ENTITY, "Paris")).reason is Reason.HEDGED


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("Answer:", Reason.NO_ANSWER),
        ("Answer: " + "5 km " * 1_000, Reason.TOO_LONG),
        ("Answer: 5\x07 km", Reason.MALFORMED),
        ("5", Reason.MISSING_UNIT),
        ("5 kg", Reason.WRONG_UNIT),
        ("6 km", Reason.WRONG_VALUE),
        ("far", Reason.NOT_OF_TYPE),
        ("5 km", Reason.MATCH),
    ],
)
def test_score_says_why(response: str, reason: Reason) -> None:
    assert score(response, Gold(AnswerType.QUANTITY, "5", unit="km")).reason is reason


def test_an_ambiguous_date_is_called_that() -> None:
    assert score("03/04/1969", Gold(AnswerType.DATE, "1969-04-03")).reason is Reason.AMBIGUOUS


def test_a_gold_not_of_its_type_is_the_golds_fault() -> None:
    result = score("Answer: 12", Gold(AnswerType.DATE, "twelve"))
    assert (result.value, result.extracted, result.reason) == (0, "12", Reason.INVALID_GOLD)


def test_bulleted_lines_are_guesses_unless_a_list_was_asked_for() -> None:
    response = "- red\n- green"
    assert score(response, Gold(AnswerType.LIST, "red, green")).value == 1
    assert score(response, Gold(AnswerType.ENTITY, "green")).reason is Reason.HEDGED
