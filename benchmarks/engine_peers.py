"""What our pipeline is compared with: a bare load generator, and the authors' way.

The load generator replays recorded request bodies and does nothing else: what it reaches is the
most that any client can get from the server for these requests.

The authors' way is that of their published code (SalesforceAIResearch/PretrainRL-pipeline): worker
threads with openai's blocking client, each taking one document through all stages, one call after
another; every prompt is one user message with instructions and examples before the document, and
examples are drawn again for each call. The texts are ours, so that only the layout differs.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
import openai

from benchmarks.engine_corpus import Article
from benchmarks.engine_model import reply
from wsrl_assets.curation import triage
from wsrl_assets.generation import layouts, library, personas
from wsrl_assets.llm.prompting import load_prompt
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.layouts import LAYOUTS, Layout
from wsrl_assets.verification import judge

_NO_TIMEOUT = aiohttp.ClientTimeout()
_MAX_TOKENS = 512


def replay(base_url: str, bodies: Sequence[bytes], in_flight: int) -> None:
    """Sends every body once, in order, with a fixed number in flight."""
    asyncio.run(_replay(f"{base_url}/chat/completions", bodies, in_flight))


async def _replay(url: str, bodies: Sequence[bytes], in_flight: int) -> None:
    left = iter(bodies)
    headers = {"content-type": "application/json"}

    async def worker(session: aiohttp.ClientSession) -> None:
        for body in left:
            async with session.post(url, data=body, headers=headers) as response:
                response.raise_for_status()
                await response.read()

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=_NO_TIMEOUT) as session:
        await asyncio.gather(*(worker(session) for _ in range(in_flight)))


def authors_way(
    base_url: str,
    model: str,
    articles: Sequence[Article],
    workers: int,
    *,
    scripted_tokens: int | None = None,
    on_usage: Callable[[int, int], None] = lambda prompt, cached: None,
) -> None:
    """Takes all documents through the authors' stages.

    Args:
        base_url: of the server.
        model: as served.
        articles: the documents.
        workers: threads.
        scripted_tokens: on a real server: how many tokens to ask for, the reply being the script's.
        on_usage: told the prompt tokens of each call, and how many of them were cached.
    """
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        authors = _Authors(client, model, scripted_tokens, on_usage)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(authors.run, articles))


@dataclass(frozen=True, slots=True)
class _Authors:
    client: openai.OpenAI
    model: str
    scripted_tokens: int | None
    on_usage: Callable[[int, int], None]

    def run(self, article: Article) -> None:
        document = article.text
        rng = Random(document)
        if not self._ask("triage", _filter_prompt(document))["qualified"]:
            return
        identified = self._ask("identify", _identify_prompt(document))
        domain = Domain.from_label(identified["domain"])
        for persona in identified["personas"]:
            draft = self._ask("open", _generate_prompt(document, domain, persona, rng))
            self._ask("judge_supported", _check_prompt(document, draft))

    def _ask(self, name: str, prompt: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self.scripted_tokens or _MAX_TOKENS,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": name, "schema": {"type": "object"}},
            },
        }
        response = self.client.chat.completions.create(**body)
        self._tell_usage(response)
        text = response.choices[0].message.content or "{}"
        if self.scripted_tokens is not None:
            text = reply(body, Random(prompt))
        read: dict[str, Any] = json.loads(text)
        return read

    def _tell_usage(self, response: Any) -> None:
        details = response.usage.prompt_tokens_details
        self.on_usage(response.usage.prompt_tokens, (details and details.cached_tokens) or 0)


def _filter_prompt(document: str) -> str:
    instruction = triage.PROMPT.render(domains=list(Domain))
    return f"{instruction}\n\n{_material(document)}"


def _identify_prompt(document: str) -> str:
    domains = "; ".join(domain.label for domain in Domain)
    instruction = personas.PROMPT.render(count=personas.MAX_PERSONAS)
    return f"Name the domain of this document: {domains}. {instruction}\n\n{_material(document)}"


def _generate_prompt(document: str, domain: Domain, persona: str, rng: Random) -> str:
    file = library.load_library()[domain]
    examples = rng.sample(file.demonstrations, LAYOUTS[Layout.DOCUMENT_FIRST].examples)
    instruction = layouts.OPEN_PROMPT.render(
        answer_types=list(layouts.OPEN_TYPES), examples=examples, persona=""
    )
    return f"{instruction}\n\n{_material(document)}\n\nYour persona: {persona}"


def _check_prompt(document: str, draft: dict[str, Any]) -> str:
    instruction = judge.SUPPORTED_PROMPT.render(question="", answer="")
    pair = f"Question: {draft['question']}\nAnswer: {draft['answer']}"
    return f"{instruction}\n\n{_material(document)}\n\n{pair}"


def _material(document: str) -> str:
    return f"{load_prompt('system').render()}\n\n<document>\n{document}\n</document>"
