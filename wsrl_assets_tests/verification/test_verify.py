"""All checks of a pair: cheapest first, all verdicts kept, no call for what a rule rejects."""

from typing import Any

import pytest

from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import Gold
from wsrl_assets.storage.tables import Status, VerifiedPair
from wsrl_assets.taxonomy.forms import with_options
from wsrl_assets.text.language import Writing
from wsrl_assets.verification.judge import JudgePolicy
from wsrl_assets.verification.verify import Draft, Verifier, check_rules
from wsrl_assets_tests.chat_models import FakeChatModel, prompt_of, stage_model

DOCUMENT = (
    "The Suez Canal is an artificial waterway in Egypt. It was opened on 17 November 1869, after "
    "ten years of work, and is 193 km long. It has no locks. Its depth is 24 metres."
)
CLEAR = {
    "reason": "names the canal",
    "failure": "none",
    "not_leaked": True,
    "stands_alone": True,
}
RIGHT = {
    "reason": "the document says so",
    "supported": True,
    "other_answer": "",
    "only_answer": True,
}
JUDGED = ["judge_question", "judge_supported"]
RULES = [
    "answer_form",
    "question_form",
    "stands_alone",
    "leak",
    "evidence",
    "no_order",
    "answer_in_evidence",
]
# What a pair has got past before a model is asked of it.
ASKED = [*RULES, "duplicate"]


def draft(**changes: Any) -> Draft:
    given: dict[str, Any] = {
        "draft_id": "pair-1",
        "doc_id": "doc-1",
        "question": "How long is the Suez Canal, in kilometres?",
        "answer": "193 km",
        "answer_type": "quantity",
        "unit": None,
        "evidence": "after ten years of work, and is 193 km long.",
    }
    return Draft(**{**given, **changes})


async def verified(
    model: FakeChatModel, use_judge: bool = True, use_round_trip: bool = True, **changes: Any
) -> VerifiedPair:
    jury = JudgePolicy() if use_judge else None
    verifier = Verifier(stage_model(model, "verified_pairs"), jury, use_round_trip)
    return await verifier.verify(draft(**changes), DOCUMENT)


def honest(**changes: Any) -> FakeChatModel:
    replies: dict[str, Any] = {"judge_question": CLEAR, "judge_supported": RIGHT}
    return FakeChatModel(**{**replies, "round_trip": {"answer": "193 kilometres"}, **changes})


class TestRules:
    def test_a_good_pair_passes_them_all_in_order_of_cost(self) -> None:
        result = check_rules(draft(), DOCUMENT)
        assert [verdict.check for verdict in result.verdicts] == RULES
        assert all(verdict.passed for verdict in result.verdicts)
        assert result.gold == Gold.from_json('{"type": "quantity", "value": "193", "unit": "km"}')
        assert result.evidence is not None

    def test_five_km_in_the_evidence_as_metres_is_grounded(self) -> None:
        text = "The race in the city park is 5,000 metres long and flat."
        result = check_rules(
            draft(
                question="How long is the race in the city park of Springfield?",
                answer="5 km",
                evidence=text,
            ),
            text,
        )
        assert all(verdict.passed for verdict in result.verdicts)

    @pytest.mark.parametrize(
        ("changes", "reasons"),
        [
            ({"question": None}, {"no_question"}),
            ({"question": "Suez: how long?"}, {"question_too_short"}),
            ({"answer": "very long indeed"}, {"answer_not_of_type"}),
            ({"question": "According to the text, how long is it?"}, {"refers_to_document"}),
            ({"question": "How long is it in kilometres?"}, {"dangling_reference"}),
            ({"question": "Is the Suez Canal, 193,000 m long, deep?"}, {"answer_in_question"}),
            ({"evidence": None}, {"no_evidence"}),
            ({"evidence": "The Panama Canal is 82 km long."}, {"evidence_not_in_document"}),
            ({"evidence": "It has no locks. Its depth"}, {"answer_not_in_evidence"}),
            (
                {"question": "Why is this?", "answer": None, "evidence": ""},
                {"no_answer", "question_too_short", "dangling_reference", "no_evidence"},
            ),
        ],
    )
    def test_a_rejection_shows_all_that_is_wrong(
        self, changes: dict[str, Any], reasons: set[str]
    ) -> None:
        found = {v.reason for v in check_rules(draft(**changes), DOCUMENT).verdicts if not v.passed}
        assert found == reasons


