"""Final places: duplicates and benchmark copies out, splits by source, no place ever moved."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsrl_assets.domains import Domain
from wsrl_assets.release.decontamination import BenchmarkError
from wsrl_assets.release.finalise import load_benchmarks, question_id, split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import Status
from wsrl_assets_tests.release.pairs import HALVES, Pair, finalised, plant
from wsrl_assets_tests.release.test_decontamination import LONG, SHORT


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def benchmark(tmp_path: Path, *texts: str, name: str = "bench.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps({"q": text}) + "\n" for text in texts), "utf-8")
    return path


def question(number: int) -> str:
    return f"In which year was canal number {number} of the kingdom opened to ships?"


class TestSplits:
    @settings(
        max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        pairs=st.lists(
            st.builds(
                Pair,
                question=st.integers(0, 30).map(question),
                source=st.sampled_from(["north", "south", "east", "west", "here", "there"]),
                passage=st.integers(0, 2),
            ),
            min_size=1,
            max_size=15,
            unique_by=lambda pair: pair.pair_id,
        ),
        first=st.integers(0, 15),
    )
    def test_no_source_spans_splits_and_new_data_moves_nothing(
        self, tmp_path_factory: pytest.TempPathFactory, pairs: list[Pair], first: int
    ) -> None:
        store = Store(tmp_path_factory.mktemp("home"))
        plant(store, pairs[:first])
        before = finalised(store)
        plant(store, pairs)
        after = finalised(store)

        splits = defaultdict(set)
        for pair in pairs:
            row = after[pair.pair_id]
            if row.status is Status.KEPT:
                splits[pair.parent_id].add(row.split)
        assert all(len(found) == 1 for found in splits.values())
        assert {name: after[name] for name in before} == before
        kept = [row.question_id for row in after.values() if row.status is Status.KEPT]
        assert len(kept) == len(set(kept)), "each question once"
        assert {row.question_id for row in after.values()} == set(kept)

    def test_a_second_run_places_nothing(self, store: Store) -> None:
        plant(store, [Pair(question(1)), Pair(question(2))])
        assert split_domain(store, Domain.MATH, "run", HALVES) == 2
        assert split_domain(store, Domain.MATH, "again", HALVES) == 0

    def test_another_seed_places_all_pairs_anew(self, store: Store) -> None:
        plant(store, [Pair(question(n), source=str(n)) for n in range(12)])
        before = finalised(store)
        after = finalised(store, settings=SplitSettings(0.25, 0.25, seed=1))
        assert set(after) == set(before)
        assert [row.split for row in after.values()] != [row.split for row in before.values()]
        assert {row.recipe for row in after.values()}.isdisjoint(
            row.recipe for row in before.values()
        )

    def test_only_kept_pairs_are_placed(self, store: Store) -> None:
        good, bad = Pair(question(1)), Pair(question(2), status=Status.REJECTED)
        plant(store, [good, bad])
        assert set(finalised(store)) == {good.pair_id}

    def test_a_domain_without_pairs_has_no_places(self, store: Store) -> None:
        assert split_domain(store, Domain.MATH, "run", HALVES) == 0


class TestDuplicates:
    def test_of_equal_questions_the_first_by_id_is_kept(self, store: Store) -> None:
        pairs = sorted(
            (Pair(question(1), source=source) for source in ("north", "south", "east")),
            key=lambda pair: pair.pair_id,
        )
        plant(store, pairs)
        rows = finalised(store)
        first, *others = (rows[pair.pair_id] for pair in pairs)
        assert (first.status, first.reason) == (Status.KEPT, None)
        for row in others:
            assert (row.status, row.reason) == (Status.REJECTED, "duplicate_question")
            assert row.detail == f"same as {first.pair_id}"
            assert row.split is None

    def test_one_that_was_placed_before_keeps_its_place(self, store: Store) -> None:
        low, high = sorted(
            (Pair(question(1), source=source) for source in ("north", "south")),
            key=lambda pair: pair.pair_id,
        )
        plant(store, [high])
        finalised(store)
        plant(store, [low])
        rows = finalised(store)
        assert rows[high.pair_id].status is Status.KEPT
        assert rows[low.pair_id].reason == "duplicate_question"

    @pytest.mark.parametrize(
        "other",
        ["when was it OPENED", "When  was it opened ?", "“When was it opened?”", "When was ıt"],
    )
    def test_case_spacing_and_punctuation_make_no_other_question(self, other: str) -> None:
        same = other != "When was ıt"
        assert (question_id("When was it opened?") == question_id(other)) is same


class TestContamination:
    def test_a_planted_copy_is_rejected_and_others_are_kept(
        self, store: Store, tmp_path: Path
    ) -> None:
        assert load_benchmarks(store, [benchmark(tmp_path, LONG, SHORT)]) > 1
        copies = [Pair(LONG), Pair("Tell me: " + LONG), Pair(SHORT)]
        clean = [Pair(question(1)), Pair("Which metal melts in a cold hand?")]
        plant(store, [*copies, *clean])
        rows = finalised(store)
        for pair in copies:
            assert rows[pair.pair_id].status is Status.REJECTED
            assert rows[pair.pair_id].reason == "contaminated"
            assert rows[pair.pair_id].split is None
        assert all(rows[pair.pair_id].status is Status.KEPT for pair in clean)

    def test_a_benchmark_that_comes_later_takes_pairs_back(
        self, store: Store, tmp_path: Path
    ) -> None:
        plant(store, [Pair(LONG), Pair(question(1))])
        assert finalised(store)[Pair(LONG).pair_id].status is Status.KEPT
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        rows = finalised(store)
        assert rows[Pair(LONG).pair_id].reason == "contaminated"
        assert rows[Pair(question(1)).pair_id].status is Status.KEPT

    def test_a_benchmark_that_goes_gives_them_back(self, store: Store, tmp_path: Path) -> None:
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        plant(store, [Pair(LONG)])
        assert finalised(store)[Pair(LONG).pair_id].status is Status.REJECTED
        assert load_benchmarks(store, []) == 0
        assert finalised(store)[Pair(LONG).pair_id].status is Status.KEPT

    def test_a_broken_benchmark_leaves_the_table_as_it_was(
        self, store: Store, tmp_path: Path
    ) -> None:
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        broken = tmp_path / "broken.jsonl"
        broken.write_text("{", "utf-8")
        with pytest.raises(BenchmarkError, match=r"broken\.jsonl, line 1"):
            load_benchmarks(store, [benchmark(tmp_path, SHORT, name="new.jsonl"), broken])
        plant(store, [Pair(LONG), Pair(SHORT)])
        rows = finalised(store)
        assert rows[Pair(LONG).pair_id].reason == "contaminated"
        assert rows[Pair(SHORT).pair_id].status is Status.KEPT
