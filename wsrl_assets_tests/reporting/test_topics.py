"""Groups are found where documents are crowded, and nowhere else."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from wsrl_assets.reporting import topics
from wsrl_assets.reporting.topics import (
    LEAST,
    as_one_group,
    content_words,
    find_groups,
    telling_words,
    word_vectors,
)

COMMON = [f"the{letter}" for letter in "abcdefghij"]
TOPICS = {
    "law": "court statute judge appeal contract tort plaintiff verdict clause bailiff".split(),
    "loom": "loom warp weft yarn shuttle dye fibre twill spindle bobbin".split(),
    "bee": "hive brood swarm nectar queen drone pollen comb wax apiary".split(),
}


def about(topic: str | None, rng: Random) -> list[str]:
    """The words of a document: common ones, some of no topic, and a few of its topic."""
    bare = [f"any{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(300)]
    own = rng.choices(TOPICS[topic], k=25) if topic else []
    return rng.choices(COMMON, k=60) + rng.choices(bare, k=40) + own


def vectors_of(documents: list[list[str]]) -> NDArray[np.float32]:
    """Their vectors where there are no others."""
    held = Counter(word for document in documents for word in set(document))
    return word_vectors(documents, held, len(documents))


def written(seed: int = 1, **counts: int) -> list[list[str]]:
    """So many documents about each topic, in turn; `misc` is about none."""
    rng = Random(seed)
    topics = [topic for topic, count in counts.items() for _ in range(count)]
    return [about(None if topic == "misc" else topic, rng) for topic in topics]


@pytest.mark.parametrize("count", [LEAST, 60, 100, 400])
@pytest.mark.parametrize("seed", range(3))
def test_documents_of_random_words_are_no_groups(count: int, seed: int) -> None:
    rng = Random(seed)
    words = [
        f"w{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(3000)
    ]
    weights = [1 / (n + 1) for n in range(3000)]
    documents = [rng.choices(words, weights, k=200) for _ in range(count)]
    assert find_groups(vectors_of(documents)) == []


def test_each_topic_is_a_group_of_its_documents() -> None:
    found = find_groups(vectors_of(written(law=40, loom=30, bee=20)))
    members = [sorted(group.members) for group in found]
    assert members == [list(range(40)), list(range(40, 70)), list(range(70, 90))]


def test_a_topic_stands_out_from_documents_of_no_topic() -> None:
    found = find_groups(vectors_of(written(law=30, misc=60)))
    (law,) = [group for group in found if set(group.members) & set(range(30))]
    inside = set(law.members) & set(range(30))
    assert len(inside) >= 27
    assert len(law.members) - len(inside) <= 2


def test_the_same_documents_give_the_same_groups() -> None:
    documents = written(law=40, loom=40, misc=20)
    assert find_groups(vectors_of(documents)) == find_groups(vectors_of(documents))


def test_few_documents_are_not_grouped() -> None:
    assert find_groups(vectors_of(written(law=20, loom=LEAST - 21))) == []
    assert find_groups(vectors_of([])) == []


def test_documents_without_a_usable_word_belong_to_no_group() -> None:
    documents = [*written(law=30, loom=30), *[[f"only{n}"] for n in range(10)]]
    members = {place for group in find_groups(vectors_of(documents)) for place in group.members}
    assert members == set(range(60))


def test_documents_that_are_all_alike_are_no_groups() -> None:
    assert find_groups(np.ones((60, 5), np.float32)) == []


def test_one_topic_against_others_is_one_group() -> None:
    own, others = written(law=40), written(2, loom=60, bee=60)
    found = as_one_group(vectors_of([*own, *others]), len(own))
    assert found is not None
    assert sorted(found.members) == list(range(40))


def test_what_is_like_the_others_is_no_group() -> None:
    mixed = written(law=20, loom=20, bee=20)
    others = written(2, law=60, loom=60, bee=60)
    assert as_one_group(vectors_of([*mixed, *others]), len(mixed)) is None
    assert as_one_group(vectors_of(mixed), len(mixed)) is None


class TestTellingWords:
    def told(self, inside: list[list[str]], outside: list[list[str]]) -> list[str]:
        held = [set(document) for document in inside]
        everywhere = Counter(word for one in (*inside, *outside) for word in set(one))
        return telling_words(held, everywhere, len(inside) + len(outside), 5)

    def test_they_are_those_of_the_topic(self) -> None:
        found = self.told(written(law=40), written(2, loom=40, misc=40))
        assert len(found) == 5
        assert set(found) <= set(TOPICS["law"])

    def test_one_document_makes_none_by_repeating_it(self) -> None:
        inside = [*written(law=40), ["obey"] * 1_000]
        assert "obey" not in self.told(inside, written(2, loom=40))

    def test_a_word_of_every_document_tells_nothing(self) -> None:
        assert not set(COMMON) & set(self.told(written(law=40), written(2, loom=80)))


def test_figures_and_scraps_are_no_content_words() -> None:
    text = "In 1969 the Eagle landed on b2 by AI; naïve 月 हिन्दी " + "x" * 40
    assert content_words(text) == ["the", "eagle", "landed", "naïve", "月", "हिन्दी"]


@pytest.mark.parametrize("shape", [(60, 200), (200, 60), (50, 6), (45, 9)])
def test_few_axes_are_those_of_a_full_decomposition(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(7)
    vectors = random.random(shape, dtype=np.float32) * (random.random(shape) < 0.2)
    vectors[3] = 0
    usable, points = topics._reduced(vectors.astype(np.float32))
    rows = vectors[usable].astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows -= rows.mean(axis=0)
    values, axes = np.linalg.eigh(rows @ rows.T)
    full = axes[:, -topics._AXES :] * np.sqrt(np.maximum(values[-topics._AXES :], 0))
    full /= np.linalg.norm(full, axis=1, keepdims=True)
    assert 3 not in usable
    assert np.allclose(points @ points.T, full @ full.T, atol=1e-8)


def test_documents_that_are_all_alike_make_no_points() -> None:
    vectors = np.tile(np.arange(300, dtype=np.float32) % 7, (80, 1))
    assert topics._reduced(vectors)[1].shape == (0, topics._AXES)
