"""Drafting: a question, a short answer and its evidence for each document, persona and form."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation import cloze
from wsrl_assets.generation.distractors import Pool
from wsrl_assets.generation.library import Demonstration, LibraryFile, pick_examples
from wsrl_assets.llm import (
    RowError,
    StageModel,
    document_first,
    load_prompt,
)
from wsrl_assets.reward import AnswerType
from wsrl_assets.storage.tables import QADraft, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form, with_options
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.language import language_of
from wsrl_assets.text.normalisation import stable_hash

STAGE = Stage.QA_DRAFTS
OPEN_PROMPT = load_prompt("open")
CLOZE_PROMPT = load_prompt("cloze")
EXAMPLES = 3
OPEN_MAX_TOKENS = 320
_CLOZE_MAX_TOKENS = 64


# Yes/no questions can be guessed, and multiple choice is a form of its own.
OPEN_TYPES = tuple(t for t in AnswerType if t not in (AnswerType.YES_NO, AnswerType.CHOICE))


class OpenReply(BaseModel):
    """What the model returns for an open question: first what it rests on, last the question."""

    model_config = ConfigDict(extra="forbid")

    evidence: str = Field(max_length=400)
    answer: str = Field(max_length=100)
    answer_type: AnswerType
    unit: str | None = Field(default=None, max_length=24)
    question: str = Field(max_length=400)


class ClozeReply(BaseModel):
    """What the model returns for a cloze: its choice among the candidates' answers."""

    model_config = ConfigDict(extra="forbid")

    blank: str


@dataclass(frozen=True, slots=True)
class DraftJob:
    """A draft to be made.

    Attributes:
        doc_id, title, text, domain: the document.
        persona_index, persona: for whom.
        personas: how many personas the document has.
        form: which kind of question.
        pool: what can be asked with options; multiple choice alone needs it.
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

    def draft_id(self, recipe: str) -> str:
        """Hash of (document, persona, form, recipe)."""
        return stable_hash(self.doc_id, str(self.persona_index), self.persona, self.form, recipe)


@dataclass(frozen=True, slots=True)
class Drafter:
    """Makes drafts of every form. `models` has the model of each form that is asked for."""

    models: dict[Form, StageModel]
    library: dict[Domain, LibraryFile]

    async def draft(self, job: DraftJob) -> QADraft:
        """One draft row. A fault of its call makes a failed row."""
        make = {
            Form.OPEN: self._open,
            Form.CLOZE: self._cloze,
            Form.MULTIPLE_CHOICE: self._multiple_choice,
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
        instruction = OPEN_PROMPT.render(
            answer_types=list(OPEN_TYPES),
            examples=self._examples(job),
            persona=job.persona,
        )
        reply = await self.models[job.form].ask(
            Form.OPEN,
            self._id(job),
            document_first(job.text, instruction),
            OpenReply,
            schema=_OPEN_SCHEMA,
            max_tokens=OPEN_MAX_TOKENS,
        )
        return self._row(
            job,
            # On one line, so that they cannot pass for lines of the judge's prompt.
            question=" ".join(reply.question.split()),
            answer=" ".join(reply.answer.split()),
            answer_type=reply.answer_type,
            unit=" ".join((reply.unit or "").split()) or None,
            evidence=reply.evidence.strip(),
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

    async def _choose(self, job: DraftJob, candidates: list[cloze.Candidate]) -> cloze.Candidate:
        by_answer = {candidate.answer: candidate for candidate in candidates}
        if len(by_answer) == 1:  # nothing to choose, so nothing to pay for
            return candidates[0]
        instruction = CLOZE_PROMPT.render(candidates=candidates, persona=job.persona)
        reply = await self.models[job.form].ask(
            job.form,
            self._id(job),
            document_first(job.text, instruction),
            ClozeReply,
            schema=_cloze_schema(list(by_answer)),
            max_tokens=_CLOZE_MAX_TOKENS,
        )
        if reply.blank not in by_answer:  # a server that does not hold replies to the schema
            raise RowError("invalid_reply", f"{reply.blank[:80]!r} is none of the candidates")
        return by_answer[reply.blank]

    def _examples(self, job: DraftJob) -> tuple[Demonstration, ...]:
        return pick_examples(self.library[job.domain], EXAMPLES, job.doc_id)

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
        answer_type: AnswerType | None = None,
        unit: str | None = None,
        choices: tuple[str, ...] = (),
        evidence: str | None = None,
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
            **self.models[job.form].columns(),
        )


def _why_none(document: str) -> tuple[str, str | None]:
    """Reason and detail of a document that has nothing to blank out."""
    language = language_of(document)
    if cloze.knows(language):
        return "no_candidate_span", None
    detail = f"the rules that find what to blank out know English; the document is {language}"
    return "language_not_supported", detail


def _question(job: DraftJob, chosen: cloze.Candidate) -> str:
    return chosen.question(job.title or cloze.heading(job.text))


def _evidence(job: DraftJob, chosen: cloze.Candidate) -> str:
    return job.text[chosen.sentence.start : chosen.sentence.end]


@lru_cache(maxsize=512)
def _shares(text: str, title: str | None, drafts: int) -> list[list[cloze.Candidate]]:
    """The candidates of each draft of a document, mined once for all of them."""
    return cloze.share_out(cloze.mine(text, title), drafts)


_OPEN_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "evidence": {"type": "string", "maxLength": 400},
        "answer": {"type": "string", "minLength": 1, "maxLength": 100},
        "answer_type": {"type": "string", "enum": [str(t) for t in OPEN_TYPES]},
        "unit": {"anyOf": [{"type": "string", "maxLength": 24}, {"type": "null"}]},
        "question": {"type": "string", "minLength": 10, "maxLength": 400},
    },
    "required": ["evidence", "answer", "answer_type", "unit", "question"],
    "additionalProperties": False,
}


def _cloze_schema(answers: list[str]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {"blank": {"type": "string", "enum": answers}},
        "required": ["blank"],
        "additionalProperties": False,
    }
