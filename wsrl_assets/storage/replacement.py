"""Regenerated documents of a domain: made beside the old ones, and swapped in when they are whole.

`copy_documents` copies what stays of a document to the partition `next`, where the stages work as
on any domain. `replace_whole` moves whole documents back, and what they replace to the partition
`superseded`, where `remove_documents` puts those that no longer belong. Until then nothing of the
old document is touched. A move gives up the claims of what leaves (see `claims`) and is then one
transaction on the domain; repeating it after a crash changes nothing.
"""

from collections.abc import Collection, Sequence

import polars as pl

from wsrl_assets.storage.claims import give_up_documents, give_up_questions
from wsrl_assets.storage.layout import Partition
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.tables import (
    STAGE_TABLES,
    FilteredDocument,
    FinalSplit,
    LLMCall,
    PassRate,
    Personas,
    QADraft,
    Recipe,
    SftWarmup,
    Status,
    VerifiedPair,
)
from wsrl_assets.storage.transaction import Transaction
from wsrl_assets.taxonomy.stages import QUESTION_STAGES

_PAGE = 256
_MADE: tuple[type[Row], ...] = tuple(STAGE_TABLES[stage] for stage in QUESTION_STAGES)
# What hangs on a pair. Rollouts stay, as they were paid for: a pair may come back.
_OF_PAIR: tuple[type[Row], ...] = (FinalSplit, PassRate, SftWarmup)
_OF_DOCUMENT: tuple[type[Row], ...] = (FilteredDocument, *_MADE)


def copy_documents(
    store: Store, domain: str, doc_ids: Sequence[str], stage: str, recipes: Collection[str]
) -> int:
    """Copies documents to `next`, without their rows at `stage` and after; returns how many.

    Rows at `stage` that are of `recipes` already are copied with what hangs on them, and so are
    documents that stand in `next` by an older call, which begin again.
    """
    source, target = Partition.domain(domain), Partition.next(domain)
    for page in _pages(doc_ids):
        with store.transaction(source) as transaction:
            rows = _staying(transaction, page, stage, recipes)
        with store.transaction(target) as transaction:
            for row_type in _OF_DOCUMENT:
                transaction.delete_where(row_type, "doc_id", page)
                transaction.merge_frame(row_type, rows[row_type])
    return len(doc_ids)


def replace_whole(store: Store, domain: str, forms: Sequence[str]) -> int:
    """Puts the documents of `next` that are whole in place of the old ones; returns how many.

    A document is whole when it has every persona, draft of `forms` and verdict, and none failed.
    The ledger of `next` moves in any case. When nothing is left there, its file is removed.
    """
    source, target = Partition.next(domain), Partition.domain(domain)
    if not store.exists(source):
        return 0
    with store.transaction(source) as transaction:
        whole = transaction.query("whole_documents", forms=list(forms))["doc_id"].to_list()
        ledger = {t: transaction.frame(t) for t in (LLMCall, Recipe)}
    with store.transaction(target) as transaction:
        for row_type, rows in ledger.items():
            transaction.merge_frame(row_type, rows)
    for page in _pages(whole):
        _replace(store, domain, page)
    with store.transaction(source) as transaction:
        transaction.clear(LLMCall)
        left = transaction.count(FilteredDocument)
    if left == 0:
        store.discard(source)
    store.publish(target)
    return len(whole)


def remove_documents(store: Store, domain: str, doc_ids: Sequence[str]) -> None:
    """Takes documents out of a domain, with all that hangs on them, to `superseded`."""
    target, begun = Partition.domain(domain), Partition.next(domain)
    for page in _pages(doc_ids):
        with store.transaction(target) as transaction:
            old = {t: transaction.where(t, "doc_id", page) for t in _OF_DOCUMENT}
            pairs = old[QADraft]["draft_id"].to_list()
            old |= {t: transaction.where(t, "pair_id", pairs) for t in _OF_PAIR}
        with store.transaction(Partition.superseded(domain)) as transaction:
            for row_type, rows in old.items():
                transaction.merge_frame(row_type, rows)
        give_up_questions(store, pairs)
        give_up_documents(store, page)
        with store.transaction(target) as transaction:
            for row_type in _OF_PAIR:
                transaction.delete_where(row_type, "pair_id", pairs)
            for row_type in _OF_DOCUMENT:
                transaction.delete_where(row_type, "doc_id", page)
        if store.exists(begun):
            with store.transaction(begun) as transaction:
                for row_type in _OF_DOCUMENT:
                    transaction.delete_where(row_type, "doc_id", page)


