"""What a simulated server has done, for tests and benchmarks to compare with what a client says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from .batching import QUEUE_TIME_BUCKETS_S, Batch, BatchCounters


@dataclass(slots=True)
class StageCounts:
    """Counts of the requests that asked for one schema name; tokens are of delivered replies."""

    received: int = 0
    completed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True, kw_only=True)
class SimulatorStats:
    """A snapshot, since the start or the last reset. Requests are chat completions only.

    `received = completed + undelivered + aborted + rejected + open` holds from the start on. A
    reset forgets that open requests were received, but counts how they end.

    Attributes:
        slots: Of the server.
        requests_received: Read in full.
        requests_open: Waiting, running or hanging now.
        requests_completed: Answered 200 with the whole body handed to an open connection. Faults
            of content (empty, malformed, schema_break, length) are completed too: they are paid.
        requests_undelivered: Generated to the end, and then reset or cut by a fault.
        requests_aborted: The client left, or the server died, before the answer.
        rejected: Error answers by HTTP status.
        faults: Injected faults by name.
        delivered_prompt_tokens: The sum of `usage.prompt_tokens` over completed requests; with
            the next two exactly what a client that got every answer has seen. An answer handed to
            a connection whose client was killed before reading it counts as delivered: no server
            can know.
        delivered_cached_tokens: Of them, those from the prefix cache.
        delivered_completion_tokens: The sum of `usage.completion_tokens`.
        generated_prompt_tokens: Of all prompts whose prefill ended, whatever became of the answer.
        generated_cached_tokens: Of them, those from the prefix cache.
        generated_completion_tokens: All tokens written, those of aborted sequences included.
        busy_slot_seconds: Slots in use, integrated over time.
        working_s: Time in which at least one slot was in use.
        wall_s: Since the first request.
        active_wall_s: From the first request to the last answer.
        first_request_at: Unix time.
        last_request_at: Unix time.
        last_answer_at: Unix time.
        peak_running: Most slots in use at once.
        peak_waiting: Longest queue.
        running: Slots in use now.
        waiting: Queue now.
        stages: Counts by schema name ("text" without a schema).
        process_cpu_s: CPU time of the server's process, never reset.
    """

    slots: int = 0
    requests_received: int = 0
    requests_open: int = 0
    requests_completed: int = 0
    requests_undelivered: int = 0
    requests_aborted: int = 0
    rejected: dict[int, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    delivered_prompt_tokens: int = 0
    delivered_cached_tokens: int = 0
    delivered_completion_tokens: int = 0
    generated_prompt_tokens: int = 0
    generated_cached_tokens: int = 0
    generated_completion_tokens: int = 0
    busy_slot_seconds: float = 0.0
    working_s: float = 0.0
    wall_s: float = 0.0
    active_wall_s: float = 0.0
    first_request_at: float | None = None
    last_request_at: float | None = None
    last_answer_at: float | None = None
    peak_running: int = 0
    peak_waiting: int = 0
    running: int = 0
    waiting: int = 0
    stages: dict[str, StageCounts] = field(default_factory=dict)
    process_cpu_s: float = 0.0

    @property
    def requests_rejected(self) -> int:
        """All error answers."""
        return sum(self.rejected.values())

    @property
    def saturation(self) -> float:
        """Busy slot-time over all slot-time from the first request to the last answer."""
        return self.busy_slot_seconds / (self.slots * self.active_wall_s or 1.0)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """From what GET /stats answered."""
        rejected = {int(status): n for status, n in values["rejected"].items()}
        stages = {name: StageCounts(**counts) for name, counts in values["stages"].items()}
        return cls(**{**values, "rejected": rejected, "stages": stages})


class Tally:
    """Counts requests as they come and go."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.reset()

    def reset(self) -> None:
        """Starts from nothing, and counts the batch's work from here on."""
        self._batch.settle()
        self._batch.reset_peaks()
        self._before = replace(self._batch.counters)
        self.received = self.completed = self.undelivered = self.aborted = 0
        self.rejected: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.stages: dict[str, StageCounts] = {}
        self.prompt_tokens = self.cached_tokens = self.completion_tokens = 0
        self.first_request_at: float | None = None
        self.last_request_at: float | None = None
        self.last_answer_at: float | None = None

    def receive(self) -> None:
        """A request was read."""
        self.received += 1
        self.last_request_at = time.time()
        if self.first_request_at is None:
            self.first_request_at = self.last_request_at

    def stage(self, name: str) -> StageCounts:
        """The counts of one schema name."""
        counts = self.stages.get(name)
        if counts is None:
            counts = self.stages[name] = StageCounts()
        return counts

    def deliver(self, stage: str, prompt: int, cached: int, completion: int) -> None:
        """A reply went out whole."""
        self.completed += 1
        self.last_answer_at = time.time()
        self.prompt_tokens += prompt
        self.cached_tokens += cached
        self.completion_tokens += completion
        counts = self.stage(stage)
        counts.completed += 1
        counts.prompt_tokens += prompt
        counts.cached_tokens += cached
        counts.completion_tokens += completion

    def lose(self) -> None:
        """A reply was generated, and the client will not have it."""
        self.undelivered += 1
        self.last_answer_at = time.time()

    def reject(self, status: int) -> None:
        """An error was answered."""
        self.rejected[status] += 1
        self.last_answer_at = time.time()

    def abort(self) -> None:
        """The client left before an answer."""
        self.aborted += 1

    def snapshot(self, open_requests: int) -> SimulatorStats:
        """All counts so far."""
        self._batch.settle()
        done, before = self._batch.counters, self._before
        return SimulatorStats(
            slots=self._batch.slots,
            requests_received=self.received,
            requests_open=open_requests,
            requests_completed=self.completed,
            requests_undelivered=self.undelivered,
            requests_aborted=self.aborted,
            rejected=dict(self.rejected),
            faults=dict(self.faults),
            delivered_prompt_tokens=self.prompt_tokens,
            delivered_cached_tokens=self.cached_tokens,
            delivered_completion_tokens=self.completion_tokens,
            generated_prompt_tokens=done.prompt_tokens - before.prompt_tokens,
            generated_cached_tokens=done.cached_tokens - before.cached_tokens,
            generated_completion_tokens=done.completion_tokens - before.completion_tokens,
            busy_slot_seconds=done.busy_slot_seconds - before.busy_slot_seconds,
            working_s=done.working_s - before.working_s,
            wall_s=_since(self.first_request_at, time.time()),
            active_wall_s=_since(self.first_request_at, self.last_answer_at),
            first_request_at=self.first_request_at,
            last_request_at=self.last_request_at,
            last_answer_at=self.last_answer_at,
            peak_running=done.peak_running,
            peak_waiting=done.peak_waiting,
            running=self._batch.running,
            waiting=self._batch.waiting,
            stages={name: replace(counts) for name, counts in self.stages.items()},
            process_cpu_s=time.process_time(),
        )


