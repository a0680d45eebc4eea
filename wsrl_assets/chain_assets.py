"""The assets that ask models: triage by shard; personas, drafts, verdicts, pass rates by domain.

Personas, drafts and verdicts are made by one step, a document at a time (see `chain`). Each can
still be materialized alone, in the UI or from the command line.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from wsrl_assets import chain, difficulty, regeneration, rollout, warmup
from wsrl_assets.cancellation import run_interruptibly
from wsrl_assets.curation import dedup, triage
from wsrl_assets.domains import Domain
from wsrl_assets.forms import Form
from wsrl_assets.generation import assets as generation
from wsrl_assets.generation import cloze, distractors, drafting, personas
from wsrl_assets.llm import EndpointError, Prompt
from wsrl_assets.partitions import DOMAINS, SHARDS
from wsrl_assets.progress import NoProgress, Progress
from wsrl_assets.reports import (
    CURRENT,
    OWNERS,
    pass_rate_metadata,
    recipe_result,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.resources import EndpointResource, StoreResource
from wsrl_assets.settings import Roles, Settings, SettingsError, load_roles, load_settings
from wsrl_assets.storage import Partition, StoreBusyError, StoreError, catalog
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import (
    PassRate,
    Personas,
    QADraft,
    SftWarmup,
    TriagedDocument,
    VerifiedPair,
)
from wsrl_assets.verification import judge, pass_rates, round_trip, verify
from wsrl_assets.verification import warmup as warmup_stage

_log = logging.getLogger(__name__)
POOL = "llm"
_USER_ERRORS = (EndpointError, SettingsError, StoreBusyError, StoreError)
_TABLES: dict[str, type[Row]] = {
    personas.STAGE: Personas,
    drafting.STAGE: QADraft,
    verify.STAGE: VerifiedPair,
}


class Anew(Enum):
    """The stages of a domain that can be made anew. The launchpad offers the names."""

    personas = personas.STAGE
    qa_drafts = drafting.STAGE
    verified_pairs = verify.STAGE


class ChainConfig(dg.Config):
    """What a run may set for itself; what is not set comes from the environment.

    The launchpad shows the descriptions.
    """

    forms: list[str] | None = Field(
        None, description="Question forms to draft: open, cloze, multiple_choice."
    )
    personas: int | None = Field(None, description="Personas per document, 1 to 3.")
    judge: bool | None = Field(None, description="Whether the LLM judge checks pairs.")
    judge_votes: int | None = Field(None, description="Replies that make a verdict, odd.")
    judge_separate: bool | None = Field(
        None, description="Whether each of the judge's verdicts is a call of its own."
    )
    round_trip: bool | None = Field(
        None, description="Whether an open-book answer must score 1 against the gold."
    )
    retry_failed: bool | None = Field(
        None, description="Whether rows that failed earlier are tried again."
    )
    regenerate: Anew | None = Field(
        None,
        description="A stage whose rows of an older prompt, model or setting are made anew, with "
        "what hangs on them. The old rows stay until the new ones are verified.",
    )


class TriageConfig(dg.Config):
    """What a triage run may set for itself."""

    retry_failed: bool | None = Field(
        None, description="Whether documents that failed earlier are tried again."
    )
    regenerate: bool | None = Field(
        None,
        description="Whether documents that an older prompt, model or setting read are read again. "
        "One that then belongs to another domain leaves its old one with that domain's next run.",
    )


class PassRateConfig(dg.Config):
    """What a run of pass rates may set for itself; what is not set comes from the environment."""

    rollouts: int | None = Field(
        None, description="Closed-book rollouts per pair; 0 takes no pass rates."
    )
    max_tokens: int | None = Field(None, description="Longest rollout, in tokens.")
    rerate: bool | None = Field(
        None, description="Whether pairs that have a pass rate are rated again."
    )
    retry_failed: bool | None = Field(
        None, description="Whether pairs that failed earlier are tried again."
    )


class WarmupConfig(dg.Config):
    """What a run of the warm-up set may set for itself; the rest comes from the environment."""

    pairs: int | None = Field(
        None, description="Pairs of each domain to hold out; 0 holds out no more."
    )
    retry_failed: bool | None = Field(
        None, description="Whether pairs that failed earlier are tried again."
    )


class Watch:
    """Where runs of this process report their progress; `wsrl run` puts a bar here."""

    progress: Progress = NoProgress()


class _Warnings:
    """Warnings of this process: each goes to the log of its run, and is printed once."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._mutex = threading.Lock()

    def tell(self, context: dg.AssetExecutionContext, text: str) -> None:
        context.log.warning(text)
        with self._mutex:
            new = text not in self._said
            self._said.add(text)
        if new:
            _log.warning("warning: %s", text)


_warnings = _Warnings()