def _staying(
    transaction: Transaction, doc_ids: Sequence[str], stage: str, recipes: Collection[str]
) -> dict[type[Row], pl.DataFrame]:
    """The rows of documents that need not be made again."""
    rows = {t: transaction.where(t, "doc_id", doc_ids) for t in _OF_DOCUMENT}
    for row_type in _MADE[_index(stage) :]:
        is_current = pl.col("recipe").is_in(list(recipes))
        if stage == row_type.TABLE:
            rows[row_type] = rows[row_type].filter(is_current)
        elif row_type is QADraft:  # of other personas
            rows[row_type] = rows[row_type].clear()
        else:
            rows[row_type] = rows[row_type].filter(
                pl.col("pair_id").is_in(rows[QADraft]["draft_id"].to_list())
            )
    return rows


def _index(stage: str) -> int:
    return [row_type.TABLE for row_type in _MADE].index(stage)


def _replace(store: Store, domain: str, doc_ids: Sequence[str]) -> None:
    source, target = Partition.next(domain), Partition.domain(domain)
    with store.transaction(source) as transaction:
        new = {t: transaction.where(t, "doc_id", doc_ids) for t in _MADE}
    with store.transaction(target) as transaction:
        gone = _replaced_drafts(transaction, doc_ids, new[QADraft])
        dropped = new[VerifiedPair].filter(pl.col("status") != Status.KEPT)["pair_id"].to_list()
        old = _overwritten(transaction, doc_ids, gone, new)
        for row_type in _OF_PAIR:
            old[row_type] = transaction.where(row_type, "pair_id", [*gone, *dropped])
    with store.transaction(Partition.superseded(domain)) as transaction:
        for row_type, rows in old.items():
            transaction.merge_frame(row_type, rows)
    give_up_questions(store, [*gone, *dropped])
    with store.transaction(target) as transaction:
        transaction.delete_where(QADraft, "draft_id", gone)
        transaction.delete_where(VerifiedPair, "pair_id", gone)
        for row_type in _OF_PAIR:
            transaction.delete_where(row_type, "pair_id", [*gone, *dropped])
        for row_type, rows in new.items():
            transaction.merge_frame(row_type, rows)
    with store.transaction(source) as transaction:
        for row_type in _OF_DOCUMENT:
            transaction.delete_where(row_type, "doc_id", doc_ids)


def _replaced_drafts(
    transaction: Transaction, doc_ids: Sequence[str], drafts: pl.DataFrame
) -> list[str]:
    """The old drafts of documents, in those forms of which there are new ones."""
    old = transaction.where(QADraft, "doc_id", doc_ids).select("draft_id", "doc_id", "form")
    remade = drafts.select("doc_id", "form").unique()
    candidates = old.join(remade, on=["doc_id", "form"], how="semi")
    return candidates.join(drafts, on="draft_id", how="anti")["draft_id"].to_list()


def _overwritten(
    transaction: Transaction,
    doc_ids: Sequence[str],
    gone: Sequence[str],
    new: dict[type[Row], pl.DataFrame],
) -> dict[type[Row], pl.DataFrame]:
    """The rows that will be deleted, or overwritten by those of another recipe."""
    pair_ids = [*gone, *new[VerifiedPair]["pair_id"]]
    old: dict[type[Row], pl.DataFrame] = {
        Personas: transaction.where(Personas, "doc_id", doc_ids),
        QADraft: transaction.where(QADraft, "draft_id", pair_ids),
        VerifiedPair: transaction.where(VerifiedPair, "pair_id", pair_ids),
    }
    return {t: rows.join(new[t], on=[*t.KEY, "recipe"], how="anti") for t, rows in old.items()}


def _pages(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + _PAGE] for start in range(0, len(items), _PAGE)]
