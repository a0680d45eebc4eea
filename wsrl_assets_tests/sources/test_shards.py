"""Claims about finding shards in what a user typed."""

import gzip
import os
import re
import socket
from pathlib import Path
from urllib.error import URLError

import fsspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.sources.readers import (
    ShardKind,
    SourceError,
    discover,
    matching,
    read_rows,
    safe_name,
)
from wsrl_assets_tests.sources.files import TEXT, json_lines, write, write_parquet

ROW = json_lines({"text": TEXT})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", ShardKind.JSONL),
        ("a.NDJSON", ShardKind.JSONL),
        ("a.jsonl.gz", ShardKind.JSONL),
        ("a.ndjson.zst", ShardKind.JSONL),
        ("a.jsonl.zstd", ShardKind.JSONL),
        ("a.tsv", ShardKind.TABLE),
        ("a.csv.gz", ShardKind.TABLE),
        ("a.parquet", ShardKind.PARQUET),
        ("a.txt", ShardKind.TEXT),
        ("a.md", ShardKind.TEXT),
    ],
)
def test_one_file_is_one_shard_of_the_kind_of_its_ending(
    tmp_path: Path, name: str, kind: ShardKind
) -> None:
    (shard,) = discover(write(tmp_path / name, ROW))
    assert shard.kind is kind
    assert shard.size_bytes == len(ROW)
    assert shard.key == f"{name}-{shard.sha256[:8]}"


def test_folder_gives_a_shard_for_each_data_file_and_one_for_all_its_texts(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    write(folder / "b.jsonl", ROW)
    write_parquet(folder / "a.parquet", {"text": [TEXT]})
    write(folder / "z.md", TEXT)
    write(folder / "sub" / "deep" / "y.txt", TEXT)
    shards = discover(folder)
    assert [shard.name for shard in shards] == ["a.parquet", "b.jsonl", "corpus"]
    assert shards[-1].kind is ShardKind.FILES
    assert shards[-1].members == ("sub/deep/y.txt", "z.md")
    assert shards[-1].size_bytes == 2 * len(TEXT)


def test_folder_skips_hidden_empty_and_unknown_files_and_logs_what_it_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / ".hidden.jsonl", ROW)
    write(tmp_path / ".git" / "a.txt", TEXT)
    write(tmp_path / "_SUCCESS", "")
    write(tmp_path / "part-1.jsonl", "")
    write(tmp_path / "part-2.jsonl", ROW)
    assert [shard.name for shard in discover(tmp_path)] == ["part-2.jsonl"]
    assert "_SUCCESS" in caplog.text
    assert "part-1.jsonl" in caplog.text


def test_folder_with_a_loop_of_links_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "a.txt", TEXT)
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "nowhere")
    (shard,) = discover(tmp_path)
    assert shard.members == ("sub/a.txt",)