@dg.asset(
    name=triage.STAGE,
    partitions_def=SHARDS,
    deps=["source_documents"],
    group_name="curation",
    kinds={"openai", "duckdb"},
    owners=OWNERS,
    code_version=triage.PROMPT.version,
    pool=POOL,
    metadata=schema_metadata(TriagedDocument),
    check_specs=stage_checks(triage.STAGE, CURRENT),
)
def triaged_documents(
    context: dg.AssetExecutionContext,
    config: TriageConfig,
    store: StoreResource,
    endpoint: EndpointResource,
) -> dg.MaterializeResult:
    """One call per document: does it qualify, why, and for which domain?

    Only boilerplate and fragments are dropped (paper, section 3), so that the breadth of the
    corpus survives.
    """
    partition = Partition.shard(context.partition_key)
    with _told():
        regenerate = triage.STAGE if config.regenerate else None
        settings = load_settings({"retry_failed": config.retry_failed, "regenerate": regenerate})
        job = _job(context, store, endpoint, settings)
        rows = run_interruptibly(lambda: chain.triage_shard(job, context.partition_key))
    context.log.info(f"{rows} documents were pending")
    return stage_result(
        job.store,
        partition,
        TriagedDocument,
        run_id=context.run.run_id,
        checks=_recipe_checks(job, partition, [triage.STAGE]),
    )


def _spec(
    name: str,
    deps: list[str],
    prompts: tuple[Prompt, ...],
    rules: str,
    group: str,
    description: str,
) -> dg.AssetSpec:
    versions = [f"{prompt.name}-{prompt.version}" for prompt in prompts]
    return dg.AssetSpec(
        name,
        deps=deps,
        description=description,
        group_name=group,
        kinds={"openai", "duckdb"},
        owners=OWNERS,
        code_version=".".join([*versions, f"rules-{rules}"]),
        metadata=schema_metadata(_TABLES[name]),
    )


@dg.multi_asset(
    name="question_chain",
    partitions_def=DOMAINS,
    can_subset=True,
    pool=POOL,
    specs=[
        _spec(
            personas.STAGE,
            [dedup.STAGE],
            (personas.PROMPT,),
            "1",
            "generation",
            "Up to three readers who would care about a document (paper, stage 2).",
        ),
        _spec(
            drafting.STAGE,
            [dedup.STAGE, personas.STAGE, generation.NAME],
            (drafting.OPEN_PROMPT, drafting.CLOZE_PROMPT),
            f"{cloze.VERSION}.{distractors.VERSION}",
            "generation",
            "A question, a short answer and verbatim evidence for each document, persona and "
            "form (paper, stage 3).",
        ),
        _spec(
            verify.STAGE,
            [dedup.STAGE, drafting.STAGE],
            (*judge.PROMPTS, round_trip.PROMPT, round_trip.COMPLETION_PROMPT),
            verify.RULES_VERSION,
            "verification",
            "Every check of a draft and its verdict; kept if it passed all: form, leak, grounding, "
            "judge, round trip (paper, stage 4).",
        ),
    ],
    check_specs=[spec for stage in chain.DOMAIN_STAGES for spec in stage_checks(stage, CURRENT)],
)
def question_chain(
    context: dg.AssetExecutionContext,
    config: ChainConfig,
    store: StoreResource,
    endpoint: EndpointResource,
) -> Iterator[dg.MaterializeResult]:
    """Personas, drafts and verdicts, streamed document by document."""
    domain = Domain(context.partition_key)
    stages = [s for s in chain.DOMAIN_STAGES if dg.AssetKey(s) in context.selected_asset_keys]
    with _told():
        settings = load_settings(
            {
                "forms": tuple(Form(form) for form in config.forms) if config.forms else None,
                "personas": config.personas,
                "judge": config.judge,
                "judge_votes": config.judge_votes,
                "judge_separate": config.judge_separate,
                "round_trip": config.round_trip,
                "retry_failed": config.retry_failed,
                "regenerate": config.regenerate.value if config.regenerate else None,
            }
        )
        job = _job(context, store, endpoint, settings)
        rows = run_interruptibly(lambda: chain.advance_domain(job, domain, stages))
        anew = run_interruptibly(lambda: regeneration.regenerate_domain(job, domain, stages))
    context.log.info(f"{rows} rows were pending in {domain.label}")
    if anew:
        context.log.info(f"{anew} documents were made anew in {domain.label}")
    partition = Partition.domain(domain)
    checks = _recipe_checks(job, partition, stages)
    for stage, check in zip(stages, checks, strict=True):
        yield stage_result(
            job.store,
            partition,
            _TABLES[stage],
            run_id=context.run.run_id,
            forms=[str(form) for form in settings.forms],
            checks=[check],
        )


