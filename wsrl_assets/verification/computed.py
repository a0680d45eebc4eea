"""Checks of a computed answer: executed once more, and with every fact behind it in the text."""

from wsrl_assets.reward import AnswerType, Gold, infer_type, parse_gold
from wsrl_assets.storage.basis import Computation, Fact
from wsrl_assets.storage.calculation import Calculated, CalculationError, calculate
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.language import Writing
from wsrl_assets.verification.grounding import answer_in
from wsrl_assets.verification.parts import phrase_in

_ROUNDING = ("round", "nearest", "decimal", "whole")
_DETAIL_CHARS = 200


def check_computation(
    basis: str | None, answer: str, question: str, document: str, writing: Writing
) -> tuple[Verdict, ...]:
    """The verdicts `computation` and, if that passes, `facts_in_document`.

    Reasons: `no_computation`, those of `calculate`, `result_differs` (the stored answer is not what
    the query gives), `rounding_not_asked` (the query rounds and the question does not say so);
    `fact_not_in_document` (a sentence or line does not give the figure, or does not name its
    entity). Facts that the result does not depend on need no proof.
    """
    try:
        computation = Computation.from_json(basis or "")
    except ValueError:
        return (_no("computation", "no_computation", "its facts and query are missing"),)
    try:
        found = calculate(computation)
    except CalculationError as fault:
        return (_no("computation", fault.reason, fault.detail),)
    first = _executed(found, answer, question)
    if not first.passed:
        return (first,)
    return first, _grounded(computation, found, document, writing)


def _executed(found: Calculated, answer: str, question: str) -> Verdict:
    if answer.rstrip("%") != found.result:
        return _no("computation", "result_differs", f"the query gives {found.result}")
    if found.rounds and not any(word in question.casefold() for word in _ROUNDING):
        return _no("computation", "rounding_not_asked", f"rounded to {found.result}")
    said = f"{found.result} from {len(found.used)} facts"
    return Verdict("computation", True, detail=said)


def _grounded(
    computation: Computation, found: Calculated, document: str, writing: Writing
) -> Verdict:
    for fact in found.used:
        quote = writing.with_decimal_point(document[fact.start : fact.end])
        if not phrase_in(fact.entity, quote) or not _gives(quote, fact, computation.unit):
            said = f"{fact.entity}: {fact.value:.12g} {computation.unit or ''}".strip()
            return _no("facts_in_document", "fact_not_in_document", said)
    return Verdict("facts_in_document", True)


def _gives(quote: str, fact: Fact, unit: str | None) -> bool:
    """Whether a sentence or line gives a figure; a table may have its unit in the head."""
    golds = (_figure(fact.value, unit), _figure(fact.value, None) if "|" in quote else None)
    return any(answer_in(quote, gold).passed for gold in golds if gold is not None)


def _figure(value: float, unit: str | None) -> Gold | None:
    """A value as a gold of the type that its unit makes it."""
    number = f"{value:.12g}"
    kind = AnswerType.DECIMAL
    if unit is not None:
        shown = infer_type(f"{number} {unit}")
        kind = shown if shown in (AnswerType.PERCENT, AnswerType.MONEY) else AnswerType.QUANTITY
    try:
        return parse_gold(number, kind, unit=unit)
    except ValueError:
        return None


def _no(check: str, reason: str, detail: str) -> Verdict:
    return Verdict(check, False, reason, detail[:_DETAIL_CHARS])
