"""Checks of computed and unanswerable drafts: each refuses what it is for, and only that."""

from dataclasses import replace

import pytest

from wsrl_assets.reward import parse_gold
from wsrl_assets.reward.abstention import ABSTENTION
from wsrl_assets.storage.basis import Computation, Fact, Hops, KinAnswer
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.verification.form import answer_is_not_persona
from wsrl_assets.verification.verify import STAGE, Draft, RuleResult, Verifier, check_rules
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

DOCUMENT = (
    "The Orla dam in Brannock is 62 m high. The Tessen dam in Brannock is 45 metres high. "
    "Both were finished in 2011."
)
KIN = "Norham lost its trams. The depot beside the Teller Bridge burned down in 1938. It was old."
BRIDGE = "The Teller Bridge spans the River Aun at Norham. Trams crossed it until 1961."


def fact(entity: str, value: float, sentence: str) -> Fact:
    start = DOCUMENT.index(sentence)
    return Fact(
        entity=entity, attribute="height", value=value, start=start, end=start + len(sentence)
    )


ORLA = fact("Orla dam", 62, "The Orla dam in Brannock is 62 m high.")
TESSEN = fact("Tessen dam", 45, "The Tessen dam in Brannock is 45 metres high.")
COMPUTATION = Computation(
    facts=(ORLA, TESSEN), unit="m", query="SELECT max(value) - min(value) FROM facts"
)
COMPUTED = Draft(
    draft_id="d",
    doc_id="d",
    question="By how many metres is the Orla dam in Brannock higher than the Tessen dam there?",
    answer="17",
    answer_type="quantity",
    unit="m",
    evidence=DOCUMENT[: TESSEN.end],
    form=Form.COMPUTED,
    basis=COMPUTATION.to_json(),
)
ANSWER = KinAnswer(
    kin="kin",
    shared="Teller Bridge",
    answer="1938",
    answer_type="date",
    quote="The depot beside the Teller Bridge burned down in 1938.",
)
UNANSWERABLE = Draft(
    draft_id="d",
    doc_id="d",
    question="In which year did the tram depot beside the Teller Bridge in Norham burn down?",
    answer=ABSTENTION.value,
    answer_type=ABSTENTION.type,
    unit=None,
    evidence=None,
    form=Form.UNANSWERABLE,
    basis=ANSWER.to_json(),
    kin_text=KIN,
)


def refused(found: RuleResult) -> list[str | None]:
    return [verdict.reason for verdict in found.verdicts if not verdict.passed]


def computed(**update: object) -> Draft:
    return replace(COMPUTED, basis=COMPUTATION.model_copy(update=update).to_json())


def test_a_computed_draft_passes_with_its_executed_answer() -> None:
    found = check_rules(COMPUTED, DOCUMENT)
    assert refused(found) == []
    assert found.gold == parse_gold("17", "quantity", unit="m")


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (replace(COMPUTED, answer="18"), "result_differs"),
        (replace(COMPUTED, basis=None), "no_computation"),
        (replace(COMPUTED, basis='{"kin": "x"}'), "no_computation"),
        (computed(query="SELECT count(*) FROM read_text('x')"), "query_refused"),
        (computed(query="SELECT 17"), "one_fact_suffices"),
        (computed(query="SELECT round(max(value) - min(value)) FROM facts"), "rounding_not_asked"),
        (
            computed(facts=(ORLA.model_copy(update={"entity": "Halm dam"}), TESSEN)),
            "fact_not_in_document",
        ),
        (computed(unit="km"), "fact_not_in_document"),
        (
            computed(
                facts=(
                    ORLA.model_copy(update={"value": 72.0}),
                    TESSEN.model_copy(update={"value": 55.0}),
                )
            ),
            "fact_not_in_document",
        ),
        (
            computed(facts=(ORLA.model_copy(update={"start": 0, "end": 5}), TESSEN)),
            "fact_not_in_document",
        ),
    ],
)
def test_a_computed_draft_is_refused(draft: Draft, reason: str) -> None:
    assert refused(check_rules(draft, DOCUMENT)) == [reason]


def test_an_unused_fact_needs_no_proof() -> None:
    other = ORLA.model_copy(update={"entity": "Nowhere", "attribute": "age", "value": 3.0})
    query = "SELECT max(value) - min(value) FROM facts WHERE attribute = 'height'"
    draft = computed(facts=(ORLA, TESSEN, other), query=query)
    assert refused(check_rules(draft, DOCUMENT)) == []


FIRST = "The cellist of the Harrow Quartet was Nora Pell."
SECOND = "Nora Pell played a cello that Pietro Varesi built in 1742."
QUARTET = f"{FIRST} {SECOND} She taught until her death."


def hops(bridge: str = "Nora Pell", first: str = FIRST, second: str = SECOND) -> str:
    places = [(at := QUARTET.index(text), at + len(text)) for text in (first, second)]
    return Hops(bridge=bridge, first=places[0], second=places[1]).to_json()