@dg.asset(
    name=pass_rates.STAGE,
    partitions_def=DOMAINS,
    deps=[drafting.STAGE, verify.STAGE],
    group_name="verification",
    kinds={"openai", "duckdb"},
    owners=OWNERS,
    code_version=f"rollout-{rollout.VERSION}",
    pool=POOL,
    metadata=schema_metadata(PassRate),
    check_specs=stage_checks(pass_rates.STAGE),
)
def pass_rate_asset(
    context: dg.AssetExecutionContext,
    config: PassRateConfig,
    store: StoreResource,
    endpoint: EndpointResource,
) -> dg.MaterializeResult:
    """How often a policy answers each verified pair closed-book, by the shipped reward.

    Optional: while `WSRL_PASS_RATE_ROLLOUTS` is 0, this does nothing. The policy is the endpoint
    in `WSRL_LLM_POLICY_BASE_URL`, or the one that all roles share.
    """
    domain = Domain(context.partition_key)
    partition = Partition.domain(domain)
    with _told():
        settings = load_settings(
            {
                "pass_rate_rollouts": config.rollouts,
                "rollout_tokens": config.max_tokens,
                "rerate": config.rerate,
                "retry_failed": config.retry_failed,
            }
        )
        job = _job(context, store, endpoint, settings)
        rows = run_interruptibly(lambda: difficulty.rate_domain(job, domain))
    if settings.rates_pairs:
        context.log.info(f"{rows} pairs were pending in {domain.label}")
    else:
        context.log.info("pass rates are off: set WSRL_PASS_RATE_ROLLOUTS to 8, say, to take them")
    return stage_result(
        job.store,
        partition,
        PassRate,
        run_id=context.run.run_id,
        pass_rates=settings.rates_pairs,
        extra=pass_rate_metadata(job.store, partition),
    )


@dg.asset(
    name=warmup_stage.STAGE,
    partitions_def=DOMAINS,
    deps=["filtered_documents", drafting.STAGE, verify.STAGE, "final_splits"],
    group_name="release",
    kinds={"openai", "duckdb"},
    owners=OWNERS,
    code_version=f"{warmup_stage.PROMPT.name}-{warmup_stage.PROMPT.version}.rules-{warmup_stage.VERSION}",
    pool=POOL,
    metadata=schema_metadata(SftWarmup),
    check_specs=stage_checks(warmup_stage.STAGE),
)
def sft_warmup(
    context: dg.AssetExecutionContext,
    config: WarmupConfig,
    store: StoreResource,
    endpoint: EndpointResource,
) -> dg.MaterializeResult:
    """Held-out pairs, each with a chain of thought that ends in an answer the reward scores 1.

    Optional: while `WSRL_SFT_PAIRS` is 0, this does nothing. `wsrl sft` writes them as chat. A pair
    that is here is in no release.
    """
    domain = Domain(context.partition_key)
    with _told():
        settings = load_settings({"sft_pairs": config.pairs, "retry_failed": config.retry_failed})
        job = _job(context, store, endpoint, settings)
        rows = run_interruptibly(lambda: warmup.warm_up_domain(job, domain))
    if settings.warms_up:
        context.log.info(f"{rows} pairs were held out in {domain.label}")
    else:
        context.log.info("the warm-up set is off: set WSRL_SFT_PAIRS to 50, say, to make it")
    return stage_result(
        job.store,
        Partition.domain(domain),
        SftWarmup,
        run_id=context.run.run_id,
        sft_pairs=settings.sft_pairs,
    )


def versioned(assets: Sequence[Any]) -> Sequence[Any]:
    """The assets, with the models that the environment names as part of their code versions.

    So another judge, like another prompt, shows as staleness in the UI before anything has run. A
    model that only its server knows cannot.
    """
    try:
        roles = load_roles()
    except SettingsError:
        return assets  # whatever materializes them says what is wrong
    return list(dg.map_asset_specs(lambda spec: _versioned(spec, roles), assets))


def _versioned(spec: dg.AssetSpec, roles: Roles) -> dg.AssetSpec:
    role = regeneration.ROLES.get(spec.key.to_user_string())
    model = roles.model(role) if role else None
    if model is None:
        return spec
    return spec.replace_attributes(code_version=f"{spec.code_version}.{model}")


def _recipe_checks(
    job: chain.Job, partition: Partition, stages: Sequence[str]
) -> list[dg.AssetCheckResult]:
    with catalog(job.store, [partition]) as connection:
        stale = regeneration.stale_rows(connection, job)
    return [recipe_result(stage, stale.get(stage, 0)) for stage in stages]


def _job(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: Settings,
) -> chain.Job:
    if endpoint.max_in_flight is not None:
        settings = settings.model_copy(update={"max_in_flight": endpoint.max_in_flight})
    return chain.Job(
        store.open(),
        settings,
        endpoint.roles(),
        context.run.run_id,
        Watch.progress,
        lambda text: _warnings.tell(context, text),
    )


class _told:  # noqa: N801 - reads as a statement
    """Turns an error that the user can mend into a failure of one sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _USER_ERRORS):
            raise dg.Failure(str(error), allow_retries=False) from None
