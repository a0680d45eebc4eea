"""The arms of a trial, run on one sample, each in a home of its own under the home.

An arm's home is kept, so a trial that was stopped goes on from where it was, and nothing is paid
for twice. What arms would make alike is made once: rows of triage, personas and drafts are taken
over from an earlier arm as long as all recipes up to that stage are the same, together with the
calls behind them, so that each arm's ledger says what its recipe costs by itself. For drafts this
also means that arms which differ in their checks alone are compared on the same questions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from wsrl_assets.curation import triage
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.generation import drafting, personas
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.recipes import StageRecipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline.job import Job, count_pending, model_names
from wsrl_assets.pipeline.pass_rates import rate_domain
from wsrl_assets.pipeline.questions import advance_domain, domain_recipes, role_at
from wsrl_assets.pipeline.samples import as_shard, drawn_rows, plant
from wsrl_assets.pipeline.triage import triage_recipe, triage_shard
from wsrl_assets.storage import Partition, PartitionKind, Store, Transaction, catalog
from wsrl_assets.storage.accounting import Account, accounts
from wsrl_assets.storage.domains import open_moves
from wsrl_assets.storage.tables import (
    LLMCall,
    Personas,
    QADraft,
    Recipe,
    SourceDocument,
    TriagedDocument,
)
from wsrl_assets.storage.transaction import frame
from wsrl_assets.storage.work import TRIAGE
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets.text.normalisation import stable_hash

FOLDER = "trials"
_SHARD = "trial"
_IN_SHARD = Partition.shard(_SHARD)


@dataclass(frozen=True, slots=True)
class Sample:
    """The documents of a trial.

    Attributes:
        documents: as rows of a shard.
        strata: how many there are of each domain, or shard of documents not triaged yet.
    """

    documents: Sequence[SourceDocument]
    strata: Mapping[str, int]

    @property
    def sources(self) -> dict[str, str]:
        """The source document of each, by id: passages of one are no independent cases."""
        return {document.doc_id: document.parent_id for document in self.documents}


@dataclass(frozen=True, slots=True)
class ArmRows:
    """What an arm made.

    Attributes:
        accounts: of all its stages and partitions.
        drafts: the columns of `trial_drafts.sql`.
        spent: `doc_id`, `tokens`, `cost` of all calls on a document.
        calls: `call_id`, `tokens`, `cost`.
        labels: what people say of pairs of the arm: the columns of `trial_labels.sql`.
    """

    accounts: Sequence[Account]
    drafts: pl.DataFrame
    spent: pl.DataFrame
    calls: pl.DataFrame
    labels: pl.DataFrame


def draw(store: Store, seed: int, documents: int) -> Sample:
    """A sample of the documents that a home has read, by domain; the same for the same seed."""
    rows = drawn_rows(store, "trial_documents", seed, documents)
    strata: dict[str, int] = {}
    for row in rows:
        stratum = str(row.pop("stratum"))
        strata[stratum] = strata.get(stratum, 0) + 1
    return Sample(as_shard(rows, _SHARD), dict(sorted(strata.items())))


async def fingerprint(arms: Mapping[str, Job], sample: Sample) -> str:
    """16 hex characters for the documents and for all that decides what arms make of them.

    A trial of the same ones is the same trial. Servers are asked for models that no setting names.

    Raises:
        EndpointError: an arm has no endpoint for a role that it asks, or a server that has to name
            its model cannot be used.
    """
    parts = [document.doc_id for document in sample.documents]
    for name, job in arms.items():
        settings, endpoints = job.settings, job.roles.given()
        models = await _models(job)
        recipes = [triage_recipe(job, models[Role.TRIAGE])]
        for domain in Domain:
            recipes += domain_recipes(job, models, domain).values()
        parts += [
            name,
            str(sorted(models.items())),
            *(recipe.hash for recipe in recipes),
            *sorted(settings.forms),
        ]
        parts += [f"{end.base_url} {end.model} {end.temperature}" for end in endpoints]
        parts.append(f"{settings.pass_rate_rollouts} {settings.rollout_tokens}")
    return stable_hash(*parts)[:16]


async def _models(job: Job) -> dict[Role, str]:
    """The models of the roles that an arm asks, by setting or else by their servers."""
    roles = [Role.TRIAGE, Role.GENERATOR, Role.JUDGE]
    roles += [Role.POLICY] if job.settings.rates_pairs else []
    named = {role: model for role in roles if (model := job.roles.model(role)) is not None}
    unnamed = [role for role in roles if role not in named]
    if not unnamed:
        return named
    engine = Engine(
        {role: job.roles[role] for role in unnamed},
        record=lambda call: None,  # no call is made
        run_id=job.run_id,
        limiter_folder=job.store.home / "locks" / "endpoints",
        home=job.store.shared,
    )
    async with engine:
        return {**named, **{role: engine.model(role) for role in unnamed}}


async def run_trial(
    arms: Mapping[str, Job], sample: Sample, told: Callable[[str], None] = lambda text: None
) -> None:
    """Does what is left of every arm, one after another; each job's store is its arm's home.

    Args:
        arms: the job of each arm, in order.
        sample: the documents.
        told: receives the name of the arm that is at work, in a sentence.

    Raises:
        EndpointError: an endpoint cannot be used; what is done is kept.
        StoreBusyError: another process runs this trial.
    """
    earlier: list[Job] = []
    for name, job in arms.items():
        told(f"arm {name}")
        await _run_arm(job, sample, earlier)
        earlier.append(job)


def read_arm(store: Store, wanted: Wanted) -> ArmRows:
    """What an arm made, from its home; `wanted` is what its settings ask for."""
    for kind in (PartitionKind.SHARD, PartitionKind.DOMAIN):
        for partition in store.partitions(kind):
            store.publish(partition)
    with catalog(store) as connection:
        return ArmRows(
            accounts(connection, wanted),
            frame(connection, "trial_drafts"),
            frame(connection, "trial_spending"),
            frame(connection, "trial_calls"),
            frame(connection, "trial_labels"),
        )


def read_labels(store: Store) -> pl.DataFrame:
    """What people say of pairs of a home: the columns of `trial_labels.sql`."""
    with catalog(store) as connection:
        return frame(connection, "trial_labels")


def arm_home(home: Path, trial: str, arm: str) -> Path:
    """The home of an arm."""
    return home / FOLDER / trial / arm


async def _run_arm(job: Job, sample: Sample, earlier: Sequence[Job]) -> None:
    plant(job.store, sample.documents, _SHARD)
    moves = open_moves(job.store, list(Domain))
    if count_pending(job, _IN_SHARD, TRIAGE, recipe=None, **moves):
        await _take_over_triage(job, earlier)
        await triage_shard(job, _SHARD)
    alike = [other for other in earlier if _has_the_triage_of(job, other)]
    for domain in Domain:
        filter_domain(job.store, domain, job.run_id)
        partition = Partition.domain(domain)
        if not job.store.exists(partition):
            continue
        for other in alike:
            await _take_over_questions(job, other, partition)
        await advance_domain(job, domain)
        await rate_domain(job, domain)


async def _take_over_triage(job: Job, earlier: Sequence[Job]) -> None:
    """The rows of the first earlier arm with this arm's recipe of triage, if there is one."""
    if not earlier:
        return
    models = await model_names(job, _IN_SHARD, [Role.TRIAGE])
    wanted = triage_recipe(job, models[Role.TRIAGE]).hash
    for other in earlier:
        if _recipes_of_triage(other) == {wanted}:
            with other.store.transaction(_IN_SHARD) as source:
                rows = [*source.rows(TriagedDocument), *source.rows(Recipe)]
                calls = [c for c in source.rows(LLMCall) if c.stage == triage.STAGE]
            with job.store.transaction(_IN_SHARD) as target:
                if target.count(TriagedDocument) == 0:
                    target.merge([*rows, *calls])
            return


