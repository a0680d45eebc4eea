"""The assets from verified pairs to the release."""

from pathlib import Path

import dagster as dg

from wsrl_assets.domains import Domain
from wsrl_assets.partitions import DOMAINS
from wsrl_assets.release import dataset, decontamination, finalise, splits
from wsrl_assets.release.benchmarks import BenchmarkError
from wsrl_assets.release.embeddings import EmbeddingError
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.reports import (
    OWNERS,
    accounting_result,
    accounting_spec,
    count_metadata,
    schema_metadata,
    stage_result,
)
from wsrl_assets.resources import StoreResource
from wsrl_assets.settings import load_settings
from wsrl_assets.storage import Partition, StoreBusyError, catalog
from wsrl_assets.storage.accounting import accounts
from wsrl_assets.storage.tables import BenchmarkNgram, FinalSplit

BENCHMARK_NGRAMS = "benchmark_ngrams"


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
    try:
        rows = decontamination.load_benchmarks(store.open(), paths, settings.benchmark_columns)
    except BenchmarkError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={"dagster/row_count": rows, "files": [str(path) for path in paths]}
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
    check_specs=[accounting_spec(splits.STAGE)],
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
    return stage_result(database, partition, FinalSplit, run_id=context.run.run_id)


@dg.asset(
    name=dataset.STAGE,
    deps=[dg.AssetDep(splits.STAGE, partition_mapping=dg.AllPartitionMapping())],
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
    check_specs=[accounting_spec(dataset.STAGE)],
)
def rl_dataset(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """The release: every placed pair of all domains, in a folder named by its content."""
    database = store.open()
    release = dataset.build_release(database, context.run.run_id)
    with catalog(database) as connection:
        account = next(a for a in accounts(connection, ()) if a.stage == dataset.STAGE)
    return dg.MaterializeResult(
        metadata={
            **count_metadata(account),
            "dagster/row_count": release.total,
            "release": release.name,
            "folder": dg.MetadataValue.path(str(release.folder)),
            **{f"{split}_pairs": rows for split, rows in release.rows.items()},
        },
        data_version=dg.DataVersion(release.name),
        check_results=[accounting_result(account)],
    )
