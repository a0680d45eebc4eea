"""Item 2 on a real vLLM server: whose prompts does its prefix cache know?

The pipeline runs as ever, but each reply is the script's (`engine_model`), so that the same calls
follow one another whatever model serves, and a small model that cannot draft a question will do.
The server writes a few tokens per call; its prompts, its cache and its counts are real.
"""

import re
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine_corpus import articles
from benchmarks.engine_peers import authors_way
from benchmarks.engine_pipeline import job_of, make_home, run_pipeline, scripted_replies
from benchmarks.engine_report import heading, note, percent, table, verdict
from wsrl_assets.storage import catalog

REPLY_TOKENS = 4
_AUTHORS_WORKERS = 16
_TARGET = 0.70
_METRIC = re.compile(
    r"^vllm:(prefix_cache_hits|prefix_cache_queries)(?:_total)?(?:\{[^}]*\})?\s+([0-9.eE+-]+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Tokens looked up in the server's prefix cache so far, and found there."""

    queried: float
    hit: float

    def since(self, before: "CacheCounts") -> float:
        """The share found since then."""
        return (self.hit - before.hit) / ((self.queried - before.queried) or 1)


@dataclass(slots=True)
class Usage:
    """Prompt tokens as `usage` told them."""

    prompt: int = 0
    cached: int = 0

    def __str__(self) -> str:
        # vLLM tells cached tokens only under --enable-prompt-tokens-details.
        return percent(self.cached / self.prompt) if self.cached else "not told"


def run(base_url: str, documents: int) -> None:
    """Measures and prints our layout and the authors' on the server at `base_url`."""
    base_url = base_url.rstrip("/")
    heading(f"2. Prefix cache of the server at {base_url}: {documents} documents")
    ours = _ours(base_url, documents)
    authors = _authors(base_url, documents)
    columns = ("", "prompt tokens", "cached, by /metrics", "cached, by usage")
    rows = [
        [name, f"{usage.prompt:,}", percent(share), str(usage)]
        for name, share, usage in (("ours", *ours), ("authors' way", *authors))
    ]
    table(columns, rows)
    note(
        f"Target at least {_TARGET:.0%}: {verdict(ours[0] >= _TARGET)}. Each contender has "
        "documents of its own. With so few that all of them stay in the cache, shares are higher "
        "than in production, where a document has left it between triage and personas."
    )


def _ours(base_url: str, documents: int) -> tuple[float, Usage]:
    before = read_counts(base_url)
    with tempfile.TemporaryDirectory() as home, scripted_replies(REPLY_TOKENS):
        store = make_home(Path(home), list(articles(documents, seed=1)), 1)
        run_pipeline(job_of(store, base_url))
        with catalog(store) as connection:
            query = "SELECT sum(prompt_tokens), sum(cached_tokens) FROM llm_calls"
            prompt, cached = connection.sql(query).fetchall()[0]
    return read_counts(base_url).since(before), Usage(int(prompt), int(cached))


def _authors(base_url: str, documents: int) -> tuple[float, Usage]:
    before = read_counts(base_url)
    usage = Usage()
    authors_way(
        base_url,
        _model(base_url),
        list(articles(documents, seed=2)),
        _AUTHORS_WORKERS,
        scripted_tokens=REPLY_TOKENS,
        on_usage=lambda prompt, cached: _add(usage, prompt, cached),
    )
    return read_counts(base_url).since(before), usage


def _add(usage: Usage, prompt: int, cached: int) -> None:
    usage.prompt += prompt
    usage.cached += cached


def read_counts(base_url: str) -> CacheCounts:
    """The counters in the server's /metrics.

    Raises:
        SystemExit: it has none, so it is no vLLM.
    """
    url = f"{base_url.removesuffix('/v1')}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        found = _METRIC.findall(response.read().decode())
    if not found:
        raise SystemExit(f"{url} has no vllm:prefix_cache_hits: --real wants a vLLM server")
    sums = {"prefix_cache_hits": 0.0, "prefix_cache_queries": 0.0}
    for name, value in found:
        sums[name] += float(value)
    return CacheCounts(sums["prefix_cache_queries"], sums["prefix_cache_hits"])


def _model(base_url: str) -> str:
    import openai

    with openai.OpenAI(base_url=base_url, api_key="none") as client:
        return next(iter(client.models.list())).id