def _since(start: float | None, end: float | None) -> float:
    return 0.0 if start is None or end is None else max(0.0, end - start)


def prometheus_text(batch: Batch, model: str, kv_capacity: int) -> str:
    """The batch's metrics under vLLM's names; counters run from the server's start.

    Args:
        batch: Brought up to date first.
        model: For the labels.
        kv_capacity: Tokens that the KV cache holds; 0 if there is none to speak of.
    """
    batch.settle()
    done = batch.counters
    usage = min(1.0, batch.running_tokens / kv_capacity) if kv_capacity else 0.0
    gauges = {
        "num_requests_running": float(batch.running),
        "num_requests_waiting": float(batch.waiting),
        "kv_cache_usage_perc": usage,
    }
    counters = {
        "prefix_cache_queries_total": done.cache_queries,
        "prefix_cache_hits_total": done.cache_hits,
        "prompt_tokens_total": done.prompt_tokens,
        "prompt_tokens_cached_total": done.cached_tokens,
        "generation_tokens_total": done.completion_tokens,
        "num_preemptions_total": 0,
        "request_success_total": done.sequences_done,
    }
    labels = f'engine="0",model_name="{model}"'
    lines = [*_samples("gauge", gauges, labels), *_samples("counter", counters, labels)]
    lines += _queue_time_histogram(done, labels)
    return "\n".join(lines) + "\n"


def _samples(kind: str, values: Mapping[str, float], labels: str) -> Iterable[str]:
    for name, value in values.items():
        yield f"# TYPE vllm:{name} {kind}"
        yield f"vllm:{name}{{{labels}}} {float(value)}"


def _queue_time_histogram(counters: BatchCounters, labels: str) -> Iterable[str]:
    name = "vllm:request_queue_time_seconds"
    yield f"# TYPE {name} histogram"
    below = 0
    bounds = [*(str(bound) for bound in QUEUE_TIME_BUCKETS_S), "+Inf"]
    for bound, count in zip(bounds, counters.queue_time_counts, strict=True):
        below += count
        yield f'{name}_bucket{{le="{bound}",{labels}}} {float(below)}'
    yield f"{name}_count{{{labels}}} {float(below)}"
    yield f"{name}_sum{{{labels}}} {counters.queue_time_s}"
