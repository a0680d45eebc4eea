"""Hostile and empty responses score 0, never raise, and return in under 50 ms."""

from __future__ import annotations

import time

import pytest

from wsrl_assets.reward import AnswerType, Gold, score

LIMIT_S = 0.05
_TRIALS = 20

GOLDS = {
    AnswerType.INTEGER: Gold(AnswerType.INTEGER, "42"),
    AnswerType.DECIMAL: Gold(AnswerType.DECIMAL, "3.14"),
    AnswerType.PERCENT: Gold(AnswerType.PERCENT, "50%"),
    AnswerType.QUANTITY: Gold(AnswerType.QUANTITY, "5", unit="km"),
    AnswerType.DATE: Gold(AnswerType.DATE, "1969-07-20"),
    AnswerType.TIME: Gold(AnswerType.TIME, "10:30 AM"),
    AnswerType.MONEY: Gold(AnswerType.MONEY, "$2.5 million"),
    AnswerType.ENTITY: Gold(AnswerType.ENTITY, "Paris", aliases=("City of Light",)),
    AnswerType.CHOICE: Gold(AnswerType.CHOICE, "B", choices=("London", "Paris", "Rome", "Bonn")),
    AnswerType.YES_NO: Gold(AnswerType.YES_NO, "yes"),
    AnswerType.LIST: Gold(AnswerType.LIST, "red, green, blue"),
    AnswerType.CODE: Gold(AnswerType.CODE, "print('hi')"),
    AnswerType.EXPRESSION: Gold(AnswerType.EXPRESSION, "(x+y+z)^{2}"),
}
RIGHT = {
    AnswerType.INTEGER: "42",
    AnswerType.DECIMAL: "3.14",
    AnswerType.PERCENT: "50%",
    AnswerType.QUANTITY: "5 km",
    AnswerType.DATE: "July 20, 1969",
    AnswerType.TIME: "10:30 AM",
    AnswerType.MONEY: "$2.5 million",
    AnswerType.ENTITY: "Paris",
    AnswerType.CHOICE: "B",
    AnswerType.YES_NO: "yes",
    AnswerType.LIST: "red, green, blue",
    AnswerType.CODE: "print('hi')",
    AnswerType.EXPRESSION: "(x+y+z)^{2}",
}

