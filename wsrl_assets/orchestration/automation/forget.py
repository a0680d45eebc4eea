"""The job `forget`: withdraws shards and documents, as the command `wsrl forget`."""

import dagster as dg
from pydantic import Field

from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.pipeline.takedowns import Withdrawn, forget_shard, withdraw_matching


class ForgetConfig(dg.Config):
    """What to withdraw."""

    shards: list[str] = Field([], description="Names of shards.")
    where: list[str] = Field(
        [],
        description="Documents: an id, or a pattern that a value of their metadata matches, "
        "such as https://example.com/*.",
    )


@dg.op(name="forget_documents")
def forget_documents(
    context: dg.OpExecutionContext, config: ForgetConfig, store: StoreResource
) -> None:
    """Withdraws shards or documents: no later release has a pair of theirs."""
    if not config.shards and not config.where:
        raise dg.Failure("nothing to forget: name shards or patterns", allow_retries=False)
    database, run_id = store.open(), context.run_id
    with as_failures():
        for key in config.shards:
            _say(context, key, forget_shard(database, key, run_id))
        for pattern in config.where:
            _say(context, pattern, withdraw_matching(database, pattern, run_id))


def _say(context: dg.OpExecutionContext, name: str, withdrawn: Withdrawn) -> None:
    rows = sum(withdrawn.documents.values())
    context.log.info(f"{name}: {rows} documents and {withdrawn.pairs} placed pairs withdrawn")


@dg.job(name="forget")
def forget() -> None:
    """Withdraws shards or documents that the launchpad names; then make a new release."""
    forget_documents()
