"""Drafting: a question, a short answer and its evidence for each document, persona and form."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from wsrl_assets.generation import answer_first, cloze
from wsrl_assets.generation.computed import MAX_TOKENS as COMPUTED_MAX_TOKENS
from wsrl_assets.generation.computed import ComputedReply, computed_call
from wsrl_assets.generation.cross_document import MAX_TOKENS as CROSS_DOCUMENT_MAX_TOKENS
from wsrl_assets.generation.cross_document import (
    CrossDocumentReply,
    Partner,
    cross_document_call,
)
from wsrl_assets.generation.distractors import Pool
from wsrl_assets.generation.layouts import open_call
from wsrl_assets.generation.library import LibraryFile
from wsrl_assets.generation.multi_hop import MAX_TOKENS as MULTI_HOP_MAX_TOKENS
from wsrl_assets.generation.multi_hop import MultiHopReply, multi_hop_call
from wsrl_assets.generation.rubric import ANSWER_TYPE, RubricReply, rubric_call
from wsrl_assets.generation.rubric import MAX_TOKENS as RUBRIC_MAX_TOKENS
from wsrl_assets.generation.unanswerable import MAX_TOKENS as UNANSWERABLE_MAX_TOKENS
from wsrl_assets.generation.unanswerable import (
    Kin,
    UnanswerableReply,
    unanswerable_messages,
    unanswerable_schema,
)
from wsrl_assets.llm.engine import Reply
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import Message, document_first, for_persona, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, one_of
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import AnswerType
from wsrl_assets.reward.abstention import ABSTENTION
from wsrl_assets.storage.basis import Execution
from wsrl_assets.storage.calculation import CalculationError
from wsrl_assets.storage.tables import QADraft, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form, with_options
from wsrl_assets.taxonomy.layouts import Layout
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.language import language_of
from wsrl_assets.text.normalisation import one_line, stable_hash

STAGE = Stage.QA_DRAFTS
CLOZE_PROMPT = load_prompt("cloze")
OPEN_MAX_TOKENS = 320
_CLOZE_MAX_TOKENS = 64


class ClozeReply(BaseModel):
    """What the model returns for a cloze: its choice among the candidates' answers."""

    model_config = ConfigDict(extra="forbid")

    blank: str


@dataclass(frozen=True, slots=True)
class DraftJob:
    """A draft to be made.

    Attributes:
        doc_id, title, text, domain: the document.
        persona_index, persona: for whom; an empty one is none.
        personas: how many personas the document has.
        form: which kind of question.
        pool: what can be asked with options; multiple choice alone needs it.
        kin: what an unanswerable question is asked of, if the document has any.
        partner: the other document of a question of two, if there is one.
    """

    doc_id: str
    title: str | None
    text: str
    domain: Domain
    persona_index: int
    persona: str
    personas: int
    form: Form
    pool: Pool = field(default_factory=Pool, repr=False, compare=False)
    kin: Kin | None = None
    partner: Partner | None = None

    def draft_id(self, recipe: str) -> str:
        """Hash of (document, persona, form, recipe), and of the partner if there is one.

        So a question with another partner is another pair, with rollouts of its own.
        """
        also = [self.partner.doc_id] if self.partner else []
        named = (self.doc_id, str(self.persona_index), self.persona, self.form, recipe)
        return stable_hash(*named, *also)


