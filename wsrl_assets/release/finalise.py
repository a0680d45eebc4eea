"""Final splits: decontamination, repeated questions out, and a split by source document.

A page of pairs is decided at a time, in order of pair id, in one transaction on
`library/question_index.duckdb`: all domains meet there, so of two domains that ask the same, in
threads or processes, one comes first. What it decides it decides again when it is asked again, so a
run that was killed before its rows were written loses and doubles nothing.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wsrl_assets.llm.recipes import Provenance, StageRecipe, rule_recipe
from wsrl_assets.release.decontamination import (
    RULES_VERSION,
    Hit,
    benchmarks_digest,
    find_contamination,
)
from wsrl_assets.release.embeddings import Embedder
from wsrl_assets.release.questions import REASONS, QuestionSettings, question_items, say
from wsrl_assets.release.splits import (
    STAGE,
    VERSION,
    Split,
    SplitAssignment,
    SplitGroups,
    SplitSettings,
    split_groups_of,
)
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.accounting import inflow_query
from wsrl_assets.storage.additions import Column
from wsrl_assets.storage.basis import kin_id
from wsrl_assets.storage.claims import DOCUMENT_INDEX, QUESTION_INDEX, give_up_questions
from wsrl_assets.storage.remembered import Query, done_before, remembered
from wsrl_assets.storage.similar import IndexedItem, Match, SimilarItems
from wsrl_assets.storage.tables import FinalSplit, Status
from wsrl_assets.storage.work import PLACES, listed
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.wanted import Wanted

_PAGE = 1000

Pair = dict[str, Any]


def split_domain(
    store: Store,
    domain: Domain,
    run_id: str,
    settings: SplitSettings,
    questions: QuestionSettings | None = None,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> int:
    """Places the domain's verified pairs that have no place yet; returns how many.

    Asks no model, so a changed recipe (seed, shares, benchmarks, embeddings) places all pairs
    again. The split of a pair depends on seed and shares alone: new benchmarks take pairs out, and
    leave the others where they are.

    Raises:
        EmbeddingError: embeddings are asked for and cannot be made.
    """
    # One domain at a time: of those that end together, the first is done, and makes room for the
    # next one at the endpoint, before the last is.
    with store.turn(STAGE):
        return _split(store, domain, run_id, settings, questions or QuestionSettings(), on_rows)


def _split(
    store: Store,
    domain: Domain,
    run_id: str,
    settings: SplitSettings,
    questions: QuestionSettings,
    on_rows: Callable[[int], None],
) -> int:
    partition = Partition.domain(domain)
    provenance = Provenance(final_recipe(store, settings, questions), run_id)
    embedder = Embedder(questions.embedding_model) if questions.embedding_model else None
    done = _done_before(store, partition, provenance.recipe.hash)
    _forget_withdrawn(store, partition, done)
    placed = 0
    for pairs in _pages(store, partition, provenance.recipe.hash, done):
        hits = find_contamination(store, [p["question"] for p in pairs], _answers(pairs))
        linked = _linked_clusters(store, pairs)
        page = _Page.of(domain, pairs, hits, linked, questions, embedder)
        places = page.decide(store, settings, questions)
        rows = _write(store, partition, [place.row(provenance) for place in places], provenance)
        placed += rows
        on_rows(rows)
    store.publish(partition)
    return placed


def _write(
    store: Store, partition: Partition, places: list[FinalSplit], provenance: Provenance
) -> int:
    """Writes the places of the pairs that are still there; returns how many.

    The list of pairs is that of the run's beginning, and others work on the domain meanwhile: a
    document may have been withdrawn, or its pairs replaced. Their questions are given up.
    """
    pair_ids = [place.pair_id for place in places]
    with store.transaction(partition) as transaction:
        there = set(transaction.query("still_verified", pair_ids=pair_ids)["pair_id"])
        rows = [place for place in places if place.pair_id in there]
        transaction.merge([provenance.recipe.row(), *rows])
    give_up_questions(store, [pair_id for pair_id in pair_ids if pair_id not in there])
    return len(rows)


def final_recipe(store: Store, settings: SplitSettings, questions: QuestionSettings) -> StageRecipe:
    """The recipe of the final splits with the benchmarks that are loaded now."""
    return rule_recipe(
        STAGE,
        VERSION,
        validation_share=settings.validation_share,
        test_share=settings.test_share,
        seed=settings.seed,
        wording=questions.wording.similarity,
        embedding_model=questions.embedding_model,
        decontamination=RULES_VERSION,
        benchmarks=benchmarks_digest(store),
    )


def stale_domains(store: Store, settings: SplitSettings, questions: QuestionSettings) -> list[str]:
    """The domains with pairs that were placed under another recipe, such as other benchmarks."""
    stale = _stale_places(final_recipe(store, settings, questions).hash)
    return [
        str(domain)
        for domain in Domain
        if store.exists(Partition.domain(domain))
        and remembered(store, Partition.domain(domain), {"n": stale})["n"][0][0]
    ]


def _stale_places(recipe: str) -> Query:
    return Query.named("stale_places", recipe=recipe).summed(Column.SUM)


@dataclass(frozen=True, slots=True)
class Place:
    """What became of one pair."""

    pair: Pair
    question_id: str
    split: Split | None = None
    reason: str | None = None
    detail: str | None = None
    cluster_id: str | None = None
    benchmark: str | None = None

    def row(self, provenance: Provenance) -> FinalSplit:
        return FinalSplit(
            pair_id=self.pair["pair_id"],
            doc_id=self.pair["doc_id"],
            question_id=self.question_id,
            cluster_id=self.cluster_id,
            benchmark=self.benchmark,
            split=self.split,
            status=Status.KEPT if self.split else Status.REJECTED,
            reason=self.reason,
            detail=self.detail,
            **provenance.columns(),
        )


@dataclass(frozen=True, slots=True)
class _Page:
    """Some pairs, with all that can be known of each by itself."""

    pairs: list[Pair]
    hits: dict[int, Hit]
    groups: list[SplitGroups]
    items: list[IndexedItem]

    @classmethod
    def of(
        cls,
        domain: Domain,
        pairs: list[Pair],
        hits: dict[int, Hit],
        linked: dict[str, set[str]],
        questions: QuestionSettings,
        embedder: Embedder | None,
    ) -> "_Page":
        items = question_items(str(domain), pairs, questions, embedder)
        return cls(pairs, hits, split_groups_of(pairs, linked), items)

    def decide(
        self, store: Store, settings: SplitSettings, questions: QuestionSettings
    ) -> list[Place]:
        """The place of each pair, claimed for good before anyone else is asked."""
        with store.transaction(QUESTION_INDEX) as transaction:
            index = SimilarItems(transaction, self.items, questions.wording, questions.meaning)
            assignment = SplitAssignment.read(transaction, settings, self.groups)
            places = [
                self._place(position, index, assignment) for position in range(len(self.pairs))
            ]
            index.save()
            assignment.save(transaction)
        return places

    def _place(self, position: int, index: SimilarItems, assignment: SplitAssignment) -> Place:
        place = self._rejected(position, index) or self._dealt(position, assignment)
        if place.split is None:
            index.release(position)
        else:
            index.claim(position)
            assignment.take(self.groups[position], place.split)
        return place

    def _rejected(self, position: int, index: SimilarItems) -> Place | None:
        pair, question_id = self.pairs[position], self.items[position].content_id
        hit = self.hits.get(position)
        if hit is not None:
            return Place(pair, question_id, None, "contaminated", str(hit), benchmark=hit.benchmark)
        match: Match | None = index.match(position)
        if pair["form"] == Form.CROSS_DOCUMENT and pair["kin_parent_id"] is None:
            gone = f"document {kin_id(pair['basis'])} is no longer in the domain"
            return Place(pair, question_id, None, "no_kin", gone)
        if match is not None:
            return Place(pair, question_id, None, REASONS[match.how], say(match), match.item_id)
        return None

    def _dealt(self, position: int, assignment: SplitAssignment) -> Place:
        pair, question_id = self.pairs[position], self.items[position].content_id
        split, why_not = assignment.offer(self.groups[position])
        if split is None:
            return Place(pair, question_id, None, "split_conflict", why_not)
        return Place(pair, question_id, split, cluster_id=pair["pair_id"])


def _done_before(store: Store, partition: Partition, recipe: str) -> dict[str, int]:
    """Before which rows all pairs have a place under a recipe, and none is to be taken back."""
    places = inflow_query(STAGE, Wanted())
    withdrawn = Query.named("count_withdrawn_places").summed(Column.SUM)
    return done_before(store, partition, [places, withdrawn, _stale_places(recipe)])


def _pages(
    store: Store, partition: Partition, recipe: str, done: Mapping[str, int]
) -> Iterator[list[Pair]]:
    with listed(store, partition, PLACES, recipe=recipe, **done) as read:
        for first in itertools.count(1, _PAGE):
            page = read(first, first + _PAGE - 1)
            if page.is_empty():
                return
            yield page.to_dicts()


def _answers(pairs: list[Pair]) -> list[str]:
    return [pair["answer"] for pair in pairs]


def _linked_clusters(store: Store, pairs: list[Pair]) -> dict[str, set[str]]:
    """The document clusters that passages of the pairs' source rows are of, by `parent_id`."""
    linked: dict[str, set[str]] = {}
    if not store.exists(DOCUMENT_INDEX):
        return linked
    found = {pair[key] for pair in pairs for key in ("parent_id", "kin_parent_id")}
    parents = sorted(found - {None})
    with store.transaction(DOCUMENT_INDEX) as transaction:
        rows = transaction.query("linked_clusters", parent_ids=parents)
    for parent_id, cluster_id in rows.iter_rows():
        linked.setdefault(parent_id, set()).add(cluster_id)
    return linked


def _forget_withdrawn(store: Store, partition: Partition, done: Mapping[str, int]) -> None:
    """Takes back the places, and the questions, of pairs that verification no longer keeps."""
    with store.transaction(partition) as transaction:
        withdrawn = transaction.query(
            "withdrawn_places",
            since_final_splits=done["since_final_splits"],
            since_verified_pairs=done["since_verified_pairs"],
        )["pair_id"].to_list()
    if withdrawn:
        give_up_questions(store, withdrawn)
        with store.transaction(partition) as transaction:
            transaction.execute("forget_places", pair_ids=withdrawn)
