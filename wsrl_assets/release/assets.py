"""The assets from verified pairs to the release."""

from pathlib import Path

import dagster as dg

from wsrl_assets import quality
from wsrl_assets.domains import Domain
from wsrl_assets.partitions import DOMAINS
from wsrl_assets.release import dataset, decontamination, finalise, report, spec, splits
from wsrl_assets.release.benchmarks import BenchmarkError
from wsrl_assets.release.difficulty import PassRateRange
from wsrl_assets.release.embeddings import EmbeddingError
from wsrl_assets.release.gate import refuse_broken, repeated
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.reports import (
    BALANCE,
    LEAKAGE,
    OWNERS,
    SELF_TEST,
    UNIQUE,
    accounting_result,
    check_result,
    count_metadata,
    pair_checks,
    release_metadata,
    schema_metadata,
    stage_checks,
    stage_result,
)
from wsrl_assets.resources import StoreResource
from wsrl_assets.settings import SettingsError, load_settings
from wsrl_assets.storage import Partition, StoreBusyError, catalog
from wsrl_assets.storage.accounting import accounts
from wsrl_assets.storage.tables import BenchmarkNgram, FinalSplit

BENCHMARK_NGRAMS = "benchmark_ngrams"


class ReleaseConfig(dg.Config):
    """What a run of the release may set for itself; what is not set comes from the environment.

    Attributes:
        release_spec: path of a release spec, a YAML file.
        pass_rate_above, pass_rate_below: takes only pairs whose pass rate lies strictly between.
    """

    release_spec: str | None = None
    pass_rate_above: float | None = None
    pass_rate_below: float | None = None


@dg.asset(
    name=BENCHMARK_NGRAMS,
    group_name="release",
    kinds={"duckdb"},
    owners=OWNERS,
    metadata=schema_metadata(BenchmarkNgram),
)
def benchmark_ngrams(store: StoreResource) -> dg.MaterializeResult:
    """Hashed word n-grams of the evaluation benchmarks in `WSRL_BENCHMARKS`, none by default."""
    settings = load_settings()
    paths = [Path(path) for path in settings.benchmarks]
    database = store.open()
    try:
        rows = decontamination.load_benchmarks(database, paths, settings.benchmark_columns)
    except BenchmarkError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    files = decontamination.benchmark_files(database)
    lines = [f"| {f.benchmark} | {f.items} | {f.questions} | {f.answers} |" for f in files]
    head = ["| file | rows | with a question | with an answer |", "| --- | --- | --- | --- |"]
    read = dg.MetadataValue.md("\n".join([*head, *lines]) if lines else "none")
    return dg.MaterializeResult(
        metadata={"dagster/row_count": rows, "files": [str(path) for path in paths], "read": read}
    )


@dg.asset(
    name=splits.STAGE,
    partitions_def=DOMAINS,
    deps=["verified_pairs", BENCHMARK_NGRAMS],
    group_name="release",
    kinds={"duckdb", "polars"},
    owners=OWNERS,
    code_version=splits.VERSION,
    metadata=schema_metadata(FinalSplit),
    check_specs=stage_checks(splits.STAGE, LEAKAGE, SELF_TEST),
)
def final_splits(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """Verified pairs with a place in train, validation or test.

    Questions that overlap a benchmark and repeated ones, of this domain or another, are rejected.
    A source document, and documents that share a passage, go to one split and stay there.
    """
    database = store.open()
    settings = load_settings()
    domain = Domain(context.partition_key)
    shares = splits.SplitSettings(settings.validation_share, settings.test_share, settings.seed)
    questions = QuestionSettings(embedding_model=settings.embedding_model)
    try:
        rows = finalise.split_domain(database, domain, context.run.run_id, shares, questions)
    except (StoreBusyError, EmbeddingError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    context.log.info(f"{rows} pairs placed in {domain.label}")
    partition = Partition.domain(domain)
    return stage_result(
        database,
        partition,
        FinalSplit,
        run_id=context.run.run_id,
        checks=pair_checks(splits.STAGE, database.read(partition, "release_rows")),
    )


@dg.asset(
    name=dataset.STAGE,
    deps=[
        dg.AssetDep(stage, partition_mapping=dg.AllPartitionMapping())
        for stage in (splits.STAGE, "pass_rates", "sft_warmup")
    ],
    group_name="release",
    kinds={"parquet", "huggingface"},
    owners=OWNERS,
    metadata={
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(name, description=holds) for name, holds in dataset.COLUMNS.items()
            ]
        )
    },
    check_specs=stage_checks(dataset.STAGE, LEAKAGE, SELF_TEST, BALANCE),
)
def rl_dataset(
    context: dg.AssetExecutionContext, config: ReleaseConfig, store: StoreResource
) -> dg.MaterializeResult:
    """The release: the placed pairs of all domains, in a folder named by its content.

    A release spec (`WSRL_RELEASE_SPEC`, a YAML file) chooses and weights domains, answer types,
    forms, pass rates and size; without one, it takes everything.
    """
    try:
        settings = load_settings(config.model_dump())
        rates = PassRateRange(settings.pass_rate_above, settings.pass_rate_below)
        asked = spec.load_spec(settings.release_spec).bounded_by(rates)
    except (SettingsError, spec.SpecError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    database = store.open()
    forms = [str(form) for form in settings.forms]
    try:
        refuse_broken(database, forms, pass_rates=settings.rates_pairs)
    except dataset.ReleaseError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    release = dataset.build_release(database, context.run.run_id, asked)
    pairs = dataset.read_release(release.folder)
    with catalog(database) as connection:
        found = accounts(connection, forms, pass_rates=settings.rates_pairs)
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
            *pair_checks(dataset.STAGE, pairs),
            check_result(dataset.STAGE, BALANCE, quality.balanced_domains(pairs)),
        ],
    )


@dg.asset(
    name=report.STAGE,
    deps=[dataset.STAGE],
    group_name="release",
    kinds={"html"},
    owners=OWNERS,
)
def dataset_report(store: StoreResource) -> dg.MaterializeResult:
    """The current release on one page: funnel, reasons, answers, diversity, cost, sampled pairs.

    One HTML file that needs nothing else. `wsrl report` prints where it is.
    """
    database = store.open()
    try:
        written = report.write_report(database)
    except dataset.ReleaseError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={
            "release": written.stem,
            "report": dg.MetadataValue.path(str(written)),
            "size_bytes": written.stat().st_size,
        }
    )
