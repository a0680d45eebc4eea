"""The data of a proof, written once for all its arms: files that the trainers need nothing beside.

All arms of pairs have as many rows, and continual pretraining has as many source tokens as the
documents of those pairs, as far as there are any.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from wsrl_assets.release.dataset import read_release
from wsrl_assets.release.folder import hidden, put_in_place
from wsrl_assets.reward import Gold
from wsrl_assets.samples import pydoc_topics
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.forms import UNRATED
from wsrl_assets.text.normalisation import estimate_tokens
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.held_out import HeldOut, hold_out
from wsrl_assets.training.plan import Rows
from wsrl_assets.training.rows import CHARS_PER_TOKEN, question_item, shuffled, training_row
from wsrl_assets.training.spec import ProofSpec

DATA = "data"
FACTS = "facts.json"
_SHOTS = 4
_WARMUP_SHARE = 0.1
# Documents and drafts that are looked at: more would only be sorted away.
_MOST = 50_000
_MOST_TEXTS = 64
_COLUMNS = (
    *("pair_id", "parent_id", "doc_id", "split", "form", "question", "gold"),
    *("pretrain_text", "evidence_start", "evidence_end"),
)


def prepare(store: Store, release: Path, spec: ProofSpec, folder: Path) -> None:
    """Writes the data of a proof into `folder/data`, if it is not there.

    Raises:
        ProofError: the release is too small, or the store lacks its documents or drafts.
        ReleaseError: the release cannot be read.
    """
    if (folder / DATA).is_dir():
        return
    pairs = read_release(release, _COLUMNS).filter(~pl.col("form").is_in(UNRATED))
    parts = hold_out(pairs, spec.questions, spec.seed)
    with catalog(store) as connection:
        files = _files(connection, parts, spec)
    if not files[Rows.SHUFFLED]:
        raise ProofError(
            "all pairs of the release that can be trained on have one answer, so that golds cannot "
            "be shuffled for the control: add documents, and use `wsrl run`"
        )
    with hidden(folder) as partial:
        for name, rows in files.items():
            _write_lines(partial / name, rows)
        shots = _shots(parts.trained, spec)
        (partial / "shots.json").write_text(json.dumps(shots, indent=2), "utf-8")
        facts = _facts(parts, files)
        (partial / FACTS).write_text(json.dumps(facts, indent=2), "utf-8")
        put_in_place(partial, folder / DATA)


def facts_of(folder: Path) -> dict[str, Any]:
    """What the data of a proof holds: rows by file, and what is held out."""
    found: dict[str, Any] = json.loads((folder / DATA / FACTS).read_text("utf-8"))
    return found


def _files(
    connection: Connection, parts: HeldOut, spec: ProofSpec
) -> dict[str, Sequence[Mapping[str, Any]]]:
    held_out = {"held_out": list(parts.sources), "most": _MOST}
    drafts = frame(connection, "proof_drafts", **held_out).filter(pl.col("gold").is_not_null())
    warmup = frame(connection, "proof_warmup", **held_out)
    read = frame(connection, "proof_source_documents", **held_out)
    kept = frame(connection, "proof_kept_documents", **held_out)
    for what, rows in (("drafts", drafts), ("documents", read), ("filtered documents", kept)):
        if not rows.height:
            raise ProofError(
                f"this home has no {what} of the release beside what is held out: prove a "
                "release in the home that it was made in, see --home"
            )
    pairs, warming = _deal(parts.trained, warmup, spec)
    taken = drafts.head(pairs.height)
    tokens = sum(map(estimate_tokens, pairs.unique("doc_id")["pretrain_text"]))
    trained = _training_rows(pairs, spec)
    golds = [Gold.from_json(gold) for gold in parts.trained["gold"].head(_MOST)]
    passages = pl.concat(
        [some.select("doc_id", "pretrain_text") for some in (pairs, warming, taken)]
    )
    return {
        Rows.DOCUMENTS: _within(read, tokens),
        Rows.REFINED: _within(kept, tokens),
        Rows.PAIRS: trained,
        Rows.WARMUP: _training_rows(warming, spec),
        Rows.DRAFTS: _training_rows(taken, spec),
        Rows.SHUFFLED: shuffled(trained, golds, spec.seed),
        "passages.jsonl": [
            {"doc_id": doc_id, "text": text}
            for doc_id, text in passages.unique("doc_id", maintain_order=True).iter_rows()
        ],
        "questions.jsonl": _questions(parts, spec),
        "foreign.jsonl": _texts((text for _, text in pydoc_topics()), spec),
        "held_out.jsonl": _texts(parts.asked["pretrain_text"].unique(maintain_order=True), spec),
    }


def _texts(texts: Iterable[str], spec: ProofSpec) -> list[dict[str, str]]:
    """Beginnings of texts to take the loss of: one for every two questions."""
    size, most = spec.text_tokens * CHARS_PER_TOKEN, min(_MOST_TEXTS, spec.questions // 2)
    return [{"text": text[:size]} for text in islice(texts, most)]


def _deal(
    trained: pl.DataFrame, warmup: pl.DataFrame, spec: ProofSpec
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs of all arms, and those of the warm-up alone.

    Those are the home's warm-up set, with its chains of thought, or else a tenth of the pairs with
    the bare answer.
    """
    most = spec.grpo.steps * spec.grpo.batch
    if warmup.height:
        return trained.head(most), warmup
    tenth = max(1, round(min(trained.height, most) * _WARMUP_SHARE))
    return trained.slice(tenth).head(most), trained.head(tenth)


def _within(documents: pl.DataFrame, tokens: int) -> list[dict[str, Any]]:
    """Documents until their estimated tokens are enough; one at least."""
    chosen: list[dict[str, Any]] = []
    total = 0
    for row in documents.iter_rows(named=True):
        size = estimate_tokens(row["text"])
        if chosen and total + size > tokens:
            continue
        total += size
        chosen.append({"doc_id": row["doc_id"], "text": row["text"]})
    return chosen


def _training_rows(pairs: pl.DataFrame, spec: ProofSpec) -> list[dict[str, Any]]:
    return [
        training_row(row, spec.prompt, spec.passage_tokens) for row in pairs.iter_rows(named=True)
    ]


def _questions(parts: HeldOut, spec: ProofSpec) -> list[dict[str, Any]]:
    everywhere = pl.concat([parts.asked["gold"], parts.trained["gold"].head(_MOST)])
    golds = [Gold.from_json(gold) for gold in everywhere]
    return [
        question_item(row, golds, spec.passage_tokens, spec.seed)
        for row in parts.asked.iter_rows(named=True)
    ]


def _shots(trained: pl.DataFrame, spec: ProofSpec) -> dict[str, list[dict[str, str]]]:
    """Worked examples, as turns of chat, for each kind of prompt."""
    shots: dict[str, list[dict[str, str]]] = {}
    for row in trained.head(_SHOTS).iter_rows(named=True):
        for kind in ("with_passage", "closed_book"):
            made = training_row(row, type(spec.prompt)(kind), spec.passage_tokens)
            shots.setdefault(kind, []).extend([*made["prompt"], *made["completion"]])
    return shots


def _facts(parts: HeldOut, files: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {
        "is_test_split": parts.is_test_split,
        "held_out_documents": len(parts.sources),
        "questions": parts.asked.height,
        "question_documents": parts.asked["parent_id"].n_unique(),
        "rows": {str(name): len(rows) for name, rows in files.items()},
    }


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), "utf-8")
