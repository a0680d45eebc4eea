"""Croissant metadata of a release: JSON-LD that data set search engines and loaders read.

Written against the Croissant 1.0 specification of MLCommons; mlcroissant validates it in the tests.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.release.folder import sha256_of
from wsrl_assets.release.licences import hub_licences
from wsrl_assets.release.splits import Split

FILE = "croissant.json"

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: dict[Any, str] = {pl.Int64: "sc:Integer", pl.Float64: "sc:Float"}
_CITATION = (
    "Webscale-RL: Automated Data Pipeline for Scaling RL Data to Pretraining Levels, "
    "arXiv:2510.06499"
)


def write_croissant(
    folder: Path,
    name: str,
    pairs: pl.DataFrame,
    columns: Mapping[str, str],
    schema: Mapping[str, pl.DataType],
) -> None:
    """Writes `croissant.json` beside the parquet files that it describes, with their hashes.

    Args:
        folder: holds a parquet file for each split.
        name: of the release.
        pairs: all rows, with at least the column license.
        columns: what each column holds.
        schema: of which type it is.
    """
    metadata = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"wsrl-{name}",
        "description": (
            f"{pairs.height} question-answer pairs with typed, verifiable answers for "
            "reinforcement learning, each with the document that it was made from."
        ),
        "license": hub_licences(pairs["license"].unique().to_list()) or ["unknown"],
        "citeAs": _CITATION,
        # Of the schema: a release of other pairs is another data set, told by its name.
        "version": "1.0.0",
        "distribution": [_file(folder / f"{split}.parquet") for split in Split],
        "recordSet": [_records(split, schema, columns) for split in Split],
    }
    (folder / FILE).write_text(json.dumps(metadata, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _file(path: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256_of(path),
    }


def _records(
    split: str, schema: Mapping[str, pl.DataType], columns: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": str(split),
        "name": str(split),
        "description": f"Pairs of the split {split}.",
        "key": {"@id": f"{split}/pair_id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{split}/{column}",
                "name": column,
                "description": holds,
                "dataType": _TYPES.get(schema[column].base_type(), "sc:Text"),
                "source": {
                    "fileObject": {"@id": f"{split}.parquet"},
                    "extract": {"column": column},
                },
            }
            for column, holds in columns.items()
        ],
    }
