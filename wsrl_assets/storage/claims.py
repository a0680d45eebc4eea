"""Claims: which documents and questions are kept, over all domains, and how one is given up.

A kept document or question is claimed in an index in `library/` (see `similar`), and later ones
give way to it, in whatever domain. When it leaves, its claim is given up, and those that gave way
are to be compared again: their rows are deleted, which makes them pending in their own domain.
"""

from collections.abc import Sequence

from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.similar import forget_items
from wsrl_assets.storage.store import Store

DOCUMENT_INDEX = Partition.library("document_index")
QUESTION_INDEX = Partition.library("question_index")


def give_up_documents(store: Store, doc_ids: Sequence[str]) -> None:
    """Lets in what `filtered_documents` of any domain dropped as near-duplicates of documents."""
    _give_up(store, DOCUMENT_INDEX, "reopen_documents", doc_ids)


def give_up_questions(store: Store, pair_ids: Sequence[str]) -> None:
    """Lets in what `final_splits` of any domain dropped as repetitions of questions.

    The split that a document was dealt to stays: its next pairs go where these were.
    """
    _give_up(store, QUESTION_INDEX, "reopen_questions", pair_ids)


def _give_up(store: Store, index: Partition, reopen: str, item_ids: Sequence[str]) -> None:
    """Index first, so that nothing that is let in meets the claim; again after a kill is safe."""
    if not item_ids:
        return
    if store.exists(index):
        with store.transaction(index) as transaction:
            forget_items(transaction, item_ids)
    for partition in store.partitions(PartitionKind.DOMAIN):
        with store.transaction(partition) as transaction:
            transaction.execute(reopen, item_ids=list(item_ids))