EMPTY = {
    "nothing": "",
    "spaces": "  \n\t \n",
    "a colon": ":",
    "an empty answer": "Answer:",
    "an empty answer in bold": "**Final Answer:**",
    "thought process": "Thought process:",
    "an empty box": "\\boxed{}",
    "an empty box with spaces": "The answer is $\\boxed{ }$.",
    "an empty tag": "<answer></answer>",
    "an open tag": "<answer>",
    "an open box": "\\boxed{",
    "only a thought": "<think>42 Paris yes B</think>",
    "an open thought": "<think>Answer: 42",
    "dots": "...",
    "a fence": "```\n```",
    "quotes": '""',
    "a refusal": "I cannot answer this.",
    "the marker as a word": "My answer",
}
HOSTILE = {
    "ten thousand letters": "a" * 10_000,
    "ten thousand digits": "4" * 10_000,
    "ten thousand spaces": " " * 10_000 + "x",
    "ten thousand lines": "x\n" * 10_000,
    "a million characters": "Answer: 4" + "2" * 1_000_000,
    "control characters": "".join(map(chr, range(32))),
    "a bell in the answer": "Answer: \x0742\x07",
    "a zero byte": "42\x00",
    "escape codes": "\x1b[31m42\x1b[0m",
    "direction overrides": "\u202e24\u202c",
    "lone surrogates": "\ud800\udfff" * 100,
    "combining marks": "a" + "\u0301" * 9_000,
    "zero width": "\u200b" * 5_000,
    "open fractions": "\\frac{" * 2_000,
    "closed fractions": "\\frac{1}{" * 1_000 + "2" + "}" * 1_000,
    "open boxes": "\\boxed{" * 1_000,
    "nested boxes": "\\boxed{" * 500 + "1" + "}" * 500,
    "open braces": "{" * 9_000,
    "closed braces": "}" * 9_000,
    "nested text": "\\text{" * 1_000 + "x" + "}" * 1_000,
    "brackets": "(" * 5_000 + ")" * 5_000,
    "a tower of powers": "9^{9^{9^{9^{9}}}}",
    "a long power": "2^{1000000000}",
    "a float out of range": "1e999999999",
    "a huge factorial": "1000000!",
    "nested powers": "((x+1)^{40})^{40}",
    "a large expansion": "(x+y+z+a+b+c)^{40}",
    "nested roots": "\\sqrt{" * 200 + "x" + "}" * 200,
    "nested sines": "\\sin(" * 6 + "x" + ")" * 6,
    "a long sum": "+".join(["x"] * 5_000),
    "a binomial": "\\binom{10^9}{5}",
    "an endless sum": "\\sum_{k=1}^{10^9} k",
    "unit powers": "5 m**9**9**9",
    "many units": "5 " + "m*" * 3_000,
    "many commas": ", " * 4_000,
    "deep JSON": "[" * 5_000,
    "open quotes": '"""' * 600,
    "backticks": "`" * 5_000,
    "stars": "**" * 5_000,
    "dollars": "$" * 9_000,
    "many markers": "Answer: " * 1_200,
    "many tags": "<answer>" * 1_200,
    "many closed tags": "<answer></answer>" * 500,
    "many thoughts": "<think>" * 1_200 + "</think>",
    "number words": "one hundred and " * 600,
    "initials": "J. " * 3_000,
    "dotted": "a." * 4_000,
    "digits and commas": "1," * 4_000,
    "digits and spaces": "1 " * 4_000,
    "zeros with a point": "0." + "0" * 8_000 + "1",
    "catastrophic for a careless pattern": "a" * 30 + "!" + "a" * 3_000 + "b",
    "is after is": "x is " * 1_500,
    "equals after equals": "x = " * 1_500,
    "dates": "July 20, " * 1_000,
    "colons": "10:30:" * 1_000,
    "percent signs": "%" * 9_000,
    "HTML": "<b>" * 3_000,
}


# What has the form of its gold, or agrees with it at points, and so costs the most.
COSTLY = {
    "\\sin(x)": "\\sin(" * 15 + "x" + ")" * 15,
    "20(x+1)^{x}": "+".join(["(x+1)^{x}"] * 16) + "+4(x+1)^{x}+10^{-30}",
    "\\{x,1,2,3,4,5,6,7,8,9,10,11\\}": "\\{" + ",".join(["\\tan(x)^x"] * 12) + "\\}",
    "x > 3": "(x-3)^{40} > 0",
    "x^2 = y": "(x+y)^{40} = (x-y)^{40}",
    "\\sin(x) > 0": "\\sin(\\cos(\\tan(\\sin(x)))) > 0",
    "[0, x)": "[0, \\sqrt{x^{40}+\\sqrt{x^{40}+1}})",
}


def _is_fast(response: str, gold: Gold) -> bool:
    """In the best of several trials, since the machine may be busy with something else."""
    for _ in range(_TRIALS):
        start = time.perf_counter()
        score(response, gold)
        if time.perf_counter() - start < LIMIT_S:
            return True
    return False


@pytest.mark.parametrize("answer_type", AnswerType)
@pytest.mark.parametrize("name", EMPTY)
def test_response_without_an_answer_scores_zero(name: str, answer_type: AnswerType) -> None:
    assert score(EMPTY[name], GOLDS[answer_type]).value == 0


