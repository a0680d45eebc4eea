"""Personas, drafts and verification of a domain, streamed as one chain document by document.

Personas, drafts and verification of a document run as one chain, because all calls on a
document then find it in the server's prefix cache, and because no stage then waits
for the slowest row of the stage before. Rows are committed as they come, so a run that stops
anywhere is resumed by the next.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsrl_assets.generation import (
    cloze,
    computed,
    cross_document,
    distractors,
    drafting,
    form_examples,
    layouts,
    library,
    multi_hop,
    personas,
    rubric,
    unanswerable,
)
from wsrl_assets.generation.cross_document import Partner
from wsrl_assets.generation.drafting import Drafter, DraftJob
from wsrl_assets.generation.persona_files import load_personas, personas_of
from wsrl_assets.generation.personas import GivenPersonas
from wsrl_assets.llm import explanations
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.prompting import Prompt, without_persona
from wsrl_assets.llm.recipes import Provenance, StageRecipe, model_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline import judging
from wsrl_assets.pipeline.goal import Goal
from wsrl_assets.pipeline.job import Job, batches, count, with_system
from wsrl_assets.reward import hearing
from wsrl_assets.settings import Settings
from wsrl_assets.storage import GroupWriter, Partition, calculation
from wsrl_assets.storage.accounting import inflow_query
from wsrl_assets.storage.basis import kin_id
from wsrl_assets.storage.remembered import NOTHING_DONE, done_before
from wsrl_assets.storage.tables import Personas, QADraft, Status
from wsrl_assets.storage.work import DOCUMENTS
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.judging import JudgedBy
from wsrl_assets.taxonomy.stages import QUESTION_STAGES, STAGES, Stage
from wsrl_assets.verification import judge, probability, round_trip, verify
from wsrl_assets.verification import rubric as rubrics
from wsrl_assets.verification.duplicates import Siblings
from wsrl_assets.verification.judge import JudgePolicy
from wsrl_assets.verification.verify import Draft, Verifier

_log = logging.getLogger(__name__)
_PAGE = 256
# The name of the recipe by which rubrics are verified, beside that of the stage.
_OF_RUBRICS = "verified_rubrics"
# Forms whose drafts draw on other documents of the domain.
_FROM_OTHERS = (Form.MULTIPLE_CHOICE, Form.UNANSWERABLE)
# A name that more sources of a domain hold joins nothing.
_HOLDERS = 5


async def advance_domain(
    job: Job,
    domain: Domain,
    stages: Sequence[str] = QUESTION_STAGES,
    partition: Partition | None = None,
) -> int:
    """Does what is pending at `stages` of a domain; returns the rows that were pending before.

    Args:
        job: what to work with.
        domain: whose documents these are.
        stages: any of `QUESTION_STAGES`. What a stage outside them would have to make first is
            left pending.
        partition: where the rows are, if not in the domain's own.

    Raises:
        EndpointError: the endpoint cannot be used; finished rows are kept.
        StoreBusyError: another run is at this domain.
    """
    partition = partition or Partition.domain(domain)
    with job.store.exclusive_run(partition):
        if job.settings.retry_failed and drafting.STAGE in stages:
            _forget_failed_drafts(job, partition)
        pending = _pending_rows(job, partition, stages)
        if not any(pending.values()):
            return 0
        goal = Goal.of(job, partition, domain)
        if goal.is_reached:
            return sum(pending.values())
        for stage, rows in pending.items():
            job.progress.expect(stage, rows)
        async with (
            GroupWriter(job.store, partition) as writer,
            job.engine(writer, _roles_of(job.settings, stages), goal.noting(writer.add)) as engine,
        ):
            chain = _Chain.begin(job, domain, stages, engine, writer, goal)
            _warn_of_judging_oneself(job, engine, stages)
            await engine.for_each(
                goal.until_reached(pending_work(job, partition, stages)),
                chain.run,
                calls_at_once=_calls_at_once(job.settings),
                key=lambda work: work.doc_id,
            )
        job.store.publish(partition)
        return sum(pending.values())


def domain_recipes(job: Job, models: Mapping[Role, str], domain: Domain) -> dict[str, StageRecipe]:
    """The recipes of a domain's stages: `personas`, one a form for drafts, `verified_pairs`, and
    one for the verdicts on rubrics.
    """
    settings, roles = job.settings, job.roles
    examples = library.library_digest([_library(job)[domain]])
    recipes: dict[str, StageRecipe] = {}
    given = given_personas(settings, domain)
    if given is not None:
        recipes[personas.STAGE] = given.recipe
    elif Role.TRIAGE in models:
        recipes[personas.STAGE] = model_recipe(
            personas.STAGE,
            roles[Role.TRIAGE],
            models[Role.TRIAGE],
            with_system(personas.PROMPT),
            personas=settings.personas,
        )
    if Role.GENERATOR in models:
        for form, (prompts, made_by) in _drafting(settings, examples).items():
            recipes[form] = model_recipe(
                drafting.STAGE,
                roles[Role.GENERATOR],
                models[Role.GENERATOR],
                with_system(*_as_sent(settings, prompts)),
                form=str(form),
                **made_by,
                **drafting.persona_settings(settings.personas_shown),
            )
    if Role.JUDGE in models:
        jury = _jury(job)
        recipes[verify.STAGE] = model_recipe(
            verify.STAGE,
            roles[Role.JUDGE],
            models[Role.JUDGE],
            with_system(*_judging_prompts(settings), *round_trip.PROMPTS),
            rules=verify.RULES_VERSION,
            judge={**jury.recipe, **_probability_recipe(job)} if jury else None,
            round_trip=settings.round_trip,
        )
        recipes[_OF_RUBRICS] = model_recipe(
            verify.STAGE,
            roles[Role.JUDGE],
            models[Role.JUDGE],
            with_system(
                *(judge.RUBRIC_PROMPTS if jury else ()), explanations.PROMPT, rubrics.EXPLAIN_PROMPT
            ),
            form=str(Form.RUBRIC),
            rules=verify.RULES_VERSION,
            rubric_rules=rubrics.RULES_VERSION,
            hearing=hearing.VERSION,
            judge=jury.recipe if jury else None,
            round_trip=settings.round_trip,
        )
    return recipes


def _as_sent(settings: Settings, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """The prompts of a form, less what names the persona if the settings hide it."""
    return prompts if settings.personas_shown else [without_persona(prompt) for prompt in prompts]


def _drafting(
    settings: Settings, examples: str
) -> dict[Form, tuple[Sequence[Prompt], dict[str, object]]]:
    """Prompts of each form, and what else decides its drafts.

    `examples` is the digest of the domain's demonstrations.
    """
    layout = settings.draft_layout
    choosing, digest = {"rules": cloze.VERSION}, form_examples.examples_digest
    return {
        Form.OPEN: (layouts.prompts_of(layout), layouts.layout_settings(layout, examples)),
        Form.CLOZE: ([drafting.CLOZE_PROMPT], {**choosing}),
        Form.MULTIPLE_CHOICE: (
            [drafting.CLOZE_PROMPT],
            {**choosing, "distractors": distractors.VERSION},
        ),
        Form.COMPUTED: (
            [computed.PROMPT],
            {"rules": calculation.VERSION, "demonstrations": digest(Form.COMPUTED)},
        ),
        Form.UNANSWERABLE: (
            [unanswerable.PROMPT],
            {"rules": unanswerable.VERSION, "demonstrations": digest(Form.UNANSWERABLE)},
        ),
        Form.MULTI_HOP: ([multi_hop.PROMPT], {"demonstrations": digest(Form.MULTI_HOP)}),
        Form.CROSS_DOCUMENT: (
            [cross_document.PROMPT],
            {"rules": cross_document.VERSION, "demonstrations": digest(Form.CROSS_DOCUMENT)},
        ),
        Form.RUBRIC: ([rubric.PROMPT], {"demonstrations": digest(Form.RUBRIC)}),
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """A document with what there is of it, and so what is left to do."""

    doc_id: str
    title: str | None
    text: str
    personas_status: Status | None
    personas: tuple[str, ...]
    drafted: frozenset[tuple[int, str]]
    unverified: tuple[Draft, ...]
    siblings: Siblings
    others: "_Others"

    @classmethod
    def of(cls, row: dict[str, Any], others: "_Others") -> "_Work":
        return cls(
            doc_id=row["doc_id"],
            title=row["title"],
            text=row["text"],
            personas_status=Status(row["personas_status"]) if row["personas_status"] else None,
            personas=tuple(row["personas"]),
            drafted=frozenset((slot["persona_index"], slot["form"]) for slot in row["drafted"]),
            unverified=tuple(
                Draft(doc_id=row["doc_id"], kin_text=others.kin_text(draft["basis"]), **draft)
                for draft in row["unverified"]
            ),
            siblings=Siblings((p["pair_id"], p["question"], p["gold"]) for p in row["verified"]),
            others=others,
        )


@dataclass(frozen=True, slots=True)
class _Others:
    """What the documents of a page take from others; nothing for forms not asked for.

    Attributes:
        pool, kinship, partners: for drafts that are still to be made; partners by document.
        texts: of the kin that drafts of the page rest on, by id.
    """

    pool: distractors.Pool = field(default_factory=distractors.Pool)
    kinship: unanswerable.Kinship = field(default_factory=unanswerable.Kinship)
    partners: Mapping[str, Sequence[Partner]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def kin_text(self, basis: str | None) -> str | None:
        """The text of a draft's kin; none if the draft has none, or the kin was withdrawn."""
        kin = kin_id(basis)
        return self.texts.get(kin) if kin else None


