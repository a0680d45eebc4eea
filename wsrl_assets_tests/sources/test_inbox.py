"""Claims about the inbox: each file becomes a shard once, and nothing unfinished or bad does."""

import gzip
import os
from pathlib import Path
from unittest import mock

import fsspec
import pytest

from wsrl_assets.sources import inbox as inbox_module
from wsrl_assets.sources.inbox import INBOX, InboxError, InboxScan, State, scan
from wsrl_assets.sources.ingest import ingest_shard
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.tables import InboxFile, Shard
from wsrl_assets_tests.factories import rows
from wsrl_assets_tests.sources.files import TEXT, json_lines, write

ROW = json_lines({"text": TEXT})
OTHER = json_lines({"text": TEXT + " And more."})


class Box:
    """An inbox and the home that its files go to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir()
        self.store = Store(folder / "home")

    def put(self, name: str, content: bytes | str = ROW) -> Path:
        return write(self.folder / name, content)

    def look(self, after: int = -1) -> InboxScan:
        return scan(self.store, self.folder, after=after)

    def settle(self, after: int = -1) -> InboxScan:
        """Two looks, as two ticks of the sensor."""
        self.look(after)
        return self.look(after)

    def states(self) -> dict[str, str]:
        return {Path(r.path).name: r.state for r in rows(self.store, InboxFile, INBOX)}

    def shards(self) -> list[str]:
        return [partition.key for partition in self.store.partitions(PartitionKind.SHARD)]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_a_file_is_taken_at_the_second_look_that_finds_it_the_same(box: Box) -> None:
    box.put("a.jsonl")
    first = box.look()
    assert (first.arrivals, first.files, first.settling) == ((), 1, 1)
    second = box.look()
    assert [row.shard for row in second.arrivals] == box.shards()
    assert "is shard a.jsonl-" in second.said[0]
    assert second.settling == 0


def test_a_file_that_grows_waits(box: Box) -> None:
    path = box.put("a.jsonl")
    for _ in range(3):
        assert box.look().arrivals == ()
        with path.open("a") as stream:
            stream.write(OTHER if isinstance(OTHER, str) else OTHER.decode())
    assert box.shards() == []
    assert len(box.settle().arrivals) == 1


def test_an_arrival_comes_up_until_it_was_dealt_with_and_then_no_more(box: Box) -> None:
    box.put("a.jsonl")
    (arrival,) = box.settle().arrivals
    assert box.look().arrivals == (arrival,)
    assert arrival.number is not None
    assert box.look(after=arrival.number).arrivals == ()
    box.put("b.jsonl", OTHER)
    (second,) = box.settle(after=arrival.number).arrivals
    assert second.number == arrival.number + 1


def test_a_registered_file_is_not_opened_again(box: Box) -> None:
    for number in range(5):
        box.put(f"{number}.jsonl", json_lines({"text": f"{TEXT} {number}"}))
    box.settle()
    with (
        mock.patch.object(inbox_module, "register") as register,
        mock.patch.object(box.store, "transaction", wraps=box.store.transaction) as opened,
    ):
        box.settle()
    register.assert_not_called()
    assert {call.args[0] for call in opened.call_args_list} == {INBOX}


def test_a_copy_under_another_name_is_said_and_not_registered(box: Box) -> None:
    box.put("a.jsonl")
    box.settle()
    box.put("renamed.jsonl")
    box.look()
    seen = box.look(after=0)
    assert seen.arrivals == ()
    assert "the same content as" in seen.said[0]
    assert box.states() == {"a.jsonl": "registered", "renamed.jsonl": "copy"}
    assert len(box.shards()) == 1


def test_two_copies_that_arrive_together_are_one_shard(box: Box) -> None:
    box.put("a.jsonl")
    box.put("b.jsonl")
    assert len(box.settle().arrivals) == 1
    assert sorted(box.states().values()) == ["copy", "registered"]


def test_a_file_that_is_moved_before_it_is_read_is_followed(box: Box) -> None:
    path = box.put("a.jsonl")
    box.settle()
    path.rename(box.folder / "b.jsonl")
    box.settle()
    (key,) = box.shards()
    (shard,) = rows(box.store, Shard, Partition.shard(key))
    assert shard.path.endswith("b.jsonl")


def test_a_changed_file_under_its_old_name_is_another_shard_and_this_is_said(box: Box) -> None:
    box.put("a.jsonl")
    box.settle()
    box.put("a.jsonl", OTHER)
    box.look(after=0)
    seen = box.look(after=0)
    (arrival,) = seen.arrivals
    assert arrival.number == 1
    assert len(box.shards()) == 2
    assert "changed since it was shard a.jsonl-" in seen.said[0]


def test_a_touched_file_asks_for_nothing(box: Box) -> None:
    path = box.put("a.jsonl")
    box.settle()
    os.utime(path, (1, 1))
    box.look(after=0)
    seen = box.look(after=0)
    assert seen.arrivals == ()
    assert "touched" in seen.said[0]


@pytest.mark.parametrize(
    "name", ["a.jsonl.part", "a.jsonl.tmp", ".a.jsonl", ".git/a.jsonl", "a.jsonl~"]
)
def test_unfinished_and_hidden_files_are_not_looked_at(box: Box, name: str) -> None:
    box.put(name)
    assert box.settle().files == 0


def test_a_bad_file_is_remembered_and_keeps_nobody_out(box: Box) -> None:
    box.put("empty.jsonl", "")
    box.put("good.jsonl")
    seen = box.settle()
    assert len(seen.arrivals) == 1
    assert any("empty.jsonl is refused" in sentence for sentence in seen.said)
    assert box.settle(after=0).said == ()
    box.put("empty.jsonl", OTHER)
    assert len(box.settle(after=0).arrivals) == 1


def test_a_file_that_breaks_the_reader_keeps_nobody_out(box: Box) -> None:
    box.put("a.jsonl")
    with mock.patch.object(inbox_module, "register", side_effect=RuntimeError("surprise")):
        seen = box.settle()
    assert "RuntimeError: surprise" in seen.said[0]
    assert box.states() == {"a.jsonl": State.REFUSED}


def test_a_look_that_died_after_registering_is_made_up_for(box: Box) -> None:
    box.put("a.jsonl")
    box.look()
    with (
        mock.patch.object(inbox_module, "_remember", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        box.look()
    assert len(box.shards()) == 1
    assert [row.shard for row in box.look().arrivals] == box.shards()


def test_time_that_is_up_leaves_files_for_the_next_look(box: Box) -> None:
    box.put("a.jsonl")
    box.look()
    seen = scan(box.store, box.folder, budget_s=0)
    assert (seen.arrivals, seen.settling) == ((), 1)
    assert len(box.look().arrivals) == 1


def test_an_inbox_that_is_not_there_is_one_sentence(box: Box) -> None:
    with pytest.raises(InboxError, match=r"nowhere.*WSRL_INBOX"):
        scan(box.store, box.folder / "nowhere")
    with pytest.raises(InboxError, match="nosuch"):
        scan(box.store, "nosuch://bucket/inbox")


def test_a_prefix_of_an_object_store_is_an_inbox(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/inbox/a.jsonl", ROW if isinstance(ROW, bytes) else ROW.encode())
    memory.pipe("/bucket/inbox/b.jsonl.tmp", b"half")
    try:
        scan(store, "memory://bucket/inbox")
        (arrival,) = scan(store, "memory://bucket/inbox").arrivals
        assert arrival.path.endswith("bucket/inbox/a.jsonl")
    finally:
        memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize("name", ["c4.json.gz", "a.json", "a.jsonl.zstd", "part-00000"])
def test_json_lines_are_taken_whatever_their_ending(box: Box, name: str) -> None:
    box.put(name, gzip.compress(ROW, mtime=0) if name.endswith(".gz") else ROW)
    assert len(box.settle().arrivals) == 1


def test_what_is_of_no_known_kind_is_named_once(box: Box) -> None:
    box.put("a.pdf", "%PDF-1.7")
    (said,) = box.settle().said
    assert "a.pdf is refused" in said
    assert box.look().said == ()


def test_a_linked_folder_is_looked_into(box: Box, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a.jsonl", ROW)
    (box.folder / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(box.folder)
    assert len(box.settle().arrivals) == 1


def test_text_files_of_one_scan_are_one_shard_and_each_is_a_document(box: Box) -> None:
    for name in "abcdefghij":
        box.put(f"{name}.txt", f"About {name}. {TEXT}")
    found = box.settle()
    (shard,) = box.shards()
    assert [row.shard for row in found.arrivals] == [shard]
    assert ingest_shard(box.store, shard, "run") == 10
    assert box.look(after=found.arrivals[0].number or 0).arrivals == ()


def test_a_text_file_that_comes_later_is_a_shard_of_its_own(box: Box) -> None:
    box.put("a.txt", f"First. {TEXT}")
    box.put("b.md", f"Second. {TEXT}")
    box.settle()
    box.put("c.txt", f"Third. {TEXT}")
    box.settle()
    assert len(box.shards()) == 2
