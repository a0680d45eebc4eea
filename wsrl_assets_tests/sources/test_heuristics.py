"""Claims about what is obviously poor, and what is not."""

import base64
import inspect
import json
import random
from pydoc_data.topics import topics
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsrl_assets.sources import heuristics, readers
from wsrl_assets.sources.heuristics import HeuristicReason, HeuristicThresholds, check

_RANDOM = random.Random(7)
PROSE = (
    "The river rises in the hills above the town and runs for 340 kilometres to the sea. On its "
    "way it takes in eleven tributaries, drives four power stations and waters the orchards that "
    "made the valley rich. In the dry year of 1976 it could be crossed on foot for nine weeks."
)

GOOD = {
    "prose": PROSE,
    "python": inspect.getsource(readers),
    "json": json.dumps([{"id": n, "name": f"river {n}", "length_km": n * 7} for n in range(40)]),
    "latex": r"\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2} \quad \sum_{n=1}^{k} n^2 = "
    r"\frac{k(k+1)(2k+1)}{6}, \qquad \det(A - \lambda I) = 0" * 3,
    "unicode maths": "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−L|<ε; ∑ᵢ xᵢ² ≤ ∫₀¹ f(t)dt on ℝ→ℂ. " * 2,
    "ruled table": "| river | km |\n| ---------------- | --------------- |\n"
    + "".join(f"| name {n} | {n * 37} |\n" for n in range(20)),
    "markdown list": "".join(f"* item number {n} of the list\n" for n in range(30)),
    "includes": "".join(f"#include <header_{name}.h>\n" for name in "abcdefghijklmnopqrst"),
    "chinese": "强化学习需要答案可以检查的问题。这样的问题太少了,"
    "而预训练文本已经超过一万亿个词元。",
    "japanese": "東京タワーは1958年に完成した高さ333メートルの電波塔で、"
    "放送電波を送るために建設された。",
    "thai": "กรุงเทพมหานครเป็นเมืองหลวงและนครที่มีประชากรมากที่สุดของประเทศไทย มีแม่น้ำเจ้าพระยาไหลผ่าน",
    "hindi": "नई दिल्ली भारत की राजधानी है और यह दिल्ली महानगर के भीतर स्थित है। यहाँ संसद भवन भी है।",
    "arabic": "القاهرة هي عاصمة جمهورية مصر العربية وأكبر مدنها من حيث عدد السكان والمساحة "
    "وتقع على النيل",
    "finnish": "epäjärjestelmällistyttämättömyydellänsäkäänköhän kolmivaihekilowattituntimittari "
    "lentokonesuihkuturbiinimoottoriapumekaanikkoaliupseerioppilas",
    "song": "".join(
        f"Verse {n} has words of its own to sing.\nHey nonny, nonny no\n" for n in range(9)
    ),
    "dialogue": '"Where to?" - "Home!" - "Now?!" - "Yes... now." - "But why?" - "Why not?" ' * 2,
}
POOR = {
    "empty": ("", HeuristicReason.TOO_SHORT),
    "short": ("Read more. Log in. Share this page.", HeuristicReason.TOO_SHORT),
    "numbers": ("0.131 0.992 17.3 42 " * 40, HeuristicReason.NO_LETTERS),
    "replacement characters": ("\ufffd\ufffe\uffff" * 100, HeuristicReason.NO_LETTERS),
    "emoji": ("😀🎉🚀" * 40, HeuristicReason.NO_LETTERS),
    "symbols": ("ab!=%$ §&/( )=?` *~+# ><|^ " * 20, HeuristicReason.MOSTLY_SYMBOLS),
    "one line again": ("Buy cheap watches online today\n" * 50, HeuristicReason.REPEATED_LINES),
    "one phrase again": ("buy cheap watches online " * 60, HeuristicReason.REPEATED_NGRAMS),
    "one character again": ("哈" * 200, HeuristicReason.REPEATED_NGRAMS),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_text_of_any_kind_and_script_survives(text: str) -> None:
    assert check(text) is None


def test_every_help_topic_of_python_survives() -> None:
    long_topics = {name: text for name, text in topics.items() if len(text) > 300}
    assert {name: found for name, text in long_topics.items() if (found := check(text))} == {}


@pytest.mark.parametrize(("text", "reason"), POOR.values(), ids=POOR)
def test_obviously_poor_text_is_rejected_for_its_reason(text: str, reason: HeuristicReason) -> None:
    found = check(text)
    assert found is not None
    assert found.reason is reason


def test_encoded_data_is_left_to_triage() -> None:
    assert check(base64.b64encode(_RANDOM.randbytes(600)).decode()) is None


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("one two", "about 3 tokens; at least 50 are wanted"),
        ("1 " * 100, "0.0% of the characters are letters; at least 5% are wanted"),
        ("a!?#" * 30, "75.0% of the characters are symbols; at most 70% may be"),
        ("ab cd ef gh\n" * 20, "95.0% of the text are lines seen before; at most 70% may be"),
        ("ab cd ef " * 30, "96.3% of the runs of 10 words were seen before; at most 70% may be"),
    ],
)
def test_detail_gives_the_figure_and_the_limit(text: str, detail: str) -> None:
    found = check(text)
    assert found is not None
    assert found.detail == detail


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        (HeuristicThresholds(min_tokens=1000), HeuristicReason.TOO_SHORT),
        (HeuristicThresholds(min_letter_share=0.99), HeuristicReason.NO_LETTERS),
        (HeuristicThresholds(max_symbol_share=0.001), HeuristicReason.MOSTLY_SYMBOLS),
    ],
)
def test_thresholds_are_what_the_caller_says(
    thresholds: HeuristicThresholds, reason: HeuristicReason
) -> None:
    found = check(PROSE, thresholds)
    assert found is not None
    assert found.reason is reason


