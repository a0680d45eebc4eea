"""A seeded sample of the adversary, and that it can tell a bad reward from a good one."""

from __future__ import annotations

from wsrl_assets.reward import extract_answer

from .adversary import misses, sample

_COUNT = 4_000
_SEED = 13


def test_adversary_finds_no_false_accept_and_no_false_reject() -> None:
    assert [attempt.describe() for attempt in misses(sample(_COUNT, _SEED))] == []


def test_adversary_composes_both_labels_for_every_type() -> None:
    tried = sample(_COUNT, _SEED)
    made = {(attempt.gold.type, attempt.label) for attempt in tried}
    assert len(made) == 2 * len({answer_type for answer_type, _ in made}) == 24


def test_adversary_catches_a_reward_that_looks_for_the_gold_in_the_answer() -> None:
    tried = sample(_COUNT, _SEED)
    paid = [attempt.gold.value in (extract_answer(attempt.response) or "") for attempt in tried]
    falsely = sum(paid[i] and attempt.label == 0 for i, attempt in enumerate(tried))
    assert falsely > _COUNT / 10
