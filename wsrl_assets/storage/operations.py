"""What a transaction changes, as data: so that another host can do the same to its own copy.

A segment is what one transaction did, in order, as one sequence of bytes: a line of JSON that names
the operations, and the frames of their rows as Arrow streams after it. Operations are named and
not written out as SQL, so nothing that stands in a segment is executed as a statement.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import polars as pl

from wsrl_assets.errors import UserError

_FORMAT = 1


class SegmentError(UserError, ValueError):
    """A segment that this version cannot read."""


class Kind(StrEnum):
    """What can be done to a partition."""

    INSERT = "insert"
    MERGE = "merge"
    DELETE_WHERE = "delete_where"
    EXECUTE = "execute"
    CLEAR = "clear"
    # These two concern the file as a whole, and stand alone in their segment.
    DISCARD = "discard"
    LOAD = "load"


@dataclass(frozen=True, slots=True)
class Operation:
    """One change.

    Attributes:
        kind: what is done.
        name: of the table, of the statement in `sql/`, or of the object that is loaded.
        parameters: of a statement, or column and values of `DELETE_WHERE`; plain JSON.
        rows: those inserted or merged.
    """

    kind: Kind
    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    rows: pl.DataFrame | None = None


def packed(operations: Sequence[Operation], once: str) -> bytes:
    """A segment.

    Args:
        once: makes it differ from every other one.
    """
    frames = [_frame_bytes(operation.rows) for operation in operations]
    head = {
        "format": _FORMAT,
        "once": once,
        "operations": [
            {"kind": o.kind, "name": o.name, "parameters": dict(o.parameters), "bytes": len(frame)}
            for o, frame in zip(operations, frames, strict=True)
        ],
    }
    return b"".join([json.dumps(head).encode(), b"\n", *frames])


def unpacked(segment: bytes) -> list[Operation]:
    """The operations of a segment.

    Raises:
        SegmentError: it is damaged, or of a newer version.
    """
    line, _, rest = segment.partition(b"\n")
    try:
        head = json.loads(line)
        if head["format"] > _FORMAT:
            raise SegmentError(
                "another host writes to this home with a newer version: install it here, too"
            )
        found, at = [], 0
        for described in head["operations"]:
            frame = rest[at : at + described["bytes"]]
            at += described["bytes"]
            rows = pl.read_ipc_stream(io.BytesIO(frame)) if frame else None
            kind = Kind(described["kind"])
            found.append(Operation(kind, described["name"], described["parameters"], rows))
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        if isinstance(error, SegmentError):
            raise
        raise SegmentError(f"it is damaged ({type(error).__name__})") from None
    return found


def _frame_bytes(rows: pl.DataFrame | None) -> bytes:
    if rows is None:
        return b""
    written = io.BytesIO()
    rows.write_ipc_stream(written, compression="zstd")
    return written.getvalue()