def test_long_document_is_judged_by_its_beginning() -> None:
    junk = "buy cheap watches online " * 1000
    assert check(PROSE + junk, HeuristicThresholds(judged_chars=len(PROSE))) is None
    assert check(PROSE + junk) is not None


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    found = check(text)
    assert found is None or found.detail


@settings(max_examples=400)
@given(st.text("abYZ7#=!;é ि", min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_the_quick_look_finds_what_the_full_count_finds(text: str, limit: float) -> None:
    """Characters of ASCII are counted first; where they are enough, nothing else is looked at."""
    thresholds = HeuristicThresholds(
        min_tokens=0, min_letter_share=limit, max_symbol_share=1 - limit
    )
    quick = check(text, thresholds)
    with mock.patch.object(heuristics._Document, "has_plenty", return_value=False):
        assert check(text, thresholds) == quick


lines = st.lists(st.sampled_from(["", "  a", "a  ", "the same line", "x" * 40, "é", "\u2028b"]))


@given(lines.map("\n".join), st.floats(0.05, 0.95))
def test_half_of_the_lines_are_enough_only_where_all_would_say_the_same(
    text: str, limit: float
) -> None:
    thresholds = HeuristicThresholds(min_tokens=0, max_repeated_line_share=limit)
    stripped = [line.strip() for line in text.splitlines()]
    total = sum(map(len, stripped))
    share = (total - sum(map(len, set(stripped)))) / max(1, total)
    found = heuristics._repeated_lines(heuristics._Document(text), thresholds)
    assert (found is not None) == (share > limit)


few_words = st.lists(st.sampled_from("A a b,c longer_than_eight longer_than_nine , 1 é".split()))


@given(few_words.map(" ".join), st.integers(1, 12), st.floats(0.0, 1.0))
@example(" ".join(map(str, range(50))), 10, 0.7)
def test_runs_of_words_surely_differ_only_where_they_do(text: str, n: int, limit: float) -> None:
    thresholds = HeuristicThresholds(ngram_words=n, max_repeated_ngram_share=limit)
    found = heuristics._repeated_ngrams(heuristics._Document(text), thresholds)
    with mock.patch.object(heuristics, "_surely_differs", return_value=False):
        assert heuristics._repeated_ngrams(heuristics._Document(text), thresholds) == found


def test_most_prose_surely_differs() -> None:
    plain = [text for text in topics.values() if text.isascii() and len(text) > 500]
    differ = [text for text in plain if heuristics._surely_differs(text, 10, 0.3)]
    assert len(differ) > 0.9 * len(plain) > 9
