"""A rollout as trainers hand it over: what of it is the answer, and the score of that.

A completion is a text, or a chat: a list of messages, or of the items of OpenAI's Responses API. Of
a chat only its last message counts, and only if the assistant says it and calls no tool with it:
what a tool returned is not what the policy said. A completion that was cut off scores 0, whatever
stands in it: its last words are no final answer, and may be the beginning of one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum

from .gold import Gold
from .outcome import Reason, Score
from .rubric import is_rubric
from .scoring import score

_log = logging.getLogger("wsrl_assets.reward")
_ASSISTANTS = frozenset(("assistant", "model"))
_SAID_PARTS = frozenset((None, "text", "output_text"))
_CUT_OFF = frozenset(
    (
        *("length", "max_tokens", "max_output_tokens", "max_new_tokens", "max_length"),
        *("truncated", "incomplete", "abort", "aborted", "cancelled", "failed", "error"),
    )
)

undecided: Counter[Reason] = Counter()
"""How many rollouts of this process got no verdict, by reason."""


def score_rollout(completion: object, gold: object, finish_reason: object = None) -> Score:
    """The score of what a trainer gives a reward, for any row.

    Args:
        completion: a text, messages (as objects or mappings), or None.
        gold: a `Gold`, or the JSON text or object of one. Anything else scores `invalid_gold`.
        finish_reason: why generation ended, in the words of vLLM, SGLang or OpenAI, as an enum or
            in an object with a `type`; or True for a completion that was cut off. None is a
            finished one.

    A gold that is a rubric needs a judge, and has the reason `needs_judge`: see `score_rubric`.
    A score that is not `decided` is counted in `undecided` and logged as a warning, the first and
    then ever more seldom: a trainer may leave the sample out, else it has to take the 0.

    Raises:
        MissingPackageError: a package that golds of this type need is not installed.
    """
    scored = _scored(completion, gold, finish_reason)
    if not scored.decided:
        count_undecided(scored.reason, gold)
    return scored


def _scored(completion: object, gold: object, finish_reason: object) -> Score:
    try:
        read = gold if isinstance(gold, Gold) else _read_gold(gold)
    except ValueError:
        return Score(0, None, Reason.NEEDS_JUDGE if is_rubric(gold) else Reason.INVALID_GOLD)
    if is_cut_off(finish_reason):
        return Score(0, None, Reason.TRUNCATED)
    return score(final_message(completion), read)


def _read_gold(gold: object) -> Gold:
    return Gold.from_json(gold) if isinstance(gold, str) else Gold.from_object(gold)


def count_undecided(reason: Reason, gold: object) -> None:
    """Counts a rollout without a verdict, and logs it if a round number of them is reached."""
    undecided[reason] += 1
    total = undecided.total()
    if str(total).strip("0") == "1":
        _log.warning(
            "%d rollouts got no verdict so far: %s. The last one is %s, with the gold %.200r",
            *(total, dict(undecided), reason, gold),
        )


def is_cut_off(finish_reason: object) -> bool:
    """Whether generation ended before the policy did."""
    if isinstance(finish_reason, bool):
        return finish_reason
    if isinstance(finish_reason, Mapping):
        return is_cut_off(finish_reason.get("type"))
    word = finish_reason.value if isinstance(finish_reason, Enum) else finish_reason
    return isinstance(word, str) and word.lower() in _CUT_OFF


def final_message(completion: object) -> str:
    """What the assistant says at the end of a completion; empty where somebody else does."""
    if completion is None or isinstance(completion, str):
        return completion or ""
    if isinstance(completion, Mapping) or not isinstance(completion, Iterable):
        completion = (completion,)
    messages = [message for message in completion if _get(message, "type") != "reasoning"]
    last = messages[-1] if messages else None
    if _get(last, "role") not in _ASSISTANTS or _get(last, "tool_calls"):
        return ""
    return _text(_get(last, "content"))


def _text(content: object) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Iterable):
        return ""
    parts = (
        part if isinstance(part, str) else _get(part, "text")
        for part in content
        if isinstance(part, str) or _get(part, "type") in _SAID_PARTS
    )
    return "".join(part for part in parts if isinstance(part, str))


def _get(thing: object, key: str) -> object:
    return thing.get(key) if isinstance(thing, Mapping) else getattr(thing, key, None)
