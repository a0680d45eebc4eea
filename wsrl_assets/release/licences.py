"""Licence and origin of each pair's source, as the source row itself states them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import polars as pl

from wsrl_assets.text.normalisation import one_line

_LICENCE_NAMES = (
    "license licence licenses licences license_id license_name license_abbr spdx spdx_id "
    "license_spdx detected_licenses rights usage_rights license_url license_uri license_type"
).split()
_SOURCE_NAMES = (
    "source source_url url uri link canonical_url page_url source_name origin dataset dataset_name "
    "repo_name repository repository_name repo doi warc_target_uri target_uri article_url "
    "document_url original_url web_url post_url story_url paper_url"
).split()
# Of a name that is none of these: `max_stars_repo_licenses`, `repo_license`.
_LICENCE_WORDS = frozenset("license licence licenses licences spdx".split())
# Of a struct: `license: {"id": "mit"}`.
_PARTS = frozenset("id name spdx key title value url abbr".split())
_NOT_WORD = re.compile(r"[^0-9a-z]+")
_BETWEEN = re.compile(r"\s*[,;|]\s*|\s+(?:and|or|AND|OR)\s+")
_CC_ADDRESS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)")
_CC_WORDS = {
    r"creative commons": "cc",
    r"attribution": "by",
    r"non-?commercial": "nc",
    r"share-?alike": "sa",
    r"no-?deriv(ative)?s": "nd",
}
_MAX_CHARS = 200

# Hub ids of licences that corpora state, by how they are written with letters and digits alone.
_HUB_IDS = {
    "".join(ch for ch in name if ch.isalnum()): name
    for name in (
        "apache-2.0 mit cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 "
        "cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-sa-4.0 cc-by-nc-nd-4.0 cc-by-nd-4.0 "
        "odc-by pddl odbl bsd-2-clause bsd-3-clause gpl-2.0 gpl-3.0 lgpl-3.0 agpl-3.0 mpl-2.0 "
        "unlicense wtfpl isc"
    ).split()
} | {"cc0": "cc0-1.0", "odcby10": "odc-by", "apache2": "apache-2.0"}


def with_licences(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with `license` and `source` as the JSON in `metadata` states them, or none."""
    stated = {text: _stated(text) for text in pairs["metadata"].unique()}
    found = [stated[text] for text in pairs["metadata"]]
    return pairs.with_columns(
        license=pl.Series([licence for licence, _ in found], dtype=pl.String),
        source=pl.Series([source for _, source in found], dtype=pl.String),
    )


def licences_of(metadata: Sequence[str | None]) -> list[str]:
    """The licences that some rows' metadata (JSON objects) state, each once, sorted."""
    return sorted({licence for text in metadata if (licence := _stated(text)[0]) is not None})


def licence_columns(names: Iterable[str]) -> list[str]:
    """Those of some columns, by their paths, that state a licence: the best first."""
    ranked = []
    for name in names:
        path = tuple(name.split("."))
        rank = _rank(path, _LICENCE_NAMES, _LICENCE_WORDS)
        if rank is not None:
            ranked.append((rank, len(path), name))
    return [name for _, _, name in sorted(ranked)]


def hub_licences(stated: Sequence[str | None]) -> list[str]:
    """The Hub's ids for licences as sources state them: `other` for one that it does not list, and
    `unknown` where one is not stated."""
    return sorted({found for licence in stated for found in _hub_licences(licence)})


def _hub_licences(licence: str | None) -> list[str]:
    if licence is None:
        return ["unknown"]
    whole = _hub_licence(licence)
    parts = [_hub_licence(part) for part in _BETWEEN.split(licence)]
    return [whole] if whole != "other" else parts


def _hub_licence(licence: str) -> str:
    lowered = licence.lower()
    if found := _CC_ADDRESS.search(lowered):
        return _known(f"cc-{found[1]}-{found[2]}")
    if "creativecommons.org/publicdomain/zero" in lowered:
        return "cc0-1.0"
    for words, letters in _CC_WORDS.items():
        lowered = re.sub(words, letters, lowered)
    return _known(lowered)


def _known(lowered: str) -> str:
    letters = "".join(ch for ch in lowered if ch.isalnum())
    bare = re.sub("licen[sc]e|version|international|unported|the", "", letters)
    return _HUB_IDS.get(letters) or _HUB_IDS.get(bare, "other")


def _stated(metadata: str | None) -> tuple[str | None, str | None]:
    try:
        found = json.loads(metadata or "{}")
    except ValueError:
        return None, None
    if not isinstance(found, dict):
        return None, None
    values = {tuple(str(name).split(".")): value for name, value in found.items()}
    licence = _first(values, _LICENCE_NAMES, _LICENCE_WORDS)
    # The address of a licence is no origin.
    others = {path: value for path, value in values.items() if not _names_licence(path)}
    return licence, _first(others, _SOURCE_NAMES, frozenset())


def _names_licence(path: tuple[str, ...]) -> bool:
    return any(_LICENCE_WORDS & set(_NOT_WORD.split(part.lower())) for part in path)


def _first(
    values: Mapping[tuple[str, ...], Any], names: Sequence[str], words: frozenset[str]
) -> str | None:
    """The value that the best name has: the earliest of `names`, then the least nested."""
    ranked = [
        (rank, len(path), said)
        for path, value in values.items()
        if (rank := _rank(path, names, words)) is not None and (said := stated_value(value))
    ]
    return min(ranked, key=lambda found: found[:2])[2] if ranked else None


def _rank(path: tuple[str, ...], names: Sequence[str], words: frozenset[str]) -> int | None:
    """How well the name of a value says what is looked for: its own, or that of what it is in."""
    own, *above = ("_".join(_NOT_WORD.split(part.lower())) for part in reversed(path))
    if own in names:
        return names.index(own)
    if own.split("_")[-1] in words:
        return len(names)
    return len(names) + 1 if any(part in names for part in above) and own in _PARTS else None


def stated_value(value: Any) -> str | None:
    """What a column says, on one line, and a JSON list in words; none if that is nothing."""
    if isinstance(value, str) and value[:1] == "[":
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, list):
        value = ", ".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return None
    return one_line(value)[:_MAX_CHARS] or None
