"""Rows of an older recipe, replaced on request: a new prompt, another model, another judge.

The new rows of a document are made beside the old ones, which stay in every release. When all of
them are there, verdicts included, they take the old ones' place in one transaction (see
`storage.replacement`). Every later run of a domain resumes its unfinished regeneration.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wsrl_assets.generation import personas
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import questions
from wsrl_assets.pipeline.job import Job, model_names
from wsrl_assets.pipeline.pass_rates import rate_recipes
from wsrl_assets.pipeline.triage import is_recipe_but_for_domains, triage_recipe
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.recipes_in_use import RecipeInUse, recipes_in_use, stale_documents
from wsrl_assets.storage.replacement import copy_documents, replace_whole
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.stages import QUESTION_STAGES, Stage


async def regenerate_domain(
    job: Job, domain: Domain, stages: Sequence[str] = QUESTION_STAGES
) -> int:
    """Begins or resumes the regeneration of a domain; returns the documents it replaced.

    `job.settings.regenerate` names the first stage to regenerate: its rows that do not use the
    current recipe are replaced, with what depends on them. Other rows cost nothing. Without it,
    only an unfinished regeneration is resumed.

    Raises:
        EndpointError: the endpoint cannot be used; what is done is kept.
        StoreBusyError: another run is at this domain.
    """
    stage = job.settings.regenerate if job.settings.regenerate in stages else None
    begins = stage is not None and job.store.exists(Partition.domain(domain))
    if not begins and not is_under_way(job.store, domain):
        return 0
    with job.store.exclusive_run(Partition.domain(domain)):
        if stage is not None and begins:
            await _begin(job, domain, stage)
        if not is_under_way(job.store, domain):
            return 0
        renewed = replace(job, settings=_settings_of(job, domain))
        forms = [str(form) for form in renewed.settings.forms]
        try:
            await questions.advance_domain(renewed, domain, stages, Partition.next(domain))
        finally:
            replaced = replace_whole(job.store, domain, forms)
        return replaced


def is_under_way(store: Store, domain: str) -> bool:
    """Whether a regeneration was begun in a domain and is not done."""
    return store.exists(Partition.next(domain))


def under_way(store: Store) -> list[str]:
    """The domains in which `is_under_way` holds."""
    return [partition.key for partition in store.partitions(PartitionKind.NEXT)]


def stale_rows(connection: Connection, job: Job) -> dict[str, int]:
    """Rows that do not use the current recipe, by stage, on a catalog connection.

    A model that no setting names is assumed to be the one of the row, since only its server
    knows. Stages whose endpoint is not set are left out.
    """
    found: dict[str, int] = {}
    for used in recipes_in_use(connection):
        if not _is_current(job, used):
            found[used.stage] = found.get(used.stage, 0) + used.rows
    return found


async def _begin(job: Job, domain: Domain, stage: Stage) -> None:
    """Lays out the documents that have rows of an older recipe."""
    live, target = Partition.domain(domain), Partition.next(domain)
    role = questions.role_at(job.settings, stage)
    models = await model_names(job, live, [role]) if role is not None else {}
    current = _recipes_of(job, stage, models, domain)
    for partition in (target, live):
        if job.store.exists(partition):
            stale = _stale(job, partition, stage, current)
            if partition == live:
                stale = sorted(set(stale) - set(_laid_out(job.store, target)))
            copy_documents(job.store, domain, stale, stage, current)


def _recipes_of(
    job: Job, stage: str, models: Mapping[Role, str], domain: Domain
) -> tuple[str, ...]:
    recipes = questions.domain_recipes(job, models, domain)
    return tuple(recipe.hash for recipe in recipes.values() if recipe.stage == stage)


def _stale(job: Job, partition: Partition, stage: Stage, current: Sequence[str]) -> list[str]:
    forms = [str(form) for form in job.settings.forms]
    with job.store.transaction(partition) as transaction:
        return stale_documents(transaction, stage, forms, current)


def _laid_out(store: Store, target: Partition) -> list[str]:
    if not store.exists(target):
        return []
    with store.transaction(target) as transaction:
        return list(transaction.query("filtered_ids", shard=None)["doc_id"])


def _settings_of(job: Job, domain: Domain) -> Any:
    """The settings under which a document counts as whole.

    Where personas are regenerated, so are the drafts of every form that has any, wanted or not.
    """
    asked = job.settings.regenerate is not None
    update: dict[str, Any] = {"retry_failed": job.settings.retry_failed or asked}
    if job.settings.regenerate == personas.STAGE:
        with job.store.transaction(Partition.domain(domain)) as transaction:
            there = transaction.query("forms_in_use")["form"].to_list()
        forms = (*job.settings.forms, *(Form(form) for form in there))
        update["forms"] = tuple(dict.fromkeys(forms))
    return job.settings.model_copy(update=update)


def _is_current(job: Job, used: RecipeInUse) -> bool:
    if used.form is not None and used.form not in job.settings.forms:
        return True  # not asked for now, so neither stale nor fresh
    if used.stage is not Stage.TRIAGED_DOCUMENTS and used.partition not in Domain:
        return True  # of a retired domain, which gets no more work
    role = questions.role_at(job.settings, used.stage)
    if role is None:
        return used.recipe in _recipes_of(job, used.stage, {}, Domain(used.partition))
    try:
        # None of a row that no model made.
        model = job.roles[role].model or json.loads(used.body).get("model") or ""
        if used.stage is Stage.TRIAGED_DOCUMENTS:
            return is_recipe_but_for_domains(used.body, triage_recipe(job, model))
        if used.stage is Stage.PASS_RATES:
            return not job.settings.rates_pairs or rate_recipes(job, model)[0].hash == used.recipe
        return used.recipe in _recipes_of(job, used.stage, {role: model}, Domain(used.partition))
    except EndpointError:
        return True
