"""Small makers of what the tests of engine, storage and chain need: documents, rows, asks, jobs.

`honest_reply` is a model for the simulator that does every stage's work rightly on documents of
`document_text`, so that each of its pairs passes each check.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from simulator import (
    SimulatorSettings,
    SimulatorStats,
    instance_of,
    render,
    schema_name,
    schema_of,
)
from wsrl_assets.llm.engine import ChatRequest, Engine
from wsrl_assets.llm.roles import Role, RoleSettings
from wsrl_assets.pipeline.job import Job
from wsrl_assets.settings import Roles, Settings
from wsrl_assets.storage import Partition, PartitionKind, Store, catalog
from wsrl_assets.storage.accounting import Account, accounts
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import (
    FilteredDocument,
    LLMCall,
    QADraft,
    Shard,
    SourceDocument,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets.text.normalisation import content_id, estimate_tokens, stable_hash

R = TypeVar("R", bound=Row)
T = TypeVar("T")

DOMAIN = Domain.NATURAL_SCIENCE
SHARD = "sample-0001"
IN_SHARD = Partition.shard(SHARD)
IN_DOMAIN = Partition.domain(DOMAIN)
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

_WORDS = (
    "river north stone record early market signal garden winter engine letter bridge cotton harbor "
    "method silver window travel copper island doctor season planet museum valley orchard lantern"
).split()


# --- documents, and a model that reads them rightly ---------------------------------------------


def document_text(number: int, marker: str = "") -> str:
    """A document of two facts that is unlike any other; a `marker` stands at its end as it is."""
    words = Random(number)
    prose = " ".join(words.choice(_WORDS) for _ in range(60)).capitalize()
    name = "Kelmar" + "".join(chr(ord("a") + int(digit)) for digit in str(number))
    return (
        f"The {name} Observatory welcomed {20_000 + number} visitors during the winter season of "
        f"the comet. The {name} Quarry employed {70_000 + number} masons during the summer season "
        f"of the flood. {prose}. {marker}"
    ).strip()


def documents(count: int, **markers: int) -> list[str]:
    """Documents 0 to `count`; `markers` says in which of them a word stands."""
    by_number = {number: marker for marker, number in markers.items()}
    return [document_text(number, by_number.get(number, "")) for number in range(count)]


def honest_reply(body: dict[str, Any], rng: Random) -> str:
    """The right reply to a request of any stage, as JSON; of yes and no, how likely yes is."""
    if body.get("logprobs"):
        return "0.2" if "give away" in body["messages"][-1]["content"] else "0.8"
    prompt, schema = render(body["messages"]), schema_of(body) or {}
    reply = instance_of(schema, rng, 200)
    match schema_name(body):
        case "triage":
            right = {"qualified": True, "fault": "none", "domain": DOMAIN.label}
        case "personas":
            right = {"personas": ["a planner of trips", "a keeper of books", "a builder of walls"]}
        case "open":
            right = _open_question(prompt)
            if schema["properties"]["evidence"]["type"] == "array":
                number = re.search(rf"\[(\d+)\] {re.escape(str(right['evidence']))}", prompt)
                right["evidence"] = [int(number[1])] if number else []
        case name if name and name.startswith("judge"):
            right = {key: True for key, value in reply.items() if isinstance(value, bool)}
            right |= {"failure": "none"} if "failure" in reply else {}
        case "round_trip":
            right = {"answer": _answer(prompt)}
        case _:
            right = {}
    return json.dumps({**reply, **right})


_FACT = re.compile(r"The (\w+ \w+) (?:welcomed|employed) (\d+) (\w+) (during the [\w ]+)\.")


def _open_question(prompt: str) -> dict[str, Any]:
    """Each persona asks a question of its own; the last one the first's fact in other words."""
    facts = list(_FACT.finditer(prompt))
    assert facts, "the honest model reads documents of `document_text` only"
    request = prompt.rpartition("</document>")[2]
    fact = facts[-1] if "a keeper of books" in request else facts[0]
    question = f"How many {fact[3]} were counted at the {fact[1]} {fact[4]}?"
    if "a builder of walls" in request:
        question = (
            f"{fact[4].capitalize()}, what was the total of {fact[3]} that came to {fact[1]}?"
        )
    return {
        "evidence": fact.group(),
        "answer": fact[2],
        "answer_type": "integer",
        "unit": None,
        "question": question,
    }