def test_linked_folders_are_read_each_once(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "wiki" / "a.jsonl", ROW)
    write(tmp_path / "corpus" / "b.jsonl", ROW * 2)
    for name in ("wiki", "wiki again"):
        (tmp_path / "corpus" / name).symlink_to(tmp_path / "elsewhere" / "wiki")
    assert [shard.name for shard in discover(tmp_path / "corpus")] == ["b.jsonl", "a.jsonl"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c4-train.00000-of-01024.json.gz", gzip.compress(ROW, mtime=0)),
        ("a.json", ROW),
        ("a.jsonl.zstd", zstandard.compress(ROW)),
        ("a.jsonl.bin", ROW),
        ("part-00000", ROW),
        ("long.json", json_lines({"text": TEXT * 2000})),
        ("a.jsonl", gzip.compress(ROW, mtime=0)),
        ("a.jsonl.gz", ROW),
        ("a.csv", f'title,text\n"A, b","{TEXT}"\n'.encode()),
        ("a.tsv.gz", gzip.compress(f"title\ttext\nA\t{TEXT}\n".encode(), mtime=0)),
        ("a.txt.gz", gzip.compress(TEXT.encode(), mtime=0)),
    ],
)
def test_what_plainly_is_json_lines_or_a_table_is_read_whatever_its_ending(
    tmp_path: Path, name: str, data: bytes
) -> None:
    write(tmp_path / "corpus" / name, data)
    (shard,) = discover(tmp_path / "corpus")
    (text,) = [row.text for batch in read_rows(shard) for row in batch]
    assert text in (TEXT, TEXT * 2000)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("array.json", b'[{"text": "a"}]\n'),
        ("dataset_info.json", b'{\n "features": {}\n}\n'),
        ("a.pdf", b"%PDF-1.7"),
        ("cut.bin", gzip.compress(ROW, mtime=0)[:12]),
    ],
)
def test_what_is_something_else_is_skipped_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, data: bytes
) -> None:
    write(tmp_path / "corpus" / name, data)
    write(tmp_path / "corpus" / "b.jsonl", ROW)
    assert [shard.name for shard in discover(tmp_path / "corpus")] == ["b.jsonl"]
    assert caplog.text.count(name) == 1
    with pytest.raises(SourceError, match=r"jq -c"):
        discover(tmp_path / "corpus" / name)


def test_linked_file_is_read(tmp_path: Path) -> None:
    blob = write(tmp_path / "blobs" / "abc", ROW)
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "a.jsonl").symlink_to(blob)
    assert [shard.name for shard in discover(tmp_path / "snapshot")] == ["a.jsonl"]


def test_key_follows_the_content_not_the_place(tmp_path: Path) -> None:
    here = discover(write(tmp_path / "here" / "a.jsonl", ROW))[0]
    there = discover(write(tmp_path / "there" / "a.jsonl", ROW))[0]
    changed = discover(write(tmp_path / "there" / "a.jsonl", ROW * 2))[0]
    assert here.key == there.key != changed.key


def test_copies_in_one_folder_are_one_shard(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.jsonl", ROW)
    write(tmp_path / "two" / "a.jsonl", ROW)
    (shard,) = discover(tmp_path)
    assert shard.path.endswith("one/a.jsonl")


def test_key_of_a_text_folder_follows_names_and_contents(tmp_path: Path) -> None:
    keys: set[str] = set()
    for name, text in [("a.txt", "x"), ("b.txt", "x"), ("b.txt", "y"), ("b.txt", "xy")]:
        folder = tmp_path / f"{len(keys)}" / "same"
        write(folder / name, text)
        keys.add(discover(folder)[0].key)
    assert len(keys) == 4


@pytest.mark.parametrize(
    "name",
    [
        "with space.jsonl",
        "数据集.jsonl",
        "naïve 'quoted\" name.jsonl",
        "x'; DROP TABLE documents; --.jsonl",
        "...jsonl.jsonl",
        "a::b.jsonl",
        "glob[ab]*?.jsonl",
        "line\nbreak.jsonl",
        "-rf.jsonl",
        "$(reboot).jsonl",
        "n" * 200 + ".jsonl",
    ],
)
def test_strange_file_names_are_found_read_and_give_a_safe_key(tmp_path: Path, name: str) -> None:
    (shard,) = discover(write(tmp_path / name, ROW))
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", shard.key)
    assert len(shard.key) < 100
    assert shard.label == name
    assert [row.text for batch in read_rows(shard) for row in batch] == [TEXT]


@given(st.text())
def test_safe_name_is_safe_for_any_name(name: str) -> None:
    safe = safe_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", safe)
    assert "..." not in safe
    assert len(safe) <= 80
    assert safe_name(safe) == safe


def test_accents_are_dropped_from_names() -> None:
    assert safe_name("Café São Paulo (2).jsonl") == "Cafe-Sao-Paulo-2-.jsonl"


def test_relative_and_home_paths_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.txt", TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert discover("a.txt")[0].path == discover("~/a.txt")[0].path == str(tmp_path / "a.txt")


def test_current_folder_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "corpus" / "a.txt", TEXT)
    monkeypatch.chdir(tmp_path / "corpus")
    assert discover(".")[0].name == "corpus"


