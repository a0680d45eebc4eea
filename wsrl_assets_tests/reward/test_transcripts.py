"""Thoughts, tools and special tokens, by their shape: what of a response is said."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.reward import AnswerType, Gold, score
from wsrl_assets.reward.transcripts import said

GOLD = Gold(AnswerType.INTEGER, "42")
THOUGHTS = (
    ("<think>", "</think>"),
    ("<THINKING>", "</THINKING>"),
    ("<seed:think>", "</seed:think>"),
    ('<think type="fast">', "</think>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|think|>", "<|/think|>"),
    ("<\uff5cbegin\u2581of\u2581thinking\uff5c>", "<\uff5cend\u2581of\u2581thinking\uff5c>"),
    ("[THINK]", "[/THINK]"),
    ("[think]", "[/think]"),
    ("[|thought|]", "[|endofthought|]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis", "assistantfinal"),
    ("Here is my thought process:", "Here is my response:"),
    ("<tool_response>", "</tool_response>"),
    ("<|tool_call_begin|>", "<|tool_call_end|>"),
    ("<information>", "</information>"),
)
TOKENS = (
    "",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eot|>",
    "<|end_of_text|>",
    "<|user|>",
    "<|hy_place\u2581holder\u2581no\u25812|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<[EOS_never_used_51bce0c785ca2f68081bfa7d91973934]>",
    "[EOS]",
    "[|endofturn|]",
    "</s>",
    "<eos><pad><pad>",
    "<end_of_turn>\n",
    "<unk>",
    "<SPECIAL_12>",
    "[e~[",
    "]~b]",
    "<|endoftext|>" * 400,
)
WRAPPERS = (
    "Answer: {}",
    "Six sevens.\n\nAnswer: {}",
    "<solution>{}</solution>",
    "<response>Answer: {}</response>",
    "<output>\n{}\n</output>",
    "So: <final_answer>{}</final_answer>",
    "<answer>6*7={}.\n\nAnswer: {}</answer>",
    "The answer is <|begin_of_box|>{}<|end_of_box|>.",
    "<|begin_of_solution|>\nAnswer: {}\n<|end_of_solution|>",
    "<|START_RESPONSE|>Answer: {}<|END_RESPONSE|>",
    "<|im_start|>assistant\nAnswer: {}",
    "<|start_header_id|>assistant<|end_header_id|>\n\nAnswer: {}",
)


@pytest.mark.parametrize(("start", "end"), THOUGHTS)
def test_a_thought_that_never_ends_says_nothing(start: str, end: str) -> None:
    assert score(f"{start}I guess\nAnswer: 42", GOLD).value == 0
    assert score(f"{start}Answer: 42{end}", GOLD).value == 0
    assert score(f"{start}Answer: 42{end}\n\nAnswer: 41", GOLD).value == 0
    if not start.startswith(("analysis", "Here")):
        assert said(f"Let me see.\n{start}") is None


@pytest.mark.parametrize(("start", "end"), THOUGHTS)
def test_what_is_said_after_a_thought_loses_nothing(start: str, end: str) -> None:
    thought = f"{start}Is it 41? Answer: 41\nAnswer: 40\nAnswer: 39{end}"
    for wrapper in WRAPPERS:
        response = f"{thought}{wrapper.replace('{}', '42')}"
        assert [token for token in TOKENS if score(response + token, GOLD).value != 1] == []


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_and_tokens_cost_no_answer(wrapper: str) -> None:
    for token in TOKENS:
        assert score(f"{wrapper.replace('{}', '42')}{token}", GOLD).value == 1
        assert score(f"{wrapper.replace('{}', '41')}{token}", GOLD).value == 0


@pytest.mark.parametrize(
    "turn",
    ["<|im_start|>tool\n", "<|im_start|>user\n", "<|observation|>", "<start_of_turn>user\n"],
)
def test_the_turns_of_others_say_nothing(turn: str) -> None:
    assert score(f"I call it.<|im_end|>\n{turn}Answer: 42<|im_end|>", GOLD).value == 0


@pytest.mark.parametrize(
    "response",
    [
        "It follows from [reasoning](https://example.org).\nAnswer: 42",
        "analysis of variance gives it.\nAnswer: 42",
        "finally.\nAnswer: 42",
        "With a<b and c>d.\nAnswer: 42",
        "[the reason is simple] Answer: 42",
    ],
)
def test_ordinary_text_is_no_mark(response: str) -> None:
    assert score(response, GOLD).value == 1


@settings(max_examples=300)
@given(st.text("<>|/[]\u25c1\u25b7 thinkedof_assistafnl:\n42", max_size=80))
def test_reading_any_text_never_raises_and_adds_nothing(text: str) -> None:
    heard = said(text)
    assert heard is None or len(heard) <= len(text) + 8 * text.count("<")


@pytest.mark.parametrize("piece", ["<", "[", "<|", "<a ", "<|a|>", "</s>", "[EOS]", "<solution>"])
def test_long_runs_of_marks_are_read_in_time(piece: str) -> None:
    durations = []
    for _ in range(5):
        start = time.process_time()
        said(piece * (100_000 // len(piece)))
        durations.append(time.process_time() - start)
    assert min(durations) < 1.0
