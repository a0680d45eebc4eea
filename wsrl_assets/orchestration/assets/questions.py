"""The assets of questions: personas, drafts, verdicts and pass rates, by domain.

Personas, drafts and verdicts are made by one step, a document at a time (see
`pipeline.questions`). Each can still be materialized alone, in the UI or from the command line.
"""

from collections.abc import Iterator
from enum import Enum

import dagster as dg

from wsrl_assets.curation import dedup
from wsrl_assets.generation import (
    cloze,
    computed,
    cross_document,
    distractors,
    drafting,
    layouts,
    multi_hop,
    personas,
    rubric,
    unanswerable,
)
from wsrl_assets.llm.prompting import Prompt
from wsrl_assets.orchestration.assets.demonstrations import NAME as DEMONSTRATIONS
from wsrl_assets.orchestration.cancellation import run_interruptibly
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.launchpad import run_setting
from wsrl_assets.orchestration.lookahead import turn_of
from wsrl_assets.orchestration.metadata import (
    CURRENT,
    OWNERS,
    pass_rate_metadata,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.orchestration.partitions import DOMAINS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.orchestration.stage_job import POOL, recipe_checks, stage_job
from wsrl_assets.pipeline import questions, regeneration
from wsrl_assets.pipeline.pass_rates import rate_domain
from wsrl_assets.pipeline.progress import Progress
from wsrl_assets.reward import instruction
from wsrl_assets.storage import Partition, calculation
from wsrl_assets.storage.tables import (
    STAGE_TABLES,
    PassRate,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.judging import JudgedBy
from wsrl_assets.taxonomy.layouts import Layout
from wsrl_assets.taxonomy.stages import QUESTION_STAGES, Stage
from wsrl_assets.verification import judge, pass_rates, round_trip, verify

# The launchpad offers the names.
Regenerable = Enum("Regenerable", {stage.value: stage.value for stage in QUESTION_STAGES})  # type: ignore[misc]


class ChainConfig(dg.Config):
    """What a run may set for itself; what is not set comes from the environment.

    The launchpad shows the descriptions.
    """

    forms: list[str] | None = run_setting(
        f"Question forms to draft: {', '.join(Form)}.", "forms", paid=True
    )
    personas: int | None = run_setting("Personas per document, 1 to 3.", "personas", paid=True)
    personas_from: str | None = run_setting(
        "Personas: generated, none, or a YAML file of your own.", "personas_from", paid=True
    )
    personas_shown: bool | None = run_setting(
        "Whether the prompt of a draft names its persona.", "personas_shown"
    )
    draft_layout: str | None = run_setting(
        f"Layout of the prompt for open questions: {', '.join(Layout)}.", "draft_layout"
    )
    until_pairs: int | None = run_setting(
        "Stop at this domain's share of so many accepted pairs of all domains.", "until_pairs"
    )
    budget_tokens: int | None = run_setting(
        "Stop when this run's calls have taken so many tokens.", "budget_tokens"
    )
    budget_cost: float | None = run_setting(
        "Stop when this run's calls have cost so much, at the prices that are set.", "budget_cost"
    )
    judge: bool | None = run_setting("Whether the LLM judge checks pairs.", "judge", paid=True)
    judge_by: str | None = run_setting(
        f"How the judge gives its verdict: {', '.join(JudgedBy)}.", "judge_by", paid=True
    )
    judge_votes: int | None = run_setting(
        "Replies that make a verdict, odd.", "judge_votes", paid=True
    )
    round_trip: bool | None = run_setting(
        "Whether an open-book answer must score 1 against the gold.", "round_trip", paid=True
    )
    retry_failed: bool | None = run_setting(
        "Whether rows that failed earlier are tried again.", "retry_failed", paid=True
    )
    regenerate: Regenerable | None = run_setting(
        "A stage whose rows of an older prompt, model or setting are replaced, with "
        "what hangs on them. The old rows stay until the new ones are verified.",
        paid=True,
    )


class PassRateConfig(dg.Config):
    """What a run of pass rates may set for itself; what is not set comes from the environment."""

    rollouts: int | None = run_setting(
        "Closed-book rollouts per pair; 0 takes no pass rates.", "pass_rate_rollouts", paid=True
    )
    max_tokens: int | None = run_setting("Longest rollout, in tokens.", "rollout_tokens", paid=True)
    regenerate: bool | None = run_setting(
        "Whether pairs that have a pass rate are rated again.", paid=True
    )
    retry_failed: bool | None = run_setting(
        "Whether pairs that failed earlier are tried again.", "retry_failed", paid=True
    )


def _spec(
    name: Stage,
    deps: list[str],
    prompts: tuple[Prompt, ...],
    rules: str,
    group: str,
    description: str,
) -> dg.AssetSpec:
    versions = [f"{prompt.name}-{prompt.version}" for prompt in prompts]
    return dg.AssetSpec(
        name.value,
        deps=deps,
        description=description,
        group_name=group,
        kinds={"openai", "duckdb"},
        owners=OWNERS,
        code_version=".".join([*versions, f"rules-{rules}"]),
        metadata=schema_metadata(STAGE_TABLES[name]),
    )


@dg.multi_asset(
    name="question_chain",
    partitions_def=DOMAINS,
    can_subset=True,
    pool=POOL,
    specs=[
        _spec(
            personas.STAGE,
            [dedup.STAGE.value],
            (personas.PROMPT,),
            personas.GIVEN_VERSION,
            "generation",
            "Up to three readers who would care about a document (paper, stage 2).",
        ),
        _spec(
            drafting.STAGE,
            [dedup.STAGE.value, personas.STAGE.value, DEMONSTRATIONS],
            (
                layouts.OPEN_PROMPT,
                layouts.TASK_PROMPT,
                layouts.REQUEST_PROMPT,
                drafting.CLOZE_PROMPT,
                computed.PROMPT,
                unanswerable.PROMPT,
                multi_hop.PROMPT,
                cross_document.PROMPT,
                rubric.PROMPT,
            ),
            f"{cloze.VERSION}.{distractors.VERSION}.{calculation.VERSION}.{unanswerable.VERSION}",
            "generation",
            "A question, a short answer and verbatim evidence for each document, persona and "
            "form (paper, stage 3).",
        ),
        _spec(
            verify.STAGE,
            [dedup.STAGE.value, drafting.STAGE.value],
            (*judge.PROMPTS, *round_trip.PROMPTS),
            verify.RULES_VERSION,
            "verification",
            "Every check of a draft and its verdict; kept if it passed all: form, leak, grounding, "
            "judge, round trip (paper, stage 4).",
        ),
    ],
    check_specs=[spec for stage in QUESTION_STAGES for spec in stage_checks(stage, CURRENT)],
)
def question_chain(
    context: dg.AssetExecutionContext,
    config: ChainConfig,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: SettingsResource,
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult]:
    """Personas, drafts and verdicts, streamed document by document."""
    domain = Domain(context.partition_key)
    stages = [s for s in QUESTION_STAGES if dg.AssetKey(s.value) in context.selected_asset_keys]
    with as_failures():
        chosen = settings.load(
            {
                "forms": tuple(Form(form) for form in config.forms) if config.forms else None,
                "personas": config.personas,
                "personas_from": config.personas_from,
                "personas_shown": config.personas_shown,
                "draft_layout": config.draft_layout,
                "until_pairs": config.until_pairs,
                "budget_tokens": config.budget_tokens,
                "budget_cost": config.budget_cost,
                "judge": config.judge,
                "judge_by": config.judge_by,
                "judge_votes": config.judge_votes,
                "round_trip": config.round_trip,
                "retry_failed": config.retry_failed,
                "regenerate": config.regenerate.value if config.regenerate else None,
            }
        )
        job = stage_job(context, store, endpoint, chosen, progress)
        with turn_of(progress):
            rows = run_interruptibly(lambda: questions.advance_domain(job, domain, stages))
        replaced = run_interruptibly(lambda: regeneration.regenerate_domain(job, domain, stages))
    context.log.info(f"{rows} rows were pending in {domain.label}")
    if replaced:
        context.log.info(f"{replaced} documents were regenerated in {domain.label}")
    partition = Partition.domain(domain)
    checks = recipe_checks(job, partition, stages)
    for stage, check in zip(stages, checks, strict=True):
        yield stage_result(
            job.store,
            partition,
            STAGE_TABLES[stage],
            run_id=context.run.run_id,
            wanted=chosen.wanted,
            checks=[check],
        )


@dg.asset(
    name=pass_rates.STAGE.value,
    partitions_def=DOMAINS,
    deps=[drafting.STAGE.value, verify.STAGE.value],
    group_name="verification",
    kinds={"openai", "duckdb", "optional"},
    owners=OWNERS,
    code_version=f"rollout-{instruction.VERSION}",
    pool=POOL,
    metadata=schema_metadata(PassRate),
    check_specs=stage_checks(pass_rates.STAGE),
)
def pass_rate_asset(
    context: dg.AssetExecutionContext,
    config: PassRateConfig,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: SettingsResource,
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """How often a policy answers each verified pair closed-book, by the shipped reward.

    Optional: while `WSRL_PASS_RATE_ROLLOUTS` is 0, this does nothing. The policy is the endpoint
    in `WSRL_LLM_POLICY_BASE_URL`, or the one that all roles share.
    """
    domain = Domain(context.partition_key)
    partition = Partition.domain(domain)
    with as_failures():
        chosen = settings.load(
            {
                "pass_rate_rollouts": config.rollouts,
                "rollout_tokens": config.max_tokens,
                "regenerate": Stage.PASS_RATES if config.regenerate else None,
                "retry_failed": config.retry_failed,
            }
        )
        job = stage_job(context, store, endpoint, chosen, progress)
        rows = run_interruptibly(lambda: rate_domain(job, domain))
    if chosen.rates_pairs:
        context.log.info(f"{rows} pairs were pending in {domain.label}")
    else:
        context.log.info("pass rates are off: set WSRL_PASS_RATE_ROLLOUTS to 8, say, to take them")
    return stage_result(
        job.store,
        partition,
        PassRate,
        run_id=context.run.run_id,
        wanted=chosen.wanted,
        extra=pass_rate_metadata(job.store, partition),
    )
