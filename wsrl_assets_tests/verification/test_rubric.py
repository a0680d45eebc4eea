"""Checks of rubrics: each refuses what it is for; then the judge and the reward itself."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from wsrl_assets.generation.form_examples import rubric_examples
from wsrl_assets.generation.rubric import RubricReply, rubric_call
from wsrl_assets.llm.engine import ChatRequest
from wsrl_assets.llm.errors import RowError
from wsrl_assets.reward import Rubric, score_rubric
from wsrl_assets.reward.rubric_rules import says_by_rule
from wsrl_assets.storage.basis import GradedFact, GradedFacts
from wsrl_assets.storage.tables import Status
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.verification.duplicates import Siblings
from wsrl_assets.verification.judge import JudgePolicy
from wsrl_assets.verification.verify import STAGE, Draft, Verifier, check_rules
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

EXAMPLE = rubric_examples()[0]
DOCUMENT = EXAMPLE.document
_CALL = rubric_call(DOCUMENT, None)
FACTS = _CALL.facts(RubricReply.model_validate(json.loads(EXAMPLE.reply)))
GRAVEL, WASHED, ICE = FACTS.must
(STEAMER,) = FACTS.must_not
DRAFT = Draft(
    draft_id="d",
    doc_id="d",
    question=EXAMPLE.question,
    answer=EXAMPLE.answer,
    answer_type="rubric",
    unit=None,
    evidence=_CALL.evidence(FACTS),
    form=Form.RUBRIC,
    basis=FACTS.to_json(),
)


def graded(
    must: tuple[GradedFact, ...] = FACTS.must, must_not: tuple[GradedFact, ...] = FACTS.must_not
) -> Draft:
    return replace(DRAFT, basis=GradedFacts(must=must, must_not=must_not).to_json())


def said(fact: GradedFact, text: str) -> GradedFact:
    return fact.model_copy(update={"fact": text})


def refused(draft: Draft) -> list[str | None]:
    return [v.reason for v in check_rules(draft, DOCUMENT).verdicts if not v.passed]


def test_a_rubric_draft_passes_the_rules_and_its_gold_is_a_rubric() -> None:
    result = check_rules(DRAFT, DOCUMENT)
    assert refused(DRAFT) == []
    assert isinstance(result.gold, Rubric)
    assert [one.weight for one in result.gold.must] == [2, 2, 1]
    assert result.evidence is not None


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (replace(DRAFT, basis=None), "no_rubric"),
        (replace(DRAFT, basis="{}"), "no_rubric"),
        (graded(must=(GRAVEL,)), "rubric_size"),
        (graded(must_not=()), "rubric_size"),
        (graded(must=FACTS.must * 3), "rubric_size"),
        (replace(DRAFT, answer="The gravel under it was washed away."), "answer_length"),
        (replace(DRAFT, answer="It fell. " * 200), "answer_length"),
        (replace(DRAFT, evidence="It was hit by a comet at night."), "evidence_not_in_document"),
        (replace(DRAFT, question="Why did it fall in March 1938 in the flood?"), None),
        (
            graded(must=(GRAVEL, WASHED, said(ICE, "Rafts of timber had dammed the whole river."))),
            "fact_not_in_evidence",
        ),
        (
            graded(must=(GRAVEL, WASHED, said(ICE, "Ice had closed 4 of the five arches."))),
            "fact_not_in_evidence",
        ),
        (
            graded(must_not=(said(STEAMER, "The steamer Norham, which lay moored nearby"),)),
            "mistake_in_document",
        ),
        (graded(must_not=(said(STEAMER, "Its cables rusted."),)), "mistake_without_evidence"),
        (
            graded(must=(*FACTS.must, said(GRAVEL, "On loose gravel, not rock, the pier stood."))),
            "facts_repeat",
        ),
        (
            graded(must_not=(said(GRAVEL, GRAVEL.fact),)),
            "facts_repeat",
        ),
        (
            graded(must=(*FACTS.must, said(ICE, ICE.fact.replace("had closed", "had not closed")))),
            "facts_contradict",
        ),
        (
            replace(
                DRAFT,
                question="Why did the Teller Bridge, whose central pier stood on loose gravel and "
                "not on rock, fall in March 1938?",
            ),
            "fact_in_question",
        ),
        (
            replace(
                DRAFT, answer=re.sub("It ran .*? others", "Nothing else is known", EXAMPLE.answer)
            ),
            "answer_misses_fact",
        ),
        (
            replace(DRAFT, answer=f"{EXAMPLE.answer} This answer covers everything."),
            "rubric_self_test",
        ),
    ],
)
def test_a_rubric_draft_is_refused(draft: Draft, reason: str | None) -> None:
    found = refused(draft)
    assert found if reason is None else reason in found


def by_rule(ask: ChatRequest[Any]) -> dict[str, object]:
    """The stand-in judge, on the texts of its prompt."""
    lines = dict(line.split(": ", 1) for line in prompt_of(ask).splitlines() if ": " in line)
    texts = [json.loads(lines[name]) for name in ("Text", "Statement", "Question")]
    # The words of this mistake do not stand in any right answer.
    return {"reason": "", "says": says_by_rule(*texts)}


AGREES: dict[str, Any] = {
    "judge_explanation": {"reason": "", "stands_alone": True, "takes_explaining": True},
    "judge_fact": {"reason": "", "supported": True, "belongs": True},
    "judge_mistake": {"reason": "", "contradicted": True},
    "says_fact": by_rule,
    "explain": {"answer": EXAMPLE.answer},
}


def verifier(*, judged: bool = True, **replies: Any) -> tuple[Any, Verifier]:
    model = FakeChatModel(**{**AGREES, **replies})
    return model, Verifier(stage_model(model, STAGE), JudgePolicy() if judged else None)


async def test_a_sound_rubric_is_judged_fact_by_fact_and_kept() -> None:
    model, checks = verifier()
    row = await checks.verify(DRAFT, DOCUMENT)
    assert (row.status, row.reason) == (Status.KEPT, None), row.detail
    steps = [ask.step for ask in model.asked]
    assert steps[:5] == ["judge_explanation", *["judge_fact"] * 3, "judge_mistake"]
    assert steps.count("explain") == 1
    assert score_rubric(EXAMPLE.answer, row.gold, lambda asked: "steamer" not in asked.fact).passed
    assert row.round_trip_answer == EXAMPLE.answer


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        (
            {"judge_explanation": {"reason": "", "stands_alone": False, "takes_explaining": True}},
            "not_self_contained",
        ),
        (
            {"judge_explanation": {"reason": "", "stands_alone": True, "takes_explaining": False}},
            "no_explanation_asked",
        ),
        ({"judge_fact": {"reason": "", "supported": False, "belongs": True}}, "not_supported"),
        ({"judge_fact": {"reason": "", "supported": True, "belongs": False}}, "beside_the_point"),
        ({"judge_mistake": {"reason": "", "contradicted": False}}, "mistake_not_contradicted"),
        ({"says_fact": {"reason": "", "says": True}}, "reference_fails"),
        ({"says_fact": {"reason": "", "says": False}}, "reference_fails"),
        ({"explain": {"answer": "The document says nothing about any of this."}}, None),
    ],
)
async def test_a_no_of_the_judge_or_of_the_reward_refuses(
    replies: dict[str, Any], reason: str | None
) -> None:
    _, checks = verifier(**replies)
    row = await checks.verify(DRAFT, DOCUMENT)
    assert (row.status, row.reason) == (Status.REJECTED, reason or "round_trip_disagrees")


async def test_a_call_that_fails_fails_the_row_and_not_the_rubric() -> None:
    def fault(ask: ChatRequest[Any]) -> dict[str, object]:
        raise RowError("empty_reply", "nothing came back")

    _, checks = verifier(says_fact=fault)
    row = await checks.verify(DRAFT, DOCUMENT)
    assert (row.status, row.reason) == (Status.FAILED, "empty_reply")


async def test_a_second_question_in_nearly_the_same_words_is_a_duplicate() -> None:
    _, checks = verifier(judged=False)
    kept = await checks.verify(DRAFT, DOCUMENT)
    siblings = Siblings([(kept.pair_id, EXAMPLE.question, kept.gold or "")])
    again = replace(
        DRAFT, draft_id="e", question=EXAMPLE.question.replace("Why did", "Why, then, did")
    )
    row = await checks.verify(again, DOCUMENT, siblings)
    assert row.reason == "duplicate_in_document"
