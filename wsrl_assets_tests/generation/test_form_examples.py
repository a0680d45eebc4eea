"""The demonstrations of computed and unanswerable questions pass the checks of drafts."""

import json

import pytest

from wsrl_assets.generation.computed import ComputedReply, computed_call
from wsrl_assets.generation.cross_document import (
    CrossDocumentReply,
    Partner,
    cross_document_call,
    partners_of,
)
from wsrl_assets.generation.distractors import PoolDocument
from wsrl_assets.generation.form_examples import (
    ComputedExample,
    CrossDocumentExample,
    MultiHopExample,
    RubricExample,
    UnanswerableExample,
    computed_examples,
    cross_document_examples,
    multi_hop_examples,
    rubric_examples,
    unanswerable_examples,
)
from wsrl_assets.generation.multi_hop import MultiHopReply, multi_hop_call
from wsrl_assets.generation.rubric import RubricReply, rubric_call
from wsrl_assets.generation.unanswerable import Kin, Kinship, UnanswerableReply
from wsrl_assets.llm.errors import RowError
from wsrl_assets.reward import Rubric
from wsrl_assets.reward.abstention import ABSTENTION
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.verification.verify import Draft, check_rules


@pytest.mark.parametrize("example", computed_examples(), ids=lambda e: e.query)
def test_computed_demonstrations_are_sound(example: ComputedExample) -> None:
    reply = ComputedReply.model_validate(json.loads(example.reply))
    found = computed_call(example.document, example.persona).draft(reply)
    draft = Draft(
        draft_id="d",
        doc_id="d",
        question=example.question,
        answer=found.answer,
        answer_type=reply.answer_type,
        unit=found.unit,
        evidence=found.evidence,
        form=Form.COMPUTED,
        persona=example.persona,
        basis=found.computation.to_json(),
    )
    result = check_rules(draft, example.document)
    assert [v for v in result.verdicts if not v.passed] == []


def test_computed_demonstrations_give_these_answers() -> None:
    answers = [
        computed_call(one.document, one.persona)
        .draft(ComputedReply.model_validate(json.loads(one.reply)))
        .answer
        for one in computed_examples()
    ]
    assert answers == ["17", "Halm", "12.5%"]


@pytest.mark.parametrize("example", unanswerable_examples(), ids=lambda e: e.shared)
def test_unanswerable_demonstrations_are_sound(example: UnanswerableExample) -> None:
    reply = UnanswerableReply.model_validate(json.loads(example.reply))
    draft = Draft(
        draft_id="d",
        doc_id="d",
        question=example.question,
        answer=ABSTENTION.value,
        answer_type=ABSTENTION.type,
        unit=None,
        evidence=None,
        form=Form.UNANSWERABLE,
        persona=example.persona,
        basis=reply.basis(Kin("kin", example.second)).to_json(),
        kin_text=example.second,
    )
    result = check_rules(draft, example.document)
    assert [v for v in result.verdicts if not v.passed] == []
    assert result.gold == ABSTENTION


@pytest.mark.parametrize("example", multi_hop_examples(), ids=lambda e: e.bridge)
def test_multi_hop_demonstrations_are_sound(example: MultiHopExample) -> None:
    reply = MultiHopReply.model_validate(json.loads(example.reply))
    call = multi_hop_call(example.document, example.persona)
    hops = call.hops(reply)
    draft = Draft(
        draft_id="d",
        doc_id="d",
        question=example.question,
        answer=example.answer,
        answer_type=example.answer_type,
        unit=example.unit,
        evidence=call.evidence(hops),
        form=Form.MULTI_HOP,
        persona=example.persona,
        basis=hops.to_json(),
    )
    result = check_rules(draft, example.document)
    assert [v for v in result.verdicts if not v.passed] == []


@pytest.mark.parametrize("example", cross_document_examples(), ids=lambda e: e.bridge)
def test_cross_document_demonstrations_are_sound(example: CrossDocumentExample) -> None:
    reply = CrossDocumentReply.model_validate(json.loads(example.reply))
    partner = Partner("p", example.second_text, example.bridge)
    assert partners_of(example.document, [partner]) == [partner]
    call = cross_document_call(example.document, partner, example.persona)
    hops = call.hops(reply)
    draft = Draft(
        draft_id="d",
        doc_id="d",
        question=example.question,
        answer=example.answer,
        answer_type=example.answer_type,
        unit=example.unit,
        evidence=call.evidence(hops),
        form=Form.CROSS_DOCUMENT,
        persona=example.persona,
        basis=hops.to_json(),
        kin_text=example.second_text,
    )
    result = check_rules(draft, example.document)
    assert [v for v in result.verdicts if not v.passed] == []
    with pytest.raises(RowError, match="no sentences that name the bridge"):
        call.hops(reply.model_copy(update={"first": 40}))


@pytest.mark.parametrize("example", rubric_examples(), ids=lambda e: e.question[:30])
def test_rubric_demonstrations_are_sound(example: RubricExample) -> None:
    reply = RubricReply.model_validate(json.loads(example.reply))
    call = rubric_call(example.document, example.persona)
    facts = call.facts(reply)
    draft = Draft(
        draft_id="d",
        doc_id="d",
        question=example.question,
        answer=example.answer,
        answer_type="rubric",
        unit=None,
        evidence=call.evidence(facts),
        form=Form.RUBRIC,
        persona=example.persona,
        basis=facts.to_json(),
    )
    result = check_rules(draft, example.document)
    assert [v for v in result.verdicts if not v.passed] == []
    assert isinstance(result.gold, Rubric)


def test_a_rubric_reply_that_names_no_sentence_fails() -> None:
    (example, *_) = rubric_examples()
    row = json.loads(example.reply)
    row["must"][0]["sentence"] = 40
    with pytest.raises(RowError, match="40 is no sentence"):
        rubric_call(example.document, None).facts(RubricReply.model_validate(row))


def document(name: str, text: str) -> PoolDocument:
    return PoolDocument(name, f"source of {name}", None, text)


def test_kin_share_the_most_telling_names() -> None:
    near = [
        document("bridge", "The Teller Bridge in Norham has five arches. Trams crossed it."),
        document("trams", "Norham lost its trams. The depot by the Teller Bridge burned down."),
        document("town", "Norham is a town. A market is held there."),
    ]
    far = [document(f"far {n}", f"The Zorb{n} engine runs on oil in Europe.") for n in range(60)]
    kinship = Kinship([*near, *far])
    kin = kinship.kin_of("bridge")
    assert kin is not None
    assert kin.doc_id == "trams"
    # "Europe" is in most documents and tells nothing.
    assert kinship.kin_of("far 3") is None
    assert kinship.kin_of("not there") is None
