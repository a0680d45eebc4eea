"""A split is dealt by source document alone, and stays as it was dealt."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.release.splits import Split, SplitSettings, split_of


@given(st.text(), st.integers(0, 3))
def test_a_source_document_has_one_split_whenever_it_is_asked(source: str, seed: int) -> None:
    settings = SplitSettings(0.3, 0.3, seed)
    assert split_of(source, settings) is split_of(source, settings)


def test_the_shares_are_about_what_was_asked_for() -> None:
    settings = SplitSettings(validation_share=0.1, test_share=0.2)
    counts = Counter(split_of(str(number), settings) for number in range(5000))
    assert counts[Split.VALIDATION] / 5000 == pytest.approx(0.1, abs=0.02)
    assert counts[Split.TEST] / 5000 == pytest.approx(0.2, abs=0.02)


def test_without_shares_everything_is_for_training() -> None:
    settings = SplitSettings(0, 0)
    assert {split_of(str(n), settings) for n in range(500)} == {Split.TRAIN}


def test_another_seed_deals_anew() -> None:
    one, other = SplitSettings(0.5, 0.0, seed=1), SplitSettings(0.5, 0.0, seed=2)
    moved = sum(split_of(str(n), one) is not split_of(str(n), other) for n in range(400))
    assert 120 < moved < 280


def test_a_larger_validation_share_takes_from_training_alone() -> None:
    small, large = SplitSettings(0.1, 0.1), SplitSettings(0.3, 0.1)
    for number in range(500):
        before, after = split_of(str(number), small), split_of(str(number), large)
        assert after is before or (before, after) == (Split.TRAIN, Split.VALIDATION)


def test_the_deal_is_the_same_on_every_machine_and_in_every_version() -> None:
    splits = [split_of(f"source-{n}", SplitSettings(0.25, 0.25)).value[:2] for n in range(12)]
    assert " ".join(splits) == "te va va tr tr tr tr tr te tr va tr"
