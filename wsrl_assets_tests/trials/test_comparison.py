"""Differences between arms: right values, intervals that cover, and pairs that differ."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from wsrl_assets.storage.accounting import Account
from wsrl_assets.trials.comparison import (
    ArmResult,
    Comparison,
    Measured,
    compare,
    differing,
)
from wsrl_assets.trials.page import render, said_difference, said_value

LABELS = pl.DataFrame(
    schema={
        "doc_id": pl.String,
        "form": pl.String,
        "question": pl.String,
        "answer": pl.String,
        "is_good": pl.Boolean,
    }
)
DRAFTS = {
    "domain": pl.String,
    "doc_id": pl.String,
    "title": pl.String,
    "draft_id": pl.String,
    "form": pl.String,
    "persona_index": pl.Int64,
    "persona": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "answer_type": pl.String,
    "evidence": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "is_accepted": pl.Boolean,
    "pass_rate": pl.Float64,
}


def draft(doc: int, index: int = 0, *, ok: bool = True, **others: Any) -> dict[str, Any]:
    row = {
        "domain": "math",
        "doc_id": f"d{doc}",
        "title": f"title {doc}",
        "draft_id": f"{doc}-{index}",
        "form": "open",
        "persona_index": index,
        "persona": "a pilot",
        "question": f"what is asked of {doc} for {index} here?",
        "answer": f"{doc}",
        "answer_type": "integer",
        "evidence": "it says so",
        "status": "kept" if ok else "rejected",
        "reason": None if ok else "leaked",
        "is_accepted": ok,
        "pass_rate": None,
    }
    return {**row, **others}


def frame(drafts: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(drafts), schema=DRAFTS)


def arm(
    name: str,
    drafts: Sequence[Mapping[str, Any]],
    tokens: Mapping[int, int],
    labels: pl.DataFrame = LABELS,
) -> ArmResult:
    spent = pl.DataFrame(
        {
            "doc_id": [f"d{doc}" for doc in tokens],
            "tokens": list(tokens.values()),
            "cost": [0.0] * len(tokens),
        }
    )
    accounts = [Account("qa_drafts", "math", 3, 2, 1, 0, 0, {"leaked": 1})]
    return ArmResult(name, accounts, frame(drafts), spent, labels)


def compared(
    *arms: ArmResult, sources: Mapping[str, str], labels: pl.DataFrame = LABELS
) -> Comparison:
    return compare(arms, sources, 0, labels)


def measure(found: Comparison, name: str) -> Measured:
    return next(m for m in found.measures if m.name.startswith(name))


def test_values_are_ratios_of_sums_over_all_documents() -> None:
    sources = {f"d{doc}": f"d{doc}" for doc in range(4)}
    a = arm("a", [draft(0), draft(1, ok=False)], {0: 100, 1: 300})
    b = arm("b", [draft(0), draft(1), draft(2), draft(2, 1, ok=False)], {0: 100, 1: 300, 2: 200})
    found = compared(a, b, sources=sources)
    assert measure(found, "drafts per document").values == [0.5, 1.0]
    assert measure(found, "accepted share").values == [0.5, 0.75]
    tokens = measure(found, "tokens per accepted pair")
    assert tokens.values == [400.0, 200.0]
    assert tokens.differences[0].value == -200.0
    names = {m.name for m in found.measures}
    assert not [name for name in names if "cost" in name or "pass rate" in name or "people" in name]
    assert (found.documents, found.sources) == (4, 4)


def test_equal_arms_differ_by_nothing() -> None:
    sources = {f"d{doc}": f"d{doc}" for doc in range(20)}
    drafts = [draft(doc, ok=doc % 3 > 0) for doc in range(20)]
    tokens = {doc: 100 + doc for doc in range(20)}
    found = compared(arm("a", drafts, tokens), arm("b", drafts, tokens), sources=sources)
    for measured in found.measures:
        difference = measured.differences[0]
        assert (difference.value, difference.low, difference.high) == (0, 0, 0), measured.name
        assert not difference.is_clear
    assert found.slots["b"] == []


@pytest.mark.parametrize(("apart", "clear"), [(0.0, (0.0, 0.12)), (0.4, (0.9, 1.0))])
def test_intervals_cover_the_truth_and_find_what_is_large(
    apart: float, clear: tuple[float, float]
) -> None:
    """Alike arms seldom have an interval without 0; arms far apart nearly always have one."""
    draws = np.random.default_rng(7)
    sources = {f"d{doc}": f"d{doc}" for doc in range(80)}
    found = []
    for _ in range(60):
        arms = [
            arm(
                name,
                [draft(doc, ok=bool(ok)) for doc, ok in enumerate(draws.random(80) < share)],
                dict.fromkeys(range(80), 10),
            )
            for name, share in (("a", 0.4), ("b", 0.4 + apart))
        ]
        share = measure(compared(*arms, sources=sources), "accepted share")
        found.append(share.differences[0].is_clear)
    assert clear[0] <= np.mean(found) <= clear[1]


def test_passages_of_one_source_are_one_case() -> None:
    """Twenty passages of two sources say as much as two documents, so the interval is wide."""
    drafts_a = [draft(doc, ok=doc < 10) for doc in range(20)]
    drafts_b = [draft(doc, ok=doc >= 10) for doc in range(20)]
    tokens = dict.fromkeys(range(20), 10)
    alone = {f"d{doc}": f"d{doc}" for doc in range(20)}
    of_two = {f"d{doc}": f"source {doc >= 10}" for doc in range(20)}
    widths = []
    for sources in (alone, of_two):
        arms = arm("a", drafts_a, tokens), arm("b", drafts_b, tokens)
        difference = measure(compared(*arms, sources=sources), "accepted share").differences[0]
        assert difference.low is not None
        assert difference.high is not None
        widths.append(difference.high - difference.low)
    assert widths[1] > 1.5 * widths[0]


def test_a_measure_without_value_has_no_interval() -> None:
    sources = {"d0": "d0", "d1": "d1"}
    found = compared(
        arm("a", [draft(0, ok=False)], {0: 5}), arm("b", [draft(0)], {0: 5}), sources=sources
    )
    tokens = measure(found, "tokens per accepted")
    assert tokens.values == [None, 5.0]
    assert tokens.differences[0].low is None
    assert said_value(tokens, None) == said_difference(tokens, tokens.differences[0]) == "–"
    assert measure(found, "distinct").values == [None, None]


def test_distinct_2_grams_are_of_equally_many_questions() -> None:
    sources = {f"d{doc}": f"d{doc}" for doc in range(10)}
    same = [draft(doc, question="the very same words each time?") for doc in range(10)]
    more = [draft(doc, index) for doc in range(10) for index in range(3)]
    tokens = dict.fromkeys(range(10), 1)
    found = compared(arm("a", same, tokens), arm("b", more, tokens), sources=sources)
    distinct = measure(found, "distinct")
    assert distinct.values[0] == pytest.approx(5 / 50)
    assert distinct.differences[0].is_clear
    unlike = compared(arm("a", more[::3], tokens), arm("b", more, tokens), sources=sources)
    assert not measure(unlike, "distinct").differences[0].is_clear, "more is not more varied"


def test_labels_count_for_the_same_question_and_answer_alone() -> None:
    sources = {"d0": "d0", "d1": "d1"}
    said = [{"doc_id": "d0", "form": "open", "question": "q", "answer": "x", "is_good": False}]
    labels = pl.DataFrame(said, schema=LABELS.schema)
    a = arm("a", [draft(0, question="q", answer="x"), draft(1)], {0: 1})
    b = arm("b", [draft(0, question="q", answer="x", ok=False), draft(1)], {0: 1})
    agreed = measure(compared(a, b, sources=sources, labels=labels), "agreement")
    assert agreed.values == [0.0, 1.0]


def test_pairs_that_differ_come_in_turn_from_each_side() -> None:
    first = frame([*(draft(n) for n in range(8)), draft(20, answer="old"), draft(30, ok=False)])
    second = frame(
        [*(draft(n) for n in range(10, 13)), draft(20, answer="new"), draft(30, ok=False)]
    )
    slots = differing(first, second, 0, most=8)
    sides = ["first" if slot.first else "second" for slot in slots]
    assert sides[:6] == ["first", "second"] * 3
    assert slots == differing(first, second, 0, most=8)
    everything = differing(first, second, 0, most=100)
    assert everything[-1].doc_id == "d20"
    assert "d30" not in {slot.doc_id for slot in everything}


HOSTILE = "<script>alert(1)</script>\x00{{ 7*7 }}"


def test_the_page_runs_nothing_that_a_stranger_wrote() -> None:
    sources = {"d0": "d0"}
    row = draft(
        0, question=HOSTILE, answer=HOSTILE, title=HOSTILE, persona=HOSTILE, evidence=HOSTILE
    )
    found = compared(arm("a", [row], {0: 1}), arm("b", [], {0: 1}), sources=sources)
    page = render(HOSTILE, found, {"a": {"WSRL_LLM_MODEL": HOSTILE}, "b": {}}, {HOSTILE: 1})
    assert "<script" not in page
    assert "\x00" not in page
    assert "{{ 7*7 }}" in page
    assert "nothing: the environment" in page
