"""A pair of two documents never stands in a split that one of them is not of."""

from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.release.splits import (
    Split,
    SplitAssignment,
    SplitGroups,
    SplitSettings,
    split_of,
)

_SOURCES = st.sampled_from([f"source-{n}" for n in range(8)])
_CLUSTERS = st.sampled_from(["near-1", "near-2", "near-3"])
_ASKED = st.lists(st.tuples(_SOURCES, st.none() | _SOURCES), max_size=30)
_OF_CLUSTER = st.dictionaries(_SOURCES, _CLUSTERS, max_size=4)


def groups(n: int, source: str, partner: str | None, clusters: dict[str, str]) -> SplitGroups:
    def of(parent: str, other: SplitGroups | None = None) -> SplitGroups:
        named = frozenset({clusters.get(parent, f"alone-{parent}")})
        return SplitGroups(f"pair-{n}", parent, named, other)

    return of(source, of(partner) if partner else None)


@given(_ASKED, _OF_CLUSTER, st.integers(0, 3))
def test_nothing_that_a_placed_pair_rests_on_is_in_two_splits(
    asked: list[tuple[str, str | None]], clusters: dict[str, str], seed: int
) -> None:
    """For any order of pairs of one and of two documents, and any near-duplicates among them.

    What stands where is counted here from the placed pairs, not from what the assignment says.
    """
    assignment = SplitAssignment(SplitSettings(0.3, 0.3, seed), {})
    stands: dict[str, set[Split]] = {}
    for n, (source, partner) in enumerate(asked):
        found = groups(n, source, partner, clusters)
        split, _ = assignment.offer(found)
        if split is None:
            continue
        assignment.take(found, split)
        for one in (source, partner) if partner else (source,):
            stands.setdefault(one, set()).add(split)
            stands.setdefault(clusters.get(one, one), set()).add(split)
    assert {key: found for key, found in stands.items() if len(found) > 1} == {}


@given(_SOURCES, _SOURCES, st.integers(0, 3))
def test_a_pair_moves_no_document_from_where_it_goes_by_itself(
    source: str, partner: str, seed: int
) -> None:
    settings = SplitSettings(0.3, 0.3, seed)
    split, why_not = SplitAssignment(settings, {}).offer(groups(0, source, partner, {}))
    alone = {split_of(source, settings), split_of(partner, settings)}
    assert ({split} == alone) if len(alone) == 1 else (split is None and "is in" in why_not)
