"""The assets from verified pairs to the release."""

from pathlib import Path

import dagster as dg

from wsrl_assets.orchestration.assets.coverage import NAME as COVERAGE
from wsrl_assets.orchestration.cancellation import run_interruptibly
from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.launchpad import run_setting
from wsrl_assets.orchestration.metadata import (
    BALANCE,
    LEAKAGE,
    OWNERS,
    SELF_TEST,
    UNIQUE,
    accounting_result,
    check_result,
    count_metadata,
    pair_checks,
    place_checks,
    release_metadata,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.orchestration.partitions import DOMAINS
from wsrl_assets.orchestration.resources import EndpointResource, SettingsResource, StoreResource
from wsrl_assets.orchestration.stage_job import POOL, stage_job
from wsrl_assets.pipeline.progress import Progress, commit_callback
from wsrl_assets.pipeline.sft_warmup import warm_up_domain
from wsrl_assets.release import dataset, decontamination, finalise, quality, spec, splits
from wsrl_assets.release.pass_rates import PassRateRange
from wsrl_assets.release.preconditions import check_preconditions, repeated
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.reporting import report
from wsrl_assets.storage import Partition, catalog
from wsrl_assets.storage.accounting import accounts
from wsrl_assets.storage.schema import columns_of
from wsrl_assets.storage.tables import (
    BenchmarkNgram,
    FilteredDocument,
    FinalSplit,
    PassRate,
    QADraft,
    SftWarmup,
    VerifiedPair,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.markdown import cell
from wsrl_assets.verification import warmup

BENCHMARK_NGRAMS = "benchmark_ngrams"
# Of the release's columns, by the tables that they come from; the others are texts.
_TYPES = {
    spec.name: spec.duckdb_type
    for row_type in (FilteredDocument, QADraft, VerifiedPair, PassRate)
    for spec in columns_of(row_type)
}
# What the page of a release and its checks need of the pairs.
_SHOWN = ("pair_id", "parent_id", "split", "domain", "question", "answer", "answer_type", "gold")


class ReleaseConfig(dg.Config):
    """What a run of the release may set for itself; what is not set comes from the environment.

    Attributes:
        release_spec: path of a release spec, a YAML file.
        pass_rate_above, pass_rate_below: takes only pairs whose pass rate lies strictly between.
    """

    release_spec: str | None = None
    pass_rate_above: float | None = None
    pass_rate_below: float | None = None


class WarmupConfig(dg.Config):
    """What a run of the warm-up set may set for itself; the rest comes from the environment."""

    pairs: int | None = run_setting(
        "Pairs of each domain to hold out; 0 holds out no more.", "sft_pairs", paid=True
    )
    retry_failed: bool | None = run_setting(
        "Whether pairs that failed earlier are tried again.", "retry_failed", paid=True
    )


@dg.asset(
    name=BENCHMARK_NGRAMS,
    group_name="release",
    kinds={"duckdb"},
    owners=OWNERS,
    metadata=schema_metadata(BenchmarkNgram),
)
def benchmark_ngrams(store: StoreResource, settings: SettingsResource) -> dg.MaterializeResult:
    """Hashed word n-grams of the evaluation benchmarks in `WSRL_BENCHMARKS`, none by default."""
    chosen = settings.load()
    paths = [Path(path) for path in chosen.benchmarks]
    database = store.open()
    with as_failures():
        rows = decontamination.load_benchmarks(database, paths, chosen.benchmark_columns)
    files = decontamination.benchmark_files(database)
    lines = [f"| {cell(f.benchmark)} | {f.items} | {f.questions} | {f.answers} |" for f in files]
    head = ["| file | rows | with a question | with an answer |", "| --- | --- | --- | --- |"]
    read = dg.MetadataValue.md("\n".join([*head, *lines]) if lines else "none")
    return dg.MaterializeResult(
        metadata={"dagster/row_count": rows, "files": [str(path) for path in paths], "read": read}
    )


@dg.asset(
    name=splits.STAGE.value,
    partitions_def=DOMAINS,
    deps=["verified_pairs", BENCHMARK_NGRAMS],
    group_name="release",
    kinds={"duckdb", "polars"},
    owners=OWNERS,
    code_version=splits.VERSION,
    metadata=schema_metadata(FinalSplit),
    check_specs=stage_checks(splits.STAGE, LEAKAGE, SELF_TEST),
)
def final_splits(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    settings: SettingsResource,
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """Verified pairs with a place in train, validation or test.

    Questions that overlap a benchmark and repeated ones, of this domain or another, are rejected.
    A source document, and documents that share a passage, go to one split and stay there.
    """
    database = store.open()
    chosen = settings.load()
    domain = Domain(context.partition_key)
    shares = splits.SplitSettings(chosen.validation_share, chosen.test_share, chosen.seed)
    questions = QuestionSettings(embedding_model=chosen.embedding_model)
    with as_failures():
        rows = finalise.split_domain(
            database,
            domain,
            context.run.run_id,
            shares,
            questions,
            on_rows=commit_callback(progress, splits.STAGE),
        )
    context.log.info(f"{rows} pairs placed in {domain.label}")
    partition = Partition.domain(domain)
    return stage_result(
        database,
        partition,
        FinalSplit,
        run_id=context.run.run_id,
        checks=place_checks(splits.STAGE, database, partition),
    )


@dg.asset(
    name=warmup.STAGE.value,
    partitions_def=DOMAINS,
    deps=["filtered_documents", "qa_drafts", "verified_pairs", splits.STAGE.value],
    group_name="release",
    kinds={"openai", "duckdb", "optional"},
    owners=OWNERS,
    code_version=f"{warmup.PROMPT.name}-{warmup.PROMPT.version}.rules-{warmup.VERSION}",
    pool=POOL,
    metadata=schema_metadata(SftWarmup),
    check_specs=stage_checks(warmup.STAGE),
)
def sft_warmup(
    context: dg.AssetExecutionContext,
    config: WarmupConfig,
    store: StoreResource,
    endpoint: EndpointResource,
    settings: SettingsResource,
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """Held-out pairs, each with a chain of thought that ends in an answer the reward scores 1.

    Optional: while `WSRL_SFT_PAIRS` is 0, this does nothing. `wsrl sft` writes them as chat. A pair
    that is here is in no release.
    """
    domain = Domain(context.partition_key)
    with as_failures():
        chosen = settings.load({"sft_pairs": config.pairs, "retry_failed": config.retry_failed})
        job = stage_job(context, store, endpoint, chosen, progress)
        rows = run_interruptibly(lambda: warm_up_domain(job, domain))
    if chosen.warms_up:
        context.log.info(f"{rows} pairs were held out in {domain.label}")
    else:
        context.log.info("the warm-up set is off: set WSRL_SFT_PAIRS to 50, say, to make it")
    return stage_result(
        job.store,
        Partition.domain(domain),
        SftWarmup,
        run_id=context.run.run_id,
        wanted=chosen.wanted,
    )


@dg.asset(
    name=dataset.STAGE.value,
    deps=[
        dg.AssetDep(str(stage), partition_mapping=dg.AllPartitionMapping())
        for stage in (splits.STAGE.value, "pass_rates", "sft_warmup")
    ],
    group_name="release",
    kinds={"parquet", "huggingface"},
    owners=OWNERS,
    metadata={
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(name, _TYPES.get(name, "VARCHAR"), description=holds)
                for name, holds in dataset.COLUMNS.items()
            ]
        )
    },
    check_specs=stage_checks(dataset.STAGE, LEAKAGE, SELF_TEST, BALANCE),
)
def rl_dataset(
    context: dg.AssetExecutionContext,
    config: ReleaseConfig,
    store: StoreResource,
    settings: SettingsResource,
) -> dg.MaterializeResult:
    """The release: the placed pairs of all domains, in a folder named by its content.

    A release spec (`WSRL_RELEASE_SPEC`, a YAML file) chooses and weights domains, answer types,
    forms, pass rates and size; without one, it takes everything.
    """
    with as_failures():
        chosen = settings.load(config.model_dump())
        rates = PassRateRange(chosen.pass_rate_above, chosen.pass_rate_below)
        asked = spec.load_spec(chosen.release_spec).bounded_by(rates)
    database = store.open()
    with as_failures():
        check_preconditions(database, chosen.wanted)
    release = dataset.build_release(database, context.run.run_id, asked)
    pairs = dataset.read_release(release.folder, _SHOWN)
    with catalog(database) as connection:
        found = accounts(connection, chosen.wanted)
    account = next(a for a in found if a.stage == dataset.STAGE)
    return dg.MaterializeResult(
        metadata={
            "release": release.name,
            "report": dg.MetadataValue.path(str(report.path_of(database, release.name))),
            "folder": dg.MetadataValue.path(str(release.folder)),
            **release_metadata(found, pairs),
            **count_metadata(account),
            "dagster/row_count": release.total,
            **{f"{split}_pairs": rows for split, rows in release.rows.items()},
        },
        data_version=dg.DataVersion(release.name),
        check_results=[
            accounting_result(account),
            check_result(dataset.STAGE, UNIQUE, quality.unique_ids(repeated(pairs))),
            *pair_checks(dataset.STAGE, database, pairs),
            check_result(dataset.STAGE, BALANCE, quality.balanced_domains(pairs)),
        ],
    )


@dg.asset(
    name=report.STAGE,
    deps=[dataset.STAGE.value, COVERAGE],
    group_name="release",
    kinds={"html"},
    owners=OWNERS,
)
def dataset_report(store: StoreResource) -> dg.MaterializeResult:
    """The current release on one page: funnel, reasons, answers, diversity, cost, sampled pairs.

    One HTML file that needs nothing else. `wsrl report` prints where it is.
    """
    database = store.open()
    with as_failures():
        written = report.write_report(database)
    return dg.MaterializeResult(
        metadata={
            "release": written.stem,
            "report": dg.MetadataValue.path(str(written)),
            "size_bytes": written.stat().st_size,
        }
    )
