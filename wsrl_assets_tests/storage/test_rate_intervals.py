"""The interval of a pass rate holds the rate that made it as often as it says."""

from random import Random

import pytest

from wsrl_assets.storage.intervals import wilson_interval


@pytest.mark.parametrize(
    ("passed", "rollouts", "low", "high"),
    # Without continuity correction, worked out by hand: z*z / (n + z*z) for 0 of n.
    [(0, 8, 0.0, 0.324), (8, 8, 0.676, 1.0), (4, 8, 0.215, 0.785), (1, 128, 0.001, 0.043)],
)
def test_known_intervals(passed: int, rollouts: int, low: float, high: float) -> None:
    assert wilson_interval(passed, rollouts) == pytest.approx((low, high), abs=0.001)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_nineteen_of_twenty_intervals_hold_the_rate(rate: float) -> None:
    rng = Random(1)
    held = 0
    for _ in range(2000):
        passed = sum(rng.random() < rate for _ in range(32))
        low, high = wilson_interval(passed, 32)
        held += low <= rate <= high
    assert 0.92 < held / 2000 <= 0.99
