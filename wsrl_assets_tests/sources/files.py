"""Small factories of input files, and how tests read them."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from wsrl_assets.sources.readers import DropReason, ShardFault, SourceRow, discover, read_rows

TEXT = "The river rises in the hills and runs for 340 kilometres to the sea."


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def json_lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def compressed(ending: str, data: bytes) -> bytes:
    return gzip.compress(data, mtime=0) if ending.endswith(".gz") else zstandard.compress(data)


def write_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def read(path: Path, **options: Any) -> list[SourceRow]:
    (shard,) = discover(path)
    return [row for batch in read_rows(shard, **options) for row in batch]


def read_until_fault(path: Path, **options: Any) -> tuple[list[SourceRow], ShardFault]:
    """The rows that are handed out before the fault that ends the shard."""
    (shard,) = discover(path)
    rows: list[SourceRow] = []
    batches = read_rows(shard, **options)
    with pytest.raises(ShardFault) as raised:
        rows.extend(row for batch in batches for row in batch)
    return rows, raised.value


def texts(rows: Iterable[SourceRow]) -> list[str]:
    return [row.text for row in rows if row.text is not None]


def reasons(rows: Iterable[SourceRow]) -> dict[int, DropReason]:
    return {row.row_number: row.reason for row in rows if row.reason is not None}


def detail(rows: Iterable[SourceRow]) -> str:
    (only,) = [row.detail for row in rows if row.reason is not None]
    assert only is not None
    return only
