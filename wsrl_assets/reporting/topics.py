"""Groups of documents that are alike, and the words that tell one from the rest. Pure functions.

Documents are points: TF-IDF vectors of their words or embeddings, centred and reduced to a few
principal axes (latent semantic analysis), and grouped by k-means. How many groups there are, and
which of them count, is said by the silhouette (Rousseeuw, 1987). The same documents in the same
order give the same groups.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsrl_assets.text.normalisation import words

LEAST = 40
"""Fewer documents are not grouped: at random, some of them are always alike."""
ALIKE = 0.42
"""Silhouette from which a group counts. Groups in texts of random words stay below it."""
MOST_GROUPS = 8
_AXES = 8
_SMALLEST = 8
_SMALLEST_SHARE = 0.05
_VOCABULARY = 4_000
_LEAST_HOLDERS = 3
_MOST_HOLDERS = 0.5
_LEAST_CHARS = 3
_MOST_CHARS = 30
# The fewest groups that are nearly as good as the best: domains are coarse.
_NEARLY = 0.95
_PRIOR = 10.0

Points = NDArray[np.float64]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Group:
    """Documents that are alike.

    Attributes:
        members: their positions, those nearest to the middle of the group first.
        silhouette: mean over the members, from -1 to 1: how much nearer they are to one another
            than to the nearest other group.
    """

    members: Sequence[int]
    silhouette: float


def content_words(text: str) -> list[str]:
    """The words of a text that may tell a topic: no figures, no very short and no long ones.

    Scripts that write no spaces have single characters as words; those stay.
    """
    return [word for word in words(text) if _may_tell(word)]


def word_vectors(
    documents: Sequence[Sequence[str]], everywhere: Mapping[str, int], total: int
) -> Matrix:
    """TF-IDF vectors of documents that are split into words, shape (documents, vocabulary).

    The vocabulary is what three of these documents hold, and at most half of all; a document with
    nothing of it is a row of zeros.

    Args:
        documents: the words of each.
        everywhere: how many documents hold each word, over all domains: a topic that fills one
            domain is rare among all.
        total: how many there are over all domains.
    """
    holders = Counter(word for document in documents for word in set(document))
    usable = [
        word
        for word, held in holders.items()
        if held >= _LEAST_HOLDERS and everywhere[word] <= _MOST_HOLDERS * total
    ]
    vocabulary = sorted(usable, key=lambda word: (-holders[word], word))[:_VOCABULARY]
    places = {word: place for place, word in enumerate(vocabulary)}
    rarity = [math.log(total / everywhere[word]) for word in vocabulary]
    vectors = np.zeros((len(documents), len(vocabulary)), np.float32)
    for row, document in enumerate(documents):
        for word, times in Counter(document).items():
            place = places.get(word)
            if place is not None:
                vectors[row, place] = (1 + math.log(times)) * rarity[place]
    return vectors


def find_groups(vectors: Matrix) -> list[Group]:
    """The groups of documents that count, the largest first; none where nothing is crowded.

    Args:
        vectors: a row a document; rows of zeros belong to no group.
    """
    usable, points = _reduced(vectors)
    if len(points) < LEAST:
        return []
    tried = [_split(points, groups) for groups in range(2, MOST_GROUPS + 1)]
    best = max(float(silhouettes.mean()) for _, silhouettes in tried)
    labels, silhouettes = next(one for one in tried if one[1].mean() >= _NEARLY * best)
    smallest = max(_SMALLEST, _SMALLEST_SHARE * len(points))
    found = []
    for label in range(labels.max() + 1):
        inside = np.flatnonzero(labels == label)
        if len(inside) >= smallest and silhouettes[inside].mean() >= ALIKE:
            found.append(_group(usable, points, inside, float(silhouettes[inside].mean())))
    return sorted(found, key=lambda group: (-len(group.members), group.members[0]))


def as_one_group(vectors: Matrix, own: int) -> Group | None:
    """The first `own` rows as one group, if they are one against all rows behind them."""
    usable, points = _reduced(vectors)
    labels = (usable >= own).astype(np.int64)
    inside = np.flatnonzero(labels == 0)
    if len(inside) < LEAST or len(inside) == len(points):
        return None
    silhouette = float(_silhouettes(points, labels)[inside].mean())
    return _group(usable, points, inside, silhouette) if silhouette >= ALIKE else None


def telling_words(
    inside: Sequence[Collection[str]], everywhere: Mapping[str, int], total: int, most: int
) -> list[str]:
    """The words that tell some documents from the rest, the most telling first.

    Ranked by the z-score of the log-odds of holding the word, with a prior by how common it is
    (Monroe et al., 2008). Counted are documents, so that none makes a word by repeating it; a word
    stands in a quarter of those inside, and at twice the rate of the others.

    Args:
        inside: the distinct words of each of them.
        everywhere: how many of all documents hold each word, those inside included.
        total: how many there are of all.
        most: how many words to return.
    """
    held = Counter(word for document in inside for word in document)
    within, outside = len(inside), max(total - len(inside), 1)
    scores = {}
    for word, count in held.items():
        elsewhere = everywhere[word] - count
        is_frequent = count >= max(_LEAST_HOLDERS, within / 4)
        if is_frequent and count / within >= 2 * elsewhere / outside:
            prior = _PRIOR * everywhere[word] / total
            scores[word] = _z_score(count, within, elsewhere, outside, prior)
    return sorted(scores, key=lambda word: (-scores[word], word))[:most]


def _may_tell(word: str) -> bool:
    least = _LEAST_CHARS if word.isascii() else 1
    return least <= len(word) <= _MOST_CHARS and not any(map(str.isnumeric, word))


def _z_score(count: int, within: int, elsewhere: int, outside: int, prior: float) -> float:
    odds = [
        math.log((held + prior) / (of - held + _PRIOR - prior + 1))
        for held, of in ((count, within), (elsewhere, outside))
    ]
    return (odds[0] - odds[1]) / math.sqrt(1 / (count + prior) + 1 / (elsewhere + prior))


def _reduced(vectors: Matrix) -> tuple[NDArray[np.int64], Points]:
    """The rows that are not zero, and their points of unit length on the principal axes."""
    # A second to import; most commands and pages do without.
    from scipy.sparse import csr_array
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize

    usable = np.flatnonzero(vectors.any(axis=1))
    if not len(usable):
        return usable, np.zeros((0, _AXES))
    # Most words stand in few documents: dense in this precision they would take ten times as much.
    rows = normalize(csr_array(vectors)[usable].astype(np.float64))
    # Of documents that are all alike, rounding alone would make points.
    if 1 - np.square(rows.mean(axis=0)).sum() <= np.finfo(np.float32).eps:
        return usable[:0], np.zeros((0, _AXES))
    # All axes of 4,000 documents take half a minute of processor, these few a second.
    if min(rows.shape) > _AXES:
        points = PCA(_AXES, svd_solver="arpack", random_state=0).fit_transform(rows)
    else:
        points = PCA(svd_solver="full").fit_transform(rows.toarray())
    return usable, normalize(points)


def _split(points: Points, groups: int) -> tuple[NDArray[np.int64], Points]:
    """The label of each point, and its silhouette by cosine distance."""
    from sklearn.cluster import KMeans

    means = KMeans(groups, init=_far_apart(points, groups), n_init=1)
    labels = means.fit_predict(points)
    return labels, _silhouettes(points, labels)


def _far_apart(points: Points, count: int) -> Points:
    """Points to begin with. At random ones, k-means also finds groups in texts of random words."""
    chosen = [int(np.argmax(points @ points.mean(axis=0)))]
    nearest = points @ points[chosen[0]]
    while len(chosen) < count:
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, points @ points[chosen[-1]])
    return points[chosen]


def _silhouettes(points: Points, labels: NDArray[np.int64]) -> Points:
    from sklearn.metrics import silhouette_samples

    if len(np.unique(labels)) < 2:  # fewer points differ than groups were asked for
        return np.zeros(len(points))
    found: Points = silhouette_samples(points, labels, metric="cosine")
    return found


def _group(
    usable: NDArray[np.int64], points: Points, inside: NDArray[np.int64], silhouette: float
) -> Group:
    nearness = points[inside] @ points[inside].sum(axis=0)
    order = np.argsort(-nearness, kind="stable")
    return Group(usable[inside[order]].tolist(), silhouette)
