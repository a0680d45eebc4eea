"""A draft row for every job: kept, rejected or failed, with an id that a rerun makes again."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from wsrl_assets.generation.distractors import Pool, PoolDocument
from wsrl_assets.generation.drafting import Drafter, DraftJob
from wsrl_assets.generation.layouts import OPEN_TYPES
from wsrl_assets.generation.library import load_library
from wsrl_assets.llm.engine import ChatRequest
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import AnswerType
from wsrl_assets.storage.tables import QADraft, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets_tests.chat_models import FakeChatModel, offered, prompt_of, stage_model

TEXT = (
    "Marie Curie was born in Warsaw on 7 November 1867. She liked to travel. "
    "The Suez Canal in Egypt is 193 km long and was opened to ships in 1869. "
    "The atomic number of polonium, which Marie Curie found in Paris, is 84."
)
REPLY = {
    "evidence": " Marie Curie was born in Warsaw on 7 November 1867. ",
    "answer": " 7 November 1867 ",
    "answer_type": "date",
    "unit": None,
    "question": "On which day was Marie Curie\n born?",
}


def job(**changes: Any) -> DraftJob:
    given: dict[str, Any] = {
        "doc_id": "doc-1",
        "title": "Marie Curie",
        "text": TEXT,
        "domain": Domain.NATURAL_SCIENCE,
        "persona_index": 0,
        "persona": "a pilot",
        "personas": 1,
        "form": Form.OPEN,
    }
    return DraftJob(**{**given, **changes})


def drafter(model: FakeChatModel, body: str = "test") -> Drafter:
    return Drafter(
        {form: stage_model(model, "qa_drafts", body + form) for form in Form}, load_library()
    )


async def draft(model: FakeChatModel, **changes: Any) -> QADraft:
    return await drafter(model).draft(job(**changes))


@pytest.mark.parametrize(
    "form", [Form.OPEN, Form.CLOZE, Form.COMPUTED, Form.MULTI_HOP, Form.RUBRIC]
)
@pytest.mark.parametrize("hidden", [{"persona": ""}, {"shown": False}])
async def test_a_reader_that_is_hidden_or_nobody_stands_in_no_prompt(
    form: Form, hidden: dict[str, Any]
) -> None:
    model = FakeChatModel(**{form: RowError("invalid_reply", "the prompt alone matters")})
    made = replace(drafter(model), shows_personas="persona" in hidden)
    await made.draft(job(form=form, persona=hidden.get("persona", "a pilot")))
    (ask,) = model.asked
    assert "a pilot" not in prompt_of(ask)
    assert "reader" not in prompt_of(ask).rpartition("</document>")[2]


class TestOpen:
    async def test_a_reply_becomes_a_kept_row_without_its_loose_ends(self) -> None:
        model = FakeChatModel(open=REPLY)
        row = await draft(model)
        assert row.status is Status.KEPT
        assert (row.answer, row.answer_type) == ("7 November 1867", "date")
        assert row.evidence == "Marie Curie was born in Warsaw on 7 November 1867."
        assert row.question == "On which day was Marie Curie born?", "one line, so no false lines"
        assert (row.form, row.persona, row.model) == ("open", "a pilot", "a-model")

    async def test_the_prompt_holds_persona_examples_and_types(self) -> None:
        model = FakeChatModel(open=REPLY)
        await draft(model, persona="a curious pilot")
        (ask,) = model.asked
        assert ask.role is Role.GENERATOR
        assert "a curious pilot" in prompt_of(ask)
        assert prompt_of(ask).count('"evidence":') == 3
        assert "yes_no" not in prompt_of(ask)

    async def test_the_call_is_booked_on_the_row_it_makes(self) -> None:
        model = FakeChatModel(open=REPLY)
        row = await draft(model)
        assert model.asked[0].row_id == row.draft_id
        assert model.asked[0].recipe == row.recipe

    async def test_a_blank_unit_is_none(self) -> None:
        row = await draft(FakeChatModel(open={**REPLY, "unit": "  "}))
        assert row.unit is None

    async def test_a_fault_makes_a_failed_row_with_its_reason(self) -> None:
        row = await draft(FakeChatModel(open=RowError("truncated", "cut off at 320 tokens")))
        assert (row.status, row.reason) == (Status.FAILED, "truncated")
        assert row.detail == "cut off at 320 tokens"
        assert row.question is None

    @pytest.mark.parametrize(
        "changes",
        [{"answer_type": "number"}, {"answer": "x" * 101}, {"extra": 1}, {"question": None}],
    )
    async def test_a_server_that_ignores_the_schema_fails_the_row(
        self, changes: dict[str, Any]
    ) -> None:
        row = await draft(FakeChatModel(open={**REPLY, **changes}))
        assert (row.status, row.reason) == (Status.FAILED, "invalid_reply")

    def test_choices_and_yes_no_are_not_asked_for(self) -> None:
        assert not {AnswerType.CHOICE, AnswerType.YES_NO} & set(OPEN_TYPES)

    async def test_the_schema_lists_the_types_that_the_prompt_does(self) -> None:
        model = FakeChatModel(open=REPLY)
        await draft(model)
        assert offered(model.asked[0], "answer_type") == [str(kind) for kind in OPEN_TYPES]


class TestCloze:
    async def test_the_model_picks_among_the_candidates(self) -> None:
        model = FakeChatModel(cloze={"blank": "84"})
        row = await draft(model, form=Form.CLOZE)
        assert (row.status, row.answer, row.answer_type) == (Status.KEPT, "84", "integer")
        assert row.question is not None
        assert "is ____." in row.question
        assert "about Marie Curie" in row.question
        assert row.evidence is not None
        assert row.evidence in TEXT

    async def test_the_schema_lists_exactly_the_candidates_of_the_prompt(self) -> None:
        model = FakeChatModel(cloze={"blank": "84"})
        await draft(model, form=Form.CLOZE)
        (ask,) = model.asked
        answers = offered(ask, "blank")
        assert answers == ["7 November 1867", "193 km", "84"]
        assert all(f"- {answer} in: " in prompt_of(ask) for answer in answers)

    async def test_a_single_candidate_costs_no_call(self) -> None:
        model = FakeChatModel()
        row = await draft(model, form=Form.CLOZE, personas=3)
        assert (row.status, row.answer) == (Status.KEPT, "7 November 1867")
        assert model.asked == []

    async def test_a_text_without_candidates_is_rejected_without_a_call(self) -> None:
        model = FakeChatModel()
        row = await draft(model, form=Form.CLOZE, text="Nothing here can be asked for at all.")
        assert (row.status, row.reason) == (Status.REJECTED, "no_candidate_span")
        assert model.asked == []

    async def test_a_pick_that_was_not_offered_fails_the_row(self) -> None:
        row = await draft(FakeChatModel(cloze={"blank": "1,000"}), form=Form.CLOZE)
        assert (row.status, row.reason) == (Status.FAILED, "invalid_reply")
        assert row.detail is not None
        assert "1,000" in row.detail

    async def test_no_two_personas_are_asked_about_one_sentence(self) -> None:
        def first(ask: ChatRequest[Any]) -> dict[str, str]:
            return {"blank": offered(ask, "blank")[0]}

        rows = [
            await draft(
                FakeChatModel(cloze=first), form=Form.CLOZE, personas=3, persona_index=index
            )
            for index in range(3)
        ]
        assert len({row.evidence for row in rows}) == 3

    async def test_a_heading_stands_in_for_a_missing_title(self) -> None:
        text = f"# The life of a scientist\n\n{TEXT}"
        row = await draft(
            FakeChatModel(cloze={"blank": "84"}), form=Form.CLOZE, text=text, title=None
        )
        assert row.question is not None
        assert "about The life of a scientist" in row.question


def harbours(count: int) -> list[PoolDocument]:
    """Documents of two statements each, of which no two have anything in common."""
    texts = [
        f"The harbour of Kel{letter}mar in Vor{letter}land took in {20_000 + 713 * n} barrels in a "
        f"year. The brewery of Sun{letter}ford near Tol{letter}wick sold {60_000 + 517 * n} crates "
        "in a year."
        for n, letter in enumerate("abcdefghijklmnop"[:count])
    ]
    return [PoolDocument(f"doc-{n}", f"source-{n}", None, text) for n, text in enumerate(texts)]


class TestMultipleChoice:
    async def draft_each(
        self, model: FakeChatModel, documents: list[PoolDocument]
    ) -> list[QADraft]:
        pool = Pool.of(documents)
        form = Form.MULTIPLE_CHOICE
        return [
            await draft(model, form=form, pool=pool, doc_id=d.doc_id, title=d.title, text=d.text)
            for d in documents
        ]

    async def test_a_draft_has_four_options_and_shows_them(self) -> None:
        model = FakeChatModel(multiple_choice=lambda ask: {"blank": offered(ask, "blank")[0]})
        rows = await self.draft_each(model, harbours(16))
        kept = [row for row in rows if row.status is Status.KEPT]
        assert len(kept) >= 4
        for row in kept:
            assert row.answer_type == "choice"
            assert len(row.choices) == 4
            assert row.answer in row.choices
            assert row.question is not None
            assert row.question.endswith(f"\nD) {row.choices[3]}")
            assert row.evidence is not None
            assert row.answer in row.evidence

    async def test_the_model_picks_among_what_has_options(self) -> None:
        documents = harbours(16)
        pool = Pool.of(documents)
        model = FakeChatModel(multiple_choice=lambda ask: {"blank": offered(ask, "blank")[-1]})
        await self.draft_each(model, documents)
        askable = [[c.candidate.answer for c in pool.choices(d.doc_id)] for d in documents]
        assert [offered(ask, "blank") for ask in model.asked] == [a for a in askable if len(a) > 1]

    async def test_too_few_documents_make_no_options(self) -> None:
        model = FakeChatModel()
        (row, *_) = await self.draft_each(model, harbours(3))
        assert (row.status, row.reason) == (Status.REJECTED, "too_few_distractors")
        assert row.choices == ()
        assert model.asked == []

    async def test_a_text_without_candidates_says_so(self) -> None:
        text = "Nothing here can be asked for at all."
        row = await draft(FakeChatModel(), form=Form.MULTIPLE_CHOICE, text=text)
        assert (row.status, row.reason) == (Status.REJECTED, "no_candidate_span")


class TestIds:
    def test_an_id_is_the_same_in_every_run(self) -> None:
        assert job().draft_id("recipe") == job().draft_id("recipe")
        assert job().draft_id("recipe") == "421f6e0e17dda6aee0568f0d2d69dfc0"

    @pytest.mark.parametrize(
        "changes",
        [{"doc_id": "doc-2"}, {"persona_index": 1}, {"persona": "a nurse"}, {"form": Form.CLOZE}],
    )
    def test_what_makes_another_draft_makes_another_id(self, changes: dict[str, Any]) -> None:
        assert job(**changes).draft_id("recipe") != job().draft_id("recipe")

    def test_so_does_another_recipe(self) -> None:
        assert job().draft_id("one") != job().draft_id("another")

    async def test_a_failed_row_and_its_retry_are_one_row(self) -> None:
        failed = await draft(FakeChatModel(open=RowError("timeout", "")))
        kept = await draft(FakeChatModel(open=REPLY))
        assert failed.draft_id == kept.draft_id


class TestOrder:
    async def test_the_first_of_a_form_goes_ahead_alone(self) -> None:
        running = 0
        seen: list[tuple[str, int]] = []

        class Slow(FakeChatModel):
            async def ask(self, ask: ChatRequest[Any]) -> Any:
                nonlocal running
                running += 1
                seen.append((prompt_of(ask).rsplit(": ", 1)[1], running))
                await asyncio.sleep(0)
                running -= 1
                return await super().ask(ask)

        jobs = [job(persona_index=n, persona=f"reader {n}", personas=3) for n in range(3)]
        done: list[QADraft] = []

        async def then(row: QADraft) -> None:
            done.append(row)

        await drafter(Slow(open=REPLY)).draft_all(jobs, then)
        assert seen[0] == ("reader 0", 1)
        assert [running for _, running in seen[1:]] == [1, 2], "the others run together"
        assert len(done) == 3
        assert done[0].persona_index == 0

    async def test_each_row_is_handed_on_as_it_is_done(self) -> None:
        fault = RowError("truncated", "cut off")
        faults = dict.fromkeys(("computed", "multi_hop", "rubric"), fault)
        model = FakeChatModel(open=REPLY, cloze={"blank": "84"}, **faults)
        jobs = [job(form=form) for form in Form]
        rows: list[QADraft] = []

        async def then(row: QADraft) -> None:
            rows.append(row)

        await drafter(model).draft_all(jobs, then)
        assert sorted(row.form for row in rows) == sorted(Form)

    async def test_no_jobs_are_no_drafts(self) -> None:
        async def then(row: QADraft) -> None:
            raise AssertionError

        await drafter(FakeChatModel()).draft_all([], then)
