"""What is kept, over all domains, and what a page of newcomers is similar to.

An LSH index in DuckDB: a page of newcomers is joined with the bands of all kept items by one scan,
so memory does not grow with the index, and every run, thread and process sees what the others
kept. The newcomers of a page are then decided in order, each against the kept ones and those of the
page that came before it; `save` commits with the transaction, so of two runs one comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from wsrl_assets.storage.schema import frame_of
from wsrl_assets.storage.tables import Signature, SignatureBand
from wsrl_assets.storage.transaction import Transaction
from wsrl_assets.text.hashing import Hashes, joined, mix, signed
from wsrl_assets.text.minhash import MinHashSettings, band_hashes, signature_matrix, similarity

How = Literal["content", "wording", "meaning"]


@dataclass(frozen=True, slots=True)
class IndexedItem:
    """A newcomer.

    Attributes:
        item_id: the document or pair.
        domain: slug of the domain that has it.
        content_id: hash of its text; an equal one is a duplicate even if other columns differ.
        minhash: its signature.
        guard: what near-duplicates must have in common, as 64 bits.
        vector: its embedding of unit length; all newcomers of a page have one, or none has.
        vector_model: the model of the embedding.
    """

    item_id: str
    domain: str
    content_id: str
    minhash: bytes
    guard: int = 0
    vector: NDArray[np.float32] | None = None
    vector_model: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A kept item that a newcomer is a duplicate of, by what, and how similar it is (0 to 1)."""

    item_id: str
    how: How
    similarity: float


class SimilarItems:
    """A page of newcomers against everything kept, in an open transaction.

    Args:
        transaction: on the partition of the index.
        items: the newcomers, with ids that differ.
        settings: of the signatures.
        vector_similarity: cosine from which two embeddings mean the same.
    """

    def __init__(
        self,
        transaction: Transaction,
        items: Sequence[IndexedItem],
        settings: MinHashSettings,
        vector_similarity: float = 0.9,
    ) -> None:
        self._transaction = transaction
        self._items = items
        self._settings = settings
        self._vector_similarity = vector_similarity
        self._matrix = signature_matrix([item.minhash for item in items], settings)
        self._bands = _guarded(band_hashes(self._matrix, settings), [i.guard for i in items])
        self._in_common = _common_bands(self._bands)
        self._claimed_by_band: dict[int, list[int]] = {}
        self._owned: dict[str, tuple[str, str | None]] = {}
        self._by_content: dict[str, str] = {}
        self._gone: set[str] = set()
        self._claimed: list[int] = []
        self._read_claims()
        self._read_candidates()
        self._vectors = _Vectors.read(transaction, items)

    def owner(self, position: int) -> str | None:
        """The domain that keeps this very item already, from an earlier run."""
        found = self._owned.get(self._items[position].item_id)
        return found[0] if found else None

    def match(self, position: int) -> Match | None:
        """The most similar kept item, if the newcomer is a duplicate of any but itself."""
        item = self._items[position]
        same = self._by_content.get(item.content_id)
        if same is not None and same != item.item_id:
            return Match(same, "content", 1.0)
        return self._by_wording(position) or self._by_meaning(position)

    def claim(self, position: int) -> None:
        """Keeps a newcomer; those after it are compared with it."""
        item = self._items[position]
        self._by_content[item.content_id] = item.item_id
        self._claimed.append(position)
        for band in self._in_common.get(position, ()):
            self._claimed_by_band.setdefault(band, []).append(position)

    def release(self, position: int) -> None:
        """Forgets an item that an earlier run kept and this one does not."""
        item = self._items[position]
        if item.item_id in self._owned:
            self._gone.add(item.item_id)
            if self._by_content.get(item.content_id) == item.item_id:
                del self._by_content[item.content_id]

    def save(self) -> None:
        """Writes what was claimed and released."""
        new = [p for p in self._claimed if self._is_new(self._items[p])]
        stale = self._gone | {self._items[p].item_id for p in new} & self._owned.keys()
        if stale:
            forget_items(self._transaction, sorted(stale))
        rows = frame_of(Signature, [_row(self._items[position]) for position in new])
        self._transaction.insert(Signature, rows)
        places = np.repeat(np.arange(len(new)), self._bands.shape[1])
        bands = pl.Series("band", signed(self._bands[new].reshape(-1)), pl.Int64)
        self._transaction.insert(
            SignatureBand, pl.DataFrame([bands, rows["item_id"].gather(places)])
        )

    def _is_new(self, item: IndexedItem) -> bool:
        """Whether there is anything to write of it: an embedding may have come to an old one."""
        if item.item_id not in self._owned:
            return True
        return item.vector is not None and self._owned[item.item_id][1] != item.vector_model

    def _read_claims(self) -> None:
        rows = self._transaction.query(
            "claimed_items",
            item_ids=[item.item_id for item in self._items],
            content_ids=[item.content_id for item in self._items],
        )
        ours = {item.item_id for item in self._items}
        for item_id, domain, content_id, model in rows.iter_rows():
            self._by_content[content_id] = item_id
            if item_id in ours:
                self._owned[item_id] = (domain, model)

    def _read_candidates(self) -> None:
        """Two queries, as a signature may be the candidate of many newcomers."""
        bands = pl.DataFrame(
            {
                "position": np.repeat(np.arange(len(self._items)), self._bands.shape[1]),
                "band": signed(self._bands.reshape(-1)),
            }
        )
        pairs = self._transaction.query("similar_pairs", {"page_bands": bands})
        ids = pairs["item_id"].unique().to_list()
        known = self._transaction.query("signatures", item_ids=ids)
        self._known_ids: list[str] = known["item_id"].to_list()
        self._known = signature_matrix(known["minhash"].to_list(), self._settings)
        numbers = {item_id: number for number, item_id in enumerate(self._known_ids)}
        self._candidates: list[list[int]] = [[] for _ in self._items]
        for position, item_id in pairs.iter_rows():
            self._candidates[position].append(numbers[item_id])

    def _by_wording(self, position: int) -> Match | None:
        own = self._items[position].item_id
        near = [n for n in self._candidates[position] if self._may_match(self._known_ids[n], own)]
        bands = self._in_common.get(position, ())
        shared = {p for band in bands for p in self._claimed_by_band.get(band, ())}
        page = sorted(p for p in shared if self._items[p].item_id != own)
        ids = [*(self._known_ids[n] for n in near), *(self._items[p].item_id for p in page)]
        if not ids:
            return None
        others = np.concatenate([self._known[near], self._matrix[page]])
        values = similarity(self._matrix[position], others)
        return _best(ids, values, self._settings.similarity, "wording")

    def _by_meaning(self, position: int) -> Match | None:
        item = self._items[position]
        if item.vector is None:
            return None
        ids, vectors = self._vectors.of(item.guard)
        page = [self._items[p] for p in self._claimed if self._items[p].guard == item.guard]
        ids = [*ids, *(other.item_id for other in page)]
        allowed = [n for n, name in enumerate(ids) if self._may_match(name, item.item_id)]
        if not allowed:
            return None
        embedded = [other.vector for other in page if other.vector is not None]
        values = np.vstack([vectors, *embedded])[allowed] @ item.vector
        return _best([ids[n] for n in allowed], values, self._vector_similarity, "meaning")

    def _may_match(self, item_id: str, own: str) -> bool:
        return item_id != own and item_id not in self._gone


