"""The simulated endpoint keeps its promises, so that what it says of a client can be trusted."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, Field, ValidationError

from simulator import (
    Fault,
    FaultPlan,
    Simulator,
    SimulatorSettings,
    count_tokens,
    render,
    running_simulator,
    schema_reply,
    settings_from_json,
    settings_to_json,
    simulator_process,
)
from simulator.batching import Batch, SimulatedSequence
from simulator.prefix_cache import PrefixCache
from simulator.tokens import block_hashes

FAST = {"prefill_tokens_per_s": 1e7, "decode_tokens_per_s": 1e5}
"""Timings of about a millisecond a request."""


class Triage(BaseModel):
    qualified: bool
    reason: str = Field(max_length=300)
    domain: Literal["math", "history", "law"]


def quick(**others: Any) -> SimulatorSettings:
    return SimulatorSettings(**{**FAST, **others})


def client_of(sim: Any, api_key: str = "any") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=sim.base_url, api_key=api_key, max_retries=0, timeout=10)


def body_for(prompt: str, schema: type[BaseModel] | None = Triage, **others: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": "simulated",
        "messages": [{"role": "user", "content": prompt}],
        **others,
    }
    if schema is not None:
        asked = {"name": schema.__name__, "schema": schema.model_json_schema(), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": asked}
    return body


async def ask(client: AsyncOpenAI, prompt: str, **others: Any) -> ChatCompletion:
    completion: ChatCompletion = await client.chat.completions.create(**body_for(prompt, **others))
    return completion


def text_of(completion: ChatCompletion) -> str:
    return completion.choices[0].message.content or ""


def cached_of(completion: ChatCompletion) -> int:
    details = completion.usage.prompt_tokens_details if completion.usage else None
    return (details.cached_tokens or 0) if details else 0


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.002)


# --- the batch, on a clock that the test turns -------------------------------------------------


@dataclass
class HandClock:
    """A clock whose hands the test turns; wake-ups are not needed, `settle` catches up."""

    time: float = 0.0
    delays: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> HandClock:
        self.delays.append(delay_s)
        return self

    def cancel(self) -> None:
        pass


@dataclass
class Bench:
    """A batch of 2 slots that reads 100 and writes 10 tokens a second, and what it finished."""

    clock: HandClock
    batch: Batch
    done: list[tuple[str, float]] = field(default_factory=list)

    def submit(self, name: str, *, prompt: int = 100, output: int = 10) -> SimulatedSequence:
        sequence = SimulatedSequence(
            prompt_tokens=prompt,
            blocks=[],
            completion_tokens=output,
            on_done=lambda _: self.done.append((name, round(self.batch._time, 6))),
        )
        self.batch.submit(sequence)
        return sequence

    def at(self, moment: float) -> Bench:
        self.clock.time = moment
        self.batch.settle()
        return self


def bench(*, slots: int = 2, slowdown: float = 0.0) -> Bench:
    clock = HandClock()
    batch = Batch(
        clock,
        slots=slots,
        prefill_tokens_per_s=100,
        decode_tokens_per_s=10,
        decode_slowdown=slowdown,
    )
    return Bench(clock, batch)


def test_sequence_takes_its_prefill_and_then_its_decode_time() -> None:
    b = bench()
    b.submit("a", prompt=50, output=20)
    assert b.at(2.49).done == []
    assert b.at(2.51).done == [("a", 2.5)]


def test_batch_shares_one_prefill_but_not_one_decode() -> None:
    b = bench()
    b.submit("a")
    b.submit("b")
    assert b.at(10).done == [("a", 2.0), ("b", 3.0)]


def test_queue_is_first_come_first_served_and_moves_when_a_slot_is_freed() -> None:
    b = bench()
    for name in "abcd":
        b.submit(name)
    assert (b.batch.running, b.batch.waiting) == (2, 2)
    # c gets a's slot at 2.0, d gets b's at 3.0: each then reads for 1 s and writes for 1 s.
    assert b.at(100).done == [("a", 2.0), ("b", 3.0), ("c", 4.0), ("d", 5.0)]
    assert b.batch.counters.queue_time_s == pytest.approx(2.0 + 3.0)


def test_late_clock_changes_no_time_of_any_event() -> None:
    late, punctual = bench(), bench()
    for b in (late, punctual):
        for name in "abcdef":
            b.submit(name, output=7)
    for step in range(1, 1000):
        punctual.at(step / 50)
    assert late.at(20).done == punctual.done
    busy = [b.batch.counters.busy_slot_seconds for b in (late, punctual)]
    assert busy[0] == pytest.approx(busy[1])


def test_decode_slows_with_the_number_of_decoding_sequences() -> None:
    b = bench(slowdown=1.0)
    b.submit("a", prompt=1, output=10)
    b.submit("b", prompt=1, output=10)
    # a writes 0.1 token before b joins at 0.02; then both go at half speed until a is done.
    assert b.at(10).done == [("a", 2.0), ("b", 2.01)]


def test_busy_slot_time_is_the_integral_of_running_sequences() -> None:
    b = bench()
    b.submit("a")
    b.submit("b")
    b.at(100)
    assert b.batch.counters.busy_slot_seconds == pytest.approx(2.0 + 3.0)


def test_working_time_counts_each_moment_once_and_none_in_which_nothing_runs() -> None:
    b = bench()
    b.submit("a")
    b.submit("b")
    b.at(50)
    b.submit("c")
    b.at(100)
    assert b.batch.counters.working_s == pytest.approx(3.0 + 2.0)


def test_aborted_waiting_sequence_never_gets_a_slot() -> None:
    b = bench(slots=1)
    b.submit("a")
    waiting = b.submit("b")
    b.submit("c")
    b.batch.abort(waiting)
    assert b.batch.waiting == 1
    assert b.at(10).done == [("a", 2.0), ("c", 4.0)]


def test_abort_in_prefill_hands_prefill_and_slot_to_the_next() -> None:
    b = bench(slots=1)
    reading = b.submit("a")
    b.submit("b")
    b.at(0.5).batch.abort(reading)
    assert b.at(10).done == [("b", 2.5)]
    assert b.batch.counters.prompt_tokens == 100


def test_abort_in_decode_frees_the_slot_and_keeps_the_tokens_written() -> None:
    b = bench(slots=1)
    writing = b.submit("a", output=50)
    b.submit("b")
    b.at(3.0).batch.abort(writing)
    assert b.at(10).done == [("b", 5.0)]
    assert b.batch.counters.completion_tokens == 20 + 10


def test_batch_arms_no_timer_shorter_than_its_grain() -> None:
    b = bench()
    for _ in range(20):
        b.submit("a", prompt=1, output=1)
        b.at(b.clock.time + 0.0007)
    assert min(b.clock.delays) >= 0.001


def test_slots_are_never_exceeded_whatever_comes_and_goes() -> None:
    rng, b = Random(7), bench(slots=5, slowdown=0.1)
    alive: list[SimulatedSequence] = []
    for step in range(3000):
        b.at(step * 0.05)
        if rng.random() < 0.5:
            alive.append(b.submit("x", prompt=rng.randint(1, 40), output=rng.randint(1, 20)))
        if alive and rng.random() < 0.2:
            b.batch.abort(alive.pop(rng.randrange(len(alive))))
        assert 0 <= b.batch.running <= 5
        assert b.batch.waiting == 0 or b.batch.running == 5
    b.at(1e6)
    assert (b.batch.running, b.batch.waiting, b.batch.running_tokens) == (0, 0, 0)
    assert b.batch.counters.peak_running == 5


# --- the prefix cache --------------------------------------------------------------------------


def test_cache_matches_the_common_head_and_stops_at_the_first_difference() -> None:
    cache = PrefixCache(100)
    document = "d" * 640
    cache.insert(block_hashes(document + "question one"))
    assert cache.match(block_hashes(document + "question two")) == 10
    assert cache.match(block_hashes("x" + document)) == 0


def test_last_prompt_token_is_never_cached() -> None:
    assert len(block_hashes("a" * 64)) == 0
    assert len(block_hashes("a" * 65)) == 1


def test_full_cache_evicts_the_least_recently_used_prompt_tail_first() -> None:
    cache = PrefixCache(8)
    first, second, third = ([(name, i) for i in range(4)] for name in (1, 2, 3))
    hashes = [[hash(block) for block in prompt] for prompt in (first, second, third)]
    cache.insert(hashes[0])
    cache.insert(hashes[1])
    assert cache.match(hashes[0]) == 4  # the first is now the more recent
    cache.insert(hashes[2][:2])
    assert [cache.match(h) for h in hashes] == [4, 2, 2]
    assert len(cache) == 8


async def test_second_request_on_a_document_hits_the_cache_after_the_first_ones_prefill() -> None:
    document = "a long document " * 100
    async with running_simulator(quick()) as sim, client_of(sim) as client:
        first = await ask(client, document + "one")
        second = await ask(client, document + "two")
    assert cached_of(first) == 0
    assert cached_of(second) == (len("<|user|>\n" + document) // 64) * 16
    assert sim.stats.delivered_cached_tokens == cached_of(second)


async def test_two_simultaneous_requests_on_a_new_document_both_miss() -> None:
    document = "a long document " * 100
    slow = quick(prefill_tokens_per_s=2_000)
    async with running_simulator(slow) as sim, client_of(sim) as client:
        both = await asyncio.gather(ask(client, document + "one"), ask(client, document + "two"))
    assert [cached_of(completion) for completion in both] == [0, 0]


async def test_cached_prompt_is_read_faster() -> None:
    document = "a long document " * 200
    settings = quick(prefill_tokens_per_s=8_000)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        await ask(client, document)
        first_s = sim.stats.busy_slot_seconds
        await ask(client, document)
        second_s = sim.stats.busy_slot_seconds - first_s
    assert first_s > 0.1
    assert second_s < 0.01


async def test_cache_off_and_details_off_report_nothing_cached() -> None:
    for settings in (quick(prefix_cache_tokens=0), quick(prompt_tokens_details=False)):
        async with running_simulator(settings) as sim, client_of(sim) as client:
            await ask(client, "same " * 100)
            again = await ask(client, "same " * 100)
        assert again.usage is not None
        assert again.usage.prompt_tokens_details is None


# --- serving -----------------------------------------------------------------------------------


async def test_slots_are_never_exceeded_over_http() -> None:
    async with running_simulator(quick(slots=3, decode_tokens_per_s=5_000)) as sim:
        async with client_of(sim) as client:
            await asyncio.gather(*(ask(client, f"row {i}") for i in range(40)))
        stats = sim.stats
    assert stats.peak_running == 3
    assert stats.peak_waiting >= 30
    assert stats.requests_completed == 40
    assert stats.busy_slot_seconds == pytest.approx(
        stats.delivered_completion_tokens / 5_000, rel=0.02
    )


async def test_usage_of_completed_responses_is_what_stats_and_metrics_count() -> None:
    async with running_simulator(quick(slots=8)) as sim, client_of(sim) as client:
        prompts = [f"document {i % 5} " * 50 + f"row {i}" for i in range(100)]
        replies = await asyncio.gather(*(ask(client, prompt) for prompt in prompts))
        stats, metrics = sim.stats, await metrics_of(sim)
    usages = [reply.usage for reply in replies if reply.usage]
    prompt = sum(usage.prompt_tokens for usage in usages)
    cached = sum(cached_of(reply) for reply in replies)
    written = sum(usage.completion_tokens for usage in usages)
    assert prompt == sum(count_tokens(render(body_for(p)["messages"])) for p in prompts)
    delivered = (stats.delivered_prompt_tokens, stats.delivered_cached_tokens)
    generated = (stats.generated_prompt_tokens, stats.generated_cached_tokens)
    assert delivered == generated == (prompt, cached)
    assert stats.delivered_completion_tokens == stats.generated_completion_tokens == written
    stage = stats.stages["Triage"]
    assert (stage.received, stage.completed) == (100, 100)
    assert (stage.prompt_tokens, stage.cached_tokens) == (prompt, cached)
    assert stage.completion_tokens == written
    assert metrics["vllm:prompt_tokens_total"] == prompt
    assert metrics["vllm:prompt_tokens_cached_total"] == cached
    assert metrics["vllm:generation_tokens_total"] == written
    assert metrics["vllm:prefix_cache_queries_total"] == prompt
    assert metrics["vllm:prefix_cache_hits_total"] == cached
    assert metrics["vllm:request_queue_time_seconds_count"] == 100


async def metrics_of(sim: Simulator) -> dict[str, float]:
    async with httpx2.AsyncClient() as http:
        text = (await http.get(f"{sim.server_url}/metrics")).text
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name.split("{")[0]: float(value) for name, value in samples if "_bucket" not in name}


async def test_metrics_show_what_runs_and_what_waits() -> None:
    settings = quick(slots=2, decode_tokens_per_s=10, prefix_cache_tokens=1_000)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        tasks = [asyncio.create_task(ask(client, f"row {i}")) for i in range(5)]
        await until(lambda: sim.stats.requests_received == 5)
        metrics = await metrics_of(sim)
        for task in tasks:
            task.cancel()
    assert metrics["vllm:num_requests_running"] == 2
    assert metrics["vllm:num_requests_waiting"] == 3
    assert 0 < metrics["vllm:kv_cache_usage_perc"] <= 1
    assert metrics["vllm:num_preemptions_total"] == 0


async def test_leaving_client_frees_its_slot_for_the_next() -> None:
    settings = quick(slots=1, decode_tokens_per_s=200, output_tokens_sigma=0)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        leaver = asyncio.create_task(ask(client, "leaves " * 20, schema=None))
        stayer = asyncio.create_task(ask(client, "stays", schema=None))
        await until(lambda: sim.stats.waiting == 1)
        await until(lambda: sim.stats.generated_prompt_tokens > 0)
        await asyncio.sleep(0.03)
        leaver.cancel()
        await until(lambda: sim.stats.requests_aborted == 1)
        usage = (await stayer).usage
        stats = sim.stats
    assert usage is not None
    assert stats.peak_running == 1
    assert stats.requests_received == stats.requests_completed + stats.requests_aborted == 2
    assert stats.delivered_completion_tokens == usage.completion_tokens == 100
    assert 100 < stats.generated_completion_tokens < 200


async def test_stats_reset_counts_from_there_on_and_metrics_run_on() -> None:
    async with running_simulator(quick()) as sim, client_of(sim) as client:
        await ask(client, "one")
        async with httpx2.AsyncClient() as http:
            await http.post(f"{sim.server_url}/stats/reset")
            assert sim.stats.requests_received == 0
            assert sim.stats.first_request_at is None
            await ask(client, "two")
            stats = (await http.get(f"{sim.server_url}/stats")).json()
        metrics = await metrics_of(sim)
    assert stats["requests_completed"] == stats["stages"]["Triage"]["completed"] == 1
    assert stats["generated_prompt_tokens"] == stats["delivered_prompt_tokens"] > 0
    assert metrics["vllm:prompt_tokens_total"] > stats["delivered_prompt_tokens"]
    assert stats["first_request_at"] <= stats["last_answer_at"]


async def test_models_and_tokenize_tell_the_window_and_the_count_of_chat() -> None:
    async with running_simulator(quick(max_model_len=1234)) as sim, client_of(sim) as client:
        card = (await client.models.list()).data[0]
        body = body_for("count me " * 30)
        reply = await ask(client, "count me " * 30)
        async with httpx2.AsyncClient(base_url=sim.server_url) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await http.get("/nowhere")).status_code == 404
            asked = {"model": "simulated", "messages": body["messages"]}
            counted = (await http.post("/tokenize", json=asked)).json()
            short = (await http.post("/tokenize", json={"prompt": "12345"})).json()
    assert card.id == "simulated"
    assert card.model_extra is not None
    assert card.model_extra["max_model_len"] == counted["max_model_len"] == 1234
    assert reply.usage is not None
    assert counted["count"] == len(counted["tokens"]) == reply.usage.prompt_tokens
    assert short["count"] == 2


# --- replies -----------------------------------------------------------------------------------


class Node(BaseModel):
    label: str = Field(max_length=5)
    children: list[Node] = Field(max_length=2)


class Square(BaseModel):
    kind: Literal["square"]
    side: float = Field(gt=0, le=10)


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: int = Field(ge=3, lt=5)


class Everything(BaseModel):
    flag: bool
    number: int
    debt: int = Field(lt=-5)
    share: float
    loss: float = Field(le=-1.5)
    word: str = Field(min_length=3, max_length=40)
    choice: Literal["x", "y"]
    fixed: Literal["only"]
    maybe: str | None
    shape: Square | Circle = Field(discriminator="kind")
    three: list[str] = Field(min_length=3, max_length=3)
    pair: tuple[int, str]
    nested: list[Triage] = Field(min_length=1)
    table: dict[str, int]
    tree: Node


@pytest.mark.parametrize("schema", [Triage, Everything, Node])
def test_default_reply_is_valid_under_the_schema(schema: type[BaseModel]) -> None:
    for seed in range(200):
        reply = schema_reply(body_for("p", schema), Random(seed), tokens=seed)
        schema.model_validate_json(reply, strict=True)


def test_default_reply_honours_all_of_and_top_level_choices() -> None:
    schema = {
        "$defs": {"named": {"type": "object", "properties": {"n": {"const": 1}}}},
        "anyOf": [
            {"allOf": [{"$ref": "#/$defs/named"}, {"properties": {"m": {"enum": [2]}}}]},
            {"type": "null"},
        ],
    }
    body = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    seen = {schema_reply(body, Random(seed)) for seed in range(20)}
    assert seen == {'{"n": 1, "m": 2}', "null"}


async def test_reply_depends_on_the_prompt_alone_and_differs_between_prompts() -> None:
    replies: list[list[str]] = []
    for slots in (1, 8):
        async with running_simulator(quick(slots=slots)) as sim, client_of(sim) as client:
            asked = [ask(client, f"row {i}") for i in range(20)]
            replies.append([text_of(reply) for reply in await asyncio.gather(*asked)])
    assert replies[0] == replies[1]
    assert len(set(replies[0])) == 20


async def test_output_length_has_the_mean_set_for_the_schema() -> None:
    settings = quick(output_tokens_mean_by_schema={"Triage": 60}, output_tokens_mean=200)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        await asyncio.gather(*(ask(client, f"row {i}") for i in range(200)))
        await asyncio.gather(*(ask(client, f"row {i}", schema=None) for i in range(200)))
        stages = sim.stats.stages
    assert stages["Triage"].completion_tokens / 200 == pytest.approx(60, rel=0.15)
    assert stages["text"].completion_tokens / 200 == pytest.approx(200, rel=0.15)


async def test_custom_reply_is_as_long_as_its_text_and_cut_at_max_tokens() -> None:
    settings = quick(reply=lambda body, rng: "abcd" * 25)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        whole = await ask(client, "row")
        short = await ask(client, "row", max_tokens=10)
    assert whole.usage is not None
    assert short.usage is not None
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("stop", 25)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 10)
    assert text_of(short) == "abcd" * 10


async def test_failing_custom_reply_is_told_and_not_silent() -> None:
    def broken(body: dict[str, Any], rng: Random) -> str:
        raise KeyError("no such row")

    async with running_simulator(quick(reply=broken)) as sim, client_of(sim) as client:
        with pytest.raises(openai.InternalServerError, match="simulator failed"):
            await ask(client, "row")
    assert sim.stats.rejected == {500: 1}


# --- faults ------------------------------------------------------------------------------------


def always(fault: Fault, **others: Any) -> FaultPlan:
    return FaultPlan(probabilities={fault: 1.0}, **others)


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (Fault.RATE_LIMITED, 429, openai.RateLimitError),
        (Fault.RATE_LIMITED_SILENT, 429, openai.RateLimitError),
        (Fault.SERVER_ERROR, 500, openai.InternalServerError),
        (Fault.UNAVAILABLE, 503, openai.InternalServerError),
        (Fault.UNAUTHORIZED, 401, openai.AuthenticationError),
        (Fault.WRONG_MODEL, 404, openai.NotFoundError),
        (Fault.CONTEXT_TOO_LONG, 400, openai.BadRequestError),
    ],
)
async def test_fault_of_status_is_answered_at_once_and_generates_nothing(
    fault: Fault, status: int, error: type[openai.APIStatusError]
) -> None:
    plan = always(fault, retry_after_s=0.25)
    async with running_simulator(quick(faults=plan)) as sim, client_of(sim) as client:
        with pytest.raises(error) as caught:
            await ask(client, "row")
        stats = sim.stats
    assert caught.value.status_code == status
    waits = {Fault.RATE_LIMITED: "0.250"}
    assert caught.value.response.headers.get("retry-after") == waits.get(fault)
    assert stats.rejected == {status: 1}
    assert stats.faults == {fault: 1}
    assert stats.generated_prompt_tokens == stats.generated_completion_tokens == 0


async def raw_answer(sim: Any, body: dict[str, Any]) -> bytes:
    """Everything that a bare socket receives for a chat request."""
    port = int(sim.server_url.rsplit(":", 1)[1])
    payload = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(payload)}\r\n"
    writer.write(head.encode() + b"connection: close\r\n\r\n" + payload)
    try:
        return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_reset_is_a_tcp_reset_after_the_work_was_done() -> None:
    async with running_simulator(quick(faults=always(Fault.RESET))) as sim:
        with pytest.raises(ConnectionResetError):
            await raw_answer(sim, body_for("row"))
        async with client_of(sim) as client:
            with pytest.raises(openai.APIConnectionError):
                await ask(client, "row")
        stats = sim.stats
    assert stats.requests_undelivered == 2
    assert stats.delivered_completion_tokens == 0
    assert stats.generated_completion_tokens > 0


async def test_cut_response_promises_more_than_comes() -> None:
    async with running_simulator(quick(faults=always(Fault.CUT))) as sim:
        head, _, body = (await raw_answer(sim, body_for("row"))).partition(b"\r\n\r\n")
        async with client_of(sim) as client:
            with pytest.raises(openai.APIConnectionError):
                await ask(client, "row")
        stats = sim.stats
    promised = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(body) == promised // 2
    assert stats.requests_undelivered == 2
    assert stats.delivered_prompt_tokens == 0
    assert stats.generated_prompt_tokens > 0


async def test_hang_never_answers_holds_no_slot_and_ends_when_the_client_leaves() -> None:
    plan = FaultPlan(fault_for_marker={"HANG-HERE": Fault.HANG})
    async with running_simulator(quick(slots=1, faults=plan)) as sim, client_of(sim) as client:
        hanging = asyncio.create_task(ask(client, "please HANG-HERE"))
        await until(lambda: sim.stats.requests_open == 1)
        await ask(client, "another row has the slot")
        assert not hanging.done()
        hanging.cancel()
        await until(lambda: sim.stats.requests_open == 0)
        stats = sim.stats
    assert (stats.requests_aborted, stats.requests_completed) == (1, 1)
    assert stats.generated_completion_tokens == stats.delivered_completion_tokens


async def test_fault_of_content_is_delivered_and_paid() -> None:
    faults = (Fault.EMPTY, Fault.MALFORMED, Fault.SCHEMA_BREAK, Fault.LENGTH)
    plan = FaultPlan(fault_for_marker={fault.value.upper(): fault for fault in faults})
    async with running_simulator(quick(faults=plan)) as sim, client_of(sim) as client:
        got = {fault: await ask(client, fault.value.upper(), max_tokens=200) for fault in faults}
        stats = sim.stats
    assert text_of(got[Fault.EMPTY]) == ""
    for fault in (Fault.MALFORMED, Fault.LENGTH):
        with pytest.raises(json.JSONDecodeError):
            json.loads(text_of(got[fault]))
    json.loads(text_of(got[Fault.SCHEMA_BREAK]))
    with pytest.raises(ValidationError):
        Triage.model_validate_json(text_of(got[Fault.SCHEMA_BREAK]))
    finishes = {fault: reply.choices[0].finish_reason for fault, reply in got.items()}
    assert finishes == dict.fromkeys(faults, "stop") | {Fault.LENGTH: "length"}
    usages = [reply.usage for reply in got.values() if reply.usage]
    assert usages[-1].completion_tokens == 200
    assert stats.delivered_completion_tokens == sum(u.completion_tokens for u in usages)
    assert stats.requests_completed == 4


@pytest.mark.parametrize("schema", [Triage, Everything, Node])
def test_schema_breaking_reply_is_always_json_and_never_valid(schema: type[BaseModel]) -> None:
    from simulator.faults import spoil
    from simulator.replies import Reply

    body = body_for("p", schema)
    for seed in range(50):
        good = Reply(schema_reply(body, Random(seed)), 100)
        broken = spoil(good, Fault.SCHEMA_BREAK, body, 100).text
        json.loads(broken)
        with pytest.raises(ValidationError):
            schema.model_validate_json(broken)


async def statuses(sim: Simulator, bodies: list[dict[str, Any]]) -> list[int]:
    async with httpx2.AsyncClient(base_url=sim.base_url, timeout=10) as http:
        return [(await http.post("/chat/completions", json=body)).status_code for body in bodies]


async def test_faults_come_at_their_rate_and_a_retry_may_succeed() -> None:
    plan = FaultPlan(probabilities={Fault.SERVER_ERROR: 0.1, Fault.UNAVAILABLE: 0.1})
    bodies = [body_for(f"row {i}") for i in range(400)]
    async with running_simulator(quick(faults=plan)) as sim:
        first = await statuses(sim, bodies)
        failed = [body for body, status in zip(bodies, first, strict=True) if status != 200]
        second = await statuses(sim, failed)
    counts = Counter(first)
    assert 25 <= counts[500] <= 58
    assert 25 <= counts[503] <= 58
    assert second.count(200) > len(second) / 2


async def test_same_bodies_have_the_same_faults_in_any_order() -> None:
    plan = FaultPlan.evenly([Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.RATE_LIMITED], 0.5)
    bodies = [body_for(f"row {i}") for i in range(60)]
    async with running_simulator(quick(faults=plan)) as sim:
        forward = await statuses(sim, bodies)
    async with running_simulator(quick(faults=plan)) as sim:
        backward = await statuses(sim, bodies[::-1])
    async with running_simulator(quick(faults=plan, seed=1)) as sim:
        other_seed = await statuses(sim, bodies)
    assert forward == backward[::-1]
    assert forward != other_seed


async def test_body_is_answered_well_after_its_most_faults() -> None:
    plan = always(Fault.SERVER_ERROR, max_faults_per_body=2)
    async with running_simulator(quick(faults=plan)) as sim:
        assert await statuses(sim, [body_for("row")] * 4) == [500, 500, 200, 200]


async def test_marked_prompt_fails_always_and_others_never() -> None:
    plan = FaultPlan(fault_for_marker={"poison": Fault.SERVER_ERROR})
    async with running_simulator(quick(faults=plan)) as sim:
        bodies = [body_for("a poison row")] * 3 + [body_for("a good row")] * 2
        assert await statuses(sim, bodies) == [500, 500, 500, 200, 200]


def test_fault_probabilities_beyond_one_are_refused() -> None:
    with pytest.raises(ValueError, match="evenly"):
        FaultPlan(probabilities={Fault.RESET: 0.6, Fault.CUT: 0.6})


async def test_wrong_key_is_unauthorized_on_every_path_under_v1() -> None:
    async with running_simulator(quick(api_key="secret")) as sim:
        async with client_of(sim, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await ask(client, "row")
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        async with client_of(sim, "secret") as client:
            await ask(client, "row")
        async with httpx2.AsyncClient(base_url=sim.server_url) as http:
            assert (await http.get("/metrics")).status_code == 200
        stats = sim.stats
    assert stats.rejected == {401: 1}
    assert "secret" not in repr(sim.settings)


async def test_unknown_model_and_too_long_prompt_are_told_in_vllms_words() -> None:
    async with running_simulator(quick(max_model_len=500)) as sim, client_of(sim) as client:
        with pytest.raises(openai.NotFoundError, match="The model `other` does not exist"):
            await ask(client, "row", model="other")
        message = "maximum context length is 500 tokens"
        with pytest.raises(openai.BadRequestError, match=message):
            await ask(client, "long " * 500)
        with pytest.raises(openai.BadRequestError, match=message):
            await ask(client, "short", max_tokens=500)
        fits = await ask(client, "short", max_tokens=400)
    assert fits.choices[0].finish_reason == "stop"


async def test_lone_surrogate_in_a_prompt_is_text_like_any_other() -> None:
    body = json.dumps(body_for("half a pair: \ud800")).encode()
    async with running_simulator(quick()) as sim, httpx2.AsyncClient() as http:
        assert (await http.post(f"{sim.base_url}/chat/completions", content=body)).is_success
        assert (await http.post(f"{sim.server_url}/tokenize", content=body)).is_success


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"messages": [1]}', b'{"messages": [], "model": "simulated"}']
)
async def test_body_that_is_no_request_is_a_bad_request(body: bytes) -> None:
    async with running_simulator(quick()) as sim, httpx2.AsyncClient() as http:
        answer = await http.post(f"{sim.base_url}/chat/completions", content=body)
    assert answer.status_code == 400
    assert sim.stats.rejected == {400: 1}


async def test_rate_limit_answers_429_with_the_true_wait() -> None:
    plan = FaultPlan(rate_limit_per_s=5)
    waits_s: list[float] = []
    async with running_simulator(quick(faults=plan)) as sim, client_of(sim) as client:
        burst = (ask(client, f"row {i}") for i in range(20))
        results = await asyncio.gather(*burst, return_exceptions=True)
        for i in range(3):
            try:
                await ask(client, f"alone {i}")
            except openai.RateLimitError as refusal:
                waits_s.append(float(refusal.response.headers["retry-after"]))
                await asyncio.sleep(waits_s[-1] + 0.005)
                await ask(client, f"alone {i}")
    refused = [r for r in results if isinstance(r, openai.RateLimitError)]
    assert len(refused) >= 5
    assert all(0 < wait_s <= 0.2 for wait_s in waits_s)


async def test_requests_beyond_max_concurrent_are_answered_429() -> None:
    plan = FaultPlan(max_concurrent=4, retry_after_s=0.5)
    settings = quick(faults=plan, decode_tokens_per_s=300)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        asked = [ask(client, f"row {i}") for i in range(10)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        refused = [r for r in results if isinstance(r, openai.RateLimitError)]
        assert len(refused) == 6
        assert sim.stats.peak_running == 4
        await ask(client, "room again")


async def test_dying_server_drops_every_connection_and_can_be_started_again() -> None:
    settings = quick(faults=FaultPlan(die_after_requests=5), decode_tokens_per_s=300)
    async with running_simulator(settings) as sim, client_of(sim) as client:
        asked = [ask(client, f"row {i}") for i in range(5)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(r, openai.APIConnectionError) for r in results)
        with pytest.raises(openai.APIConnectionError):
            await ask(client, "nobody there")
        await until(lambda: sim.stats.requests_aborted == 5)
        assert (sim.stats.running, sim.stats.requests_open) == (0, 0)
        await sim.start()
        await ask(client, "back again")


async def test_accounts_balance_under_all_faults_together() -> None:
    plan = FaultPlan.evenly(list(Fault), 0.6)
    settings = quick(slots=4, faults=plan)
    usages: list[Any] = []

    gate = asyncio.Semaphore(32)

    async def try_row(client: AsyncOpenAI, row: int) -> None:
        async with gate:
            with suppress(openai.APIError):
                usages.append((await ask(client, f"row {row}", max_tokens=300)).usage)

    async with running_simulator(settings) as sim:
        async with client_of(sim).with_options(timeout=2.0) as client:
            await asyncio.gather(*(try_row(client, row) for row in range(200)))
        await until(lambda: sim.stats.requests_open == 0)
        stats = sim.stats
    ended = stats.requests_completed + stats.requests_undelivered + stats.requests_aborted
    assert stats.requests_received == 200 == ended + stats.requests_rejected
    assert stats.requests_undelivered == stats.faults["reset"] + stats.faults["cut"]
    assert stats.requests_aborted == stats.faults["hang"]
    assert set(stats.faults) == {fault.value for fault in Fault}
    assert stats.requests_completed == len(usages)
    assert stats.delivered_prompt_tokens == sum(usage.prompt_tokens for usage in usages)
    assert stats.delivered_completion_tokens == sum(usage.completion_tokens for usage in usages)
    assert stats.generated_completion_tokens > stats.delivered_completion_tokens


# --- a process of its own ----------------------------------------------------------------------


def named_reply(body: dict[str, Any], rng: Random) -> str:
    return "a reply by name"


def test_settings_survive_the_way_to_a_process() -> None:
    plan = FaultPlan(
        probabilities={Fault.RESET: 0.1},
        fault_for_marker={"poison": Fault.EMPTY},
        die_after_requests=9,
    )
    settings = quick(
        faults=plan, reply=named_reply, api_key="k", output_tokens_mean_by_schema={"a": 5.0}
    )
    assert settings_from_json(settings_to_json(settings)) == settings
    with pytest.raises(ValueError, match="top level"):
        settings_to_json(quick(reply=lambda body, rng: ""))


def post_chat(base_url: str, prompt: str) -> httpx2.Response:
    return httpx2.post(f"{base_url}/chat/completions", json=body_for(prompt), timeout=10)


def test_process_serves_counts_and_leaves() -> None:
    plan = FaultPlan(fault_for_marker={"poison": Fault.RESET})
    with simulator_process(quick(reply=named_reply, faults=plan)) as sim:
        reply = post_chat(sim.base_url, "row").json()
        with pytest.raises(httpx2.ReadError):
            post_chat(sim.base_url, "poison")
        stats = sim.stats()
        sim.reset_stats()
        assert sim.stats().requests_received == 0
    assert reply["choices"][0]["message"]["content"] == "a reply by name"
    assert (stats.requests_completed, stats.requests_undelivered) == (1, 1)
    assert stats.delivered_prompt_tokens == reply["usage"]["prompt_tokens"]
    with pytest.raises(httpx2.ConnectError):
        post_chat(sim.base_url, "row")


@pytest.fixture
def command_line_server() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "simulator", "--slots", "3", "--model", "m"]
    command += ["--fault", "server_error=0.5", "--fault", "unavailable=0.5"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


def test_command_line_says_where_it_serves_in_one_line(command_line_server: dict[str, Any]) -> None:
    models = httpx2.get(f"{command_line_server['base_url']}/models").json()
    stats = httpx2.get(f"{command_line_server['server_url']}/stats").json()
    body = {**body_for("row"), "model": "m"}
    answer = httpx2.post(f"{command_line_server['base_url']}/chat/completions", json=body)
    assert models["data"][0]["id"] == "m"
    assert stats["slots"] == 3
    assert answer.status_code in (500, 503)


def test_server_process_does_not_outlive_a_killed_owner() -> None:
    owner = (
        "import os, signal\n"
        "from simulator import simulator_process\n"
        "with simulator_process() as sim:\n"
        "    print(sim.server_url.rsplit(':', 1)[1], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", owner]
    ended = subprocess.run(
        command, cwd=root, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root)}
    )
    address = ("127.0.0.1", int(ended.stdout))
    deadline = time.monotonic() + 5
    while is_listening(address):
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)


def is_listening(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


@pytest.mark.timing
async def test_one_core_could_serve_more_than_1500_requests_a_second() -> None:
    """By the server's own CPU time, which other load on the machine does not change much."""
    bodies = [body_for(f"document {i % 200} " + "lorem ipsum " * 170) for i in range(2_000)]
    with simulator_process(quick(prefill_tokens_per_s=1e8)) as sim:
        before = sim.stats().process_cpu_s
        start = time.monotonic()
        await send_over_bare_sockets(sim, bodies, connections=32)
        wall_s = time.monotonic() - start
        stats = sim.stats()
    cpu_ms = 1000 * (stats.process_cpu_s - before) / len(bodies)
    print(f"\n{len(bodies) / wall_s:.0f} requests/s, {cpu_ms:.3f} ms of server CPU each")
    assert stats.requests_completed == len(bodies)
    assert cpu_ms < 1000 / 1500


async def send_over_bare_sockets(
    sim: Any, bodies: list[dict[str, Any]], *, connections: int
) -> None:
    """The least that a client can do, so that the server is what is measured."""
    payloads = iter([json.dumps(body).encode() for body in bodies])
    port = int(sim.server_url.rsplit(":", 1)[1])

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for payload in payloads:
            head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length:"
            writer.write(f"{head} {len(payload)}\r\n\r\n".encode() + payload)
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(answer.split(b"content-length: ")[1].split(b"\r\n")[0]))
        writer.close()

    await asyncio.gather(*(send() for _ in range(connections)))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a+$", "maxLength": 9},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "number", "multipleOf": 2}]}}},
    ],
)
async def test_a_schema_that_vllm_has_no_grammar_for_is_a_bad_request(
    schema: dict[str, Any],
) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = json.dumps({**body_for("hello"), "response_format": form}).encode()
    async with running_simulator(quick()) as sim, httpx2.AsyncClient() as http:
        answer = await http.post(f"{sim.base_url}/chat/completions", content=body)
    assert answer.status_code == 400
    assert "not supported by xgrammar" in answer.text
