"""Which split a pair belongs to: decided by its source document, once and for all.

The first pair of a source document that is placed deals the document to a split, by a hash of its
id. The deal is written down under two kinds of key, the source document and every near-duplicate
cluster that a passage of it is of, and what shares a key goes where the key was dealt. A pair whose
keys were dealt to different splits belongs to neither: it is left out. The place of each pair is
written down too, so that nothing that was placed ever moves, whatever groups are found later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from wsrl_assets.storage import Transaction
from wsrl_assets.storage.schema import frame_of
from wsrl_assets.storage.tables import SplitKey
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.hashing import seeded_draw
from wsrl_assets.text.normalisation import stable_hash

STAGE = Stage.FINAL_SPLITS
VERSION = "2"


class Split(StrEnum):
    """The parts of a release."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """Shares of source documents, and the seed that deals them out."""

    validation_share: float = 0.02
    test_share: float = 0.02
    seed: int = 0

    @property
    def deal(self) -> str:
        """Names the assignment: other shares or another seed make another one."""
        return stable_hash(str(self.validation_share), str(self.test_share), str(self.seed))


def split_of(source_id: str, settings: SplitSettings) -> Split:
    """The split that a source document is dealt to, if nothing else groups it down.

    `source_id` names the whole source row. The answer depends on nothing else, so it stays the
    same as data is added.
    """
    position = seeded_draw(settings.seed, source_id) / 2**64
    if position < settings.test_share:
        return Split.TEST
    if position < settings.test_share + settings.validation_share:
        return Split.VALIDATION
    return Split.TRAIN


@dataclass(frozen=True, slots=True)
class SplitGroups:
    """What a pair shares a split with: its source document, and clusters of documents.

    A pair of two documents has those of the other one as `partner`.
    """

    pair_id: str
    parent_id: str
    clusters: frozenset[str]
    partner: "SplitGroups | None" = None

    @property
    def pair(self) -> tuple[str, str]:
        return ("pair", self.pair_id)

    def documents(self) -> "list[SplitGroups]":
        """The groups of each document: both have to go to the split of the pair."""
        return [self, *([self.partner] if self.partner else [])]

    def shared(self) -> list[tuple[str, str]]:
        return [
            key
            for one in self.documents()
            for key in (("source", one.parent_id), *(("cluster", c) for c in sorted(one.clusters)))
        ]


@dataclass(slots=True)
class SplitAssignment:
    """The splits that are assigned, as far as a page of pairs is concerned."""

    settings: SplitSettings
    assigned: dict[tuple[str, str], Split]
    _new: list[SplitKey] = field(default_factory=list)

    @classmethod
    def read(
        cls, transaction: Transaction, settings: SplitSettings, groups: Iterable[SplitGroups]
    ) -> "SplitAssignment":
        """What is assigned to the groups of some pairs."""
        keys = sorted({key for group in groups for _, key in [group.pair, *group.shared()]})
        rows = transaction.query("assigned_splits", deal=settings.deal, keys=keys)
        return cls(settings, {(kind, key): Split(split) for kind, key, split in rows.iter_rows()})

    def offer(self, groups: SplitGroups) -> tuple[Split | None, str]:
        """The split that a pair belongs to, or none and why not."""
        if groups.pair in self.assigned:
            return self.assigned[groups.pair], ""
        found = {
            self.assigned[key]: key for key in reversed(groups.shared()) if key in self.assigned
        }
        # A document of two that was dealt to no split yet goes where it would go by itself: no pair
        # takes a document to the split of another one.
        if groups.partner is not None:
            for one in groups.documents():
                key = ("source", one.parent_id)
                if key not in self.assigned:
                    found.setdefault(split_of(one.parent_id, self.settings), key)
        if len(found) > 1:
            said = ", ".join(f"{kind} {key} is in {split}" for split, (kind, key) in found.items())
            return None, said
        return next(iter(found), split_of(groups.parent_id, self.settings)), ""

    def take(self, groups: SplitGroups, split: Split) -> None:
        """Assigns the split to all groups of a placed pair."""
        for kind, key in [groups.pair, *groups.shared()]:
            if (kind, key) not in self.assigned:
                self.assigned[kind, key] = split
                self._new.append(SplitKey(deal=self.settings.deal, kind=kind, key=key, split=split))

    def save(self, transaction: Transaction) -> None:
        """Appends: what is assigned already was read in this transaction."""
        if self._new:
            transaction.insert(SplitKey, frame_of(SplitKey, self._new))


def split_groups_of(
    pairs: Sequence[Mapping[str, str]], linked: Mapping[str, set[str]]
) -> list[SplitGroups]:
    """The groups of pairs with `parent_id` and the `document_cluster` of their own document, and
    of those of two documents with `kin_parent_id` and `kin_cluster`.

    Args:
        linked: the clusters of all passages of a source row, by its `parent_id`.
    """
    return [_groups_of(pair, linked) for pair in pairs]


def _groups_of(pair: Mapping[str, str], linked: Mapping[str, set[str]]) -> SplitGroups:
    def clusters(parent: str, own: str) -> frozenset[str]:
        return frozenset(linked.get(parent, set()) | {own})

    parent, other, pair_id = pair["parent_id"], pair.get("kin_parent_id"), pair["pair_id"]
    partner = None
    if other is not None:
        partner = SplitGroups(pair_id, other, clusters(other, pair["kin_cluster"]))
    return SplitGroups(pair_id, parent, clusters(parent, pair["document_cluster"]), partner)
