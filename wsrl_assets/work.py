"""What is left to do: which partitions have rows that wait. For commands, sensors and schedules."""

from collections.abc import Collection

from wsrl_assets.chain import DOMAIN_STAGES
from wsrl_assets.regeneration import under_way
from wsrl_assets.release import splits
from wsrl_assets.release.finalise import stale_domains
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import PASS_RATES, Account, accounts


def pending_partitions(store: Store, settings: Settings, stages: Collection[str]) -> list[str]:
    """The partitions in which any of `stages` has something to do, in order.

    Domains whose pairs were placed under other benchmarks, shares or another seed are among them:
    those are placed anew.
    """
    with catalog(store) as connection:
        found = accounts(
            connection,
            [str(form) for form in settings.forms],
            pass_rates=settings.rates_pairs,
            sft_pairs=settings.sft_pairs,
        )
    waiting = {a.partition for a in found if a.stage in stages and has_work(a, settings)}
    return sorted(waiting | _placed_otherwise(store, settings, stages) | _made_anew(store, stages))


def _placed_otherwise(store: Store, settings: Settings, stages: Collection[str]) -> set[str]:
    if splits.STAGE not in stages:
        return set()
    shares = splits.SplitSettings(settings.validation_share, settings.test_share, settings.seed)
    questions = QuestionSettings(embedding_model=settings.embedding_model)
    return set(stale_domains(store, shares, questions))


def _made_anew(store: Store, stages: Collection[str]) -> set[str]:
    """A regeneration that was begun is gone on with (see `regeneration`)."""
    return set(under_way(store)) if set(DOMAIN_STAGES) & set(stages) else set()


def has_work(account: Account, settings: Settings) -> bool:
    """Whether a stage has anything to do in a partition: rows that wait, or that are done again."""
    retried = settings.retry_failed and account.failed > 0
    rerated = settings.rerate and account.stage == PASS_RATES and account.rows_in > 0
    regenerated = settings.regenerate == account.stage and account.rows_in > 0
    # Triage has given documents to other domains since: they are still to leave this one.
    to_leave = account.stage == "filtered_documents" and not account.balanced
    # A shard is read again until it was read to its end.
    unread = account.stage == "source_documents" and account.failed > 0
    return account.pending > 0 or unread or retried or rerated or regenerated or to_leave
