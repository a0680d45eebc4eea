"""A release is not made of rows that do not hold, and the one before stays."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.release.dataset import ReleaseError, build_release, current_release
from wsrl_assets.release.preconditions import check_preconditions
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import FinalSplit, Status, TriagedDocument
from wsrl_assets.storage.takedowns import WITHDRAWN
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets_tests.factories import SHARD, WHEN, rows
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill
from wsrl_assets_tests.release.test_finalise import question

MATH = Partition.domain(Domain.MATH)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three pairs of one source document, in one split."""
    store = Store(tmp_path)
    fill(store, [Pair(question(n), source="one", passage=n) for n in range(3)])
    return store


def refuse(store: Store) -> None:
    check_preconditions(store, Wanted(("open",)))


def move_one(store: Store) -> None:
    """A bug: one of the pairs goes to another split."""
    placed = rows(store, FinalSplit, MATH)[0]
    other = "test" if placed.split != "test" else "train"
    with store.transaction(MATH) as transaction:
        transaction.merge([replace(placed, split=other)])


def test_rows_that_hold_are_let_through(store: Store) -> None:
    refuse(store)


def test_a_source_in_two_splits_is_refused(store: Store) -> None:
    move_one(store)
    with pytest.raises(ReleaseError, match="source documents are in several splits"):
        refuse(store)


def test_a_doubled_row_is_refused(store: Store) -> None:
    with store.transaction(MATH) as transaction:
        transaction.connection.execute(
            "INSERT INTO final_splits SELECT * FROM final_splits LIMIT 1"
        )
    with pytest.raises(ReleaseError, match="the rows of final_splits in math do not add up"):
        refuse(store)


def test_a_pair_of_a_withdrawn_document_is_refused(store: Store) -> None:
    doc_id = rows(store, FinalSplit, MATH)[0].doc_id
    withdrawn = TriagedDocument(
        doc_id=doc_id,
        status=Status.REJECTED,
        reason=WITHDRAWN,
        recipe="r",
        run_id="forget",
        created_at=WHEN,
    )
    with store.transaction(Partition.shard(SHARD)) as transaction:
        transaction.merge([withdrawn])
    with pytest.raises(ReleaseError, match="1 pairs of withdrawn documents"):
        refuse(store)


def test_the_asset_fails_with_the_reason_and_the_release_before_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build_release(store, "run")
    move_one(store)
    monkeypatch.setenv("WSRL_HOME", str(store.home))
    job = build_definitions().resolve_job_def("make_release")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "source documents are in several splits" in (data.description or "")
    assert current_release(store) == before.folder
    assert not (store.home / "reports").exists()
