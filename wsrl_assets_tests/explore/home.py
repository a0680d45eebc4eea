"""A home with pairs of every fate, planted without any run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.claims import QUESTION_INDEX
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import (
    FinalSplit,
    Personas,
    Signature,
    Status,
    Verdict,
    VerifiedPair,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.normalisation import content_id, stable_hash
from wsrl_assets_tests.factories import (
    DOMAIN,
    SHARD,
    WHEN,
    draft_row,
    filtered_document,
    plant_shard,
)

_PROVENANCE: dict[str, Any] = {"recipe": "r", "run_id": "planted", "created_at": WHEN}


def pair_id(number: int) -> str:
    return stable_hash("draft", str(number))


def pair(number: int, text: str, reason: str | None = None, **draft: Any) -> list[Row]:
    """A draft with its verification: kept and placed, or rejected for a reason."""
    row = draft_row(
        number,
        text,
        **{
            "question": f"What is number {number}?",
            "answer": f"answer {number}",
            "answer_type": "entity",
            "evidence": text[:20],
            "model": "a-model",
            **draft,
        },
    )
    rows: list[Row] = [
        row,
        VerifiedPair(
            pair_id=row.draft_id,
            doc_id=row.doc_id,
            status=Status.REJECTED if reason else Status.KEPT,
            reason=reason,
            evidence_start=0,
            evidence_end=min(20, len(text)),
            verdicts=(Verdict("leak", reason is None, reason, "a detail"),),
            **_PROVENANCE,
        ),
    ]
    if reason is None:
        rows.append(
            FinalSplit(
                pair_id=row.draft_id,
                doc_id=row.doc_id,
                question_id=stable_hash(str(number)),
                split="train",
                **_PROVENANCE,
            )
        )
    return rows


def plant(home: Path, texts: Sequence[str], rows: Sequence[Row], domain: Domain = DOMAIN) -> Store:
    """A store with these documents, in one shard and one domain, and these rows."""
    store = Store(home)
    plant_shard(store, texts, SHARD)
    with store.transaction(Partition.domain(domain)) as transaction:
        documents = [filtered_document(n, text) for n, text in enumerate(texts)]
        personas = [
            Personas(doc_id=content_id(text), personas=("a planner of trips",), **_PROVENANCE)
            for text in texts
        ]
        transaction.merge([*documents, *personas, *rows])
    return store


def embed(store: Store, vectors: Mapping[int, Sequence[float]]) -> None:
    """Gives embeddings to the questions of pairs, by their numbers."""
    rows = [
        Signature(
            item_id=pair_id(number),
            domain=str(DOMAIN),
            content_id=str(number),
            minhash=b"",
            vector=np.array(vector, "<f2").tobytes(),
            vector_model="a/model",
        )
        for number, vector in vectors.items()
    ]
    with store.transaction(QUESTION_INDEX) as transaction:
        transaction.merge(rows)
