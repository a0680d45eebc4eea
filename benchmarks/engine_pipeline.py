"""Our pipeline without Dagster: shards through triage, domains through all that follows.

Partitions run several at a time, each with an event loop in a thread of its own, as `runs.py` and
the Dagster processes do.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.engine_corpus import Article
from benchmarks.engine_model import reply
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.llm.client import ChatClient, Completion
from wsrl_assets.llm.roles import Role, RoleSettings
from wsrl_assets.pipeline import questions, triage
from wsrl_assets.pipeline.job import Job
from wsrl_assets.settings import Roles, Settings
from wsrl_assets.storage import Partition, PartitionKind, Store
from wsrl_assets.storage.tables import Shard, SourceDocument, utc_now
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.normalisation import content_id, estimate_tokens

RUN_ID = "benchmark"
PARALLEL_PARTITIONS = 4


def make_home(home: Path, articles: Sequence[Article], shards: int) -> Store:
    """A home whose source documents are these, shared out among `shards`."""
    store = Store(home)
    for number in range(shards):
        _write_shard(store, f"shard-{number}", articles[number::shards])
    return store


def _write_shard(store: Store, key: str, articles: Sequence[Article]) -> None:
    shard = Shard(
        shard=key,
        path="(generated)",
        sha256="0" * 64,
        size_bytes=sum(len(article.text) for article in articles),
        registered_at=utc_now(),
        source_rows=len(articles),
    )
    rows = [_source_row(key, number, article) for number, article in enumerate(articles, 1)]
    with store.transaction(Partition.shard(key)) as transaction:
        transaction.merge([shard, *rows])


def _source_row(shard: str, number: int, article: Article) -> SourceDocument:
    doc_id = content_id(article.text)
    return SourceDocument(
        shard=shard,
        source_row=number,
        passage=0,
        doc_id=doc_id,
        parent_id=doc_id,
        title=article.title,
        text=article.text,
        char_start=0,
        char_end=len(article.text),
        tokens=estimate_tokens(article.text),
        metadata="{}",
        recipe="generated",
        run_id=RUN_ID,
        created_at=utc_now(),
    )


def job_of(store: Store, base_url: str, metrics_urls: tuple[str, ...] = ()) -> Job:
    """A job whose three roles are one endpoint's, with the paper's settings."""
    endpoint = RoleSettings(base_url, metrics_urls=metrics_urls)
    roles: dict[Role, RoleSettings | None] = dict.fromkeys(Role, endpoint)
    settings = Settings(home=store.home, personas=3, forms=(Form.OPEN,))
    return Job(store, settings, Roles(roles), RUN_ID)


def run_pipeline(job: Job) -> dict[str, float]:
    """Everything that is pending, from triage to verified pairs; seconds by step."""
    shards = [shard.key for shard in job.store.partitions(PartitionKind.SHARD)]
    began = time.monotonic()
    _in_threads(lambda key: asyncio.run(triage.triage_shard(job, key)), shards)
    triaged = time.monotonic()
    _in_threads(lambda domain: _advance(job, domain), list(Domain))
    return {"triage": triaged - began, "domains": time.monotonic() - triaged}


def _advance(job: Job, domain: Domain) -> None:
    filter_domain(job.store, domain, job.run_id)
    asyncio.run(questions.advance_domain(job, domain))


def _in_threads(work: Callable[[Any], object], partitions: Sequence[Any]) -> None:
    with ThreadPoolExecutor(PARALLEL_PARTITIONS) as pool:
        list(pool.map(work, partitions))


@contextmanager
def recorded_bodies() -> Iterator[list[dict[str, Any]]]:
    """Collects the bodies of all chat requests that our client sends meanwhile, in order."""
    bodies: list[dict[str, Any]] = []
    original = ChatClient.complete

    async def complete(
        self: ChatClient, body: dict[str, Any], session: str | None = None
    ) -> Completion:
        bodies.append(body)
        return await original(self, body, session)

    with _replaced(complete):
        yield bodies


@contextmanager
def scripted_replies(tokens: int) -> Iterator[None]:
    """Puts the script's reply in place of each text that a real server writes.

    So the same calls follow one another whatever model serves, and only its counts and its caching
    are the server's. It is asked for `tokens` tokens, since nobody reads them.
    """
    original = ChatClient.complete

    async def complete(
        self: ChatClient, body: dict[str, Any], session: str | None = None
    ) -> Completion:
        completion = await original(self, {**body, "max_tokens": tokens})
        text = reply(body, Random(str(body["messages"])))
        return replace(completion, text=text, finish_reason="stop")

    with _replaced(complete):
        yield


@contextmanager
def _replaced(complete: Callable[..., Any]) -> Iterator[None]:
    original = ChatClient.complete
    ChatClient.complete = complete  # type: ignore[method-assign]
    try:
        yield
    finally:
        ChatClient.complete = original  # type: ignore[method-assign]