def _answer(prompt: str) -> str:
    """What is blanked out in a statement, or the number of the fact that a question names."""
    document, _, question = prompt.rpartition("</document>")
    blank = re.search(r'"([^"]*)____([^"]*)"', question)
    if blank is not None:
        found = re.search(re.escape(blank[1]) + "(.+?)" + re.escape(blank[2]), document)
        return found[1] if found else "unknown"
    return next((fact[2] for fact in _FACT.finditer(document) if fact[1] in question), "unknown")


def quick(**others: Any) -> SimulatorSettings:
    """A server that answers rightly and within milliseconds."""
    fast = {"prefill_tokens_per_s": 1e7, "decode_tokens_per_s": 1e4, "reply": honest_reply}
    return SimulatorSettings(**{**fast, **others})


# --- rows ---------------------------------------------------------------------------------------


def shard_row(rows: int, shard: str = SHARD) -> Shard:
    """A shard that was read to its end."""
    return Shard(
        shard=shard,
        path=f"/data/{shard}.jsonl",
        sha256="0" * 64,
        size_bytes=1,
        registered_at=WHEN,
        source_rows=rows,
        ingest_recipe="rules",
    )


def source_document(number: int, text: str, shard: str = SHARD, **others: Any) -> SourceDocument:
    """Row `number` of a shard, kept."""
    given = {
        "shard": shard,
        "source_row": number + 1,
        "passage": 0,
        "doc_id": content_id(text),
        "parent_id": content_id(text),
        "text": text,
        "char_start": 0,
        "char_end": len(text),
        "tokens": estimate_tokens(text),
        "metadata": "{}",
        "recipe": "rules",
        "run_id": "planted",
        "created_at": WHEN,
    }
    return SourceDocument(**{**given, **others})


def filtered_document(number: int, text: str, **others: Any) -> FilteredDocument:
    """A kept document of a domain."""
    given = {
        "doc_id": content_id(text),
        "parent_id": content_id(text),
        "cluster_id": content_id(text),
        "shard": SHARD,
        "source_row": number + 1,
        "passage": 0,
        "text": text,
        "tokens": estimate_tokens(text),
        "metadata": "{}",
        "minhash": b"\x00" * 512,
        "recipe": "rules",
        "run_id": "planted",
        "created_at": WHEN,
    }
    return FilteredDocument(**{**given, **others})


def call_row(number: int, **others: Any) -> LLMCall:
    """A ledger entry."""
    given = {
        "call_id": f"call-{number}",
        "stage": "triaged_documents",
        "step": "triage",
        "role": "triage",
        "row_id": f"row-{number}",
        "recipe": "r",
        "model": "simulated",
        "prompt_tokens": 10,
        "cached_tokens": 0,
        "completion_tokens": 5,
        "latency_ms": 1.0,
        "attempts": 1,
        "cost": 0.0,
        "run_id": "planted",
        "created_at": WHEN,
    }
    return LLMCall(**{**given, **others})


# --- homes --------------------------------------------------------------------------------------


def plant_shard(store: Store, texts: Sequence[str], shard: str = SHARD) -> None:
    """A shard as ingest leaves it, every row kept."""
    rows = [source_document(number, text, shard) for number, text in enumerate(texts)]
    with store.transaction(Partition.shard(shard)) as transaction:
        transaction.merge([shard_row(len(rows), shard), *rows])


def plant_domain(store: Store, texts: Sequence[str], domain: Domain = DOMAIN) -> None:
    """A domain's documents as the filter leaves them, every one kept."""
    with store.transaction(Partition.domain(domain)) as transaction:
        transaction.merge([filtered_document(n, text) for n, text in enumerate(texts)])


def rows(store: Store, row_type: type[R], partition: Partition) -> list[R]:
    """All rows of a table."""
    with store.transaction(partition) as transaction:
        return transaction.rows(row_type)


