"""Signatures mean the same in every process and version, and estimate what they should."""

import subprocess
import sys
from random import Random

import pytest

from wsrl_assets.text.minhash import (
    MinHashSettings,
    band_hashes,
    signature,
    signature_matrix,
    similarity,
)

SETTINGS = MinHashSettings()
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


def test_the_similarity_is_near_the_true_one() -> None:
    copy = edited(text(1), 6)
    shingles = [
        {tuple(words[n : n + 5]) for n in range(len(words) - 4)}
        for words in (text(1).split(), copy.split())
    ]
    true = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    matrix = signature_matrix([signature(text(1), SETTINGS), signature(copy, SETTINGS)], SETTINGS)
    assert similarity(matrix[0], matrix[1:])[0] == pytest.approx(true, abs=0.1)


@pytest.mark.parametrize("body", ["", " ", "...", "word", "a b c d", "é" * 10])
def test_short_and_empty_texts_have_a_signature(body: str) -> None:
    assert len(signature(body, SETTINGS)) == 4 * SETTINGS.permutations


def test_equal_signatures_share_all_bands_and_unlike_ones_none() -> None:
    raw = [signature(text(seed), SETTINGS) for seed in (1, 1, 2)]
    bands = band_hashes(signature_matrix(raw, SETTINGS), SETTINGS)
    assert (bands[0] == bands[1]).all()
    assert not (bands[0] == bands[2]).any()
    assert len(set(bands[0].tolist())) == bands.shape[1], "a band's number is part of its hash"


def test_no_signatures_make_no_bands() -> None:
    assert band_hashes(signature_matrix([], SETTINGS), SETTINGS).shape[0] == 0


def test_a_signature_is_the_same_in_another_process() -> None:
    code = (
        "from wsrl_assets.text.minhash import MinHashSettings, signature\n"
        "print(signature('the quick brown fox jumps over it', MinHashSettings()).hex())"
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


def test_a_stored_band_stays_readable() -> None:
    raw = signature("the quick brown fox jumps over it", SETTINGS)
    bands = band_hashes(signature_matrix([raw], SETTINGS), SETTINGS)
    assert bands.shape == (1, 25)
    assert (
        f"{int(bands[0, 0]):016x} {int(bands[0, 24]):016x}" == "0228fa0ba3df6f5c 307200ae64f19ff1"
    )
