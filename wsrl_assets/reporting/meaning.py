"""How unlike one another questions are by their embeddings: measures, and a map. Pure functions.

The map is a principal component analysis by numpy's singular value decomposition, and not UMAP or
t-SNE: those would be another dependency with a compiler behind it, draw another picture at each
seed, and place groups at distances that mean nothing. Two axes of a PCA hold only a part of what
tells questions apart; the map says how much, and the measures are taken over all dimensions.

What is taken on a sample is taken on one drawn by the hash of the pair id, so the same questions
give the same figures and the same map.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.reporting.diversity import sampled

MOST = 100_000
"""Embeddings that are held at once: of a larger release, those of so many pairs."""
MAPPED = 2_000
LEAST = 10
GROUPED = 10_000
"""Questions that are compared each with each."""
NEAR = QuestionSettings().meaning
"""Cosine from which two questions count as neighbours: where they are taken for one."""
_AXES = 2
_BLOCK = 4_096

_EDGE = 256

Vectors = NDArray[np.float32]
Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Questions with embeddings of one model.

    Attributes:
        model: its name or folder.
        pair_ids: the pairs whose questions they are.
        vectors: shape (pairs, dimensions), each of unit length.
    """

    model: str
    pair_ids: Sequence[str]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Spread:
    """Measures of how far apart questions lie.

    Attributes:
        questions: how many have an embedding.
        dimensions: of an embedding.
        sampled: how many of them the measures are taken on.
        nearest: mean cosine of a sampled question to the nearest other one of all, from -1 to 1;
            none if there is no other. One minus it is the Chamfer distance of Cox et al. (arXiv
            2101.06030). It rises as a data set grows; compare equal sizes.
        crowded: share of sampled questions whose nearest other one has a cosine of `NEAR` or more,
            semantic duplicates in the sense of SemDeDup (Abbas et al., arXiv 2303.09540).
        effective: effective number of questions in the sample, see `vendi_score`.
    """

    questions: int
    dimensions: int
    sampled: int
    nearest: float | None
    crowded: float | None
    effective: float


@dataclass(frozen=True, slots=True)
class LikeGroup:
    """Questions of which each has a cosine of `NEAR` or more to another one of them.

    Attributes:
        pair_ids: two or more.
        cosine: to its nearest one, of the question that is the least close.
    """

    pair_ids: Sequence[str]
    cosine: float


@dataclass(frozen=True, slots=True)
class QuestionMap:
    """Questions in the plane.

    Attributes:
        pair_ids: in the order of a hash, so that the order of drawing is random.
        places: shape (pairs, 2), along the first two principal axes of these questions.
        shares: the part of the variance that each axis holds.
    """

    pair_ids: Sequence[str]
    places: NDArray[np.float64]
    shares: tuple[float, float]


def embedded(rows: pl.DataFrame) -> Embedded | None:
    """Embeddings as the index of questions keeps them; none where they are too few to draw.

    Args:
        rows: columns `pair_id`, `vector` (little-endian float16, all of one width) and
            `vector_model` (one). A vector that has no direction (zero, or not finite) is left out.
    """
    if rows.is_empty():
        return None
    packed = np.frombuffer(b"".join(rows["vector"]), "<f2")
    vectors, usable = unit_rows(packed.reshape(rows.height, -1).astype(np.float32))
    if len(vectors) < LEAST:
        return None
    return Embedded(rows["vector_model"][0], rows.filter(usable)["pair_id"].to_list(), vectors)


def spread(found: Embedded, most: int = MAPPED) -> Spread:
    """The measures of some questions, on at most so many of them."""
    chosen = _chosen(found, most)
    cosines = nearest_cosines(found.vectors, chosen)
    alone = len(cosines) == 0
    return Spread(
        questions=len(found.vectors),
        dimensions=found.vectors.shape[1],
        sampled=len(chosen),
        nearest=None if alone else float(cosines.mean()),
        crowded=None if alone else float((cosines >= NEAR).mean()),
        effective=vendi_score(found.vectors[chosen]),
    )


def question_map(found: Embedded, most: int = MAPPED) -> QuestionMap:
    """At most so many of the questions in the plane."""
    chosen = _chosen(found, most)
    places, shares = principal_axes(found.vectors[chosen])
    return QuestionMap([found.pair_ids[position] for position in chosen], places, shares)