def _has_the_triage_of(job: Job, other: Job) -> bool:
    return _recipes_of_triage(job) == _recipes_of_triage(other)


def _recipes_of_triage(job: Job) -> set[str]:
    with job.store.transaction(_IN_SHARD) as transaction:
        return {row.recipe for row in transaction.rows(TriagedDocument)}


async def _take_over_questions(job: Job, other: Job, partition: Partition) -> None:
    """The personas of another arm, and its drafts, where this arm's recipes would make them too.

    Only a domain that this arm has not begun takes anything over.
    """
    if not other.store.exists(partition):
        return
    with job.store.transaction(partition) as target:
        if target.count(Personas):
            return
    roles = [role_at(job.settings, stage) for stage in (personas.STAGE, drafting.STAGE)]
    models = await model_names(job, partition, [role for role in roles if role is not None])
    recipes = domain_recipes(job, models, Domain(partition.key))
    with other.store.transaction(partition) as source:
        rows = _rows_alike(source, recipes, [str(form) for form in job.settings.forms])
    with job.store.transaction(partition) as target:
        if target.count(Personas) == 0:
            target.merge(rows)


def _rows_alike(
    source: Transaction, recipes: Mapping[str, StageRecipe], forms: Sequence[str]
) -> list[Personas | QADraft | Recipe | LLMCall]:
    named = source.rows(Personas)
    if {row.recipe for row in named} != {recipes[personas.STAGE].hash}:
        return []
    drafts = [
        draft
        for draft in source.rows(QADraft)
        if draft.form in forms and draft.recipe == recipes[draft.form].hash
    ]
    made = {(Stage.PERSONAS, row.doc_id) for row in named}
    made |= {(Stage.QA_DRAFTS, draft.draft_id) for draft in drafts}
    calls = [call for call in source.rows(LLMCall) if (call.stage, call.row_id) in made]
    return [*named, *drafts, *source.rows(Recipe), *calls]
