"""A file dropped into the inbox becomes verified rows and a release, with no command given."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from wsrl_assets.release.dataset import ReleaseError, current_release, read_release
from wsrl_assets.storage import Store, catalog
from wsrl_assets_tests.integration.ui.live import Live, live_dagster, until, write_documents

# Two looks, three runs that begin as processes of their own, on a machine that does other things.
PATIENCE_S = 180.0
DOCUMENTS = 5


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    with live_dagster(folder, WSRL_INBOX=str(folder / "inbox")) as live:
        yield live


def kept_pairs(store: Store) -> int:
    with catalog(store) as connection:
        found = connection.execute("SELECT count(*) FROM verified_pairs WHERE status = 'kept'")
        row = found.fetchone()
    return int(row[0]) if row else 0


def released(store: Store) -> int:
    try:
        return read_release(current_release(store)).height
    except ReleaseError:
        return 0


def test_a_dropped_file_becomes_verified_rows_and_a_release(live: Live) -> None:
    began = time.monotonic()
    write_documents(live.inbox / "first.jsonl", 0, DOCUMENTS)
    found = until(lambda: kept_pairs(live.store), PATIENCE_S, lambda: live.log.read_text()[-4000:])
    print(f"verified rows after {time.monotonic() - began:.1f} s")
    assert found > 0
    until(lambda: released(live.store), PATIENCE_S, lambda: live.log.read_text()[-4000:])
    print(f"release after {time.monotonic() - began:.1f} s")
    assert {run.job_name for run in live.runs()} >= {"read_shard", "advance_domain"}


def test_a_copy_is_not_read_again_and_a_second_file_is(live: Live) -> None:
    until(lambda: released(live.store), PATIENCE_S)
    before, calls = released(live.store), live.endpoint.stats().requests_received
    copied = live.inbox / "copy.jsonl"
    copied.write_bytes((live.inbox / "first.jsonl").read_bytes())
    (live.inbox / "half.jsonl.part").write_text('{"text": "half a')
    write_documents(live.inbox / "second.jsonl", 100, 3)
    until(lambda: released(live.store) > before, PATIENCE_S, lambda: live.log.read_text()[-4000:])
    with catalog(live.store) as connection:
        states = dict(connection.execute("SELECT path, state FROM inbox_files").fetchall())
        shards = connection.execute("SELECT count(*) FROM shards").fetchall()
    assert {Path(path).name: state for path, state in states.items()} == {
        "first.jsonl": "registered",
        "copy.jsonl": "copy",
        "second.jsonl": "registered",
    }
    assert shards == [(2,)]
    assert live.endpoint.stats().requests_received > calls
    reads = live.runs(job_name="read_shard")
    assert len(reads) == 2
    until(lambda: all(run.is_finished for run in live.runs()), PATIENCE_S)
    assert {run.status for run in live.runs()} == {dg.DagsterRunStatus.SUCCESS}
