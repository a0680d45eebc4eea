"""What is left to do: which partitions have rows that wait. For commands, sensors and schedules."""

from collections.abc import Collection

from wsrl_assets.pipeline.regeneration import under_way
from wsrl_assets.release import splits
from wsrl_assets.release.finalise import stale_domains
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import Account
from wsrl_assets.storage.domains import movable_documents, recorded_moves
from wsrl_assets.storage.home_accounting import home_accounts
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import QUESTION_STAGES, STAGES, PartitionedBy, Stage


def pending_partitions(store: Store, settings: Settings, stages: Collection[str]) -> list[str]:
    """The partitions in which any of `stages` has something to do, in order.

    Domains whose pairs were placed under other benchmarks, shares or another seed are among them:
    those are placed again. Shards are, whose documents may belong to a domain that was added.
    Retired domains are not.
    """
    found = home_accounts(store, settings.wanted)
    moving = _moving(store)
    waiting = {
        a.partition
        for a in found
        if a.stage in stages and has_work(a, settings) and not is_retired(a)
    }
    return sorted(
        waiting
        | (moving if Stage.TRIAGED_DOCUMENTS in stages else set())
        | _placed_otherwise(store, settings, stages)
        | _regenerating(store, stages)
    )


def is_retired(account: Account) -> bool:
    """Whether it is of a domain that is not in use, and gets no more work."""
    is_domain = STAGES[Stage(account.stage)].partitioned_by is PartitionedBy.DOMAIN
    return is_domain and account.partition not in Domain


def _moving(store: Store) -> set[str]:
    """Shards with documents that may belong to a domain that came after their triage."""
    if not recorded_moves(store):
        return set()
    with catalog(store) as connection:
        return set(movable_documents(connection, list(Domain)))


def _placed_otherwise(store: Store, settings: Settings, stages: Collection[str]) -> set[str]:
    if splits.STAGE not in stages:
        return set()
    shares = splits.SplitSettings(settings.validation_share, settings.test_share, settings.seed)
    questions = QuestionSettings(embedding_model=settings.embedding_model)
    return set(stale_domains(store, shares, questions))


def _regenerating(store: Store, stages: Collection[str]) -> set[str]:
    """Domains whose interrupted regeneration the next run resumes (see `regeneration`)."""
    begun = {domain for domain in under_way(store) if domain in Domain}
    return begun if set(QUESTION_STAGES) & set(stages) else set()


def has_work(account: Account, settings: Settings) -> bool:
    """Whether a stage has anything to do in a partition: rows that wait, or that are done again."""
    retried = settings.retry_failed and account.failed > 0
    regenerated = settings.regenerate == account.stage and account.rows_in > 0
    # Triage has given documents to other domains since: they are still to leave this one.
    to_leave = account.stage == Stage.FILTERED_DOCUMENTS and not account.balanced
    # A shard is read again until it was read to its end.
    unread = account.stage == Stage.SOURCE_DOCUMENTS and account.failed > 0
    return account.pending > 0 or unread or retried or regenerated or to_leave