class TestModels:
    async def test_a_pair_that_passes_everything_is_kept_with_every_verdict(self) -> None:
        model = honest()
        row = await verified(model)
        assert (row.status, row.reason) == (Status.KEPT, None)
        assert [verdict.check for verdict in row.verdicts] == [
            *ASKED,
            "judge_not_leaked",
            "judge_stands_alone",
            "judge_supported",
            "judge_only_answer",
            "round_trip",
        ]
        assert model.steps == [*JUDGED, "round_trip"]
        assert row.round_trip_answer == "193 kilometres"
        assert row.pair_id == "pair-1"
        assert row.evidence_start is not None
        assert DOCUMENT[row.evidence_start : row.evidence_end].endswith("193 km long.")
        assert row.gold is not None
        assert Gold.from_json(row.gold).unit == "km"

    async def test_no_model_is_asked_about_a_pair_that_a_rule_rejects(self) -> None:
        model = FakeChatModel()
        row = await verified(model, question="How long is it in kilometres?")
        assert (row.status, row.reason) == (Status.REJECTED, "dangling_reference")
        assert model.asked == []
        assert [verdict.check for verdict in row.verdicts] == RULES

    async def test_the_first_failed_check_names_the_rejection(self) -> None:
        row = await verified(FakeChatModel(), answer="long", evidence="not in there at all")
        assert row.reason == "answer_not_of_type"
        assert row.gold is None
        assert {v.reason for v in row.verdicts} == {
            "answer_not_of_type",
            "evidence_not_in_document",
            None,
        }

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"not_leaked": False}, "leaked"),
            ({"stands_alone": False}, "not_self_contained"),
        ],
    )
    async def test_a_no_to_the_question_saves_the_calls_with_the_document(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        model = honest(judge_question={**CLEAR, **changes})
        row = await verified(model)
        assert (row.status, row.reason) == (Status.REJECTED, reason)
        assert row.detail == "none: names the canal"
        assert model.steps == JUDGED[:1]
        assert len(row.verdicts) == len(ASKED) + 2

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"supported": False}, "not_supported"),
            ({"only_answer": False, "other_answer": "120 km"}, "other_answer_as_right"),
        ],
    )
    async def test_a_no_to_the_answer_saves_the_round_trip(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        model = honest(judge_supported={**RIGHT, **changes})
        row = await verified(model)
        assert (row.status, row.reason) == (Status.REJECTED, reason)
        assert str(changes.get("other_answer", "")) in (row.detail or "")
        assert model.steps == JUDGED
        assert len(row.verdicts) == len(ASKED) + 4

    async def test_an_open_book_answer_that_the_reward_refuses_rejects(self) -> None:
        row = await verified(honest(round_trip={"answer": "193 miles"}))
        assert (row.status, row.reason) == (Status.REJECTED, "round_trip_disagrees")
        assert row.round_trip_answer == "193 miles"
        assert row.detail is not None
        assert "193 miles" in row.detail

    async def test_an_open_book_answer_in_another_unit_agrees(self) -> None:
        row = await verified(honest(round_trip={"answer": "193,000 m"}))
        assert row.status is Status.KEPT

    async def test_an_empty_open_book_answer_disagrees(self) -> None:
        row = await verified(honest(round_trip={"answer": ""}))
        assert row.reason == "round_trip_disagrees"

    @pytest.mark.parametrize(
        ("use_judge", "use_round_trip", "steps"),
        [
            (True, True, [*JUDGED, "round_trip"]),
            (True, False, JUDGED),
            (False, True, ["round_trip"]),
            (False, False, []),
        ],
    )
    async def test_each_model_check_can_be_switched_off(
        self, use_judge: bool, use_round_trip: bool, steps: list[str]
    ) -> None:
        model = honest()
        row = await verified(model, use_judge, use_round_trip)
        assert row.status is Status.KEPT
        assert model.steps == steps

    async def test_a_fault_of_the_judge_fails_the_row_with_the_rules_verdicts(self) -> None:
        row = await verified(honest(judge_question=RowError("truncated", "cut off")))
        assert (row.status, row.reason, row.detail) == (Status.FAILED, "truncated", "cut off")
        assert [verdict.check for verdict in row.verdicts] == ASKED

    async def test_a_fault_of_the_round_trip_keeps_what_the_judge_said(self) -> None:
        row = await verified(honest(round_trip=RowError("truncated", "cut off")))
        assert (row.status, row.reason) == (Status.FAILED, "truncated")
        assert len(row.verdicts) == len(ASKED) + 4

    async def test_a_judge_that_ignores_the_schema_fails_the_row(self) -> None:
        row = await verified(honest(judge_supported={"supported": True}))
        assert (row.status, row.reason) == (Status.FAILED, "invalid_reply")

    async def test_who_answers_reads_no_answer_and_who_judges_the_question_no_document(
        self,
    ) -> None:
        model = honest()
        await verified(model, answer="193 kilometres")
        alone, judge, trip = model.asked
        assert {ask.role for ask in model.asked} == {Role.JUDGE}
        assert {ask.row_id for ask in model.asked} == {"pair-1"}
        assert all("Answer: 193 kilometres" in prompt_of(ask) for ask in (alone, judge))
        assert [DOCUMENT in prompt_of(ask) for ask in model.asked] == [False, True, True]
        assert "193 kilometres" not in prompt_of(trip)
        assert draft().question in prompt_of(trip)  # type: ignore[operator]


class TestMultipleChoice:
    STEM = 'Fill in the blank: "The Suez Canal is ____ long." Which quantity belongs there?'
    CHOICES = ("120 km", "193 km", "145 km", "180 km")

    def choice(self, **changes: Any) -> dict[str, Any]:
        question = with_options(self.STEM, self.CHOICES)
        given = {"question": question, "answer_type": "choice", "choices": self.CHOICES}
        return {**given, **changes}

    async def test_a_choice_passes_every_check_and_its_gold_is_a_letter(self) -> None:
        model = honest(round_trip={"answer": "The Suez Canal is 193 km"})
        row = await verified(model, **self.choice())
        assert row.status is Status.KEPT
        assert row.gold is not None
        gold = Gold.from_json(row.gold)
        assert (gold.value, gold.choices) == ("B", self.CHOICES)
        assert row.round_trip_answer == "193 km"

    async def test_the_judge_reads_the_options(self) -> None:
        model = honest(round_trip={"answer": "The Suez Canal is 193 km"})
        await verified(model, **self.choice())
        assert "\nD) 180 km\nAnswer: 193 km" in prompt_of(model.asked[0])

    @pytest.mark.parametrize("said", ["The Suez Canal is 145 km", "A", "C) 145 km", ""])
    async def test_another_option_on_the_round_trip_rejects_it(self, said: str) -> None:
        row = await verified(honest(round_trip={"answer": said}), **self.choice())
        assert (row.status, row.reason) == (Status.REJECTED, "round_trip_disagrees")

    @pytest.mark.parametrize("said", ["B", "B) 193 km", "193 km"])
    async def test_any_form_of_the_right_one_passes(self, said: str) -> None:
        row = await verified(honest(round_trip={"answer": said}), **self.choice())
        assert row.status is Status.KEPT

    @pytest.mark.parametrize(
        "choices",
        [
            (),
            ("120 km", "145 km", "180 km"),
            ("193 km", "120 km", "193 km", "180 km"),
            ("193 km",),
        ],
    )
    async def test_options_without_one_right_one_are_rejected(
        self, choices: tuple[str, ...]
    ) -> None:
        row = await verified(honest(), **self.choice(choices=choices))
        assert (row.status, row.reason) == (Status.REJECTED, "answer_not_of_type")

    async def test_the_right_option_must_stand_in_the_evidence(self) -> None:
        row = await verified(honest(), **self.choice(answer="180 km"))
        assert (row.status, row.reason) == (Status.REJECTED, "answer_not_in_evidence")


GERMAN = (
    "Die Brücke von Springfeld wurde im Jahr 1890 eröffnet und kostete 2.500 Euro. Die Stadt hat "
    "12.345 Einwohner, und der Verein sammelte 1.500 kg Kartoffeln für die Schule am Hafen."
)
SPANISH = (
    "La campana de la catedral de la ciudad pesa 1.500 kg y fue fundida por los maestros del "
    "barrio viejo, que recibieron por ella una casa junto al río y pan para todo el invierno."
)


class TestOtherLanguages:
    @pytest.mark.parametrize(
        ("answer", "answer_type", "unit", "value"),
        [
            ("1.500 kg", "quantity", None, "1500"),
            ("1500 kg", "quantity", None, "1500"),
            ("12.345", "integer", None, "12345"),
            ("2.500 Euro", "money", None, "2500"),
        ],
    )
    def test_a_gold_is_stored_as_the_number_that_is_meant(
        self, answer: str, answer_type: str, unit: str | None, value: str
    ) -> None:
        asked = draft(
            question="Wie viel hat oder sammelte die Stadt Springfeld in Nordland?",
            answer=answer,
            answer_type=answer_type,
            unit=unit,
            evidence=GERMAN,
        )
        found = check_rules(asked, GERMAN, Writing.of(GERMAN))
        assert isinstance(found.gold, Gold)
        assert found.gold.value == value
        assert all(verdict.passed for verdict in found.verdicts), found.verdicts

    def test_a_number_that_nothing_decides_is_refused_with_both_readings(self) -> None:
        asked = draft(answer="1.500 kg", evidence=SPANISH, question="¿Cuánto pesa la campana?")
        found = check_rules(asked, SPANISH, Writing.of(SPANISH))
        assert found.gold is None
        assert found.verdicts[0].reason == "ambiguous_number"
        assert "1500 or 1.500" in (found.verdicts[0].detail or "")

    def test_the_english_rules_are_not_run_and_the_judge_is_needed_in_their_place(self) -> None:
        asked = draft(
            question="Wie viele Einwohner hat he, according to the passage, die Stadt?",
            answer="12.345",
            answer_type="integer",
            evidence=GERMAN,
        )
        for judged in (True, False):
            verdicts = check_rules(asked, GERMAN, Writing.of(GERMAN), judged=judged).verdicts
            (verdict,) = [v for v in verdicts if v.check == "stands_alone"]
            assert (verdict.passed, verdict.reason) == (judged, None if judged else "needs_a_judge")
            assert "language is de" in (verdict.detail or "")

    @pytest.mark.parametrize(
        ("reply", "status"),
        [
            ("12.345", Status.KEPT),
            ("12345", Status.KEPT),
            ("12,345", Status.REJECTED),
            ("12.346", Status.REJECTED),
        ],
    )
    async def test_the_round_trip_reads_answers_as_the_document_writes_numbers(
        self, reply: str, status: Status
    ) -> None:
        model = honest(round_trip={"answer": reply})
        verifier = Verifier(stage_model(model, "verified_pairs"), JudgePolicy(), True)
        asked = draft(
            question="Wie viele Einwohner hat die Stadt Springfeld in Nordland?",
            answer="12.345",
            answer_type="integer",
            evidence=GERMAN,
        )
        assert (await verifier.verify(asked, GERMAN)).status is status

    def test_a_question_without_spaces_is_counted_by_its_characters(self) -> None:
        document = "川に架かる橋は1904年に開通し、それ以来、港へ向かう道を支えている。"
        asked = draft(
            question="港へ向かう道を支えている橋は何年に開通したか?",
            answer="1904",
            answer_type="date",
            evidence="川に架かる橋は1904年に開通し、それ以来",
        )
        found = check_rules(asked, document, Writing.of(document))
        verdicts = {verdict.check: verdict.passed for verdict in found.verdicts}
        assert verdicts["question_form"]
        assert verdicts["evidence"]