def forget_items(transaction: Transaction, item_ids: Sequence[str]) -> None:
    """Takes items out of the index."""
    transaction.execute("release_signatures", item_ids=list(item_ids))
    transaction.execute("release_bands", item_ids=list(item_ids))


@dataclass(frozen=True, slots=True)
class _Vectors:
    """The kept embeddings that a page could meet, by guard."""

    ids: dict[int, list[str]]
    vectors: dict[int, NDArray[np.float32]]
    width: int

    @classmethod
    def read(cls, transaction: Transaction, items: Sequence[IndexedItem]) -> "_Vectors":
        first = next((item for item in items if item.vector is not None), None)
        if first is None or first.vector is None:
            return cls({}, {}, 0)
        guards = sorted({item.guard for item in items})
        rows = transaction.query("guarded_vectors", model=first.vector_model, guards=guards)
        ids, vectors = {}, {}
        for (guard,), part in rows.sort("item_id").partition_by("guard", as_dict=True).items():
            ids[int(guard)] = part["item_id"].to_list()
            packed = b"".join(part["vector"].to_list())
            matrix = np.frombuffer(packed, "<f2").astype(np.float32)
            vectors[int(guard)] = matrix.reshape(part.height, -1)
        return cls(ids, vectors, len(first.vector))

    def of(self, guard: int) -> tuple[list[str], NDArray[np.float32]]:
        none = np.empty((0, self.width), np.float32)
        return self.ids.get(guard, []), self.vectors.get(guard, none)


def _common_bands(bands: Hashes) -> dict[int, list[int]]:
    """By row, those of its hashes that another row of the page has, too; rows that have any."""
    _, places, counts = np.unique(bands, return_inverse=True, return_counts=True)
    rows, columns = np.nonzero((counts > 1)[places.reshape(bands.shape)])
    found: dict[int, list[int]] = {}
    for row, band in zip(rows.tolist(), bands[rows, columns].tolist(), strict=True):
        found.setdefault(row, []).append(band)
    return found


def _guarded(bands: Hashes, guards: Sequence[int]) -> Hashes:
    salts = np.array(guards, np.int64).view(np.uint64)[:, None]
    return mix(joined(bands, salts))


def _best(
    ids: Sequence[str], values: NDArray[np.floating], threshold: float, how: How
) -> Match | None:
    """Of equally similar ones the smallest id, so that the answer does not depend on order."""
    value, item_id = min(zip(-values, ids, strict=True))
    return Match(item_id, how, float(-value)) if -value >= threshold else None


def _row(item: IndexedItem) -> Signature:
    vector = None if item.vector is None else item.vector.astype("<f2").tobytes()
    return Signature(
        item_id=item.item_id,
        domain=item.domain,
        content_id=item.content_id,
        minhash=item.minhash,
        guard=item.guard,
        vector=vector,
        vector_model=item.vector_model,
    )
