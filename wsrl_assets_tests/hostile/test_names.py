"""No name of a file or a value becomes a path, a pattern, an option, a query or a command."""

import json
import os
import re
from pathlib import Path
from zlib import crc32

import pytest

from wsrl_assets.sources.inbox import scan
from wsrl_assets.sources.ingest import ingest_shard, register
from wsrl_assets.sources.readers import SourceError, discover, read_rows, safe_name
from wsrl_assets.storage import Partition, Store, catalog, typed_query
from wsrl_assets.storage.transaction import frame
from wsrl_assets_tests.factories import document_text
from wsrl_assets_tests.hostile.inputs import inputs, texts

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
LINE = '{"text": "%s"}\n'


def written(folder: Path, name: str) -> Path | None:
    """A file of that name, as far as a file system takes it."""
    folder.mkdir(exist_ok=True)
    path = folder / Path(name.replace("\0", "")).name
    try:
        path.write_text(
            LINE % document_text(crc32(name.encode("utf-8", "replace")) % 10**6), "utf-8"
        )
    except OSError:
        return None
    return path


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", texts("names"))
def test_a_shards_key_is_a_plain_file_name(name: str) -> None:
    for said in (name, f"{name}/..", name * 20, f"../{name}", f"/{name}", f"-{name}"):
        key = f"{safe_name(said)}-01234567"
        assert KEY.fullmatch(key)
        assert ".." not in key
        assert "/" not in key
        Partition.shard(key)


def test_files_of_any_name_are_read_and_nothing_else_is_touched(tmp_path: Path) -> None:
    names = [row["text"] for row in inputs("names")]
    paths = {path for name in names if (path := written(tmp_path / "in", name))}
    assert len(paths) > len(names) // 2
    before = files_below(tmp_path)
    store = Store(tmp_path / "home")
    keys = {shard.key for path in paths for shard in register(store, path)}
    for key in sorted(keys)[::4]:
        ingest_shard(store, key, "run")
    new = {found for found in files_below(tmp_path) - before if not found.startswith("home")}
    assert not new
    with catalog(store) as connection:
        _, read = typed_query(connection, "SELECT DISTINCT shard FROM source_documents")
    assert {row[0] for row in read} == set(sorted(keys)[::4])


def test_so_are_those_in_the_inbox(tmp_path: Path) -> None:
    paths = {path for row in inputs("names") if (path := written(tmp_path / "inbox", row["text"]))}
    ignored = {path for path in paths if path.name.startswith(".") or path.suffix == "~"}
    store = Store(tmp_path / "home")
    scan(store, tmp_path / "inbox")
    arrivals = scan(store, tmp_path / "inbox").arrivals
    assert {arrival.path for arrival in arrivals} == set(map(str, paths - ignored))
    assert all(KEY.fullmatch(arrival.shard or "") for arrival in arrivals)


def test_a_file_name_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.jsonl")).write_text(LINE % "x", "utf-8")
    with pytest.raises(SourceError, match="not UTF-8"):
        discover(tmp_path)


def test_a_name_of_four_thousand_letters_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        discover(tmp_path / ("a" * 4096))
    with pytest.raises(SourceError):
        discover(f"s3nonsense://{'a' * 4096}/x.jsonl")


@pytest.mark.parametrize("link", ["/etc/passwd", "../../../../etc/passwd", "/dev/zero", "."])
def test_a_link_out_of_the_folder_is_read_as_a_file_or_not_at_all(
    link: str, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text(LINE % document_text(0), "utf-8")
    (tmp_path / "b.jsonl").symlink_to(link)
    faults = []
    try:
        for shard in discover(tmp_path):
            list(read_rows(shard))
    except SourceError as fault:
        faults.append(str(fault))
    assert all("b.jsonl" in said for said in faults)


def test_no_text_is_sql(tmp_path: Path) -> None:
    """In texts, metadata, their keys and titles, and in what is searched for."""
    told = [row["text"] for row in inputs("markup")]
    path = tmp_path / "a.jsonl"
    rows = [
        {"text": document_text(n), "title": text, text[:300] or "k": text, "license": text}
        for n, text in enumerate(told)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    store = Store(tmp_path / "home")
    (shard,) = register(store, path)
    assert ingest_shard(store, shard.key, "run") == len(told)
    with catalog(store) as connection:
        for text in told:
            clean = text.encode("utf-8", "replace").decode()
            assert frame(connection, "explore_home", pair_id=clean, doc_id=clean).is_empty()
        _, stored = typed_query(connection, "SELECT title, metadata FROM source_documents")
    assert len(stored) == len(told)
    for title, metadata in stored:
        assert title is None or len(title) <= 1000
        assert isinstance(json.loads(metadata), dict)
