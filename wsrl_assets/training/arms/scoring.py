"""How completions are scored, and the figures of an evaluation. Pure functions.

Two ways of scoring, so that a gain of format is not taken for knowledge. Strict: the reward says 1
of the completion, which reads the final answer as the prompt asks for it. Lenient: that, or the
words of the gold answer (or of an alias) stand anywhere in the completion; it is generous to a
completion that lists many answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from wsrl_assets.reward import score_rollout

from .task import SAMPLES, Prompt

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote, its length in tokens, and whether it was cut off."""

    text: str
    tokens: int
    is_cut_off: bool


def score_group(
    item: Mapping[str, Any], kind: str, group: Sequence[Completion], *, scores_cut_off: bool
) -> dict[str, Any]:
    """The line of a question: each completion with its scores."""
    strict, loose = [], []
    for one in group:
        scored = score_rollout(one.text, item["gold"], one.is_cut_off and not scores_cut_off)
        strict.append(scored.value)
        loose.append(int(scored.value or lenient(one.text, item["accepted"])))
    return {
        "pair_id": item["pair_id"],
        "parent_id": item["parent_id"],
        "prompt": str(kind),
        "strict": strict,
        "lenient": loose,
        "tokens": [one.tokens for one in group],
        "cut_off": [int(one.is_cut_off) for one in group],
        "completions": [one.text for one in group],
    }


def lenient(text: str, accepted: Sequence[str]) -> bool:
    """Whether the words of an accepted answer stand together in the text."""
    said = f" {_words(text)} "
    return any(f" {_words(answer)} " in said for answer in accepted if _words(answer))


def summary(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The figures of an evaluation by name, each a mean over questions."""
    figures: dict[str, float] = {}
    for kind in Prompt:
        some = [line for line in lines if line["prompt"] == kind]
        for scoring in ("strict", "lenient"):
            right = [fmean(line[scoring]) for line in some]
            figures[f"{kind}.pass_at_1.{scoring}"] = fmean(right)
            figures[f"{kind}.pass_at_{SAMPLES}.{scoring}"] = fmean(share > 0 for share in right)
            figures[f"{kind}.mixed_groups.{scoring}"] = fmean(0 < share < 1 for share in right)
        figures[f"{kind}.cut_off"] = fmean(fmean(line["cut_off"]) for line in some)
        figures[f"{kind}.answer_tokens"] = fmean(fmean(line["tokens"]) for line in some)
    choices = [line for line in lines if line["prompt"] == "multiple_choice"]
    if choices:
        figures["multiple_choice.accuracy"] = fmean(fmean(line["right"]) for line in choices)
        figures["multiple_choice.chance"] = fmean(line["chance"] for line in choices)
    return figures


def _words(text: str) -> str:
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))
