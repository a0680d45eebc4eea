"""Signatures mean the same in every process and version, and estimate what they should."""

import subprocess
import sys
from random import Random

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsrl_assets.text import minhash
from wsrl_assets.text.minhash import (
    MinHashSettings,
    band_hashes,
    signature_matrix,
    signatures,
    similarity,
)
from wsrl_assets.text.normalisation import ngrams
from wsrl_assets.text.normalisation import words as words_of

SETTINGS = MinHashSettings()
# Words of scripts with and without spaces, marks, digits, capitals that fold to more letters, code
# points beyond the first 65,536, what is no letter, and lone surrogates.
ODD_WORDS = (
    "river Straße İstanbul ﬁne naïve e\u0301 Москва́ αὐτός שָׁלוֹם كِتَاب क्षत्रिय ภาษาไทย ភាសា 한국어 "
    "한국 漢字 かな 𠮷野 𝒜𝓁𝑔 😀 1,000 x² ½ _ — \u200b \ud800 \0 \u1e9e"
).split(" ")
odd_texts = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=60),
    st.lists(st.sampled_from(ODD_WORDS), max_size=40).map(" ".join),
    st.lists(st.sampled_from(["a", "b"]), max_size=12).map(" ".join),
)
WORDS = [f"{a}{b}" for a in "river stone market garden engine".split() for b in "abcdefghijkl"]


def text(seed: int, length: int = 300) -> str:
    rng = Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(length))


def signature(body: str) -> bytes:
    return signatures([body], SETTINGS)[0]


def by_datasketch(body: str, wanted: MinHashSettings) -> bytes:
    """The signature by its definition: datasketch's, of the distinct n-grams of words."""
    tokens = words_of(body)
    length = min(wanted.ngram, max(1, len(tokens)))
    made = MinHash(num_perm=wanted.permutations, seed=1, scheme="affine32")
    made.update_batch([shingle.encode() for shingle in set(ngrams(tokens, length))])
    values: bytes = made.hashvalues.astype("<u4").tobytes()
    return values


def edited(original: str, changes: int, seed: int = 0) -> str:
    """The text with some of its words changed."""
    words = original.split()
    for place in Random(seed).sample(range(len(words)), changes):
        words[place] = "changed"
    return " ".join(words)


def test_the_similarity_is_near_the_true_one() -> None:
    copy = edited(text(1), 6)
    shingles = [
        {tuple(words[n : n + 5]) for n in range(len(words) - 4)}
        for words in (text(1).split(), copy.split())
    ]
    true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    matrix = signature_matrix(signatures([text(1), copy], SETTINGS), SETTINGS)
    assert similarity(matrix[0], matrix[1:])[0] == pytest.approx(true, abs=0.1)


@settings(deadline=None)
@given(st.lists(odd_texts, max_size=6), st.sampled_from([1, 2, 5]), st.sampled_from([1, 16, 128]))
@example(["", " ", "...", "word", "a b c d", "a b c d e", "é" * 10], 5, 128)
@example([text(1, 2000), "", text(2, 513)], 5, 128)
def test_signatures_are_datasketchs_bit_for_bit(
    bodies: list[str], ngram: int, permutations: int
) -> None:
    wanted = MinHashSettings(ngram=ngram, permutations=permutations)
    assert signatures(bodies, wanted) == [by_datasketch(body, wanted) for body in bodies]


def test_signatures_are_datasketchs_wherever_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [text(1, 40), "", "river", text(2, 7), " ".join(ODD_WORDS)]
    monkeypatch.setattr(minhash, "_HASHED_AT_ONCE", 3)
    monkeypatch.setattr(minhash, "_PERMUTED_AT_ONCE", 4)
    assert signatures(bodies, SETTINGS) == [by_datasketch(body, SETTINGS) for body in bodies]


@settings(deadline=None, max_examples=40)
@given(st.floats(0.1, 0.9), st.integers(32, 160))
@example(0.7 - 0.2, 128)
@example(0.6 - 0.2, 128)
def test_bands_are_datasketchs(threshold: float, permutations: int) -> None:
    """Where two choices are as good to eight digits, either may be taken."""
    theirs = MinHashLSH(threshold=threshold, num_perm=permutations)
    ours = minhash._bands(threshold, permutations)
    if ours != (theirs.b, theirs.r):
        chosen = [banding_error(threshold, *bands) for bands in (ours, (theirs.b, theirs.r))]
        assert chosen[0] == pytest.approx(chosen[1], abs=1e-8)


def banding_error(threshold: float, bands: int, rows: int) -> float:
    """By Simpson's rule: found below the threshold, and missed above it."""
    found, missed = (
        np.linspace(low, high, 20_001) for low, high in ((0, threshold), (threshold, 1))
    )
    below, above = 1 - (1 - found**rows) ** bands, (1 - missed**rows) ** bands
    weights = np.array([1, *[4, 2] * 9_999, 4, 1]) / 60_000
    return float(below @ weights * threshold + above @ weights * (1 - threshold))


def test_equal_signatures_share_all_bands_and_unlike_ones_none() -> None:
    raw = signatures([text(seed) for seed in (1, 1, 2)], SETTINGS)
    bands = band_hashes(signature_matrix(raw, SETTINGS), SETTINGS)
    assert (bands[0] == bands[1]).all()
    assert not (bands[0] == bands[2]).any()
    assert len(set(bands[0].tolist())) == bands.shape[1], "a band's number is part of its hash"


def test_no_signatures_make_no_bands() -> None:
    assert band_hashes(signature_matrix([], SETTINGS), SETTINGS).shape[0] == 0


def test_a_signature_is_the_same_in_another_process() -> None:
    code = (
        "from wsrl_assets.text.minhash import MinHashSettings, signatures\n"
        "print(signatures(['the quick brown fox jumps over it'], MinHashSettings())[0].hex())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "123"},
    )
    here = signature("the quick brown fox jumps over it").hex()
    assert elsewhere.stdout.strip() == here


def test_a_stored_signature_stays_readable() -> None:
    """Signatures lie in databases: a new version must not change what they mean."""
    assert (
        signature("the quick brown fox jumps over it")
        .hex()
        .startswith("fca31931d8d416163d866535f603822b")
    )


def test_a_stored_band_stays_readable() -> None:
    raw = signature("the quick brown fox jumps over it")
    bands = band_hashes(signature_matrix([raw], SETTINGS), SETTINGS)
    assert bands.shape == (1, 25)
    assert (
        f"{int(bands[0, 0]):016x} {int(bands[0, 24]):016x}" == "0228fa0ba3df6f5c 307200ae64f19ff1"
    )
