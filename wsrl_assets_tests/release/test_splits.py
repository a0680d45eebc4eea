"""A split is dealt by source document alone, and stays as it was dealt."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.release.splits import (
    Split,
    SplitAssignment,
    SplitGroups,
    SplitSettings,
    split_of,
)


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


SOURCES = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(SOURCES, st.none() | SOURCES), max_size=30), st.integers(0, 5))
def test_no_source_is_in_two_splits_whatever_pairs_it_shares(
    pairs: list[tuple[str, str | None]], seed: int
) -> None:
    assignment = SplitAssignment(SplitSettings(0.3, 0.3, seed), {})
    found: dict[str, set[Split]] = {}
    for number, (source, other) in enumerate(pairs):
        # "a" and "b" have passages in one cluster.
        def groups_of(name: str, pair: str = str(number)) -> SplitGroups:
            return SplitGroups(pair, name, frozenset({"ab" if name in "ab" else name}))

        groups = groups_of(source)
        if other is not None:
            groups = replace(groups, partner=groups_of(other))
        split, why_not = assignment.offer(groups)
        assert (split is None) == bool(why_not)
        if split is None:
            continue
        assignment.take(groups, split)
        for name in filter(None, (source, other)):
            found.setdefault(name, set()).add(split)
    assert all(len(splits) == 1 for splits in found.values())
    assert found.get("a", set()) | found.get("b", set()) in ({s} for s in Split) or not (
        {"a", "b"} & found.keys()
    )


@given(st.lists(st.tuples(SOURCES, SOURCES), max_size=30), st.integers(0, 5))
def test_no_pair_of_two_documents_moves_a_document(pairs: list[tuple[str, str]], seed: int) -> None:
    settings = SplitSettings(0.3, 0.3, seed)
    assignment = SplitAssignment(settings, {})
    for number, (source, other) in enumerate(pairs):
        partner = SplitGroups(str(number), other, frozenset({other}))
        groups = SplitGroups(str(number), source, frozenset({source}), partner)
        split, _ = assignment.offer(groups)
        if split is not None:
            assignment.take(groups, split)
            assert split_of(source, settings) is split is split_of(other, settings)