def like_groups(found: Embedded) -> list[LikeGroup]:
    """The groups of like questions, the largest first, then the closest; most are in none.

    Takes the square of the number of questions; memory does not.
    """
    cosines = nearest_cosines(found.vectors, range(len(found.vectors)))
    left = np.flatnonzero(cosines >= NEAR)
    groups = []
    while left.size:
        group, left = _grown(found.vectors, left)
        ids = sorted(found.pair_ids[position] for position in group)
        groups.append(LikeGroup(ids, float(cosines[group].min())))
    return sorted(groups, key=lambda group: (-len(group.pair_ids), -group.cosine, group.pair_ids))


def _grown(vectors: Vectors, left: Positions) -> tuple[Positions, Positions]:
    """The group of the first of some positions, and those of them that are not in it."""
    group, left = left[:1], left[1:]
    done = 0
    while done < len(group) and left.size:
        edge = group[done : done + _EDGE]
        done += len(edge)
        reached = (vectors[left] @ vectors[edge].T >= NEAR).any(axis=1)
        group, left = np.concatenate([group, left[reached]]), left[~reached]
    return group, left


def unit_rows(vectors: Vectors) -> tuple[Vectors, NDArray[np.bool_]]:
    """The rows that have a direction, made of unit length, and which of the rows these are."""
    # In double precision, where squares of single precision neither vanish nor overflow.
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    usable = np.isfinite(lengths) & (lengths > 0)
    unit: Vectors = (vectors[usable] / lengths[usable, None]).astype(np.float32)
    return unit, usable


def principal_axes(vectors: Vectors) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Where vectors lie along their first two principal axes, and the variance that each holds.

    An axis has no direction of its own: it is turned so that its largest loading is positive.

    Returns:
        Places, shape (vectors, 2), and two shares of the variance; zeros along an axis that the
        vectors do not have, as all that are alike.
    """
    places = np.zeros((len(vectors), _AXES))
    shares = [0.0] * _AXES
    if not len(vectors):
        return places, (0.0, 0.0)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    total = float((sizes**2).sum())
    # Of vectors that are all alike, rounding alone would make a map.
    if total <= len(vectors) * np.finfo(np.float32).eps ** 2:
        return places, (0.0, 0.0)
    for number, axis in enumerate(axes[:_AXES]):
        sign = 1.0 if axis[np.argmax(np.abs(axis))] >= 0 else -1.0
        places[:, number] = centred @ axis * sign
        shares[number] = float(sizes[number] ** 2) / total
    return places, (shares[0], shares[1])


def nearest_cosines(vectors: Vectors, chosen: Sequence[int]) -> NDArray[np.float32]:
    """Of each chosen vector of unit length, the cosine to the nearest other one of all.

    Empty if there is no other one. Memory does not grow with the number of vectors.
    """
    if len(vectors) < 2:
        return np.empty(0, np.float32)
    own = np.asarray(chosen)
    parts = [own[first : first + _BLOCK] for first in range(0, len(own), _BLOCK)]
    return np.concatenate([np.empty(0, np.float32), *(_nearest(vectors, part) for part in parts)])


def _nearest(vectors: Vectors, own: Positions) -> Vectors:
    best = np.full(len(own), -1, np.float32)
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[own] @ vectors[start : start + _BLOCK].T
        here = np.flatnonzero((own >= start) & (own < start + _BLOCK))
        cosines[here, own[here] - start] = -1
        best = np.maximum(best, cosines.max(axis=1))
    return np.clip(best, -1, 1)


def vendi_score(vectors: Vectors) -> float:
    """The effective number of vectors of unit length (Friedman and Dieng, arXiv 2210.02410).

    The exponential of the entropy of the eigenvalues of K / n, where K holds the cosines of all
    n vectors: 1 if they are all the same, n if each two are at right angles; 0 of none. With
    cosines it is at most the number of dimensions.
    """
    if not len(vectors):
        return 0.0
    # The eigenvalues of K are the squares of the singular values, without K.
    values = np.linalg.svd(vectors.astype(np.float64), compute_uv=False) ** 2
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _chosen(found: Embedded, most: int) -> list[int]:
    places = {pair_id: place for place, pair_id in enumerate(found.pair_ids)}
    return [places[pair_id] for pair_id in sampled(found.pair_ids, most)]
