"""Hosts that share a home see one another's commits, and none of them undoes another's."""

import random
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from wsrl_assets.storage import (
    ElsewhereError,
    Partition,
    PartitionKind,
    Store,
    StoreBusyError,
)
from wsrl_assets.storage import objects as objects_module
from wsrl_assets.storage import shared_log as shared_log_module
from wsrl_assets.storage import store as store_module
from wsrl_assets.storage.objects import ObjectsError
from wsrl_assets.storage.shared_home import SharedHome
from wsrl_assets.storage.tables import LLMCall, Recipe
from wsrl_assets_tests.factories import IN_DOMAIN, WHEN, call_row, rows
from wsrl_assets_tests.hosts import Hosts


def write(store: Store, *numbers: int, partition: Partition = IN_DOMAIN) -> None:
    with store.transaction(partition) as transaction:
        transaction.merge([call_row(number) for number in numbers])


def calls(store: Store, partition: Partition = IN_DOMAIN) -> list[str]:
    return sorted(row.call_id for row in rows(store, LLMCall, partition))


def test_a_commit_of_one_host_is_seen_by_the_other(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    a, b = hosts.store("a"), hosts.store("b")
    write(a, 1, 2)
    write(b, 3)
    write(a, 4)
    assert calls(a) == calls(b) == ["call-1", "call-2", "call-3", "call-4"]


def test_a_host_that_comes_later_or_lost_its_disk_has_everything(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    a = hosts.store("a")
    write(a, 1)
    write(a, 2)
    shutil.rmtree(tmp_path / "a")
    assert calls(hosts.store("a")) == ["call-1", "call-2"]
    assert hosts.store("c").partitions(PartitionKind.DOMAIN) == [IN_DOMAIN]


def test_a_transaction_that_fails_is_in_no_log(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    a, b = hosts.store("a"), hosts.store("b")
    write(a, 1)

    def fail() -> None:
        with a.transaction(IN_DOMAIN) as transaction:
            transaction.merge([call_row(2)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    write(a, 3)
    assert calls(b) == calls(a) == ["call-1", "call-3"]


def test_a_host_that_died_between_log_and_commit_finds_its_rows_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Hosts(tmp_path)
    a = hosts.store("a")
    write(a, 1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "_set_position", die)
        with pytest.raises(KeyboardInterrupt):
            write(a, 2)
    assert calls(a) == ["call-1", "call-2"]
    write(a, 3)
    assert calls(hosts.store("b")) == ["call-1", "call-2", "call-3"]


def test_what_another_host_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """A host that was asleep for long has lost its claim, and its commit is refused."""
    hosts = Hosts(tmp_path)
    a, b = hosts.store("a"), hosts.store("b")
    write(a, 1)

    def overtaken() -> None:
        with a.transaction(IN_DOMAIN) as transaction:
            transaction.merge([call_row(2)])
            assert b.shared is not None
            b.shared.claims.expires_s = 0.01  # as if a had not said for long that it lives
            write(b, 3)

    with pytest.raises(StoreBusyError, match="another host has written to domains/natural_science"):
        overtaken()
    assert calls(a) == calls(b) == ["call-1", "call-3"]


def test_a_run_keeps_the_runs_of_other_hosts_out_until_it_ends_or_its_host_dies(
    tmp_path: Path,
) -> None:
    hosts = Hosts(tmp_path, expires_s=0.4)
    a, b = hosts.store("a"), hosts.store("b")
    assert a.shared is not None
    with a.exclusive_run(IN_DOMAIN):
        for _ in range(4):  # renewed in time
            threading.Event().wait(0.3)
            with pytest.raises(StoreBusyError, match="process 1 on a"), b.exclusive_run(IN_DOMAIN):
                pass
    with b.exclusive_run(IN_DOMAIN):
        pass
    # A host that dies renews nothing, and gives nothing up.
    hosts.shared("dead").claims._take("run/domains/natural_science", lambda: 0.0, print)
    with pytest.raises(StoreBusyError), b.exclusive_run(IN_DOMAIN):
        pass
    threading.Event().wait(0.5)
    with b.exclusive_run(IN_DOMAIN):
        write(b, 1)


def test_a_run_that_was_taken_over_while_its_host_slept_commits_nothing_more(
    tmp_path: Path,
) -> None:
    hosts = Hosts(tmp_path, expires_s=1000.0)
    a, b = hosts.store("a"), hosts.store("b")
    assert a.shared is not None
    assert b.shared is not None
    with a.exclusive_run(IN_DOMAIN):
        write(a, 1)
        claim = a.shared.claims._held["run/domains/natural_science"]
        claim.renewed_at -= 2000
        write(a, 2)  # nobody took it
        claim.renewed_at -= 2000
        b.shared.claims.expires_s = 0.01
        with pytest.raises(StoreBusyError), b.exclusive_run(IN_DOMAIN):
            pass
        threading.Event().wait(0.02)
        with b.exclusive_run(IN_DOMAIN), pytest.raises(ElsewhereError, match="taken over"):
            write(a, 3)
    assert calls(b) == ["call-1", "call-2"]


@pytest.mark.parametrize("seed", range(4))
def test_hosts_that_take_turns_at_random_hold_what_one_alone_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of every kind of change, with bases in between, lost disks, partitions that come and go."""
    monkeypatch.setattr(shared_log_module, "_BASE_SEGMENTS", 7)
    monkeypatch.setattr(shared_log_module, "_LOOK_EVERY", 3)
    monkeypatch.setattr(shared_log_module, "_HEADS_HOLD_S", 0.0)
    dice = random.Random(seed)
    hosts = Hosts(tmp_path)
    alone = Store(tmp_path / "alone")
    stores = [hosts.store(name) for name in "abc"]
    begun = Partition.next("natural_science")
    for number in range(80):
        store = dice.choice(stores)
        _change_both(dice.randrange(8), number, store, alone, begun)
        if dice.random() < 0.05:
            shutil.rmtree(store.home)
            stores[stores.index(store)] = hosts.store(store.home.name)
    for store in (*stores, hosts.store("new")):
        for partition in (IN_DOMAIN, begun):
            assert store.exists(partition) == alone.exists(partition)
            if alone.exists(partition):
                assert calls(store, partition) == calls(alone, partition)
                assert _recipes(store, partition) == _recipes(alone, partition)


def _recipes(store: Store, partition: Partition) -> list[tuple[str, str]]:
    return sorted((row.recipe, row.body) for row in rows(store, Recipe, partition))


def _change_both(what: int, number: int, store: Store, alone: Store, begun: Partition) -> None:
    if what == 7:
        if alone.exists(begun):
            store.discard(begun)
            alone.discard(begun)
        return
    partition = begun if what == 6 else IN_DOMAIN
    for each in (store, alone):
        with each.transaction(partition) as transaction:
            if what == 5 and number % 3 == 0:
                transaction.clear(LLMCall)
            elif what == 4:
                transaction.delete_where(LLMCall, "call_id", [f"call-{number - 2}", "call-0"])
            elif what == 3:
                transaction.merge(
                    [
                        Recipe(
                            recipe=f"recipe-{number % 4}",
                            stage="qa_drafts",
                            body=f"{number}",
                            created_at=WHEN,
                        )
                    ]
                )
            else:
                transaction.merge([call_row(number), call_row(1000 + number)])


def test_a_rename_is_followed_by_the_others(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    a, b = hosts.store("a"), hosts.store("b")
    write(a, 1)
    assert calls(b) == ["call-1"]
    renamed = Partition.domain("science")
    b.rename(IN_DOMAIN, renamed)
    write(b, 2, partition=renamed)
    assert a.shared is not None
    a.shared.log.look_again()
    assert a.partitions(PartitionKind.DOMAIN) == [renamed]
    assert calls(a, renamed) == ["call-1", "call-2"]


def test_transactions_of_hosts_at_once_wait_for_each_other(tmp_path: Path) -> None:
    hosts = Hosts(tmp_path)
    stores = [hosts.store(name) for name in "abc"]
    numbers = {store.home.name: [i * 10 + n for n in range(6)] for i, store in enumerate(stores)}

    def write_all(store: Store) -> None:
        for number in numbers[store.home.name]:
            write(store, number)

    threads = [threading.Thread(target=write_all, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"call-{n}" for own in numbers.values() for n in own)
    assert [calls(store) for store in stores] == [expected] * 3


def test_a_store_that_cannot_be_reached_is_told_in_a_sentence_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA_SECRET")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setattr(objects_module, "_RETRY_WITHIN", timedelta(seconds=0.1))
    store = Store(tmp_path, shared=SharedHome(objects_module.Objects.at("s3://bucket/home")))
    with pytest.raises(ObjectsError, match="s3://bucket/home cannot be used") as told:
        write(store, 1)
    assert "SECRET" not in str(told.value)
    assert "very-secret" not in str(told.value)
    assert not (tmp_path / "domains" / "natural_science.duckdb").exists()
