"""Every row of a corpus is kept, rejected with a reason, or failed and read by the next run."""

import csv
import gzip
import io
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from wsrl_assets.sources.ingest import ingest_shard, register
from wsrl_assets.sources.readers import ShardFault
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.accounting import Account, accounts
from wsrl_assets_tests.sources.faulty_store import FaultyStore, new_store, one_fault

FAULTS: list[Exception | None] = [
    None,  # the stream ends, and says nothing
    TimeoutError("no answer"),
    ConnectionResetError(104, "reset by peer"),
    OSError(5, "Input/output error"),
    PermissionError(13, "token expired"),
    EOFError("of the client's own"),
    zlib.error("of the client's own"),
    gzip.BadGzipFile("of the client's own"),
    pa.ArrowInvalid("of the client's own"),
    RuntimeError("429 Too Many Requests"),
]
FORMATS = ("jsonl", "jsonl.gz", "json.zst", "parquet", "csv", "tsv.gz", "texts", "texts.gz")
_PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}
BAD = b"caf\xe9 au lait"


@dataclass(frozen=True)
class Written:
    """A row as it was written, and what must come of it: `kept`, or the reason of its rejection."""

    text: str | bytes | None
    outcome: str
    nested: dict[str, Any]


def some_rows(random: Random) -> list[Written]:
    rows: list[Written] = []
    for number in range(random.randint(1, 60)):
        facts = (f"Item {random.random()} weighs {n} grams." for n in range(random.randint(4, 12)))
        body = f"Document {number} lists what lies in the old harbour's store. {' '.join(facts)}"
        text = body + random.choice(["", "東京", "naïve\u2028line", '"a", b'])
        nested = {"license": "mit", "deep": {"tags": ["a", "b"], "n": number}}
        choices: list[Written] = [Written(text, "kept", nested)] * 6
        choices += [Written(None, "no_text", nested), Written(" \n", "no_text", nested)]
        choices += [Written(BAD, "wrong_encoding", nested)]
        if any(row.outcome == "kept" for row in rows):
            earlier = next(row for row in rows if row.outcome == "kept")
            choices.append(Written(earlier.text, "exact_duplicate", nested))
        rows.append(random.choice(choices))
    return rows


def json_lines(rows: list[Written], random: Random) -> bytes:
    lines = []
    for row in rows:
        if isinstance(row.text, bytes):
            lines.append(b'{"text": "' + row.text + b'"}')
        else:
            values = {"text": row.text, "metadata": row.nested}
            lines.append(json.dumps(values, ensure_ascii=random.random() < 0.5).encode())
    bom = random.choice([b"", b"\xef\xbb\xbf"])
    return bom + random.choice([b"\n", b"\r\n"]).join(lines)


def table(rows: list[Written], delimiter: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "text"])
    for number, row in enumerate(rows):
        text = row.text
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        writer.writerow([number, text])
    return out.getvalue().encode("utf-8", "surrogateescape")


def parquet(rows: list[Written], random: Random) -> bytes:
    texts = pa.array([r.text.encode() if isinstance(r.text, str) else r.text for r in rows])
    out = io.BytesIO()
    pq.write_table(
        pa.table({"text": texts, "metadata": [row.nested for row in rows]}),
        out,
        row_group_size=random.randint(1, 30),
        compression=random.choice(["none", "snappy", "gzip", "zstd"]),
    )
    return out.getvalue()


def texts(rows: list[Written], random: Random) -> dict[str, bytes]:
    """A file for each row, in the order of their names."""
    files = {}
    for number, row in enumerate(rows):
        encoding = random.choice(["utf-8", "utf-8-sig", "utf-16"])
        text = row.text if isinstance(row.text, str) else ""
        data = row.text if isinstance(row.text, bytes) else text.encode(encoding)
        files[f"{'sub/' * (number // 20)}{number:03}.txt"] = data
    return files


def write_corpus(store: FaultyStore, rows: list[Written], form: str, random: Random) -> str:
    """Writes rows to the store in a format; returns the path to register."""
    kind, _, compression = form.partition(".")
    pack = _PACK.get(compression, bytes)
    if kind == "texts":
        for name, data in texts(rows, random).items():
            store.pipe(f"/bucket/notes/{name}{'.gz' if compression else ''}", pack(data))
        return "faulty://bucket/notes"
    if kind == "parquet":
        data = parquet(rows, random)
    elif kind in ("csv", "tsv"):
        data = table(rows, "," if kind == "csv" else "\t")
    else:
        data = json_lines(rows, random)
    store.pipe(f"/bucket/license=mit/a [1].{form}", pack(data))
    return f"faulty://bucket/license=mit/a [1].{form}"


def in_order(rows: list[Written], form: str) -> list[Written]:
    """Texts are read by the order of their paths, and the first of two duplicates stays."""
    if not form.startswith("texts"):
        return rows
    names = [f"{'sub/' * (number // 20)}{number:03}.txt" for number in range(len(rows))]
    return [row for _, row in sorted(zip(names, rows, strict=True), key=lambda pair: pair[0])]


def account(store: Store) -> Account:
    with catalog(store) as connection:
        (found,) = [a for a in accounts(connection) if a.stage == "source_documents"]
    return found


def outcomes(store: Store, key: str) -> list[str]:
    with store.transaction(Partition.shard(key)) as transaction:
        found = transaction.connection.sql(
            "SELECT coalesce(reason, status) FROM source_documents ORDER BY source_row"
        ).fetchall()
    return [outcome for (outcome,) in found]


def expected(rows: list[Written], form: str) -> list[str]:
    """The outcomes in order; the first row with a text keeps it, whichever was written first."""
    seen: set[str | bytes | None] = set()
    found = []
    for row in in_order(rows, form):
        again = row.outcome in ("kept", "exact_duplicate") and row.text in seen
        seen.add(row.text)
        fresh = "kept" if row.outcome in ("kept", "exact_duplicate") else row.outcome
        found.append("exact_duplicate" if again else fresh)
    return found


def operations_of_reading(home: Store, key: str, folder: Path) -> int:
    """The looks, opens and reads that an ingest of the shard takes."""
    copy = Store(Path(shutil.copytree(home.home, folder / "copy")))
    with one_fault(0, None):
        ingest_shard(copy, key, "count")
        return FaultyStore.operations


def reason_of_fault(home: Store, key: str) -> str | None:
    try:
        ingest_shard(home, key, "first")
    except ShardFault as fault:
        return str(fault.reason)
    return None


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("seed", range(5))
def test_every_row_is_kept_rejected_or_failed_and_read_by_the_next_run(
    tmp_path: Path, form: str, seed: int
) -> None:
    random = Random(f"{form} {seed}")
    rows = some_rows(random)
    files = new_store(random.choice([100, 1000, 1 << 20]))
    home = Store(tmp_path / "home")
    (shard,) = register(home, write_corpus(files, rows, form, random))
    fault = random.choice(FAULTS)
    with one_fault(random.randint(1, operations_of_reading(home, shard.key, tmp_path)), fault):
        reason = reason_of_fault(home, shard.key)
    # The file is sound, so no fault is called the file's. An end where it ends is none.
    assert reason == "read_error" or (fault is None and reason is None)
    after = account(home)
    assert after.balanced
    assert (after.failed, after.pending) == (int(reason is not None), 0)
    ingest_shard(home, shard.key, "second")
    assert outcomes(home, shard.key) == expected(rows, form)
    after = account(home)
    assert after.balanced
    assert (after.rows_in, after.failed, after.pending) == (len(rows), 0, 0)
