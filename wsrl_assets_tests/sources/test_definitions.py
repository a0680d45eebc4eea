"""Reading by whole texts gives what the plain definitions give, for any text."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.sources.heuristics import HeuristicThresholds, check
from wsrl_assets.sources.ingest import IngestSettings, ingest_shard, register
from wsrl_assets.sources.passages import (
    Passage,
    _blocks_with_fences,
    _blocks_without_fences,
    split_passages,
)
from wsrl_assets.storage import Partition, Store
from wsrl_assets.text.normalisation import (
    content_id_of_normal,
    estimate_tokens,
    normalise_document,
    words,
)
from wsrl_assets_tests.hostile.inputs import KINDS, inputs
from wsrl_assets_tests.sources import definitions as plain

# What one of the rules, tables or short ways treats in its own way.
PIECES = [
    *("\n", "\n\n\n\n", " \n", "\t\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1f", "\x85", "\u2028"),
    *(" ", "  ", "\t", "\xa0", "\u2003", "\u3000", "\x00", "\x7f", "\x84", "\ufeff", "\u061c"),
    *("\u200b", "\u200d\u200c", "\u202e", "\u2060", "\ufff9", "\U000e0041", "\ud800", "\udfff"),
    *(
        "a",
        "B",
        "Z9",
        "the ",
        "river ",
        "_",
        "0",
        "½",
        "ﬁ",
        "İ",
        "ß",
        "é",
        "e\u0301",
        "\u0344" * 31,
    ),
    *(
        "\u0316\u0301",
        "\uff9e" * 32,
        "ｶﾞ",
        "﷽",
        "“”",
        "—",
        "…",
        "ж",
        "ש",
        "عربي",
        "हिन्दी",
        "ไทย",
        "ြ",
    ),
    *("東京", "タ", "한", "=" * 40, "-", "!!", "#", "| ", "😀", "\U0001d165", "\U00020000", "𝕏"),
    *("\u0903", "\u20dd", "\ufe0f", "\U0001f3fb", "x" * 70, "10. ", "•"),
]
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
MADE_TEXT = st.builds(
    lambda pieces, seed, length: "".join(Random(seed).choices(pieces, k=length)),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=9),
    st.integers(0, 99),
    st.sampled_from([1, 5, 40, 200]),
)
TEXTS = ANY_TEXT | MADE_TEXT
LIMITS = (
    HeuristicThresholds(),
    HeuristicThresholds(0, 0.5, 0.4, 0.3, 3, 0.2),
    HeuristicThresholds(0, 0.0, 1.0, 1.0, 1, 0.5),
    HeuristicThresholds(0, 0.9, 0.99, 0.99, 2, 0.0),
)


@settings(max_examples=400)
@given(TEXTS)
def test_the_normal_form_and_its_id_are_those_of_the_definition(text: str) -> None:
    normal = normalise_document(text)
    assert normal == plain.normal(text)
    assert content_id_of_normal(normal) == plain.content_id(normal)


@settings(max_examples=400)
@given(TEXTS)
def test_words_and_tokens_are_those_of_the_definition(text: str) -> None:
    assert words(text) == plain.words(text)
    assert estimate_tokens(text) == plain.tokens(text)


@settings(max_examples=400)
@given(TEXTS, st.sampled_from(LIMITS))
def test_a_text_is_rejected_for_the_reason_of_the_definition(
    text: str, limits: HeuristicThresholds
) -> None:
    found = check(text, limits)
    assert (found and str(found.reason)) == plain.rejection(text, limits)


LINES = ["a", "b c", ". ", "\n", "\n\n", " \n", "\t", "\r", "\x0c", "# h", "###### ", "word " * 5]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(LINES), max_size=60))
def test_paragraphs_of_a_text_without_fences_are_those_found_line_by_line(
    pieces: list[str],
) -> None:
    text = "".join(pieces)
    assert list(_blocks_without_fences(text)) == list(_blocks_with_fences(text))


def hostile_texts() -> list[str]:
    rows = [row["text"] for kind in KINDS for row in inputs(kind)]
    rows += [f"{text}\n" * 40 for text in rows] + rows[:20]
    rows += [
        "",
        " ",
        "\n" * 50_000,
        "a" * 90_000,
        "哈" * 9000,
        "a" + "\u0301" * 5000,
        "```\n" * 900,
    ]
    random = Random(7)
    rows += [
        "".join(random.choices(random.sample(PIECES, 8), k=random.choice([9, 90, 900])))
        for _ in range(200)
    ]
    return rows


@pytest.mark.parametrize("max_tokens", [60, 3000])
def test_a_shard_of_hostile_rows_gives_the_rows_of_the_definition(
    tmp_path: Path, max_tokens: int
) -> None:
    # As JSON brings them: two surrogates that meet are one character.
    written = [json.loads(json.dumps(text)) for text in hostile_texts()]
    texts = [text for text in written if text and not text.isspace()]
    path = tmp_path / "hostile.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    store = Store(tmp_path / "home")
    (shard,) = register(store, path)
    ingest_shard(store, shard.key, "test", IngestSettings(max_passage_tokens=max_tokens))
    with store.snapshot(Partition.shard(shard.key)) as connection:
        rows = connection.sql(
            "SELECT source_row, passage, parent_id, doc_id, text, char_start, char_end, tokens, "
            "reason FROM source_documents ORDER BY source_row, passage"
        ).fetchall()
    assert rows == expected_rows(texts, max_tokens)


def expected_rows(texts: list[str], max_tokens: int) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    kept: set[str] = set()
    for number, text in enumerate(texts, start=1):
        normal = plain.normal(text)
        passages = split_passages(normal, max_tokens, plain.tokens) or [Passage("", 0, 0)]
        for place, passage in enumerate(passages):
            assert passage.text == normal[passage.start : passage.end]
            doc_id = plain.content_id(passage.text)
            reason = plain.rejection(passage.text, HeuristicThresholds())
            if reason is None and doc_id in kept:
                reason = "exact_duplicate"
            kept |= {doc_id} if reason is None else set()
            span = (passage.text, passage.start, passage.end, plain.tokens(passage.text))
            rows.append((number, place, plain.content_id(normal), doc_id, *span, reason))
    return rows