MULTI_HOP = Draft(
    draft_id="d",
    doc_id="d",
    question="Who built the cello that the cellist of the Harrow Quartet played?",
    answer="Pietro Varesi",
    answer_type="entity",
    unit=None,
    evidence=f"{FIRST} {SECOND}",
    form=Form.MULTI_HOP,
    basis=hops(),
)


def test_a_multi_hop_draft_passes() -> None:
    assert refused(check_rules(MULTI_HOP, QUARTET)) == []


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (replace(MULTI_HOP, basis=None), "no_hops"),
        (replace(MULTI_HOP, basis=hops("Harrow Quartet")), "no_bridge"),
        (replace(MULTI_HOP, basis=hops(second="She taught until her death.")), "no_bridge"),
        (replace(MULTI_HOP, answer="Harrow"), "answer_in_question"),
        (
            replace(MULTI_HOP, question="Who built the cello that Nora Pell of Harrow played?"),
            "bridge_in_question",
        ),
        (
            replace(MULTI_HOP, question="Who built the cello of 1742 that a woman once played?"),
            "second_fact_suffices",
        ),
        (
            replace(
                MULTI_HOP,
                question="Who was the cellist that the quartet of Harrow, Leeds, once had?",
                answer="Nora Pell",
            ),
            "first_fact_suffices",
        ),
    ],
)
def test_a_multi_hop_draft_is_refused(draft: Draft, reason: str) -> None:
    assert reason in refused(check_rules(draft, QUARTET))


@pytest.mark.parametrize(
    ("answers", "reason", "asked"),
    [
        (["unanswerable", "unanswerable", "Pietro Varesi"], None, 3),
        (["unanswerable", "Pietro Varesi"], "one_fact_suffices", 2),
        (["Pietro Varesi"], "one_fact_suffices", 1),
        (["not given", "not given", "Nora Pell"], "round_trip_disagrees", 3),
    ],
)
async def test_a_reader_of_one_fact_must_fail_and_of_both_must_not(
    answers: list[str], reason: str | None, asked: int
) -> None:
    left = iter(answers)
    model = FakeChatModel(round_trip=lambda ask: {"answer": next(left)})
    verifier = Verifier(stage_model(model, STAGE), jury=None)
    row = await verifier.verify(MULTI_HOP, QUARTET)
    assert (row.reason, len(model.asked)) == (reason, asked)
    alone = [prompt_of(ask) for ask in model.asked[:2]]
    assert all((FIRST in prompt) != (SECOND in prompt) for prompt in alone)


def test_an_unanswerable_draft_passes() -> None:
    found = check_rules(UNANSWERABLE, BRIDGE)
    assert refused(found) == []
    assert (found.gold, found.evidence) == (ABSTENTION, None)


@pytest.mark.parametrize(
    ("draft", "document", "reason"),
    [
        (UNANSWERABLE, f"{BRIDGE} Its depot burned down in 1938.", "answer_in_document"),
        (UNANSWERABLE, f"{BRIDGE} It was repaired on 3 May 1938.", "answer_in_document"),
        (UNANSWERABLE, "The Norham Bridge spans the River Aun.", "no_shared_name"),
        (replace(UNANSWERABLE, kin_text=None), BRIDGE, "no_kin"),
        (replace(UNANSWERABLE, kin_text=KIN.replace("1938", "1939")), BRIDGE, None),
        (
            replace(UNANSWERABLE, question="Did the depot of 1938 beside the Teller Bridge burn?"),
            BRIDGE,
            "answer_in_question",
        ),
    ],
)
def test_an_unanswerable_draft_is_refused(draft: Draft, document: str, reason: str | None) -> None:
    found = refused(check_rules(draft, document))
    assert found
    assert reason is None or reason in found


def test_a_draft_whose_answer_is_its_persona_is_refused() -> None:
    draft = Draft(
        draft_id="d",
        doc_id="d",
        question="Who checks the height of the Orla dam in Brannock each year?",
        answer="a warden",
        answer_type="entity",
        unit=None,
        evidence="A warden checks the Orla dam each year.",
        persona="a warden who wants to know the height of a dam",
    )
    document = f"{DOCUMENT} A warden checks the Orla dam each year."
    assert refused(check_rules(draft, document)) == ["answer_is_persona"]
    assert refused(check_rules(replace(draft, persona="a planner"), document)) == []


@pytest.mark.parametrize(
    ("answer", "persona", "passes"),
    [
        ("a nurse", "a nurse who wants to check a safe dose for a child", False),
        ("Nurse", "a nurse who wants to check a safe dose for a child", False),
        (
            "a nurse who wants to check a safe dose",
            "A nurse who wants to check a safe dose.",
            False,
        ),
        ("safe dose", "a nurse who wants to check a safe dose for a child", True),
        ("Lisbon", "a visitor of Lisbon", True),
        ("a visitor of Lisbon", "a visitor of Lisbon", False),
    ],
)
def test_an_answer_is_not_the_persona(answer: str, persona: str, passes: bool) -> None:
    verdict = answer_is_not_persona(parse_gold(answer, "entity"), persona)
    assert verdict.passed is passes
    assert verdict.reason == (None if passes else "answer_is_persona")
