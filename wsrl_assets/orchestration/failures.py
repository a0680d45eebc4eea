"""Errors that a user can mend, as failures of a Dagster run: one sentence, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.execution.plan.objects import UserFailureData

from wsrl_assets.generation.library import LibraryError
from wsrl_assets.generation.persona_files import PersonasError
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.release.benchmarks import BenchmarkError
from wsrl_assets.release.dataset import ReleaseError
from wsrl_assets.release.embeddings import EmbeddingError
from wsrl_assets.release.spec import SpecError
from wsrl_assets.serving import ServingError
from wsrl_assets.settings import SettingsError
from wsrl_assets.sources.readers import SourceError
from wsrl_assets.storage import (
    ElsewhereError,
    ObjectsError,
    SegmentError,
    StoreBusyError,
    StoreError,
)
from wsrl_assets.taxonomy.domain_files import DomainsError
from wsrl_assets.training.errors import ProofError
from wsrl_assets.trials.arms import TrialError

# These fail every other partition too.
_FATAL_ERRORS = (
    EndpointError,
    SettingsError,
    DomainsError,
    LibraryError,
    PersonasError,
    TrialError,
    SpecError,
    EmbeddingError,
    ServingError,
    ObjectsError,
    SegmentError,
)
_PARTITION_ERRORS = (
    SourceError,
    StoreBusyError,
    StoreError,
    BenchmarkError,
    ReleaseError,
    ProofError,
)
_FATAL, _ELSEWHERE = "fatal", "elsewhere"


@contextmanager
def as_failures() -> Iterator[None]:
    """Turns an error that a user can mend into a failure that says so in one sentence.

    Raises:
        dagster.Failure: not retried; see `is_fatal`.
    """
    try:
        yield
    except (*_FATAL_ERRORS, *_PARTITION_ERRORS) as error:
        metadata = {
            _FATAL: isinstance(error, _FATAL_ERRORS),
            _ELSEWHERE: isinstance(error, ElsewhereError),
        }
        raise dg.Failure(str(error), metadata, allow_retries=False) from None


def is_fatal(failure: UserFailureData) -> bool:
    """Whether the cause of a failure would fail all other partitions too."""
    return _says(failure, _FATAL)


def is_elsewhere(failure: UserFailureData) -> bool:
    """Whether another host works on the partition, so that it is none of ours."""
    return _says(failure, _ELSEWHERE)


def _says(failure: UserFailureData, name: str) -> bool:
    said = failure.metadata.get(name)
    return said is not None and bool(said.value)