@dataclass(frozen=True, slots=True)
class Drafter:
    """Makes drafts of every form. `models` has the model of each form that is asked for.

    `layout` is that of the prompt for open questions, and `shows_personas` says whether prompts
    name the persona. An empty persona is never named.
    """

    models: dict[Form, StageModel]
    library: dict[Domain, LibraryFile]
    layout: Layout = Layout.DOCUMENT_FIRST
    shows_personas: bool = True

    async def draft(self, job: DraftJob) -> QADraft:
        """One draft row. A fault of its call makes a failed row."""
        make = {
            Form.OPEN: self._open,
            Form.CLOZE: self._cloze,
            Form.MULTIPLE_CHOICE: self._multiple_choice,
            Form.COMPUTED: self._computed,
            Form.UNANSWERABLE: self._unanswerable,
            Form.MULTI_HOP: self._multi_hop,
            Form.RUBRIC: self._rubric,
            Form.CROSS_DOCUMENT: self._cross_document,
        }
        try:
            return await make[job.form](job)
        except RowError as fault:
            return self._row(job, status=Status.FAILED, reason=fault.reason, detail=fault.detail)

    async def draft_all(
        self,
        jobs: Sequence[DraftJob],
        then: Callable[[QADraft], Awaitable[None]],
    ) -> None:
        """All drafts of one document; `then` gets each as it is done.

        The first of a form goes ahead alone: its prompt, up to the persona, is then in the
        server's prefix cache when the others follow.
        """

        async def one(job: DraftJob) -> None:
            await then(await self.draft(job))

        async def of_form(same: list[DraftJob]) -> None:
            await one(same[0])
            await asyncio.gather(*(one(job) for job in same[1:]))

        by_form: dict[Form, list[DraftJob]] = {}
        for job in jobs:
            by_form.setdefault(job.form, []).append(job)
        await asyncio.gather(*(of_form(same) for same in by_form.values()))

    async def _open(self, job: DraftJob) -> QADraft:
        if self.layout is Layout.ANSWER_FIRST:
            return await self._answer_first(job)
        library = self.library[job.domain]
        call = open_call(self.layout, job.text, job.doc_id, self._persona(job), library)
        reply = await self._ask(job, call.messages, call.reply_type, call.schema, OPEN_MAX_TOKENS)
        return self._row(
            job,
            # On one line, so that they cannot pass for lines of the judge's prompt.
            question=one_line(reply.question),
            answer=one_line(reply.answer),
            answer_type=reply.answer_type,
            unit=one_line(reply.unit or "") or None,
            evidence=call.evidence(reply),
        )

    async def _answer_first(self, job: DraftJob) -> QADraft:
        """A question for an answer that is found by rule; without one it costs nothing."""
        shared = _shares(job.text, job.title, job.personas)[job.persona_index]
        candidates = [candidate for candidate in shared if candidate.session is None]
        if not candidates:
            reason, detail = _why_none(job.text)
            return self._row(job, status=Status.REJECTED, reason=reason, detail=detail)
        chosen = answer_first.pick(candidates, self._persona(job) or "")
        messages = answer_first.messages(chosen, job.title or cloze.heading(job.text))
        reply = await self._ask(
            job,
            messages,
            answer_first.QuestionReply,
            answer_first.SCHEMA,
            answer_first.MAX_TOKENS,
        )
        return self._row(
            job,
            question=answer_first.worded(reply),
            answer=chosen.answer,
            answer_type=chosen.answer_type,
            unit=chosen.unit,
            evidence=_evidence(job, chosen),
        )

    async def _cloze(self, job: DraftJob) -> QADraft:
        candidates = _shares(job.text, job.title, job.personas)[job.persona_index]
        if not candidates:
            reason, detail = _why_none(job.text)
            return self._row(job, status=Status.REJECTED, reason=reason, detail=detail)
        chosen = await self._choose(job, candidates)
        return self._row(
            job,
            question=_question(job, chosen),
            answer=chosen.answer,
            answer_type=chosen.answer_type,
            unit=chosen.unit,
            evidence=_evidence(job, chosen),
            basis=_basis(chosen),
        )

    async def _multiple_choice(self, job: DraftJob) -> QADraft:
        """A cloze with options, which are settled before the model picks among what to ask."""
        options = {choice.candidate: choice.options for choice in job.pool.choices(job.doc_id)}
        candidates = cloze.share_out(options, job.personas)[job.persona_index]
        if not candidates:
            has_any = any(_shares(job.text, job.title, job.personas))
            reason, detail = ("too_few_distractors", None) if has_any else _why_none(job.text)
            return self._row(job, status=Status.REJECTED, reason=reason, detail=detail)
        chosen = await self._choose(job, candidates)
        return self._row(
            job,
            question=with_options(_question(job, chosen), options[chosen]),
            answer=chosen.answer,
            answer_type=AnswerType.CHOICE,
            choices=options[chosen],
            evidence=_evidence(job, chosen),
        )

    async def _computed(self, job: DraftJob) -> QADraft:
        """A question for the result of a query; one that has none makes a rejected row."""
        call = computed_call(job.text, self._persona(job))
        reply = await self._ask(job, call.messages, ComputedReply, call.schema, COMPUTED_MAX_TOKENS)
        question = one_line(reply.question)
        try:
            draft = await asyncio.to_thread(call.draft, reply)
        except CalculationError as fault:
            return self._row(
                job,
                status=Status.REJECTED,
                reason=fault.reason,
                detail=fault.detail,
                question=question,
            )
        return self._row(
            job,
            question=question,
            answer=draft.answer,
            answer_type=reply.answer_type,
            unit=draft.unit,
            evidence=draft.evidence,
            basis=draft.computation.to_json(),
        )

    async def _multi_hop(self, job: DraftJob) -> QADraft:
        call = multi_hop_call(job.text, self._persona(job))
        reply = await self._ask(
            job, call.messages, MultiHopReply, call.schema, MULTI_HOP_MAX_TOKENS
        )
        hops = call.hops(reply)
        return self._row(
            job,
            question=one_line(reply.question),
            answer=one_line(reply.answer),
            answer_type=reply.answer_type,
            unit=one_line(reply.unit or "") or None,
            evidence=call.evidence(hops),
            basis=hops.to_json(),
        )

    async def _cross_document(self, job: DraftJob) -> QADraft:
        """A question of the document and its partner; one without a partner costs nothing."""
        if job.partner is None:
            return self._row(job, status=Status.REJECTED, reason="no_partner")
        call = cross_document_call(job.text, job.partner, self._persona(job))
        reply = await self._ask(
            job, call.messages, CrossDocumentReply, call.schema, CROSS_DOCUMENT_MAX_TOKENS
        )
        hops = call.hops(reply)
        return self._row(
            job,
            question=one_line(reply.question),
            answer=one_line(reply.answer),
            answer_type=reply.answer_type,
            unit=one_line(reply.unit or "") or None,
            evidence=call.evidence(hops),
            basis=hops.to_json(),
        )

    async def _rubric(self, job: DraftJob) -> QADraft:
        call = rubric_call(job.text, self._persona(job))
        reply = await self._ask(job, call.messages, RubricReply, call.schema, RUBRIC_MAX_TOKENS)
        facts = call.facts(reply)
        return self._row(
            job,
            question=one_line(reply.question),
            answer=one_line(reply.answer),
            answer_type=ANSWER_TYPE,
            evidence=call.evidence(facts),
            basis=facts.to_json(),
        )

    async def _unanswerable(self, job: DraftJob) -> QADraft:
        """A question of the document's kin, whose gold is an abstention."""
        if job.kin is None:
            return self._row(job, status=Status.REJECTED, reason="no_kin")
        reply = await self._ask(
            job,
            unanswerable_messages(job.text, job.kin, self._persona(job)),
            UnanswerableReply,
            unanswerable_schema(),
            UNANSWERABLE_MAX_TOKENS,
        )
        return self._row(
            job,
            question=one_line(reply.question),
            answer=ABSTENTION.value,
            answer_type=ABSTENTION.type,
            basis=reply.basis(job.kin).to_json(),
        )

    async def _choose(self, job: DraftJob, candidates: list[cloze.Candidate]) -> cloze.Candidate:
        by_answer = {candidate.answer: candidate for candidate in candidates}
        if len(by_answer) == 1:  # nothing to choose, so nothing to pay for
            return candidates[0]
        instruction = for_persona(CLOZE_PROMPT, self._persona(job), candidates=candidates)
        reply = await self._ask(
            job,
            document_first(job.text, instruction),
            ClozeReply,
            _cloze_schema(list(by_answer)),
            _CLOZE_MAX_TOKENS,
        )
        if reply.blank not in by_answer:  # a server that does not hold replies to the schema
            raise RowError("invalid_reply", f"{reply.blank[:80]!r} is none of the candidates")
        return by_answer[reply.blank]

    async def _ask(
        self,
        job: DraftJob,
        messages: list[Message],
        reply_type: type[Reply],
        schema: Mapping[str, object],
        max_tokens: int,
    ) -> Reply:
        return await self.models[job.form].ask(
            job.form, self._id(job), messages, reply_type, schema=schema, max_tokens=max_tokens
        )

    def _persona(self, job: DraftJob) -> str | None:
        return job.persona if self.shows_personas and job.persona else None

    def _id(self, job: DraftJob) -> str:
        return job.draft_id(self.models[job.form].provenance.recipe.hash)

    def _row(
        self,
        job: DraftJob,
        *,
        status: Status = Status.KEPT,
        reason: str | None = None,
        detail: str | None = None,
        question: str | None = None,
        answer: str | None = None,
        answer_type: str | None = None,
        unit: str | None = None,
        choices: tuple[str, ...] = (),
        evidence: str | None = None,
        basis: str | None = None,
    ) -> QADraft:
        return QADraft(
            draft_id=self._id(job),
            doc_id=job.doc_id,
            persona_index=job.persona_index,
            persona=job.persona,
            form=job.form,
            status=status,
            reason=reason,
            detail=detail,
            question=question,
            answer=answer,
            answer_type=answer_type,
            unit=unit,
            choices=choices,
            evidence=evidence,
            basis=basis,
            **self.models[job.form].columns(),
        )


