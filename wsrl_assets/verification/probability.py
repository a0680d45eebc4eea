"""The judge by probability: three questions of yes or no, and how likely each is the next word.

A small model cannot put a verdict into words: it refuses nearly everything, or nothing. The
probability of its next word tells good pairs from bad ones all the same. It reads the quote that
the draft rests on, which tells more than the whole document does, and one word is drawn.

Models lean to one of the two words, each to another degree and by question, so the thresholds are
calibrated: fewer than one in `ONE_IN` of pairs that are known to be good fail a question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from wsrl_assets.llm.engine import NEITHER, YesOrNo
from wsrl_assets.llm.errors import EndpointError, RowError
from wsrl_assets.llm.prompting import Prompt, in_a_word, load_prompt
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.judge import REASONS, Criterion

ONE_IN = 10
"""Of the pairs that are known to be good, fewer than one in so many fail a question."""
# How likely the word is that speaks for a pair, from which on the pair passes.
Thresholds = Mapping[Criterion, float]
GetThresholds = Callable[[], Awaitable[Thresholds]]
# How likely that word was of known pairs, by criterion and pair; 0 where neither word was said.
Answers = dict[Criterion, dict[str, float]]


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
CRITERIA = tuple(question.criterion for question in _QUESTIONS)
_NEITHER = 0.0
_SURE_NO = 1e-12
PROMPTS = tuple(question.prompt for question in _QUESTIONS)


async def judge_by_probability(
    pair: QuotedPair, thresholds: Thresholds, model: StageModel
) -> tuple[Verdict, ...]:
    """Verdicts on the question alone, and where it passes them, on the answer beside its quote.

    Reasons: `not_self_contained`, `leaked`; `not_supported`. The detail is the probability, and
    the threshold.

    Raises:
        RowError: a call failed, the model says neither yes nor no, or the server gives no
            probabilities.
        EndpointError: no call can succeed.
    """
    verdicts = await _verdicts(_OF_QUESTION, pair, thresholds, model)
    if not all(verdict.passed for verdict in verdicts):
        return verdicts
    return verdicts + await _verdicts(_OF_ANSWER, pair, thresholds, model)


async def answers_on(
    known: Sequence[QuotedPair], answers: Answers, model: StageModel, answered: Callable[[], None]
) -> None:
    """Asks about pairs that are known to be good what was not answered yet.

    Args:
        known: the pairs.
        answers: takes each answer as it comes.
        model: the judge.
        answered: called after each.

    Raises:
        EndpointError: a call failed, or the server gives no probabilities.
    """

    async def ask(question: _Question, pair: QuotedPair) -> None:
        answers[question.criterion][pair.pair_id] = await _of_known(question, pair, model)
        answered()

    try:
        # The first that fails ends the others.
        async with asyncio.TaskGroup() as group:
            for question in _QUESTIONS:
                for pair in known:
                    if pair.pair_id not in answers[question.criterion]:
                        group.create_task(ask(question, pair))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


def thresholds_of(known: Sequence[QuotedPair], answers: Answers) -> Thresholds:
    """The highest thresholds at which fewer than one in `ONE_IN` of known pairs fail each question.

    Raises:
        EndpointError: too many of them got neither yes nor no.
    """
    found = {}
    for criterion in CRITERIA:
        probabilities = sorted(answers[criterion][pair.pair_id] for pair in known)
        neither = probabilities.count(_NEITHER)
        place = (len(probabilities) - 1) // ONE_IN
        if neither > place:
            raise EndpointError(
                f"the judge says neither yes nor no of {neither} of {len(known)} pairs that are "
                "known to be good, so it cannot judge by probability. A model that thinks before "
                "it answers cannot: choose another one with WSRL_LLM_JUDGE_MODEL, or set "
                "WSRL_JUDGE_BY=words, and run again."
            )
        found[criterion] = probabilities[place]
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
        detail = f"{question.finding}: {probability:.4g}, threshold {least:.4g}"
        reason = None if passed else REASONS[question.criterion]
        verdicts.append(Verdict(str(question.criterion), passed, reason, detail))
    return tuple(verdicts)


async def _of_known(question: _Question, pair: QuotedPair, model: StageModel) -> float:
    """The probability; `_NEITHER` where the model says neither word."""
    try:
        # A sure no is not the same.
        return max(await _ask(question, pair, model), _SURE_NO)
    except RowError as fault:
        if fault.reason == NEITHER:
            return _NEITHER
        raise EndpointError(
            f"the judge could not be asked about pairs that are known to be good: {fault}. If the "
            "server gives no `logprobs` of 20 tokens, as vLLM and llama.cpp do, set "
            "WSRL_JUDGE_BY=words; otherwise run again."
        ) from None


async def _ask(question: _Question, pair: QuotedPair, model: StageModel) -> float:
    """How likely the word is that speaks for the pair."""
    asked = question.prompt.render(
        question=pair.question, answer=pair.answer, evidence=pair.evidence
    )
    reply = await model.ask(
        question.prompt.name, pair.pair_id, in_a_word(asked), YesOrNo, max_tokens=1, temperature=0.0
    )
    return reply.yes if question.is_yes_good else 1 - reply.yes
