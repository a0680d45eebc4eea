"""Licence and origin of each pair's source, as the source row itself states them."""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

_LICENCE_KEYS = ("license", "licence", "license_id", "rights")
_SOURCE_KEYS = ("source", "source_url", "url", "dataset")
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


def hub_licences(stated: Sequence[str | None]) -> list[str]:
    """The Hub's ids for licences as sources state them: `other` for one that it does not list, and
    `unknown` where one is not stated."""
    return sorted({_hub_licence(licence) for licence in stated})


def _hub_licence(licence: str | None) -> str:
    if licence is None:
        return "unknown"
    letters = "".join(ch for ch in licence.lower() if ch.isalnum())
    bare = letters.replace("license", "").replace("version", "")
    return _HUB_IDS.get(letters) or _HUB_IDS.get(bare, "other")


def _stated(metadata: str | None) -> tuple[str | None, str | None]:
    try:
        found = json.loads(metadata or "{}")
    except ValueError:
        return None, None
    if not isinstance(found, dict):
        return None, None
    by_key = {str(key).lower(): value for key, value in found.items()}
    return _first(by_key, _LICENCE_KEYS), _first(by_key, _SOURCE_KEYS)


def _first(by_key: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((said for key in keys if (said := _said(by_key.get(key)))), None)


def _said(value: Any) -> str | None:
    if isinstance(value, list):
        value = ", ".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return None
    return " ".join(value.split())[:_MAX_CHARS] or None
