"""The index of what is kept: similar texts are found, in any order, in any number of goes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.similar import IndexedItem, Match, SimilarItems
from wsrl_assets.storage.tables import Signature, SignatureBand
from wsrl_assets.text.minhash import MinHashSettings, signature, signature_matrix, similarity
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import rows
from wsrl_assets_tests.text.test_minhash import edited, text

SETTINGS = MinHashSettings()
INDEX = Partition.library("index")
REUSED = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def item(name: str, body: str, **others: object) -> IndexedItem:
    minhash = signature(body, SETTINGS)
    return IndexedItem(name, "math", content_id(body), minhash, **others)  # type: ignore[arg-type]


@contextmanager
def page(store: Store, items: Sequence[IndexedItem]) -> Iterator[SimilarItems]:
    with store.transaction(INDEX) as transaction:
        index = SimilarItems(transaction, items, SETTINGS)
        yield index
        index.save()


def claim_all(store: Store, items: Sequence[IndexedItem]) -> dict[str, Match | None]:
    """Keeps what is similar to nothing; what each item was found to be like."""
    found = {}
    with page(store, items) as index:
        for position, new in enumerate(items):
            found[new.item_id] = index.match(position)
            if found[new.item_id] is None:
                index.claim(position)
    return found


def like(store: Store, body: str) -> str | None:
    with page(store, [item("asked", body)]) as index:
        match = index.match(0)
    return match.item_id if match else None


def originals(store: Store) -> None:
    claim_all(store, [item("original", text(1)), item("other", text(2))])


@pytest.mark.parametrize(
    "copy",
    [
        text(1),
        text(1).upper(),
        text(1).replace(" ", "\n\n"),
        text(1).replace(" ", ", "),
        edited(text(1), 3),
        text(1) + " " + text(2, 20),
        " ".join(text(1).split()[15:]),
    ],
)
def test_a_copy_with_small_changes_is_found(store: Store, copy: str) -> None:
    originals(store)
    assert like(store, copy) == "original"


@pytest.mark.parametrize(
    "other",
    [
        text(3),
        edited(text(1), 60),
        " ".join(text(1).split()[:150]) + " " + text(4, 150),
        " ".join(sorted(text(1).split())),
        "",
        "one two",
    ],
)
def test_another_text_is_not(store: Store, other: str) -> None:
    originals(store)
    assert like(store, other) is None


@pytest.mark.parametrize("body", ["", "...", "word", "a b c d", "é" * 10])
def test_short_and_empty_texts_are_like_themselves(store: Store, body: str) -> None:
    claim_all(store, [item("same", body)])
    assert like(store, body) == "same"


def test_hardly_any_copy_above_the_threshold_is_missed(store: Store) -> None:
    claim_all(store, [item(str(seed), text(seed)) for seed in range(60)])
    copies = [item(f"copy {seed}", edited(text(seed), 7, seed)) for seed in range(60)]  # about 0.8
    with page(store, copies) as index:
        found = [index.match(position) for position in range(60)]
    assert sum(m is not None and m.item_id == str(n) for n, m in enumerate(found)) >= 58


def test_unlike_texts_are_all_kept(store: Store) -> None:
    found = claim_all(store, [item(str(seed), text(seed)) for seed in range(100)])
    assert set(found.values()) == {None}
    assert len(rows(store, Signature, INDEX)) == 100


def test_an_item_is_not_its_own_duplicate_and_is_written_once(store: Store) -> None:
    items = [item("original", text(1)), item("other", text(2))]
    assert claim_all(store, items) == claim_all(store, items)
    assert len(rows(store, Signature, INDEX)) == 2
    bands = rows(store, SignatureBand, INDEX)
    assert len(bands) == len({(band.band, band.item_id) for band in bands})


def test_what_is_released_is_forgotten(store: Store) -> None:
    originals(store)
    items = [item("original", text(1)), item("copy", edited(text(1), 3))]
    with page(store, items) as index:
        index.release(0)
        assert index.match(1) is None
        index.claim(1)
    assert like(store, text(1)) == "copy"
    assert {row.item_id for row in rows(store, SignatureBand, INDEX)} == {"copy", "other"}


def test_texts_with_another_guard_are_not_compared_unless_they_are_equal(store: Store) -> None:
    claim_all(store, [item("original", text(1), guard=1)])
    near, same = item("near", edited(text(1), 3), guard=2), item("same", text(1), guard=2)
    found = claim_all(store, [near, same])
    assert found["near"] is None
    assert found["same"] == Match("original", "content", 1.0)


class TestMeaning:
    def vector(self, angle: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.array([np.cos(angle), np.sin(angle), 0], np.float32)

    def asked(
        self, name: str, seed: int, angle: float, guard: int = 1, model: str = "m"
    ) -> IndexedItem:
        vector = self.vector(angle)
        return item(name, text(seed, 20), guard=guard, vector=vector, vector_model=model)

    def test_near_vectors_match_in_the_page_and_in_the_index(self, store: Store) -> None:
        first = claim_all(store, [self.asked("a", 1, 0.0), self.asked("b", 2, 0.1)])
        assert first["b"] is not None
        assert (first["b"].item_id, first["b"].how) == ("a", "meaning")
        later = claim_all(store, [self.asked("c", 3, 0.2), self.asked("d", 4, 1.5)])
        assert later["c"] is not None
        assert later["c"].item_id == "a"
        assert later["c"].similarity == pytest.approx(np.cos(0.2), abs=1e-3)
        assert later["d"] is None

    @pytest.mark.parametrize(("guard", "model"), [(2, "m"), (1, "another")])
    def test_other_guards_and_other_models_are_not_compared(
        self, store: Store, guard: int, model: str
    ) -> None:
        claim_all(store, [self.asked("a", 1, 0.0)])
        assert claim_all(store, [self.asked("b", 2, 0.0, guard, model)])["b"] is None

    def test_an_item_that_was_kept_without_a_vector_gets_one(self, store: Store) -> None:
        claim_all(store, [item("a", text(1, 20), guard=1)])
        claim_all(store, [self.asked("a", 1, 0.0)])
        (row,) = rows(store, Signature, INDEX)
        assert row.vector_model == "m"
        assert claim_all(store, [self.asked("b", 2, 0.1)])["b"] is not None


@pytest.mark.parametrize("order", ["012345", "543210", "304152"])
def test_the_most_similar_one_does_not_depend_on_the_order_of_adding(
    store: Store, order: str
) -> None:
    bodies = [edited(text(1), 2, seed=n) for n in range(4)] + [text(8), text(9)]
    with page(store, [item(n, bodies[int(n)]) for n in order]) as index:
        for position in range(6):
            index.claim(position)
    wanted = signature_matrix([signature(body, SETTINGS) for body in [text(1), *bodies]], SETTINGS)
    assert like(store, text(1)) == str(similarity(wanted[0], wanted[1:]).argmax())


@REUSED
@given(
    documents=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), max_size=12),
    stop=st.integers(0, 12),
)
def test_two_pages_decide_as_one(
    tmp_path_factory: pytest.TempPathFactory, documents: list[tuple[int, int]], stop: int
) -> None:
    bodies = dict.fromkeys(edited(text(seed), changes, changes) for seed, changes in documents)
    items = [item(str(number), body) for number, body in enumerate(bodies)]
    one, two = (Store(tmp_path_factory.mktemp("home")) for _ in range(2))
    at_once = claim_all(one, items)
    assert claim_all(two, items[:stop]) | claim_all(two, items[stop:]) == at_once
