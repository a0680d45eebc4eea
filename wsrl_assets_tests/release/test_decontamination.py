"""Benchmark copies are found by what they share, and what is not caught is known."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from string import punctuation

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.release.benchmarks import BenchmarkError
from wsrl_assets.release.decontamination import (
    BENCHMARKS,
    Hit,
    LongNgrams,
    benchmarks_digest,
    find_contamination,
    load_benchmarks,
)
from wsrl_assets.release.word_ngrams import hashed_ngrams, ngram_text
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import BenchmarkItem, BenchmarkNgram
from wsrl_assets.text.hashing import BloomFilter
from wsrl_assets_tests.factories import rows

# Written for this test, in the manner of a benchmark question.
LONG = (
    "A baker sells twelve loaves of rye bread on Monday, twice as many on Tuesday, and half as "
    "many on Wednesday as on Monday; how many loaves does the baker sell in the three days?"
)
SHORT = "Which metal melts in a warm hand?"


ANSWER = "54"
CHINESE = "一个面包师周一卖出十二个黑麦面包,周二卖出两倍,周三卖出一半,三天一共卖出多少个面包?"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def benchmark(folder: Path, *texts: str, answer: str = ANSWER, name: str = "bench.jsonl") -> Path:
    path = folder / name
    lines = [json.dumps({"question": text, "answer": answer}) + "\n" for text in texts]
    path.write_text("".join(lines), "utf-8")
    return path


@pytest.fixture
def loaded(store: Store, tmp_path: Path) -> Store:
    load_benchmarks(store, [benchmark(tmp_path, SHORT, LONG, CHINESE)])
    return store


def hit(store: Store, question: str, answer: str = "") -> Hit | None:
    return find_contamination(store, [question], [answer]).get(0)


def with_changes(question: str, places: Sequence[int]) -> str:
    """The question with other words at some places."""
    words = question.split()
    for place in places:
        words[place] = f"other{place}"
    return " ".join(words)


class TestCopies:
    @pytest.mark.parametrize(
        "question",
        [
            LONG,
            LONG.upper().replace(",", " ,"),
            "Read this. " + LONG + " Give a number.",
            "On a market day, " + " ".join(LONG.split()[5:22]) + " and so on?",
            LONG.replace("loaves", "“loaves”").replace(" ", "\u00a0"),
            CHINESE,
            CHINESE.replace(",", "。"),
        ],
    )
    def test_a_planted_copy_is_caught_whole_or_in_part(self, loaded: Store, question: str) -> None:
        found = hit(loaded, question)
        assert found is not None
        assert found.rule == "ngram"
        assert found.benchmark == "bench.jsonl"
        assert len(found.ngram.split()) == 13
        assert found.ngram in str(found)

    @pytest.mark.parametrize("question", [SHORT, "which metal melts, in a warm hand"])
    def test_a_short_question_is_compared_whole(self, loaded: Store, question: str) -> None:
        found = hit(loaded, question)
        assert found is not None
        assert (found.rule, found.item) == ("question", 1)
        assert found.ngram == "which metal melts in a warm hand"

    def test_a_short_question_within_a_longer_one_is_caught(self, loaded: Store) -> None:
        found = hit(loaded, "Say in one word: " + SHORT + " Say why.")
        assert found is not None
        assert (found.rule, found.share) == ("wording", 1.0)

    @pytest.mark.parametrize(
        "question",
        [
            " ".join(LONG.split()[:12]) + " and nothing more of this, since the rest is unlike it?",
            "A baker sells nine rolls of wheat bread on Friday, and two dozen on Sunday; what "
            "does the baker earn on these two days, if a roll costs four crowns?",
            "Which metal melts in a cold hand?",
            "Which metal melts in a hand?",
            "",
            "?",
        ],
    )
    def test_a_question_of_its_own_is_not(self, loaded: Store, question: str) -> None:
        assert hit(loaded, question, "an answer of its own") is None

    @pytest.mark.parametrize("text", ["Paris", "True", "all of the above", "What is 2 + 2?"])
    def test_texts_under_six_words_say_too_little_without_the_answer(
        self, store: Store, tmp_path: Path, text: str
    ) -> None:
        load_benchmarks(store, [benchmark(tmp_path, text, answer="4")])
        assert hit(store, text, "5") is None
        assert hit(store, f"In short, {text}", "5") is None
        assert hit(store, text, "4") is not None

    def test_without_benchmarks_nothing_overlaps(self, store: Store) -> None:
        assert hit(store, LONG, ANSWER) is None


class TestParaphrases:
    @settings(max_examples=25)
    @given(seed=st.integers(0, 10_000))
    def test_five_changed_words_are_caught_wherever_they_are_if_the_answer_is_the_same(
        self, tmp_path_factory: pytest.TempPathFactory, seed: int
    ) -> None:
        store = self.shared(tmp_path_factory)
        question = with_changes(LONG, Random(seed).sample(range(len(LONG.split())), 5))
        found = hit(store, question, "54.")
        assert found is not None
        assert found.rule == "ngram" or (found.rule == "wording" and found.same_answer)

    _store: Store | None = None

    @classmethod
    def shared(cls, factory: pytest.TempPathFactory) -> Store:
        if cls._store is None:
            folder = factory.mktemp("paraphrases")
            cls._store = Store(folder / "home")
            load_benchmarks(cls._store, [benchmark(folder, LONG)])
        return cls._store

    def test_with_another_answer_they_are_caught_only_where_thirteen_words_are_left(
        self, loaded: Store
    ) -> None:
        spread, bunched = range(3, 31, 6), range(5)
        assert hit(loaded, with_changes(LONG, spread), "another") is None
        found = hit(loaded, with_changes(LONG, bunched), "another")
        assert found is not None
        assert found.rule == "ngram"

    def test_a_translation_is_not_caught(self, loaded: Store) -> None:
        """It shares no words. This is a limit, written here so that nobody takes it for cover."""
        german = (
            "Ein Bäcker verkauft am Montag zwölf Roggenbrote, am Dienstag doppelt so viele und am "
            "Mittwoch halb so viele wie am Montag; wie viele Brote verkauft er in den drei Tagen?"
        )
        assert hit(loaded, german, ANSWER) is None

    @pytest.mark.parametrize("answer", ["54", "54.", " 54 "])
    def test_answers_are_compared_in_normal_form(self, loaded: Store, answer: str) -> None:
        found = hit(loaded, with_changes(LONG, range(3, 31, 6)), answer)
        assert found is not None
        assert found.same_answer


class TestCommonWording:
    def test_runs_of_words_that_many_items_have_say_nothing(
        self, store: Store, tmp_path: Path
    ) -> None:
        names = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
        asked = [f"Which of the following is true of the {name} river?" for name in names]
        load_benchmarks(store, [benchmark(tmp_path, *asked, answer="C")])
        assert hit(store, "Which of the following is true of the zz river?", "C") is None
        assert hit(store, asked[7], "C") is not None


class TestTables:
    def test_pages_of_a_file_change_nothing(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = benchmark(tmp_path, LONG, SHORT, *(f"{SHORT} {n} {LONG}" for n in range(20)))
        whole, paged = Store(tmp_path / "whole"), Store(tmp_path / "paged")
        load_benchmarks(whole, [path])
        monkeypatch.setattr("wsrl_assets.release.decontamination._PAGE_ITEMS", 3)
        monkeypatch.setattr("wsrl_assets.release.word_ngrams._PAGE_CHARS", 100)
        load_benchmarks(paged, [path])
        for table in (BenchmarkNgram, BenchmarkItem):
            sets = [set(rows(home, table, BENCHMARKS)) for home in (whole, paged)]
            assert sets[0] == sets[1]
        questions = [LONG, "nothing of it", SHORT, f"{SHORT} 7 {LONG}"]
        found = find_contamination(paged, questions, [""] * 4)
        assert found == find_contamination(whole, questions, [""] * 4)
        assert set(found) == {0, 2, 3}

    def test_a_file_that_is_known_is_not_read_again(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = benchmark(tmp_path, LONG)
        count, digest = load_benchmarks(store, [path]), benchmarks_digest(store)
        monkeypatch.setattr("wsrl_assets.release.decontamination.read_benchmark", None)
        assert load_benchmarks(store, [path]) == count
        assert benchmarks_digest(store) == digest

    def test_a_changed_file_replaces_its_rows(self, store: Store, tmp_path: Path) -> None:
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        before = benchmarks_digest(store)
        load_benchmarks(store, [benchmark(tmp_path, SHORT)])
        assert benchmarks_digest(store) != before
        assert hit(store, LONG) is None
        assert hit(store, SHORT) is not None

    def test_columns_are_part_of_what_was_read(self, store: Store, tmp_path: Path) -> None:
        path = benchmark(tmp_path, LONG)
        load_benchmarks(store, [path])
        load_benchmarks(store, [path], ["answer"])
        assert hit(store, LONG, ANSWER) is None

    def test_a_broken_benchmark_leaves_the_tables_as_they_were(
        self, store: Store, tmp_path: Path
    ) -> None:
        load_benchmarks(store, [benchmark(tmp_path, LONG)])
        broken = tmp_path / "broken.jsonl"
        broken.write_text("{", "utf-8")
        with pytest.raises(BenchmarkError, match=r"broken\.jsonl, line 1"):
            load_benchmarks(store, [benchmark(tmp_path, SHORT, name="new.jsonl"), broken])
        assert hit(store, LONG) is not None
        assert hit(store, SHORT) is None

    def test_two_files_of_one_name_are_an_error(self, store: Store, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        with pytest.raises(BenchmarkError, match="one name"):
            load_benchmarks(store, [benchmark(tmp_path, LONG), benchmark(other, SHORT)])

    def test_the_strongest_rule_and_the_first_item_are_named(
        self, store: Store, tmp_path: Path
    ) -> None:
        files = [
            benchmark(tmp_path, SHORT, LONG, LONG, name=name) for name in ("b.jsonl", "a.json")
        ]
        load_benchmarks(store, files)
        found = hit(store, LONG, ANSWER)
        assert found is not None
        assert (found.rule, found.benchmark, found.item) == ("ngram", "a.json", 2)
        assert str(found) == f'a.json, row 2: "{found.ngram}"'


def plain_ngrams(text: str, n: int) -> set[str]:
    """What the janitor of lm-eval-harness registers of a text, in its own words."""
    small = "".join(c.lower() if c.isascii() else c for c in text if c not in punctuation)
    tokens = small.split()
    return {" ".join(tokens[start : start + n]) for start in range(len(tokens) - n + 1)}


TEXTS = st.lists(
    st.text(st.sampled_from("abAB .,\u00e9\u00c9\u4e2d\u00a0\n\x00\x1c\x01'"), max_size=40),
    max_size=5,
)


@settings(max_examples=100)
@given(texts=TEXTS, others=TEXTS, n=st.integers(1, 4))
def test_equal_ngrams_have_equal_hashes_and_others_have_not(
    texts: list[str], others: list[str], n: int
) -> None:
    """On ASCII exactly as the janitor has it, on other texts at least that."""
    both = [*texts, *others]
    hashed: dict[int, set[int]] = {row: set() for row in range(len(both))}
    for page in hashed_ngrams(both, n):
        for row, ngram_hash in page.iter_rows():
            hashed[row].add(ngram_hash)
            assert ngram_text(both[row], n, ngram_hash) is not None
    for one in range(len(both)):
        for other in range(len(both)):
            shared = plain_ngrams(both[one].replace("\0", "\1"), n) & plain_ngrams(
                both[other].replace("\0", "\1"), n
            )
            if shared or (both[one].isascii() and both[other].isascii()):
                assert bool(hashed[one] & hashed[other]) == bool(shared)


def test_the_first_rule_alone_finds_what_all_rules_find_by_it(loaded: Store) -> None:
    questions = ["nothing of it", LONG, SHORT, CHINESE, f"{SHORT} {LONG}", ""] * 3
    found = find_contamination(loaded, questions, [""] * len(questions))
    with loaded.snapshot(BENCHMARKS) as connection:
        rule = LongNgrams(connection)
        alone = rule.overlapping(questions)
        assert rule.overlapping([]) == set()
    assert alone == {row for row, one in found.items() if one.rule == "ngram"}


@settings(max_examples=30)
@given(inside=st.sets(st.integers(-(2**63), 2**63 - 1)), seed=st.integers(0, 99))
def test_a_sieve_lets_all_of_a_set_through_and_few_others(inside: set[int], seed: int) -> None:
    sieve = BloomFilter(np.array(sorted(inside), np.int64))
    assert sieve.may_contain(np.array(sorted(inside), np.int64).view(np.uint64)).all()
    others = np.random.default_rng(seed).integers(0, 2**63, 2000, np.uint64)
    assert sieve.may_contain(others).mean() < 0.25


@pytest.mark.parametrize("n", [2, 3, 4, 13])
def test_the_order_of_words_counts(n: int) -> None:
    words = [f"word{number}" for number in range(n)]
    swapped = set()
    for one in range(n):
        for other in range(one):
            order = list(words)
            order[one], order[other] = order[other], order[one]
            (page,) = hashed_ngrams([" ".join(order)], n)
            swapped.add(page["ngram_hash"][0])
    (page,) = hashed_ngrams([" ".join(words)], n)
    assert len(swapped | {page["ngram_hash"][0]}) == n * (n - 1) // 2 + 1


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 17, 255, 256, 257, 5000])
def test_words_of_any_length_count_to_their_last_letter(length: int) -> None:
    word = "x" * length
    texts = [f"a {word} b", f"a {word[:-1]}y b", f"A {word}, b", f"a {word}x b"]
    first, changed, same, longer = (
        set(page["ngram_hash"]) for text in texts for page in hashed_ngrams([text], 3)
    )
    assert first == same
    assert first.isdisjoint(changed | longer)


def test_a_stored_hash_stays_readable() -> None:
    """Hashes lie in databases: no version of ours may change what they mean unawares."""
    (page,) = hashed_ngrams(["The cat sat, on the mat!"], 3)
    assert page["ngram_hash"].to_list() == [
        -975699725754210913,
        7785158952436101341,
        3734578380906929305,
        8613329927238181600,
    ]
