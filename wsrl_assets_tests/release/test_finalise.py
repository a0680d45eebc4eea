"""Final places: duplicates and benchmark copies out, nothing in two splits, no place ever moved."""

from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wsrl_assets.release import finalise
from wsrl_assets.release.decontamination import load_benchmarks
from wsrl_assets.release.finalise import split_domain, stale_domains
from wsrl_assets.release.questions import QuestionSettings, question_id
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.claims import DOCUMENT_INDEX
from wsrl_assets.storage.tables import DocumentLink, FinalSplit, Status, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.factories import balances
from wsrl_assets_tests.release.pairs import HALVES, Pair, finalised, plant
from wsrl_assets_tests.release.test_decontamination import LONG, SHORT, benchmark


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def question(number: int) -> str:
    return f"In which year was canal number {number} of the kingdom opened to ships?"


SOURCES = ["north", "south", "east", "west", "here", "there"]
DOMAINS = [Domain.MATH, Domain.OTHER]


def some_pairs(max_size: int) -> st.SearchStrategy[list[Pair]]:
    """Pairs that share sources, clusters of documents and questions, near and equal ones."""
    pair = st.builds(
        Pair,
        question=st.tuples(st.integers(0, 6), st.sampled_from(["", " ", "!", " at last"])).map(
            lambda parts: question(parts[0]) + parts[1]
        ),
        source=st.sampled_from(SOURCES),
        passage=st.integers(0, 2),
        cluster=st.sampled_from([None, None, "cluster 1", "cluster 2"]),
    )
    return st.lists(
        pair,
        min_size=1,
        max_size=max_size,
        unique_by=lambda pair: (pair.question, pair.source, pair.passage),
    ).map(one_cluster_a_document)


def one_cluster_a_document(pairs: list[Pair]) -> list[Pair]:
    clusters: dict[str, str | None] = {}
    return [replace(p, cluster=clusters.setdefault(p.text, p.cluster)) for p in pairs]


def domain_of(pair: Pair) -> Domain:
    """Passages of one source may be of different domains; a document is of one."""
    return DOMAINS[(len(pair.source) + pair.passage) % 2]


def place(store: Store, pairs: list[Pair], order: list[Domain] = DOMAINS) -> dict[str, FinalSplit]:
    found: dict[str, FinalSplit] = {}
    for domain in order:
        plant(store, [pair for pair in pairs if domain_of(pair) is domain], domain)
        found |= finalised(store, domain)
    return found


def splits_by(places: dict[str, FinalSplit], pairs: list[Pair], key: str) -> dict[str, set[str]]:
    """The splits of the kept pairs that have something in common."""
    found: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        row = places[pair.pair_id]
        if row.split is not None:
            found[str(getattr(pair if hasattr(pair, key) else row, key))].add(row.split)
    return found


def asks(pair: Pair) -> str:
    """The question that a pair asks, however it is written."""
    return pair.question.removesuffix(" at last").rstrip(" !")


