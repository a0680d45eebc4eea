"""Licence and origin are found wherever a source row states them."""

import json
from typing import Any

import polars as pl
import pytest

from wsrl_assets.release.licences import hub_licences, with_licences


def stated(**metadata: Any) -> tuple[str | None, str | None]:
    """What `with_licences` finds, in metadata as `sources.columns` stores it."""
    frame = pl.DataFrame({"metadata": [json.dumps(metadata)]})
    (row,) = with_licences(frame).select("license", "source").iter_rows()
    return row[0], row[1]


@pytest.mark.parametrize(
    ("metadata", "licence", "source"),
    [
        ({"license": "MIT", "source": "forum"}, "MIT", "forum"),
        # Dolma and the Common Pile
        (
            {
                "source": "forum",
                "metadata.license": "CC-BY-SA-4.0",
                "metadata.url": "https://e.org",
            },
            "CC-BY-SA-4.0",
            "forum",
        ),
        (
            {"metadata.license": "CC0-1.0", "metadata.url": "https://e.org"},
            "CC0-1.0",
            "https://e.org",
        ),
        # The Stack, first and second
        ({"max_stars_repo_licenses": '["MIT", "ISC"]'}, "MIT, ISC", None),
        (
            {
                "detected_licenses": '["Apache-2.0"]',
                "license_type": "permissive",
                "repo_name": "a/b",
            },
            "Apache-2.0",
            "a/b",
        ),
        ({"license": '["GPL-3.0"]', "max_stars_repo_licenses": '["MIT"]'}, "GPL-3.0", None),
        ({"license.spdx_id": "MIT", "license.url": "https://e.org/mit"}, "MIT", None),
        (
            {"license_url": "https://creativecommons.org/licenses/by/4.0/"},
            "https://creativecommons.org/licenses/by/4.0/",
            None,
        ),
        (
            {"repo.license": "BSD-3-Clause", "Warc-Target-Uri": "https://e.org"},
            "BSD-3-Clause",
            "https://e.org",
        ),
        ({"dc.rights": "public domain"}, "public domain", None),
        ({"LICENSE": "MIT", "URL": "https://e.org"}, "MIT", "https://e.org"),
        ({"license": "", "metadata.license": "MIT"}, "MIT", None),
        ({"licensed": "yes", "sources": "x", "image_url": "y"}, None, None),
        ({}, None, None),
    ],
)
def test_licence_and_origin_are_found_by_the_names_in_use(
    metadata: dict[str, Any], licence: str | None, source: str | None
) -> None:
    assert stated(**metadata) == (licence, source)


@pytest.mark.parametrize(
    ("licence", "ids"),
    [
        (None, ["unknown"]),
        ("MIT, GPL-3.0", ["gpl-3.0", "mit"]),
        ("Apache-2.0 OR MIT", ["apache-2.0", "mit"]),
        ("https://creativecommons.org/licenses/by-sa/4.0/", ["cc-by-sa-4.0"]),
        ("http://creativecommons.org/publicdomain/zero/1.0/", ["cc0-1.0"]),
        ("Creative Commons Attribution-ShareAlike 4.0 International", ["cc-by-sa-4.0"]),
        ("The MIT License", ["mit"]),
        ("ask the owner", ["other"]),
        ("MIT, ask the owner", ["mit", "other"]),
    ],
)
def test_each_licence_of_a_row_is_named_as_the_hub_names_it(
    licence: str | None, ids: list[str]
) -> None:
    assert hub_licences([licence]) == ids
