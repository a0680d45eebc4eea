"""Near-duplicates are found by signatures that mean the same in every process, in any order."""

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.curation.dedup import DedupSettings, NearDuplicates, signature

SETTINGS = DedupSettings()
WORDS = [f"{a}{b}" for a in "river stone market garden engine".split() for b in "abcdefghijkl"]


def text(seed: int, length: int = 300) -> str:
    rng = Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(length))


def edited(original: str, changes: int, seed: int = 0) -> str:
    """The text with some of its words changed."""
    words = original.split()
    for place in Random(seed).sample(range(len(words)), changes):
        words[place] = "changed"
    return " ".join(words)


def index_of(texts: dict[str, str]) -> NearDuplicates:
    index = NearDuplicates(SETTINGS)
    index.add_all((name, signature(body, SETTINGS)) for name, body in texts.items())
    return index


def found(index: NearDuplicates, body: str) -> str | None:
    similar = index.most_similar(signature(body, SETTINGS))
    return similar[0] if similar else None


@pytest.mark.parametrize(
    "copy",
    [
        text(1),
        text(1).upper(),
        text(1).replace(" ", "\n\n"),
        text(1).replace(" ", ", "),
        edited(text(1), 3),
        text(1) + " " + text(2, 20),
        " ".join(text(1).split()[15:]),
    ],
)
def test_a_copy_with_small_changes_is_found(copy: str) -> None:
    index = index_of({"original": text(1), "other": text(2)})
    assert found(index, copy) == "original"


@pytest.mark.parametrize(
    "other",
    [
        text(3),
        edited(text(1), 60),
        " ".join(text(1).split()[:150]) + " " + text(4, 150),
        " ".join(sorted(text(1).split())),
        "",
        "one two",
    ],
)
def test_another_document_is_not(other: str) -> None:
    assert found(index_of({"original": text(1), "other": text(2)}), other) is None


def test_the_similarity_is_near_the_true_one() -> None:
    copy = edited(text(1), 6)
    shingles = [
        {tuple(words[n : n + 5]) for n in range(len(words) - 4)}
        for words in (text(1).split(), copy.split())
    ]
    true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    similar = index_of({"original": text(1)}).most_similar(signature(copy, SETTINGS))
    assert similar is not None
    assert similar[1] == pytest.approx(true, abs=0.1)


def test_hardly_any_near_duplicate_above_the_threshold_is_missed() -> None:
    index = index_of({str(seed): text(seed) for seed in range(60)})
    copies = [(seed, edited(text(seed), 7, seed)) for seed in range(60)]  # about 0.8 similar
    assert sum(found(index, copy) == str(seed) for seed, copy in copies) >= 58


def test_unlike_documents_are_kept_apart() -> None:
    index = NearDuplicates(SETTINGS)
    for seed in range(100):
        assert found(index, text(seed)) is None
        index.add(str(seed), signature(text(seed), SETTINGS))


@pytest.mark.parametrize("body", ["", " ", "...", "word", "a b c d", "é" * 10])
def test_short_and_empty_texts_have_a_signature(body: str) -> None:
    assert len(signature(body, SETTINGS)) == 4 * SETTINGS.permutations
    assert found(index_of({"same": body}), body) == "same"


def test_adding_a_document_twice_changes_nothing() -> None:
    index = index_of({"original": text(1)})
    index.add("original", signature(text(1), SETTINGS))
    assert found(index, text(1)) == "original"


@settings(max_examples=30, deadline=None)
@given(st.permutations([0, 1, 2, 3, 4, 5]))
def test_the_most_similar_one_does_not_depend_on_the_order_of_adding(order: list[int]) -> None:
    texts = {str(n): edited(text(1), 2, seed=n) for n in range(4)} | {"4": text(8), "5": text(9)}
    index = index_of({str(number): texts[str(number)] for number in order})
    assert found(index, text(1)) == found(index_of(texts), text(1))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), max_size=12), st.integers(0, 12))
def test_going_on_from_stored_signatures_equals_one_go(
    documents: list[tuple[int, int]], stop: int
) -> None:
    """A document is kept if nothing kept before it is similar: in one run, or over two."""
    texts = [edited(text(seed), changes, changes) for seed, changes in documents]

    def keep(index: NearDuplicates, first: int, last: int) -> list[tuple[str, bytes]]:
        kept = []
        for number in range(first, min(last, len(texts))):
            raw = signature(texts[number], SETTINGS)
            if index.most_similar(raw) is None:
                index.add(str(number), raw)
                kept.append((str(number), raw))
        return kept

    at_once = keep(NearDuplicates(SETTINGS), 0, len(texts))
    before = keep(NearDuplicates(SETTINGS), 0, stop)
    later = NearDuplicates(SETTINGS)
    later.add_all(before)
    assert before + keep(later, stop, len(texts)) == at_once


def test_a_signature_is_the_same_in_another_process() -> None:
    code = (
        "from wsrl_assets.curation.dedup import DedupSettings, signature\n"
        "print(signature('the quick brown fox jumps over it', DedupSettings()).hex())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "123"},
    )
    here = signature("the quick brown fox jumps over it", SETTINGS).hex()
    assert elsewhere.stdout.strip() == here


def test_a_stored_signature_stays_readable() -> None:
    """Signatures lie in databases: a new datasketch must not change what they mean."""
    assert (
        signature("the quick brown fox jumps over it", SETTINGS)
        .hex()
        .startswith("fca31931d8d416163d866535f603822b")
    )
