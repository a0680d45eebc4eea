"""Checks of a rubric: its facts stand in the document, tell apart, and its own answer passes.

By rule: what words alone show. Then by the judge, one fact at a time: each stands in the
document and belongs to the answer, each mistake is contradicted. Last by the reward itself: the
reference must say all and no mistake, and an answer by another call, with the document open, must
pass.
"""

from collections.abc import Sequence
from itertools import combinations, product

from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz import fuzz

from wsrl_assets.llm.explanations import FactAsker
from wsrl_assets.llm.prompting import document_first, load_prompt
from wsrl_assets.llm.schemas import closed, text
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Must, Rubric, self_test_rubric
from wsrl_assets.reward.hearing import RubricScore
from wsrl_assets.reward.rubric_rules import contradicts_itself, says_by_rule, telling
from wsrl_assets.storage.basis import GradedFact, GradedFacts
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.language import Writing
from wsrl_assets.text.normalisation import count_words
from wsrl_assets.verification.parts import phrase_in

EXPLAIN_PROMPT = load_prompt("explain")
# Bump when a rule here changes what it lets through.
RULES_VERSION = "1"
MIN_ANSWER_WORDS, MAX_ANSWER_WORDS = 20, 250
MIN_SIMILARITY = 85
_MIN_NEW_WORDS = 2
_MAX_TOKENS = 500
_MAX_ANSWER_CHARS = 2_000