@dataclass(frozen=True, slots=True)
class _Chain:
    """What happens to one document, from personas to verdicts."""

    job: Job
    domain: Domain
    stages: frozenset[str]
    engine: Engine
    writer: GroupWriter
    models: Mapping[str, StageModel]
    drafter: Drafter
    verifier: Verifier | None
    goal: Goal
    given: GivenPersonas | None

    @classmethod
    def begin(
        cls,
        job: Job,
        domain: Domain,
        stages: Sequence[str],
        engine: Engine,
        writer: GroupWriter,
        goal: Goal,
    ) -> "_Chain":
        models = {role: engine.model(role) for role in _roles_of(job.settings, stages)}
        recipes = domain_recipes(job, models, domain)
        writer.add(*(recipe.row() for recipe in recipes.values()))
        stage_models = {
            name: StageModel(engine, Provenance(recipe, job.run_id))
            for name, recipe in recipes.items()
        }
        drafter = Drafter(
            {form: stage_models[form] for form in Form if form in stage_models},
            _library(job),
            job.settings.draft_layout,
            job.settings.personas_shown,
        )
        verifier = None
        if verify.STAGE in stages:
            verifier = Verifier(
                stage_models[verify.STAGE],
                _jury(job),
                job.settings.round_trip,
                stage_models[_OF_RUBRICS],
                _thresholds(job, stage_models[verify.STAGE]),
            )
        wanted = frozenset(stages)
        given = given_personas(job.settings, domain)
        return cls(
            job, domain, wanted, engine, writer, stage_models, drafter, verifier, goal, given
        )

    async def run(self, work: _Work) -> None:
        named = await self._personas(work)
        jobs = self._draft_jobs(work, named)

        async def old() -> None:
            verify_old = (self._verify(draft, work) for draft in work.unverified)
            await asyncio.gather(*verify_old)

        async def new() -> None:
            async def then(draft: QADraft) -> None:
                await self._on_draft(draft, work)

            await self.drafter.draft_all(jobs, then)

        await asyncio.gather(old(), new())

    async def _personas(self, work: _Work) -> tuple[str, ...]:
        if work.personas_status is not None:
            return work.personas
        if personas.STAGE not in self.stages or self.goal.is_reached:
            return ()
        row = await self._name(work)
        await self.writer.put(row)
        self.job.progress.advance(personas.STAGE)
        if drafting.STAGE in self.stages:
            expected = len(row.personas) * len(self.job.settings.forms)
            self.job.progress.expect(drafting.STAGE, expected)
        return row.personas

    async def _name(self, work: _Work) -> Personas:
        model = self.models[personas.STAGE]
        if self.given is not None:
            return self.given.row(work.doc_id, model.columns())
        count = self.job.settings.personas
        return await personas.name_personas(work.doc_id, work.text, count, model)

    def _draft_jobs(self, work: _Work, named: tuple[str, ...]) -> list[DraftJob]:
        if drafting.STAGE not in self.stages or self.goal.is_reached:
            return []
        kin = work.others.kinship.kin_of(work.doc_id)
        free = [n for n in range(len(named)) if (n, Form.CROSS_DOCUMENT) not in work.drafted]
        # Each persona that has none gets another one, while there are any.
        partners = dict(zip(free, work.others.partners.get(work.doc_id, ()), strict=False))
        return [
            DraftJob(
                doc_id=work.doc_id,
                title=work.title,
                text=work.text,
                domain=self.domain,
                persona_index=index,
                persona=persona,
                personas=len(named),
                form=form,
                pool=work.others.pool,
                kin=kin if form is Form.UNANSWERABLE else None,
                partner=partners.get(index) if form is Form.CROSS_DOCUMENT else None,
            )
            for form in self.job.settings.forms
            for index, persona in enumerate(named)
            if (index, form) not in work.drafted
        ]

    async def _on_draft(self, draft: QADraft, work: _Work) -> None:
        await self.writer.put(draft)
        self.job.progress.advance(drafting.STAGE)
        if draft.status is not Status.KEPT or self.verifier is None:
            return
        self.job.progress.expect(verify.STAGE, 1)
        await self._verify(Draft.of(draft, _kin_of(draft, work)), work)

    async def _verify(self, draft: Draft, work: _Work) -> None:
        if self.verifier is None or self.goal.is_reached:
            return
        row = await self.verifier.verify(draft, work.text, work.siblings)
        await self.writer.put(row)
        if row.status is Status.KEPT:
            self.goal.accept()
        self.job.progress.advance(verify.STAGE)


