"""What holds for every gold and every text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.reward import (
    AnswerType,
    Gold,
    Reason,
    extract_answer,
    infer_type,
    matches,
    parse_gold,
    perturbations,
    render,
    score,
    self_test,
)

from .golds import GOLDS, OF_TYPE, WILD_GOLDS

# Text with the marks that the extraction and the rules look for, so that they are reached.
_PIECES = st.sampled_from(
    """
    Answer: |The answer is |\\boxed{|}|<answer>|</answer>|<think>|</think>|####|12|1,234.5|%|$|km
    | or |not |July 20, 1969|10:30 PM|\\frac{1}{2}|^{|(|)|[|]|'|"|`|```|,|;| and |- |A) |yes|½|²|−
    |é|İ|J. R. R.|\\text{|\u202e|\x00|\ud800|\n
    """.split("|")
)
TEXTS = st.text(max_size=200) | st.lists(_PIECES | st.text(max_size=5), max_size=25).map("".join)


@pytest.mark.parametrize("answer_type", AnswerType)
@settings(max_examples=40)
@given(data=st.data())
def test_of_every_type_a_rendering_scores_one_and_five_perturbations_zero(
    answer_type: AnswerType, data: st.DataObject
) -> None:
    gold = data.draw(OF_TYPE[answer_type])
    assert score(render(gold), gold).value == 1
    wrong = perturbations(gold)
    assert len(set(wrong)) == 5
    assert [answer for answer in wrong if score(answer, gold).value == 1] == []
    assert self_test(gold).ok


@given(GOLDS)
def test_rendering_scores_one_behind_every_marker(gold: Gold) -> None:
    shown = render(gold)
    if "\n" in shown or "<answer>" in shown:
        return
    for before, after in (("Answer: ", ""), ("Let me think.\n\n", ""), ("<answer>", "</answer>")):
        assert score(f"{before}{shown}{after}", gold).value == 1


@given(GOLDS)
def test_gold_matches_itself_and_survives_json(gold: Gold) -> None:
    assert matches(gold, gold)
    assert Gold.from_json(gold.to_json()) == gold
    assert hash(Gold.from_json(gold.to_json())) == hash(gold)


@given(GOLDS)
def test_canonical_form_is_a_fixed_point_and_the_same_answer(gold: Gold) -> None:
    canonical = parse_gold(
        gold.value,
        gold.type,
        gold.unit,
        gold.aliases,
        gold.choices,
        tolerance=gold.tolerance,
        ordered=gold.ordered,
    )
    again = parse_gold(
        canonical.value,
        canonical.type,
        canonical.unit,
        canonical.aliases,
        canonical.choices,
        tolerance=canonical.tolerance,
        ordered=canonical.ordered,
    )
    assert again == canonical
    assert matches(gold, canonical)
    assert self_test(canonical).ok


@settings(max_examples=400)
@given(TEXTS, GOLDS | WILD_GOLDS)
def test_score_never_raises_and_is_zero_or_one(response: str, gold: Gold) -> None:
    result = score(response, gold)
    assert result.value in (0, 1)
    assert result.reason is not Reason.INTERNAL_ERROR
    assert (result.value == 1) == (result.reason is Reason.MATCH)
    if result.value == 1:
        assert result.extracted


@given(GOLDS | WILD_GOLDS, GOLDS | WILD_GOLDS)
def test_matches_is_symmetric_and_never_raises(a: Gold, b: Gold) -> None:
    assert matches(a, b) == matches(b, a)


@given(WILD_GOLDS)
def test_self_test_never_raises_and_says_why(gold: Gold) -> None:
    assert self_test(gold).reason


@settings(max_examples=300)
@given(TEXTS)
def test_reading_any_text_never_raises(text: str) -> None:
    answer = extract_answer(text)
    assert answer is None or answer.strip()
    assert infer_type(text) in AnswerType


@settings(max_examples=300)
@given(TEXTS, st.sampled_from(AnswerType), st.none() | st.text(max_size=8))
def test_parse_gold_gives_a_gold_that_matches_itself_or_a_value_error(
    answer: str, answer_type: AnswerType, unit: str | None
) -> None:
    try:
        gold = parse_gold(answer, answer_type, unit, choices=("red", "green"))
    except ValueError:
        return
    assert matches(gold, gold)


@given(GOLDS, st.lists(st.from_regex(r"[A-Z][a-z]{3,8}", fullmatch=True), min_size=3, max_size=20))
def test_gold_among_guesses_scores_zero(gold: Gold, others: list[str]) -> None:
    shown = render(gold)
    if gold.type is AnswerType.LIST or "\n" in shown or "<answer>" in shown:
        return
    for separator in (" or ", ", ", "; ", " / ", "\n"):
        guesses = separator.join([*others, shown])
        assert score(guesses, gold).value == 0
        assert score(f"Answer: {shown}{separator}{separator.join(others)}", gold).value == 0


@given(GOLDS)
def test_denied_and_hedged_golds_score_zero(gold: Gold) -> None:
    shown = render(gold)
    if "\n" in shown or "<answer>" in shown:
        return
    for response in (
        f"not {shown}",
        f"The answer is not {shown}",
        f"either {shown} or something else",
        f"I don't think the answer is {shown}",
        f"Answer: {shown}\nWait, that is wrong.",
        f"<think>Answer: {shown}</think>",
        f"<think>Answer: {shown}",
    ):
        assert score(response, gold).value == 0


@pytest.mark.parametrize("answer_type", AnswerType)
def test_empty_answers_are_refused(answer_type: AnswerType) -> None:
    with pytest.raises(ValueError, match="empty"):
        parse_gold("  ", answer_type)