class ExplainedReply(BaseModel):
    """The open-book answer."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(max_length=2 * _MAX_ANSWER_CHARS)


def rubric_of(
    basis: str | None, question: str | None, answer: str | None
) -> tuple[Rubric | None, GradedFacts | None, Verdict]:
    """The rubric of a draft with the places of its facts, and the verdict `rubric`.

    Reasons: `no_rubric` (its basis is damaged), `rubric_size` (too few or many facts, or a text
    that is none), `answer_length` (no explanation, or a treatise).
    """
    try:
        facts = GradedFacts.from_json(basis or "")
    except ValueError:
        return None, None, _no("rubric", "no_rubric", "its facts are missing")
    built = Rubric(
        question or "",
        answer or "",
        tuple(Must(one.fact, one.weight or 0) for one in facts.must),
        tuple(one.fact for one in facts.must_not),
    )
    try:
        rubric = Rubric.from_json(built.to_json())
    except ValueError as error:
        return None, facts, _no("rubric", "rubric_size", str(error))
    count = count_words(rubric.reference)
    if not MIN_ANSWER_WORDS <= count <= MAX_ANSWER_WORDS:
        return None, facts, _no("rubric", "answer_length", f"{count} words")
    return rubric, facts, Verdict("rubric", True)


def check_facts(
    rubric: Rubric, facts: GradedFacts, document: str, writing: Writing
) -> tuple[Verdict, ...]:
    """The verdicts `facts_in_document`, `mistakes_are_wrong`, `facts_differ`,
    `question_keeps_facts` and `rubric_self_test`.

    Reasons: `fact_not_in_evidence` (its figures, or half of its words, are not in its sentence);
    `mistake_in_document`, `mistake_without_evidence` (its sentence speaks of something else);
    `facts_repeat`, `facts_contradict`; `fact_in_question`; `answer_misses_fact`, and
    `rubric_self_test`: our own reward refuses the answer (see `reward.rubric_rules`).
    """
    read = writing.with_decimal_point
    return (
        _in_document(rubric, facts.must, document, writing),
        _mistakes(facts.must_not, document, writing),
        _differ([read(one.fact) for one in facts.must], [read(m) for m in rubric.must_not]),
        _kept(rubric),
        _proof(rubric),
    )


def _in_document(
    rubric: Rubric, facts: Sequence[GradedFact], document: str, writing: Writing
) -> Verdict:
    for one in facts:
        sentence = writing.with_decimal_point(document[one.start : one.end])
        fact = writing.with_decimal_point(one.fact)
        if not says_by_rule(sentence, fact, rubric.question):
            return _no("facts_in_document", "fact_not_in_evidence", one.fact)
    return Verdict("facts_in_document", True)


def _mistakes(mistakes: Sequence[GradedFact], document: str, writing: Writing) -> Verdict:
    for one in mistakes:
        sentence = writing.with_decimal_point(document[one.start : one.end])
        wrong = writing.with_decimal_point(one.fact)
        # A denial or another order makes a mistake of the same words; the judge reads those.
        if phrase_in(one.fact, document):
            return _no("mistakes_are_wrong", "mistake_in_document", one.fact)
        if not telling(wrong) & telling(sentence):
            return _no("mistakes_are_wrong", "mistake_without_evidence", one.fact)
    return Verdict("mistakes_are_wrong", True)


def _differ(facts: Sequence[str], mistakes: Sequence[str]) -> Verdict:
    for one, other in combinations(facts, 2):
        if contradicts_itself(_together(one, other)):
            return _no("facts_differ", "facts_contradict", f"{one} / {other}")
    for same in (facts, mistakes):
        for one, other in combinations(same, 2):
            if _repeats(one, other):
                return _no("facts_differ", "facts_repeat", f"{one} / {other}")
    for one, mistake in product(facts, mistakes):
        if telling(one) == telling(mistake) and not contradicts_itself(_together(one, mistake)):
            return _no("facts_differ", "facts_repeat", f"{one} / {mistake}")
    return Verdict("facts_differ", True)


def _repeats(one: str, other: str) -> bool:
    """Whether one has all telling words of the other, or nearly the same words and figures."""
    first, second = telling(one), telling(other)
    if first <= second or second <= first:
        return True
    figures = [{word for word in words if word[:1].isdigit()} for words in (first, second)]
    alike = fuzz.token_sort_ratio(one.casefold(), other.casefold()) >= MIN_SIMILARITY
    return alike and figures[0] == figures[1]


def _together(one: str, other: str) -> str:
    return f"{one.rstrip('. ')}. {other}"


def _kept(rubric: Rubric) -> Verdict:
    asked = telling(rubric.question)
    for one in rubric.must:
        if len(telling(one.fact) - asked) < _MIN_NEW_WORDS:
            return _no("question_keeps_facts", "fact_in_question", one.fact)
    return Verdict("question_keeps_facts", True)


def _proof(rubric: Rubric) -> Verdict:
    for one in rubric.must:
        if not says_by_rule(rubric.reference, one.fact, rubric.question):
            return _no("rubric_self_test", "answer_misses_fact", one.fact)
    tested = self_test_rubric(rubric)
    if not tested.ok:
        return _no("rubric_self_test", "rubric_self_test", tested.reason)
    return Verdict("rubric_self_test", True)


async def reference_passes(pair_id: str, rubric: Rubric, model: StageModel) -> Verdict:
    """The verdict `reference_passes`: heard by the judge, the reference says all and no mistake.

    Reason: `reference_fails`.

    Raises:
        RowError: a call failed.
    """
    heard = await FactAsker(model, pair_id).hear(rubric.reference, rubric)
    if heard.value == 1:
        return Verdict("reference_passes", True)
    return _no("reference_passes", "reference_fails", _why(heard, rubric))


async def explained(
    pair_id: str, rubric: Rubric, document: str, model: StageModel
) -> tuple[str, Verdict]:
    """The open-book answer of another call and the verdict `round_trip`: it must pass the rubric.

    Reason: `round_trip_disagrees`.

    Raises:
        RowError: a call failed.
    """
    asked = EXPLAIN_PROMPT.render(question=rubric.question)
    reply = await model.ask(
        "explain",
        pair_id,
        document_first(document, asked),
        ExplainedReply,
        schema=closed({"answer": text(_MAX_ANSWER_CHARS, 1)}),
        max_tokens=_MAX_TOKENS,
    )
    heard = await FactAsker(model, pair_id).hear(reply.answer, rubric)
    why = None if heard.passed else "round_trip_disagrees"
    said = f"scored {heard.value:.2f}: {_why(heard, rubric)}"
    return reply.answer, Verdict("round_trip", heard.passed, why, said[:200])


def _why(heard: RubricScore, rubric: Rubric) -> str:
    """The facts that were missed and the mistakes that were made, or why none was heard."""
    missed = [m.fact for m, said in zip(rubric.must, heard.said, strict=False) if not said]
    made = [m for m, said in zip(rubric.must_not, heard.mistakes, strict=False) if said]
    parts = [f"does not say {fact!r}" for fact in missed] + [f"says {fact!r}" for fact in made]
    return "; ".join([str(heard.reason), *parts])


def _no(check: str, reason: str, detail: str) -> Verdict:
    return Verdict(check, False, reason, detail[:200])