def _kin_of(draft: QADraft, work: _Work) -> str | None:
    """The text of the other document that a new draft rests on, if it is of such a form."""
    if draft.form == Form.UNANSWERABLE:
        kin = work.others.kinship.kin_of(work.doc_id)
        return kin.text if kin else None
    if draft.form != Form.CROSS_DOCUMENT:
        return None
    partners = work.others.partners.get(work.doc_id, ())
    return next((p.text for p in partners if p.doc_id == kin_id(draft.basis)), None)


async def pending_work(
    job: Job, partition: Partition, stages: Sequence[str]
) -> AsyncIterator[_Work]:
    """The documents with work left at some stages; the caller holds the `exclusive_run`."""
    parameters: dict[str, Any] = {
        "forms": [str(form) for form in job.settings.forms],
        "with_personas": personas.STAGE in stages,
        "with_drafts": drafting.STAGE in stages,
        "with_verification": verify.STAGE in stages,
        **await asyncio.to_thread(_done_before, job, partition),
    }
    bridges: _Bridges | None = None
    async for page in batches(job, partition, DOCUMENTS, **parameters):
        if bridges is None and _wants_partners(job, stages, page):
            bridges = await asyncio.to_thread(_bridges, job, partition)
        others = await asyncio.to_thread(_others_of, job, partition, stages, page, bridges or {})
        for row in page:
            yield _Work.of(row, others)