class TestSplits:
    # Each example makes files; to shrink one that fails would take minutes.
    @settings(
        max_examples=6,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(pairs=some_pairs(14), first=st.integers(0, 14), order=st.permutations(DOMAINS))
    def test_nothing_spans_two_splits_and_new_data_moves_nothing(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        pairs: list[Pair],
        first: int,
        order: list[Domain],
    ) -> None:
        """No source, no document, no cluster of documents, no question; over all domains."""
        store = Store(tmp_path_factory.mktemp("home"))
        before = place(store, pairs[:first], order)
        after = place(store, pairs, order[::-1])

        for key in ("parent_id", "doc_id", "document_cluster", "question_id", "cluster_id"):
            assert all(len(found) == 1 for found in splits_by(after, pairs, key).values()), key
        kept = [pair for pair in pairs if after[pair.pair_id].status is Status.KEPT]
        assert len({asks(pair) for pair in kept}) == len(kept), "each question once"
        assert {name: after[name] for name in before} == before
        for pair in pairs:
            row = after[pair.pair_id]
            if row.reason in ("duplicate_question", "near_duplicate_question"):
                assert row.cluster_id in {
                    other.pair_id for other in kept if asks(other) == asks(pair)
                }
            else:
                assert (row.reason == "split_conflict") == (row.split is None)
        assert {asks(p) for p in pairs} == {asks(p) for p in kept} | {
            asks(p) for p in pairs if after[p.pair_id].reason == "split_conflict"
        }

    def test_a_document_that_joins_two_clusters_of_different_splits_is_dropped(
        self, store: Store
    ) -> None:
        """Old pairs stay where they are, and the newcomer belongs nowhere."""
        singles = [Pair(question(n), source=str(n), cluster=f"of {n}") for n in range(8)]
        old = place(store, singles)
        one = singles[0]
        other = next(p for p in singles if old[p.pair_id].split != old[one.pair_id].split)
        new = Pair(question(99), source="new")
        with store.transaction(DOCUMENT_INDEX) as transaction:
            transaction.merge(
                [
                    DocumentLink(doc_id=name, parent_id=new.parent_id, cluster_id=pair.cluster)
                    for name, pair in (("first passage", one), ("second passage", other))
                ]
            )
        places = place(store, [*singles, new])
        assert places[new.pair_id].reason == "split_conflict"
        assert str(places[new.pair_id].detail).count(" is in ") == 2
        assert {name: places[name] for name in old} == old

    def test_a_source_that_repeats_a_passage_goes_with_the_other_source(self, store: Store) -> None:
        old = place(store, [Pair(question(n), source=f"old {n}") for n in range(3)])
        for number in range(3):
            first = Pair(question(number), source=f"old {number}")
            new = Pair(question(100 + number), source=f"new {number}")
            with store.transaction(DOCUMENT_INDEX) as transaction:
                transaction.merge(
                    [DocumentLink(doc_id=content_id(first.text), parent_id=new.parent_id)]
                )
            assert place(store, [new])[new.pair_id].split == old[first.pair_id].split

    def test_a_tie_that_is_found_later_moves_nothing_when_pairs_are_placed_anew(
        self, store: Store, tmp_path: Path
    ) -> None:
        pairs = [Pair(question(n), source=str(n)) for n in range(8)]
        before = place(store, pairs)
        links = [
            DocumentLink(doc_id="d", parent_id=pair.parent_id, cluster_id="one cluster of all")
            for pair in pairs
        ]
        with store.transaction(DOCUMENT_INDEX) as transaction:
            transaction.merge([replace(link, doc_id=str(n)) for n, link in enumerate(links)])
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        after = place(store, pairs)
        assert {n: row.split for n, row in after.items()} == {
            n: row.split for n, row in before.items()
        }

    def test_a_second_run_places_nothing(self, store: Store) -> None:
        plant(store, [Pair(question(1)), Pair(question(2))])
        assert split_domain(store, Domain.MATH, "run", HALVES) == 2
        assert split_domain(store, Domain.MATH, "again", HALVES) == 0

    def test_another_seed_places_all_pairs_anew(self, store: Store) -> None:
        plant(store, [Pair(question(n), source=str(n)) for n in range(8)])
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
            assert row.cluster_id == first.cluster_id == first.pair_id
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

    def test_a_question_of_another_domain_is_a_duplicate_too(self, store: Store) -> None:
        plant(store, [Pair(question(1), source="north")])
        plant(store, [Pair(question(1), source="south"), Pair(question(2))], Domain.OTHER)
        finalised(store)
        reasons = {row.question_id: row.reason for row in finalised(store, Domain.OTHER).values()}
        assert reasons == {
            question_id(question(1)): "duplicate_question",
            question_id(question(2)): None,
        }

    @pytest.mark.parametrize("domain", [Domain.MATH, Domain.OTHER])
    def test_nearly_the_same_wording_with_the_same_answer_is_a_duplicate(
        self, store: Store, domain: Domain
    ) -> None:
        near = "In which year was canal number 1 of the kingdom finally opened to ships?"
        plant(store, [Pair(question(1), source="north")])
        finalised(store)
        plant(store, [Pair(near, source="south")], domain)
        row = finalised(store, domain)[Pair(near, source="south").pair_id]
        assert row.reason == "near_duplicate_question"
        assert row.cluster_id == Pair(question(1), source="north").pair_id
        assert "similar in wording" in str(row.detail)

    @pytest.mark.parametrize(
        "other",
        [
            Pair("In which year was canal number 1 of the kingdom finally opened?", answer="1870"),
            Pair(question(2)),
            Pair("Which year saw the first ships on canal number 1?"),
        ],
    )
    def test_another_answer_another_number_or_other_words_make_another_question(
        self, store: Store, other: Pair
    ) -> None:
        plant(store, [Pair(question(1)), other])
        assert all(row.status is Status.KEPT for row in finalised(store).values())

    def test_a_pair_that_verification_takes_back_gives_its_question_free(
        self, store: Store
    ) -> None:
        one, other = Pair(question(1), source="north"), Pair(question(1), source="south")
        plant(store, [one])
        finalised(store)
        plant(store, [replace(one, status=Status.REJECTED), other])
        rows = finalised(store)
        assert set(rows) == {other.pair_id}
        assert rows[other.pair_id].status is Status.KEPT
        account = next(a for a in balances(store) if a.stage == "final_splits")
        assert account.balanced

    @pytest.mark.parametrize("domain", [Domain.MATH, Domain.OTHER])
    def test_a_question_that_gave_way_is_let_in_when_the_other_is_taken_back(
        self, store: Store, domain: Domain
    ) -> None:
        one, other = Pair(question(1), source="north"), Pair(question(1), source="south")
        plant(store, [one])
        finalised(store)
        plant(store, [other], domain)
        assert finalised(store, domain)[other.pair_id].reason == "duplicate_question"
        plant(store, [replace(one, status=Status.REJECTED)])
        finalised(store)
        assert finalised(store, domain)[other.pair_id].status is Status.KEPT

    @pytest.mark.parametrize(
        "other",
        ["when was it OPENED", "When  was it opened ?", "“When was it opened?”", "When was ıt"],
    )
    def test_case_spacing_and_punctuation_make_no_other_question(self, other: str) -> None:
        same = other != "When was ıt"
        assert (question_id("When was it opened?") == question_id(other)) is same


class TestMeanwhile:
    """Another run works on the domain while this one places its pairs."""

    def test_a_pair_that_has_gone_is_not_placed_and_its_question_is_free(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone, stays = Pair(question(1), source="north"), Pair(question(2), source="south")
        plant(store, [gone, stays])
        decide = finalise._Page.decide

        def overtaken(page: finalise._Page, *arguments: Any) -> list[finalise.Place]:
            places = decide(page, *arguments)
            with Store(store.home).transaction(Partition.domain(Domain.MATH)) as transaction:
                transaction.delete_where(VerifiedPair, "pair_id", [gone.pair_id])
            return places

        with monkeypatch.context() as patched:
            patched.setattr(finalise._Page, "decide", overtaken)
            assert split_domain(store, Domain.MATH, "run", HALVES) == 1
        assert set(finalised(store)) == {stays.pair_id}
        same = Pair(question(1), source="elsewhere")
        plant(store, [same], Domain.OTHER)
        assert finalised(store, Domain.OTHER)[same.pair_id].status is Status.KEPT
        assert all(a.balanced for a in balances(store) if a.stage == "final_splits")


class TestKilled:
    def test_a_run_that_stops_before_its_rows_are_written_decides_the_same_again(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pairs = [Pair(question(n % 5), source=str(n)) for n in range(10)]
        plant(store, pairs)
        with monkeypatch.context() as patched:
            patched.setattr(finalise.Place, "row", killed)
            with pytest.raises(KeyboardInterrupt):
                finalised(store)
        plant(store, [Pair(question(0), source="elsewhere")], Domain.OTHER)
        assert next(iter(finalised(store, Domain.OTHER).values())).reason == "duplicate_question"
        places = finalised(store)
        undisturbed = Store(store.home.with_name("undisturbed"))
        plant(undisturbed, pairs)
        for name, row in finalised(undisturbed).items():
            assert replace(places[name], created_at=row.created_at) == row


def killed(*_: object) -> None:
    raise KeyboardInterrupt


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
            row = rows[pair.pair_id]
            assert (row.status, row.reason) == (Status.REJECTED, "contaminated")
            assert (row.split, row.benchmark) == (None, "bench.jsonl")
            assert str(row.detail).startswith("bench.jsonl, row ")
        assert all(rows[pair.pair_id].status is Status.KEPT for pair in clean)

    def test_a_benchmark_that_comes_later_takes_its_pairs_out_and_moves_no_other(
        self, store: Store, tmp_path: Path
    ) -> None:
        others = [Pair(question(n), source=str(n)) for n in range(8)]
        before = place(store, [Pair(LONG), *others])
        assert before[Pair(LONG).pair_id].status is Status.KEPT
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        after = place(store, [Pair(LONG), *others])
        assert after[Pair(LONG).pair_id].reason == "contaminated"
        for pair in others:
            old, new = before[pair.pair_id], after[pair.pair_id]
            assert new.recipe != old.recipe
            assert (new.split, new.status) == (old.split, old.status)
        assert len({row.split for row in after.values()}) > 2

    def test_a_benchmark_that_goes_gives_them_back_where_they_were(
        self, store: Store, tmp_path: Path
    ) -> None:
        plant(store, [Pair(LONG)])
        before = finalised(store)[Pair(LONG).pair_id]
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        assert finalised(store)[Pair(LONG).pair_id].status is Status.REJECTED
        assert load_benchmarks(store, []) == 0
        after = finalised(store)[Pair(LONG).pair_id]
        assert (after.status, after.split) == (Status.KEPT, before.split)

    def test_domains_that_were_placed_under_other_benchmarks_are_known(
        self, store: Store, tmp_path: Path
    ) -> None:
        plant(store, [Pair(question(1))])
        plant(store, [Pair(question(2))], Domain.OTHER)
        for domain in (Domain.MATH, Domain.OTHER):
            finalised(store, domain)
        stale = partial(stale_domains, store, HALVES, QuestionSettings())
        assert stale() == []
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        assert stale() == [Domain.MATH, Domain.OTHER]
        finalised(store)
        assert stale() == [Domain.OTHER]