def persona_settings(shown: bool) -> dict[str, object]:
    """What of the personas goes into the recipe: nothing where prompts name them."""
    return {} if shown else {"personas_shown": False}


def shows_personas(recipe: Mapping[str, object]) -> bool:
    """Whether the prompts of a recipe name the personas."""
    return bool(recipe.get("personas_shown", True))


def _why_none(document: str) -> tuple[str, str | None]:
    """Reason and detail of a document that has nothing to blank out."""
    language = language_of(document)
    if cloze.knows(language):
        return "no_candidate_span", None
    detail = f"the rules that find what to blank out know English; the document is {language}"
    return "language_not_supported", detail


def _question(job: DraftJob, chosen: cloze.Candidate) -> str:
    return chosen.question(job.title or cloze.heading(job.text))


def _basis(chosen: cloze.Candidate) -> str | None:
    """What is executed again when the pair is verified."""
    if chosen.session is None:
        return None
    session = chosen.session
    return Execution(statements=session.statements, expression=session.expression).to_json()


def _evidence(job: DraftJob, chosen: cloze.Candidate) -> str:
    return job.text[chosen.sentence.start : chosen.sentence.end]


@lru_cache(maxsize=512)
def _shares(text: str, title: str | None, drafts: int) -> list[list[cloze.Candidate]]:
    """The candidates of each draft of a document, mined once for all of them."""
    return cloze.share_out(cloze.mine(text, title), drafts)


def _cloze_schema(answers: list[str]) -> Schema:
    return closed({"blank": one_of(answers)})