def _wants_others(forms: Sequence[Form], row: dict[str, Any]) -> bool:
    """Whether a draft is still to be made of a form that draws on other documents."""
    return _lacks(set(_FROM_OTHERS).intersection(forms), row)


def _wants_partners(job: Job, stages: Sequence[str], page: Sequence[dict[str, Any]]) -> bool:
    """Whether a question of two documents is still to be made: else the domain is not read."""
    wanted = {Form.CROSS_DOCUMENT}.intersection(job.settings.forms)
    return drafting.STAGE in stages and any(_lacks(wanted, row) for row in page)


def _lacks(wanted: Collection[Form], row: dict[str, Any]) -> bool:
    drafted = sum(slot["form"] in wanted for slot in row["drafted"])
    is_named = row["personas_status"] is not None
    return bool(wanted) and not (is_named and drafted >= len(row["personas"]) * len(wanted))


_Bridges = dict[str, list[tuple[str, str]]]
"""Other documents and what joins them to one, best first, by the id of that one."""


def _bridges(job: Job, partition: Partition) -> _Bridges:
    """What joins the documents of a domain: one pass over its texts, and a few ids a document."""
    found: _Bridges = {}
    with job.store.transaction(Partition.domain(partition.key)) as transaction:
        joins = transaction.query(
            "bridges",
            holders=_HOLDERS,
            partners=cross_document.PARTNERS,
            candidates=2 * cross_document.PARTNERS,
        )
    for doc_id, kin, bridge in joins.iter_rows():
        found.setdefault(doc_id, []).append((kin, bridge))
    return found