def ledger(store: Store) -> list[LLMCall]:
    """All ledger entries of a home."""
    partitions = [*store.partitions(PartitionKind.SHARD), *store.partitions(PartitionKind.DOMAIN)]
    return [entry for partition in partitions for entry in rows(store, LLMCall, partition)]


def balances(store: Store, forms: Sequence[Form] = (Form.OPEN,)) -> list[Account]:
    """Every account of a home, as the accounting check reads it."""
    with catalog(store) as connection:
        return accounts(connection, Wanted(tuple(str(form) for form in forms)))


def ids(found: Iterable[Row]) -> list[str]:
    """The ids of rows of one table, in order."""
    return sorted(str(getattr(row, row.KEY[0])) for row in found)


# --- the engine ---------------------------------------------------------------------------------


class Answer(BaseModel):
    """What `ask` asks for."""

    value: str
    number: int


def role(base_url: str, **others: Any) -> RoleSettings:
    """A role's endpoint that gives up on a call after a few seconds."""
    key = others.pop("api_key", None)
    secret = SecretStr(key) if key is not None else None
    return RoleSettings(**{"base_url": base_url, "timeout_s": 5.0, "api_key": secret, **others})


def ask(number: int, text: str = "", **others: Any) -> ChatRequest[Answer]:
    """A question, unlike those of other numbers."""
    given = {
        "stage": "triaged_documents",
        "step": "probe",
        "role": Role.TRIAGE,
        "row_id": f"row-{number}",
        "recipe": "r",
        "messages": [{"role": "user", "content": f"document {number} {text}"}],
        "reply_type": Answer,
        "max_tokens": 80,
    }
    return ChatRequest(**{**given, **others})


def engine(base_url: str, home: Path, record: Callable[[LLMCall], None], **others: Any) -> Engine:
    """An engine with one endpoint for all roles.

    `max_in_flight` and `shared`, a home of several hosts, go to it, the rest to `role`.
    """
    fixed, shared = others.pop("max_in_flight", None), others.pop("shared", None)
    return Engine(
        dict.fromkeys(Role, role(base_url, **others)),
        record=record,
        run_id="run",
        limiter_folder=home,
        max_in_flight=fixed,
        home=shared,
    )


async def stream(items: Iterable[T]) -> AsyncIterator[T]:
    """Items as the engine takes them."""
    for item in items:
        yield item


def job(home: Path, base_url: str, run_id: str = "run", **others: Any) -> Job:
    """A job with one endpoint for all roles; `lock_timeout_s`, settings, and the rest to `role`."""
    store = Store(home, lock_timeout_s=others.pop("lock_timeout_s", 30.0))
    named = {name: others.pop(name) for name in list(others) if name in Settings.model_fields}
    settings = Settings(**{"home": home, **named})
    return Job(store, settings, Roles(dict.fromkeys(Role, role(base_url, **others))), run_id)


# --- what must hold -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token sums, of a ledger or of a server."""

    prompt: int
    cached: int
    completion: int


def tokens_of(calls: Iterable[LLMCall]) -> Tokens:
    """What a ledger sums to."""
    found = list(calls)
    return Tokens(
        sum(call.prompt_tokens for call in found),
        sum(call.cached_tokens for call in found),
        sum(call.completion_tokens for call in found),
    )


def delivered(stats: SimulatorStats) -> Tokens:
    """What a server has put in answers that went out whole."""
    return Tokens(
        stats.delivered_prompt_tokens,
        stats.delivered_cached_tokens,
        stats.delivered_completion_tokens,
    )


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Waits for a condition, and fails if it does not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)


def draft_row(number: int, text: str, **others: Any) -> QADraft:
    """A kept open draft for the first persona of a document."""
    given = {
        "draft_id": stable_hash("draft", str(number)),
        "doc_id": content_id(text),
        "persona_index": 0,
        "persona": "a planner of trips",
        "form": "open",
        "recipe": "r",
        "run_id": "planted",
        "created_at": WHEN,
    }
    return QADraft(**{**given, **others})
