"""Final splits: question deduplication, decontamination, and a split by source document."""

from collections.abc import Collection
from typing import Any

from wsrl_assets.domains import Domain
from wsrl_assets.llm import StageRecipe, Stamp, rule_recipe
from wsrl_assets.release.decontamination import NGRAM, overlaps, read_benchmark, text_hashes
from wsrl_assets.release.splits import STAGE, VERSION, SplitSettings, split_of
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import BenchmarkNgram, FinalSplit, Status, utc_now
from wsrl_assets.text import stable_hash, words

BENCHMARKS = Partition.library("benchmarks")


def load_benchmarks(store: Store, paths: Collection[Any]) -> int:
    """Rebuilds `benchmark_ngrams` from benchmark files; returns the number of n-grams.

    Raises:
        BenchmarkError: a file cannot be read; the table is left as it was.
    """
    now = utc_now()
    rows = {
        (ngram, path.name): BenchmarkNgram(ngram_hash=ngram, benchmark=path.name, created_at=now)
        for path in paths
        for text in read_benchmark(path)
        for ngram in text_hashes(text)
    }
    with store.transaction(BENCHMARKS) as transaction:
        transaction.clear(BenchmarkNgram)
        transaction.merge(list(rows.values()))
    return len(rows)


def split_domain(store: Store, domain: Domain, run_id: str, settings: SplitSettings) -> int:
    """Places the domain's verified pairs that have no place yet; returns how many.

    Asks no model, so a changed recipe (seed, shares, benchmarks) places all pairs anew.
    """
    partition = Partition.domain(domain)
    benchmark_hashes = _benchmark_hashes(store)
    stamp = Stamp(_recipe(settings, benchmark_hashes), run_id)
    with store.transaction(partition) as transaction:
        candidates = transaction.query("splitting_candidates", recipe=stamp.recipe.hash)
        kept = transaction.query("kept_questions", recipe=stamp.recipe.hash)
        owners = dict(zip(kept["question_id"], kept["pair_id"], strict=True))
        rows = [
            _place(candidate, owners, benchmark_hashes, settings, stamp)
            for candidate in candidates.iter_rows(named=True)
        ]
        transaction.merge([stamp.recipe.row(), *rows])
    store.publish(partition)
    return len(rows)


def question_id(question: str) -> str:
    """The content hash of a question: case, punctuation and spacing do not count."""
    return stable_hash(" ".join(words(question)))


def _benchmark_hashes(store: Store) -> frozenset[str]:
    if not store.exists(BENCHMARKS):
        return frozenset()
    return frozenset(store.read(BENCHMARKS, "ngram_hashes")["ngram_hash"])


def _recipe(settings: SplitSettings, benchmark_hashes: frozenset[str]) -> StageRecipe:
    return rule_recipe(
        STAGE,
        VERSION,
        validation_share=settings.validation_share,
        test_share=settings.test_share,
        seed=settings.seed,
        ngram=NGRAM,
        benchmarks=stable_hash(*sorted(benchmark_hashes)),
    )


def _place(
    candidate: dict[str, Any],
    owners: dict[str, str],
    benchmark_hashes: frozenset[str],
    settings: SplitSettings,
    stamp: Stamp,
) -> FinalSplit:
    """The row of one pair; of equal questions the first, by pair id, is kept."""
    asked = question_id(candidate["question"])
    status, reason, detail, split = Status.REJECTED, None, None, None
    if asked in owners:
        reason, detail = "duplicate_question", f"same as {owners[asked]}"
    elif overlaps(candidate["question"], benchmark_hashes):
        reason = "contaminated"
    else:
        status, split = Status.KEPT, split_of(candidate["parent_id"], settings)
        owners[asked] = candidate["pair_id"]
    return FinalSplit(
        pair_id=candidate["pair_id"],
        doc_id=candidate["doc_id"],
        question_id=asked,
        split=split,
        status=status,
        reason=reason,
        detail=detail,
        **stamp(),
    )
