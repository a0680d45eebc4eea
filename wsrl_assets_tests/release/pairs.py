"""Verified pairs as a domain's file holds them, with the document and draft behind each."""

from collections.abc import Sequence
from dataclasses import dataclass

from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.reward import parse_gold
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import FinalSplit, QADraft, Status, Verdict, VerifiedPair
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.normalisation import content_id, stable_hash
from wsrl_assets_tests.factories import WHEN, filtered_document, rows

HALVES = SplitSettings(validation_share=0.25, test_share=0.25)


@dataclass(frozen=True)
class Pair:
    """A pair in few words; `passage` tells passages of one source document apart.

    `cluster` puts documents in one near-duplicate cluster, as homes of an older version have them.
    """

    question: str
    source: str = "source"
    passage: int = 0
    answer: str = "1869"
    status: Status = Status.KEPT
    cluster: str | None = None

    @property
    def text(self) -> str:
        return f"{self.source}, passage {self.passage}: it was opened in {self.answer}."

    @property
    def pair_id(self) -> str:
        return stable_hash(self.question, self.text)

    @property
    def parent_id(self) -> str:
        return stable_hash(self.source)

    @property
    def document_cluster(self) -> str:
        return self.cluster or content_id(self.text)

    def rows(self) -> Sequence[Row]:
        provenance = {"recipe": "r", "model": "a-model", "run_id": "planted", "created_at": WHEN}
        document = filtered_document(
            0,
            self.text,
            parent_id=self.parent_id,
            passage=self.passage,
            cluster_id=self.document_cluster,
            title=f"About {self.source}",
            metadata='{"license": "CC0"}',
        )
        draft = QADraft(
            draft_id=self.pair_id,
            doc_id=content_id(self.text),
            persona_index=0,
            persona="a pilot",
            form="open",
            question=self.question,
            answer=self.answer,
            answer_type="date",
            evidence=f"it was opened in {self.answer}",
            **provenance,  # type: ignore[arg-type]
        )
        start = self.text.index("it was")
        verified = VerifiedPair(
            pair_id=self.pair_id,
            doc_id=content_id(self.text),
            status=self.status,
            reason=None if self.status is Status.KEPT else "leaked",
            gold=parse_gold(self.answer, "date").to_json(),
            evidence_start=start,
            evidence_end=len(self.text) - 1,
            verdicts=(Verdict("leak", self.status is Status.KEPT),),
            **provenance,  # type: ignore[arg-type]
        )
        return [document, draft, verified]


def plant(store: Store, pairs: Sequence[Pair], domain: Domain = Domain.MATH) -> None:
    """The pairs in a domain's file."""
    with store.transaction(Partition.domain(domain)) as transaction:
        transaction.merge([row for pair in pairs for row in pair.rows()])


def finalised(
    store: Store,
    domain: Domain = Domain.MATH,
    settings: SplitSettings = HALVES,
    questions: QuestionSettings | None = None,
) -> dict[str, FinalSplit]:
    """The places of a domain's pairs, brought up to date."""
    split_domain(store, domain, "run", settings, questions)
    return {row.pair_id: row for row in rows(store, FinalSplit, Partition.domain(domain))}