def _partners(
    job: Job, partition: Partition, page: Sequence[dict[str, Any]], bridges: _Bridges
) -> dict[str, list[Partner]]:
    """The partners of the documents of a page that no question of theirs has taken."""
    taken = {
        row["doc_id"]: {s["kin"] for s in row["drafted"] if s["form"] == Form.CROSS_DOCUMENT}
        for row in page
    }
    wanted = {row["doc_id"]: bridges[row["doc_id"]] for row in page if row["doc_id"] in bridges}
    texts = _texts(job, partition, {kin for joins in wanted.values() for kin, _ in joins})
    fit = {
        row["doc_id"]: cross_document.partners_of(
            row["text"],
            (Partner(kin, texts[kin], name) for kin, name in wanted[row["doc_id"]] if kin in texts),
        )
        for row in page
        if row["doc_id"] in wanted
    }
    return {
        doc_id: [partner for partner in partners if partner.doc_id not in taken[doc_id]]
        for doc_id, partners in fit.items()
    }


def _others_of(
    job: Job,
    partition: Partition,
    stages: Sequence[str],
    page: Sequence[dict[str, Any]],
    bridges: _Bridges,
) -> _Others:
    """What a page of documents takes from each other and from the rest of the domain.

    Options and kin come from the documents, not from drafts: so the first draft of a domain has as
    much to choose from as the last, whatever the order in which drafts are done. A page is what
    memory holds anyway, and if it is short, others help out. Documents that come later change what
    later drafts are given, and no draft that was made.
    """
    forms = job.settings.forms if drafting.STAGE in stages else ()
    documents: list[distractors.PoolDocument] = []
    if any(_wants_others(forms, row) for row in page):
        documents = _documents_around(job, partition, page)
    return _Others(
        distractors.Pool.of(documents if Form.MULTIPLE_CHOICE in forms else ()),
        unanswerable.Kinship(documents if Form.UNANSWERABLE in forms else ()),
        _partners(job, partition, page, bridges),
        _kin_texts(job, partition, page),
    )


def _documents_around(
    job: Job, partition: Partition, page: Sequence[dict[str, Any]]
) -> list[distractors.PoolDocument]:
    known = [row["doc_id"] for row in page]
    lacking = max(0, distractors.POOL_DOCUMENTS - len(known))
    with job.store.transaction(Partition.domain(partition.key)) as transaction:
        others = transaction.query("distractor_documents", known=known, documents=lacking)
    return [
        distractors.PoolDocument(row["doc_id"], row["parent_id"], row["title"], row["text"])
        for row in (*page, *others.iter_rows(named=True))
    ]


