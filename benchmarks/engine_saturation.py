"""Item 1 and 2: how full the engine keeps a server, and how much of the prompts its cache has."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import engine_model
from benchmarks.engine_corpus import Article, articles
from benchmarks.engine_peers import authors_way, replay
from benchmarks.engine_pipeline import job_of, make_home, recorded_bodies, run_pipeline
from benchmarks.engine_report import heading, note, percent, table, verdict
from simulator import (
    SimulatorProcess,
    SimulatorSettings,
    SimulatorStats,
    count_tokens,
    render,
    simulator_process,
)
from wsrl_assets.llm.prompting import document_first

SLOTS = 64
SHARDS = 4
# An 8B model on one H100 at 64 sequences: about 60 tokens/s each, 40,000 prompt tokens/s.
_DECODE_TOKENS_PER_S = 60.0
_PREFILL_TOKENS_PER_S = 40_000.0
CACHED_DOCUMENTS = 200
SATURATION_TARGET = 0.95
CACHED_TARGET = 0.70


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender's run."""

    name: str
    documents: int
    stats: SimulatorStats
    cpu_s: float

    @property
    def cached_share(self) -> float:
        return self.stats.delivered_cached_tokens / (self.stats.delivered_prompt_tokens or 1)

    def row(self) -> list[str]:
        """For the table."""
        calls, wall_s = self.stats.requests_completed, self.stats.active_wall_s
        return [
            self.name,
            f"{self.documents:,}",
            f"{calls:,}",
            f"{wall_s:.1f}",
            f"{calls / wall_s:.0f}",
            f"{self.documents / wall_s:.1f}",
            percent(self.stats.saturation),
            percent(self.cached_share),
            f"{self.cpu_s / calls * 1000:.2f}",
        ]


COLUMNS = (
    "",
    "documents",
    "calls",
    "wall s",
    "calls/s",
    "documents/s",
    "saturation",
    "cached share",
    "client CPU ms/call",
)


def server_settings(corpus: Sequence[Article], speed: float) -> SimulatorSettings:
    """A server with a cache for 200 documents as prompts begin with them: `[system][document]`.

    Nothing else of a prompt has room of its own there: instructions, examples and questions take
    that of documents.
    """
    sample = corpus[: min(len(corpus), CACHED_DOCUMENTS)]
    tokens = [count_tokens(render(document_first(article.text, ""))) for article in sample]
    return SimulatorSettings(
        slots=SLOTS,
        prefill_tokens_per_s=_PREFILL_TOKENS_PER_S * speed,
        decode_tokens_per_s=_DECODE_TOKENS_PER_S * speed,
        prefix_cache_tokens=round(CACHED_DOCUMENTS * sum(tokens) / len(tokens)),
        reply=engine_model.reply,
    )


def run(documents: int, peer_documents: int, speed: float) -> None:
    """Measures and prints all three contenders."""
    corpus = list(articles(documents))
    heading(f"1 and 2. Saturation and prefix cache: {documents:,} documents, {SLOTS} slots")
    settings = server_settings(corpus, speed)
    ours, bodies = _ours(settings, corpus)
    ceiling = _measure("bare load generator", documents, settings, _replaying(bodies))
    peers = corpus[:peer_documents]
    authors = _measure("authors' way", len(peers), settings, _authors(peers))
    table(COLUMNS, [contender.row() for contender in (ours, ceiling, authors)])
    _explain(ours, speed)


def _ours(
    settings: SimulatorSettings, corpus: Sequence[Article]
) -> tuple[Measured, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as home, recorded_bodies() as bodies:
        store = make_home(Path(home), corpus, SHARDS)
        work: Callable[[SimulatorProcess], object] = lambda server: run_pipeline(  # noqa: E731
            job_of(store, server.base_url)
        )
        return _measure("ours", len(corpus), settings, work), bodies


def _replaying(bodies: Sequence[dict[str, Any]]) -> Callable[[SimulatorProcess], object]:
    raw = [json.dumps(body).encode() for body in bodies]
    return lambda server: replay(server.base_url, raw, SLOTS + SLOTS // 4)


def _authors(corpus: Sequence[Article]) -> Callable[[SimulatorProcess], object]:
    return lambda server: authors_way(server.base_url, "simulated", corpus, SLOTS)


def _measure(
    name: str,
    documents: int,
    settings: SimulatorSettings,
    work: Callable[[SimulatorProcess], object],
) -> Measured:
    with simulator_process(settings) as server:
        began = time.process_time()
        work(server)
        cpu_s = time.process_time() - began
        return Measured(name, documents, server.stats(), cpu_s)


def _explain(ours: Measured, speed: float) -> None:
    rows = []
    for stage, counts in ours.stats.stages.items():
        calls = counts.completed or 1
        rows.append(
            [
                stage,
                f"{counts.completed:,}",
                f"{counts.prompt_tokens / calls:.0f}",
                percent(counts.cached_tokens / (counts.prompt_tokens or 1)),
                f"{(counts.prompt_tokens - counts.cached_tokens) / ours.documents:.0f}",
                f"{counts.completion_tokens / calls:.0f}",
            ]
        )
    columns = ("ours, by call", "calls", "prompt tokens", "cached", "uncached/document", "reply")
    table(columns, rows)
    saturated = verdict(ours.stats.saturation >= SATURATION_TARGET)
    cached = verdict(ours.cached_share >= CACHED_TARGET)
    note(
        f"Saturation: busy slot-time over {SLOTS} x wall, first request to last answer, stage "
        f"changes included; target {SATURATION_TARGET:.0%}: {saturated}. Cached share: target "
        f"{CACHED_TARGET:.0%}: {cached}. The server runs {speed:g} times as fast as an 8B model on "
        f"an H100, and its cache holds {CACHED_DOCUMENTS} documents."
    )