def test_file_url_is_a_local_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", TEXT)
    assert discover(path.as_uri())[0].path == str(path)


def test_urls_of_other_stores_are_found_and_read() -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/bucket/data/a.jsonl", ROW)
    store.pipe("/bucket/data/notes/b.md", TEXT.encode())
    store.pipe("/bucket/data/.hidden/c.md", TEXT.encode())
    data, folder = discover("memory://bucket/data")
    assert data.path == "memory:///bucket/data/a.jsonl"
    assert folder.members == ("notes/b.md",)
    for shard in (data, folder, discover(data.path)[0]):
        assert [row.text for batch in read_rows(shard) for row in batch] == [TEXT]


@pytest.mark.parametrize("pattern", ["*.jsonl", "**/*.jsonl", "b[[]1].jsonl", "?[[]1].jsonl"])
def test_what_a_user_typed_may_be_a_pattern(tmp_path: Path, pattern: str) -> None:
    path = write(tmp_path / "b[1].jsonl", ROW)
    write(tmp_path / "a.md", TEXT)
    assert matching(f"{tmp_path}/{pattern}") == [str(path)]


def test_a_name_that_is_there_is_no_pattern(tmp_path: Path) -> None:
    write(tmp_path / "b1.jsonl", ROW)
    assert matching(f"{tmp_path}/b[1].jsonl") == [f"{tmp_path}/b1.jsonl"]
    path = write(tmp_path / "b[1].jsonl", ROW * 2)
    assert matching(str(path)) == [str(path)]
    assert discover(path)[0].size_bytes == 2 * len(ROW)


def test_patterns_match_in_other_stores() -> None:
    fsspec.filesystem("memory").pipe("/patterns/part-1.jsonl", ROW)
    assert matching("memory://patterns/part-*.jsonl") == ["memory:///patterns/part-1.jsonl"]


def test_a_pattern_that_matches_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"\*\.jsonl.*as a pattern it matches nothing"):
        matching(f"{tmp_path}/*.jsonl")


# Faults


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'gone\.jsonl" does not exist'):
        discover(tmp_path / "gone.jsonl")


def test_unknown_ending_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'a\.pdf" has an ending .*\.parquet, \.jsonl'):
        discover(write(tmp_path / "a.pdf", TEXT))


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.txt", "a.jsonl.gz"])
def test_empty_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=f'{name}" is empty. Remove it'):
        discover(write(tmp_path / name, b""))


def test_folder_with_nothing_to_read_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.pdf", TEXT)
    with pytest.raises(SourceError, match=r"nothing to read in the folder .*\.parquet"):
        discover(tmp_path)


def test_missing_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.jsonl", ROW)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, whom no mode stops.
    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.open", refuse)
    with pytest.raises(SourceError, match=r'no permission to read ".*a\.jsonl"'):
        discover(path)


def test_store_that_is_not_installed_is_named_with_its_package() -> None:
    with pytest.raises(SourceError, match=r"nosuch://x/y.*Install the fsspec package"):
        discover("nosuch://x/y")


def test_fault_of_a_store_is_a_source_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", fail)
    with pytest.raises(SourceError, match=r"cannot read .*no route to host.*credentials"):
        discover("memory://x/a.jsonl")


def test_pipe_or_socket_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        discover(tmp_path / "a.jsonl")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "b.jsonl"))
        with pytest.raises(SourceError, match="nothing to read"):
            discover(tmp_path)


def test_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")), TEXT)
    with pytest.raises(SourceError, match=r"is not UTF-8\. Rename it"):
        discover(tmp_path)
