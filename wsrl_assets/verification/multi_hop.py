"""Checks of a question of two facts: both are needed, and what joins them is not named."""

import re

from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Gold
from wsrl_assets.storage.basis import Hops
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.language import Writing
from wsrl_assets.verification.grounding import answer_in
from wsrl_assets.verification.parts import phrase_in
from wsrl_assets.verification.round_trip import round_trip

# Names and figures, but for the capital that any question begins with.
_TELLING = re.compile(r"(?<=\s)[\"'(]?([A-Z][\w'-]+|\d[\d.,]*\d|\d)")


def facts_of(basis: str | None, document: str) -> tuple[Hops, str, str] | None:
    """The hops of a draft, and the two sentences; none if its basis is damaged."""
    try:
        hops = Hops.from_json(basis or "")
    except ValueError:
        return None
    first, second = (document[start:end] for start, end in (hops.first, hops.second))
    return hops, first, second


def check_hops(
    basis: str | None, gold: Gold | None, question: str, document: str, writing: Writing
) -> tuple[Verdict, ...]:
    """The verdict `hops`, and `no_shortcut` if that passes.

    Reasons: `no_hops`, `no_bridge` (it is not in both sentences), `answer_not_in_evidence` (the
    second does not give the answer); `bridge_in_question`, `first_fact_suffices` (it gives the
    answer too), `second_fact_suffices` (all names and figures of the question stand in the second,
    so the first is not needed).
    """
    found = facts_of(basis, document)
    if found is None or gold is None:
        return (_no("hops", "no_hops", "its two facts are missing"),)
    hops, first, second = found
    first, second = writing.with_decimal_point(first), writing.with_decimal_point(second)
    if not (phrase_in(hops.bridge, first) and phrase_in(hops.bridge, second)):
        return (_no("hops", "no_bridge", hops.bridge),)
    if not answer_in(second, gold).passed:
        return (_no("hops", "answer_not_in_evidence", gold.value),)
    return Verdict("hops", True, detail=hops.bridge), _shortcut(hops, gold, question, first, second)


def _shortcut(hops: Hops, gold: Gold, question: str, first: str, second: str) -> Verdict:
    if phrase_in(hops.bridge, question):
        return _no("no_shortcut", "bridge_in_question", hops.bridge)
    if answer_in(first, gold).passed:
        return _no("no_shortcut", "first_fact_suffices", gold.value)
    telling = [str(word) for word in _TELLING.findall(question)]
    if not any(phrase_in(word, first) and not phrase_in(word, second) for word in telling):
        said = "no name or figure of the question stands in the first fact alone"
        return _no("no_shortcut", "second_fact_suffices", said)
    return Verdict("no_shortcut", True)


async def fails_alone(
    pair_id: str, question: str, gold: Gold, facts: tuple[str, str], model: StageModel
) -> Verdict:
    """The verdict `fails_alone`: a reader of one fact, who may give up, must not find the answer.

    Reason: `one_fact_suffices`.

    Raises:
        RowError: a call failed.
    """
    for name, fact in zip(("first", "second"), facts, strict=True):
        answer, found = await round_trip(
            pair_id, question, gold, fact, model, form=Form.UNANSWERABLE
        )
        if found.passed:
            said = f"the {name} fact alone gives {answer!r}"
            return _no("fails_alone", "one_fact_suffices", said)
    return Verdict("fails_alone", True)


def _no(check: str, reason: str, detail: str) -> Verdict:
    return Verdict(check, False, reason, detail[:200])