@pytest.mark.parametrize("answer_type", AnswerType)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_response_scores_zero_in_time(name: str, answer_type: AnswerType) -> None:
    gold, response = GOLDS[answer_type], HOSTILE[name]
    score(RIGHT[answer_type], gold)
    assert score(response, gold).value == 0
    assert _is_fast(response, gold)


@pytest.mark.parametrize("answer_type", AnswerType)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_in_a_box_is_bounded_too(name: str, answer_type: AnswerType) -> None:
    gold, response = GOLDS[answer_type], f"Answer: {HOSTILE[name][:1_900]}"
    score(RIGHT[answer_type], gold)
    assert score(response, gold).value == 0
    assert _is_fast(response, gold)


@pytest.mark.parametrize("value", COSTLY)
def test_costly_expression_is_decided_in_time_at_first_sight(value: str) -> None:
    """Other letters in each trial, so that no cache knows the answer already."""
    durations = []
    for letter in "abcdfghjklmn":
        gold = Gold(AnswerType.EXPRESSION, value.replace("x", letter))
        answer = COSTLY[value].replace("x", letter)
        start = time.process_time()
        assert score(answer, gold).value == 0
        durations.append(time.process_time() - start)
    assert min(durations) < LIMIT_S


@pytest.mark.parametrize("answer_type", AnswerType)
def test_hostile_gold_is_bounded_too(answer_type: AnswerType) -> None:
    for text in HOSTILE.values():
        gold = Gold(answer_type, text, aliases=(text,), choices=(text, "b"))
        start = time.perf_counter()
        score("42", gold)
        # The first look at a gold compiles it; generous, since it is done once.
        assert time.perf_counter() - start < 10 * LIMIT_S


@pytest.mark.parametrize("answer_type", AnswerType)
def test_gold_among_twenty_guesses_scores_zero(answer_type: AnswerType) -> None:
    if answer_type is AnswerType.LIST:
        pytest.skip("several answers are one answer here")
    gold, right = GOLDS[answer_type], RIGHT[answer_type]
    others = [f"guess {number}" for number in range(19)]
    for position in (0, 10, 19):
        guesses = [*others[:position], right, *others[position:]]
        for separator in (", ", "; ", " or ", "\n", " / ", ". "):
            assert score(separator.join(guesses), gold).value == 0
            assert score(f"Answer: {separator.join(guesses)}", gold).value == 0
        boxes = "\n".join(f"\\boxed{{{guess}}}" for guess in guesses)
        assert score(boxes, gold).value == 0
        assert score("\n".join(f"Answer: {guess}" for guess in guesses), gold).value == 0
        assert score("\n".join(f"{n}. {guess}" for n, guess in enumerate(guesses)), gold).value == 0


def test_all_choices_listed_score_zero() -> None:
    gold = GOLDS[AnswerType.CHOICE]
    for response in (
        "A) London B) Paris C) Rome D) Bonn",
        "A) London\nB) Paris\nC) Rome\nD) Bonn",
        "London, Paris, Rome, Bonn",
        "A, B, C, D",
        "A B C D",
        "Answer: A, B, C or D",
        "A\nB\nC\nD",
    ):
        for right in "ABCD":
            one = Gold(gold.type, right, choices=gold.choices)
            assert score(response, one).value == 0


def test_question_repeated_scores_zero() -> None:
    for question in (
        "What is the capital of France? A) London B) Paris C) Rome D) Bonn",
        "Which of these is Paris?",
        "What is the answer to 6 times 7? Is it 42?",
        "Question: is Paris the capital?\nAnswer:",
    ):
        for gold in GOLDS.values():
            assert score(question, gold).value == 0


def test_a_long_rollout_with_a_final_answer_still_counts() -> None:
    thought = "Let me add the numbers one by one. " * 400
    assert score(f"<think>{thought}</think>\n\nAnswer: 42", GOLDS[AnswerType.INTEGER]).value == 1
    assert score(f"{thought}\n\nAnswer: 42", GOLDS[AnswerType.INTEGER]).value == 1
