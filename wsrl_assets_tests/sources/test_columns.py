"""Claims about which column is the text."""

import datetime
from decimal import Decimal

import pytest

from wsrl_assets.sources.columns import Columns, as_text, metadata_of
from wsrl_assets.sources.readers import guess_text_column


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"id": ["a" * 50], "text": ["b"]}, "text"),
        ({"Content": ["b"], "notes": ["a much longer one"]}, "Content"),
        ({"content": ["b"], "text": ["b"]}, "text"),
        ({"text": [1, 2], "body": ["b"]}, "body"),
        ({"text": [None, None], "story": ["b"]}, "story"),
        ({"pretrain_text": ["b"], "question": ["a much longer one"]}, "pretrain_text"),
        ({"short": ["a"], "long": ["aaa", "aaaa"], "mid": ["aa"]}, "long"),
        ({"url": ["http://example.org/very/long"], "note": ["a"]}, "note"),
        ({"id": ["x1"], "source_url": ["http://example.org"], "sha256": ["ff" * 32]}, None),
        ({"n": [1], "tags": [["a"]], "meta": [{"text": "b"}]}, None),
        ({}, None),
    ],
)
def test_text_column_is_guessed_by_name_then_by_length(
    columns: dict[str, list[object]], expected: str | None
) -> None:
    assert guess_text_column(columns) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        (Decimal("1.20"), "1.20"),
        ("MIT", "MIT"),
        ("a\x00\ud800", "a\ufffd\ufffd"),
        (datetime.date(2024, 2, 29), "2024-02-29"),
        ("", None),
        ("x" * 1001, None),
        pytest.param(10**5000, None, id="huge"),
        (None, None),
        (["MIT"], None),
        ({"a": 1}, None),
    ],
)
def test_only_short_single_values_are_metadata(value: object, expected: str | None) -> None:
    assert as_text(value) == expected


def test_nested_values_are_named_by_their_path() -> None:
    row: dict[str, object] = {
        "text": "t",
        "metadata": {"license": "CC0", "inner": {"deep": 1}, "vector": [0.5] * 100},
        "json": '{"url": "https://example.org", "broken": null}',
        "no json": "{curly",
        "licenses": ["MIT", "GPL-3.0"],
        "rows": [{"a": 1}],
        "lists": [["a"]],
    }
    assert metadata_of(row, Columns("text", None)) == {
        "metadata.license": "CC0",
        "metadata.inner.deep": "1",
        "json.url": "https://example.org",
        "no json": "{curly",
        "licenses": '["MIT", "GPL-3.0"]',
    }


def test_deep_and_endless_metadata_is_cut() -> None:
    deep: dict[str, object] = {"end": "x"}
    for _ in range(5000):
        deep = {"n": deep}
    wide: dict[str, object] = {str(number): number for number in range(10_000)}
    found = metadata_of({"deep": deep, "wide": wide}, Columns("text", None))
    assert 0 < len(found) <= 200