def _kin_texts(job: Job, partition: Partition, page: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The texts of the kin of drafts without a verdict, by id."""
    drafts = (draft for row in page for draft in row["unverified"])
    return _texts(job, partition, {kin for draft in drafts if (kin := kin_id(draft["basis"]))})


def _texts(job: Job, partition: Partition, doc_ids: Collection[str]) -> dict[str, str]:
    if not doc_ids:
        return {}
    with job.store.transaction(Partition.domain(partition.key)) as transaction:
        return dict(transaction.query("kept_texts", doc_ids=sorted(doc_ids)).iter_rows())


def _pending_rows(job: Job, partition: Partition, stages: Sequence[str]) -> dict[str, int]:
    forms = [str(form) for form in job.settings.forms]
    done = _done_before(job, partition)
    counts = count(job, partition, "count_document_work", forms=forms, **done)
    by_stage = {
        personas.STAGE: int(counts["personas"]),
        drafting.STAGE: int(counts["drafts"]),
        verify.STAGE: int(counts["pairs"]),
    }
    return {stage: rows for stage, rows in by_stage.items() if stage in stages}


def _done_before(job: Job, partition: Partition) -> dict[str, int]:
    """Before which rows all documents are done, so that they are not looked at one by one."""
    waiting = [inflow_query(stage, job.settings.wanted) for stage in QUESTION_STAGES]
    is_again = job.settings.retry_failed
    return done_before(job.store, partition, waiting) if not is_again else NOTHING_DONE


def _forget_failed_drafts(job: Job, partition: Partition) -> None:
    with job.store.transaction(partition) as transaction:
        forms = [str(form) for form in job.settings.forms]
        transaction.execute("forget_failed_drafts", forms=forms)


def _calls_at_once(settings: Settings) -> float:
    """About how many calls of a document run at a time: one to begin with, then one a draft."""
    return (1 + settings.personas * len(settings.forms)) / 2


def role_at(settings: Settings, stage: Stage) -> Role | None:
    """Whose model makes the rows of a stage under these settings; none for rules."""
    if stage == personas.STAGE and not settings.generates_personas:
        return None
    return STAGES[stage].role


def given_personas(settings: Settings, domain: Domain) -> GivenPersonas | None:
    """The personas of a domain's documents where no model is asked for them.

    Raises:
        PersonasError: the file of personas cannot be used.
    """
    if settings.generates_personas:
        return None
    if settings.personas_file is None:
        return GivenPersonas(settings.personas)
    facts = load_personas(settings.personas_file)
    return GivenPersonas(settings.personas, personas_of(facts, domain))


def _roles_of(settings: Settings, stages: Sequence[str]) -> list[Role]:
    roles = (role_at(settings, stage) for stage in QUESTION_STAGES if stage in stages)
    return [role for role in roles if role is not None]


def _jury(job: Job) -> JudgePolicy | None:
    """How the judge is asked; none where it is switched off."""
    settings = job.settings
    if not settings.judge:
        return None
    temperature = job.roles[Role.JUDGE].temperature
    return JudgePolicy(settings.judge_votes, temperature)


def _is_by_probability(settings: Settings) -> bool:
    return settings.judge and settings.judge_by is JudgedBy.PROBABILITY


def _judging_prompts(settings: Settings) -> Sequence[Prompt]:
    if _is_by_probability(settings):
        return (*judge.PROMPTS, *probability.PROMPTS)
    return judge.PROMPTS if settings.judge else ()


def _probability_recipe(job: Job) -> dict[str, object]:
    """What else decides a verdict of a judge by probability."""
    if not _is_by_probability(job.settings):
        return {}
    return {"by": {JudgedBy.PROBABILITY.value: judging.recipe_of(_all_examples(job))}}


def _thresholds(job: Job, model: StageModel) -> judging.Calibration | None:
    if not _is_by_probability(job.settings):
        return None
    return judging.Calibration(job, _all_examples(job), model)


def _all_examples(job: Job) -> list[library.LibraryFile]:
    return list(_library(job).values())


def _warn_of_judging_oneself(job: Job, engine: Engine, stages: Sequence[str]) -> None:
    roles = _roles_of(job.settings, stages)
    if not job.settings.judge or not {Role.GENERATOR, Role.JUDGE} <= set(roles):
        return
    model = engine.model(Role.JUDGE)
    if model == engine.model(Role.GENERATOR):
        job.warn(
            f"the judge is the model that wrote the questions ({model}), and models go easy on "
            "themselves: name another one with WSRL_LLM_JUDGE_MODEL or WSRL_LLM_JUDGE_BASE_URL"
        )


def _library(job: Job) -> dict[Domain, library.LibraryFile]:
    folder: Path | None = job.settings.demonstrations
    return library.load_library(folder)
