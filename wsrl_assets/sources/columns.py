"""Which column of a data file holds the text, which the title, and what goes along as metadata."""

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from urllib.parse import unquote

from wsrl_assets.sources.rows import SourceError

TEXT_COLUMN_NAMES = (
    "text",
    "content",
    "document",
    "body",
    "pretrain_text",
    "article",
    "article_text",
    "raw_content",
    "page_content",
    "passage",
    "context",
    "markdown",
    "code",
    "abstract",
)
_TITLE_COLUMN_NAMES = ("title", "headline", "page_title")
# Longest on average they may be, but nobody means them.
_NEVER_TEXT = re.compile(
    r"^(|.*_)(id|uuid|guid|sha|sha1|sha256|md5|hash|digest|url|uri|link|path|file|file_?name"
    r"|license|licence|source|lang|language|date|time|timestamp|created|title|headline|author)$"
)
_MAX_METADATA_CHARS = 1000
_MAX_METADATA_VALUES = 200
_MAX_METADATA_DEPTH = 4
_MAX_JSON_CHARS = 1 << 16
# More are a vector or a text in pieces, and nobody's licence.
MAX_LIST = 20
_MOST_NAMED = 40
_MAX_NAME = 80
_FOLDER_VALUE = re.compile(r"([A-Za-z_][\w.-]*)=(.+)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a shard that are read: names as they stand in the file."""

    text: str
    title: str | None


def guess_text_column(columns: Mapping[str, Sequence[object]]) -> str | None:
    """The column most likely to hold documents, or None when no column could.

    The first of `TEXT_COLUMN_NAMES` that has strings, whatever its case; else the column with the
    longest strings on average, leaving out ids, addresses, dates and the like.

    Args:
        columns: By name, some values of each column; what is not a string is ignored.
    """
    lengths = {name: _mean_length(values) for name, values in columns.items()}
    lengths = {name: length for name, length in lengths.items() if length > 0}
    by_lowered_name = {name.lower(): name for name in reversed(lengths)}
    for candidate in TEXT_COLUMN_NAMES:
        if candidate in by_lowered_name:
            return by_lowered_name[candidate]
    candidates = [name for name in lengths if not _NEVER_TEXT.match(name.lower())]
    return max(candidates, key=lengths.__getitem__, default=None)


def choose_columns(
    label: str, columns: Mapping[str, Sequence[object]], text_column: str | None
) -> Columns:
    """The text and title columns of a shard, the text as asked for or guessed.

    Raises:
        SourceError: The column asked for is not there, or none could be guessed.
    """
    text = _by_name(columns, (text_column,)) if text_column else guess_text_column(columns)
    if text is None:
        raise SourceError(_no_text_column(label, columns, text_column))
    others = [name for name in columns if name != text]
    return Columns(text=text, title=_by_name(others, _TITLE_COLUMN_NAMES))


def metadata_of(row: Mapping[str, object], columns: Columns) -> dict[str, str]:
    """The values of a row beside text and title, as text; long ones are left.

    Those of a struct, or of JSON in a string, are named by their path: `metadata.license`. A list
    of single values is a JSON array.
    """
    others = {n: v for n, v in row.items() if n not in (columns.text, columns.title)}
    return dict(islice(_leaves(others, "", 0), _MAX_METADATA_VALUES))


def folder_values(path: str) -> dict[str, str]:
    """What the folders of a path say in the manner of Hive and Spark: `license=cc-by-4.0/`."""
    found = (_FOLDER_VALUE.fullmatch(part) for part in path.split("/")[:-1])
    return {
        match[1]: unquote(match[2])
        for match in found
        if match and match[2] != "__HIVE_DEFAULT_PARTITION__"
    }


def _leaves(row: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        path = storable(f"{prefix}{name}")
        opened = _opened(value)
        if isinstance(opened, Mapping):
            if depth < _MAX_METADATA_DEPTH:
                yield from _leaves(opened, f"{path}.", depth + 1)
        elif text := _list_text(opened) if isinstance(opened, list) else as_text(opened):
            yield path, text


def _list_text(values: list[object]) -> str | None:
    """A short list of single values as a JSON array."""
    parts = [as_text(value) for value in values[: MAX_LIST + 1]]
    if None in parts or not 0 < len(parts) <= MAX_LIST:
        return None
    return as_text(json.dumps(parts, ensure_ascii=False))


def _opened(value: object) -> object:
    """A struct, also out of JSON in a string, or out of the pairs that a map column has."""
    if isinstance(value, list) and value and all(isinstance(v, tuple) for v in value):
        return {str(pair[0]): pair[1] for pair in value}
    if isinstance(value, str) and value[:1] == "{" and len(value) <= _MAX_JSON_CHARS:
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def title_of(row: Mapping[str, object], columns: Columns) -> str | None:
    """The row's title, if it has one of sensible length."""
    value = row.get(columns.title) if columns.title else None
    return as_text(value) if isinstance(value, str) and not value.isspace() else None


def as_text(value: object) -> str | None:
    """A single value as it would be written in a table, or None when it is not one."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return storable(value) if 0 < len(value) <= _MAX_METADATA_CHARS else None
        case int() | float() | Decimal():
            # A huge integer refuses to be printed, and is no metadata.
            return None if isinstance(value, int) and value.bit_length() > 1024 else str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return None


def storable(text: str) -> str:
    """Without the characters that no database stores: NUL and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def _mean_length(values: Sequence[object]) -> float:
    lengths = [len(value) for value in values if isinstance(value, str)]
    return sum(lengths) / len(lengths) if lengths else 0.0


def _by_name(columns: Iterable[str], wanted: Sequence[str]) -> str | None:
    names = list(columns)
    by_lowered_name = {name.lower(): name for name in reversed(names)}
    exact = (name for name in wanted if name in names)
    folded = (by_lowered_name[name.lower()] for name in wanted if name.lower() in by_lowered_name)
    return next(exact, None) or next(folded, None)


def _no_text_column(label: str, columns: Iterable[str], asked_for: str | None) -> str:
    problem = f'no column "{asked_for}"' if asked_for else "no column that holds text"
    names = list(columns)
    found = ", ".join(f'"{storable(name)[:_MAX_NAME]}"' for name in names[:_MOST_NAMED]) or "none"
    found += f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return (
        f'shard "{label}": {problem}; its columns are {found}. Name the column of the text with '
        "--text-column or WSRL_TEXT_COLUMN."
    )
