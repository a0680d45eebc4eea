"""The judge by probability: three questions of yes or no, and how likely each is the next word.

A small model cannot put a verdict into words: it refuses nearly everything, or nothing. The
probability of its next word tells good pairs from bad ones all the same. It reads the quote that
the draft rests on, which tells more than the whole document does, and one word is drawn.

Where to draw the line differs from model to model and from question to question: models lean to
one word. So it is drawn where `PASSING` of pairs that are known to be good would pass.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wsrl_assets.llm.engine import NEITHER, YesOrNo
from wsrl_assets.llm.errors import EndpointError, RowError
from wsrl_assets.llm.prompting import Prompt, in_a_word, load_prompt
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.judge import REASONS, Criterion

PASSING = 0.9
"""Share of the pairs that are known to be good which pass each question."""
# How likely the word is that speaks for a pair, from which on the pair passes.
Thresholds = Mapping[Criterion, float]


@dataclass(frozen=True, slots=True)
class QuotedPair:
    """A pair with the text that it rests on.

    Attributes:
        pair_id: the row that asks.
        question, answer: the pair.
        evidence: verbatim part of its document.
    """

    pair_id: str
    question: str
    answer: str
    evidence: str


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of a pair, and whether *yes* speaks for it."""

    criterion: Criterion
    prompt: Prompt
    is_yes_good: bool
    finding: str


_OF_QUESTION = (
    _Question(Criterion.STANDS_ALONE, load_prompt("judge_meaning"), True, "clear to a stranger"),
    _Question(Criterion.NOT_LEAKED, load_prompt("judge_given_away"), False, "not given away"),
)
_OF_ANSWER = (
    _Question(Criterion.SUPPORTED, load_prompt("judge_stated"), True, "what its quote says"),
)
_QUESTIONS = (*_OF_QUESTION, *_OF_ANSWER)
CRITERIA = frozenset(question.criterion for question in _QUESTIONS)
PROMPTS = tuple(question.prompt for question in _QUESTIONS)


async def judge_by_probability(
    pair: QuotedPair, thresholds: Thresholds, model: StageModel
) -> tuple[Verdict, ...]:
    """Verdicts on the question alone, and where it passes them, on the answer beside its quote.

    Reasons: `not_self_contained`, `leaked`; `not_supported`. The detail is the probability, and
    the threshold.

    Raises:
        RowError: a call failed, or the model says neither yes nor no.
        EndpointError: no call can succeed, or the server gives no probabilities.
    """
    verdicts = await _verdicts(_OF_QUESTION, pair, thresholds, model)
    if not all(verdict.passed for verdict in verdicts):
        return verdicts
    return verdicts + await _verdicts(_OF_ANSWER, pair, thresholds, model)


async def calibrated(
    known: Sequence[QuotedPair], model: StageModel, asked: Callable[[], None] = lambda: None
) -> dict[Criterion, float]:
    """The thresholds at which `PASSING` of pairs that are known to be good pass each question.

    Args:
        known: the pairs, at least one.
        model: the judge.
        asked: called for each question that is answered, for each pair once for each of `CRITERIA`.

    Raises:
        EndpointError: too many of them get neither yes nor no, or a call fails.
    """
    found = {}
    for question in _QUESTIONS:
        answers = [_known(question, pair, model, asked) for pair in known]
        probabilities = sorted(await asyncio.gather(*answers))
        lowest = probabilities[math.floor((1 - PASSING) * len(probabilities))]
        if lowest <= 0:
            refused = probabilities.count(0.0)
            raise EndpointError(
                f"the judge says neither yes nor no of {refused} of {len(known)} pairs that are "
                "known to be good, so it cannot judge by probability. A model that thinks before "
                "it answers cannot: choose another one with WSRL_LLM_JUDGE_MODEL, or set "
                "WSRL_JUDGE_BY=words, and run again: what is done is kept."
            )
        found[question.criterion] = lowest
    return found


async def _verdicts(
    questions: Sequence[_Question], pair: QuotedPair, thresholds: Thresholds, model: StageModel
) -> tuple[Verdict, ...]:
    asked = [_ask(question, pair, model) for question in questions]
    # All of them end, and are in the ledger, before one that failed ends it.
    results = await asyncio.gather(*asked, return_exceptions=True)
    verdicts = []
    for question, probability in zip(questions, results, strict=True):
        if isinstance(probability, BaseException):
            raise probability
        least = thresholds[question.criterion]
        passed = probability >= least
        detail = f"{question.finding}: {probability:.3f}, from {least:.3f} on it passes"
        reason = None if passed else REASONS[question.criterion]
        verdicts.append(Verdict(str(question.criterion), passed, reason, detail))
    return tuple(verdicts)


async def _known(
    question: _Question, pair: QuotedPair, model: StageModel, asked: Callable[[], None]
) -> float:
    """The probability; 0 where the model says neither word."""
    try:
        return await _ask(question, pair, model)
    except RowError as fault:
        if fault.reason != NEITHER:
            # Lines that are drawn from what is left would hold for as long as the home does.
            raise EndpointError(
                f"the judge could not be asked about pairs that are known to be good: {fault}. "
                "Run again: what is done is kept."
            ) from None
        return 0.0
    finally:
        asked()


async def _ask(question: _Question, pair: QuotedPair, model: StageModel) -> float:
    """How likely the word is that speaks for the pair."""
    asked = question.prompt.render(
        question=pair.question, answer=pair.answer, evidence=pair.evidence
    )
    reply = await model.ask(
        question.prompt.name, pair.pair_id, in_a_word(asked), YesOrNo, max_tokens=1, temperature=0.0
    )
    return reply.yes if question.is_yes_good else 1 - reply.yes
