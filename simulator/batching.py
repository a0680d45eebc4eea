"""Continuous batching as a discrete-event simulation on the event loop's clock.

The model of the server:

* A sequence waits, first come first served, until one of the slots is free. At that moment its
  prompt is looked up in the prefix cache.
* Prefill is one unit that reads the uncached tokens of one sequence after another. When a prompt
  has been read, its blocks enter the cache: sequences that got their slots meanwhile missed.
* Then the sequence decodes at the same speed as every other one that decodes, which depends on
  how many there are. Prefill does not slow decoding.
* With its last token, or when the client leaves, the slot is free at once.

Events happen at their exact times whatever the clock's grain: a late timer catches up on all that
was due, in order, and each event counts at the time it was due. One timer is armed at any moment,
in steps of a millisecond (uvloop's resolution), so that a crowd of tiny sequences shares wake-ups.
"""

from __future__ import annotations

import heapq
import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from .prefix_cache import PrefixCache
from .tokens import BLOCK_TOKENS

TIMER_GRAIN_S = 0.001
QUEUE_TIME_BUCKETS_S = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0)

_NEVER = math.inf


class Timer(Protocol):
    """A pending wake-up."""

    def cancel(self) -> None:
        """Forgets the wake-up."""


class Clock(Protocol):
    """What the simulation asks of the outside; tests turn the hands themselves."""

    def now(self) -> float:
        """Seconds, never going back."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Wakes the simulation."""


class Phase(Enum):
    """Where a sequence stands."""

    WAITING = auto()
    PREFILL = auto()
    DECODE = auto()
    DONE = auto()
    ABORTED = auto()


@dataclass(slots=True, eq=False)
class SimulatedSequence:
    """One request inside the server.

    Attributes:
        prompt_tokens: Length of the prompt.
        blocks: Its cacheable blocks, from `tokens.block_hashes`.
        completion_tokens: Length of the reply it will write.
        on_done: Called when the last token is written; never after an abort.
        cached_tokens: Prompt tokens that the cache had; known once it has a slot.
    """

    prompt_tokens: int
    blocks: Sequence[int]
    completion_tokens: int
    on_done: Callable[[SimulatedSequence], None]
    cached_tokens: int = 0
    phase: Phase = Phase.WAITING
    queued_at: float = 0.0
    _work_start: float = 0.0


@dataclass(slots=True)
class BatchCounters:
    """What the batch has done since the start: all of its work, delivered or not."""

    busy_slot_seconds: float = 0.0
    working_s: float = 0.0
    peak_running: int = 0
    peak_waiting: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cache_queries: int = 0
    cache_hits: int = 0
    sequences_done: int = 0
    queue_time_s: float = 0.0
    queue_time_counts: list[int] = field(
        default_factory=lambda: [0] * (len(QUEUE_TIME_BUCKETS_S) + 1)
    )


class Batch:
    """The slots, the queue before them, and the work in them."""

    def __init__(
        self,
        clock: Clock,
        *,
        slots: int,
        prefill_tokens_per_s: float,
        decode_tokens_per_s: float,
        decode_slowdown: float = 0.0,
        prefix_cache_tokens: int = 0,
    ) -> None:
        self.slots = slots
        self.cache = PrefixCache(prefix_cache_tokens // BLOCK_TOKENS)
        self.counters = BatchCounters()
        self.running = 0
        self.waiting = 0
        self.running_tokens = 0
        self._clock = clock
        self._prefill_rate = prefill_tokens_per_s
        self._decode_rate = decode_tokens_per_s
        self._slowdown = decode_slowdown
        self._queue: deque[SimulatedSequence] = deque()
        self._prefills: deque[SimulatedSequence] = deque()
        self._prefill_end = _NEVER
        # Decoding sequences all advance alike, so one running sum of tokens per sequence ("work")
        # is enough: a sequence ends when the sum has grown by its length.
        self._work = 0.0
        self._decoding = 0
        self._decodes: list[tuple[float, int, SimulatedSequence]] = []
        self._decode_number = 0
        self._time = clock.now()
        self._timer: Timer | None = None
        self._timer_due = _NEVER

    def submit(self, sequence: SimulatedSequence) -> None:
        """Queues a sequence; it may start at once."""
        self._catch_up()
        sequence.queued_at = self._time
        self._queue.append(sequence)
        self.waiting += 1
        self._admit()
        self.counters.peak_waiting = max(self.counters.peak_waiting, self.waiting)
        self._arm()

    def abort(self, sequence: SimulatedSequence) -> None:
        """Takes a sequence out, wherever it stands; the tokens it has written stay counted."""
        self._catch_up()
        phase, sequence.phase = sequence.phase, Phase.ABORTED
        if phase is Phase.WAITING:
            self.waiting -= 1
        elif phase is Phase.PREFILL:
            self._leave(sequence)
            if self._prefills[0] is sequence:
                self._start_prefill()
        elif phase is Phase.DECODE:
            self.counters.completion_tokens += int(self._work - sequence._work_start)
            self._decoding -= 1
            self._leave(sequence)
        else:
            sequence.phase = phase
        self._admit()
        self._arm()

    def settle(self) -> None:
        """Brings the counters up to now."""
        self._catch_up()
        self._arm()

    def reset_peaks(self) -> None:
        """Measures peaks from here on; the sums run on."""
        self.counters.peak_running, self.counters.peak_waiting = self.running, self.waiting

    def close(self) -> None:
        """Stops the clockwork."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _catch_up(self) -> None:
        """Lets everything happen that is due by now, in order and each at its own time."""
        now = max(self._clock.now(), self._time)
        while True:
            decode_end = self._next_decode_end()
            due = min(self._prefill_end, decode_end)
            if due > now:
                break
            self._advance_to(due)
            if self._prefill_end <= decode_end:
                self._finish_prefill()
            else:
                self._finish_decode()
        self._advance_to(now)

    def _advance_to(self, moment: float) -> None:
        elapsed = moment - self._time
        if elapsed <= 0:
            return
        self.counters.busy_slot_seconds += self.running * elapsed
        self.counters.working_s += elapsed if self.running else 0.0
        if self._decoding:
            self._work += elapsed * self._speed()
        self._time = moment

    def _speed(self) -> float:
        """Tokens per second of each decoding sequence."""
        return self._decode_rate / (1 + self._slowdown * (self._decoding - 1))

    def _next_decode_end(self) -> float:
        while self._decodes and self._decodes[0][2].phase is Phase.ABORTED:
            heapq.heappop(self._decodes)
        if not self._decodes:
            return _NEVER
        return self._time + max(0.0, self._decodes[0][0] - self._work) / self._speed()

    def _admit(self) -> None:
        """Gives free slots to those who wait."""
        while self._queue and self.running < self.slots:
            sequence = self._queue.popleft()
            if sequence.phase is Phase.ABORTED:
                continue
            self.waiting -= 1
            self._enter(sequence)
        self.counters.peak_running = max(self.counters.peak_running, self.running)

    def _enter(self, sequence: SimulatedSequence) -> None:
        self.running += 1
        self.running_tokens += sequence.prompt_tokens + sequence.completion_tokens
        self._count_queue_time(self._time - sequence.queued_at)
        sequence.cached_tokens = self.cache.match(sequence.blocks) * BLOCK_TOKENS
        self.counters.cache_queries += sequence.prompt_tokens
        self.counters.cache_hits += sequence.cached_tokens
        sequence.phase = Phase.PREFILL
        self._prefills.append(sequence)
        if self._prefill_end == _NEVER:
            self._start_prefill()

    def _leave(self, sequence: SimulatedSequence) -> None:
        self.running -= 1
        self.running_tokens -= sequence.prompt_tokens + sequence.completion_tokens

    def _count_queue_time(self, waited_s: float) -> None:
        self.counters.queue_time_s += waited_s
        self.counters.queue_time_counts[bisect_left(QUEUE_TIME_BUCKETS_S, waited_s)] += 1

    def _start_prefill(self) -> None:
        """Sets the prefill unit to the first sequence that still wants it."""
        while self._prefills and self._prefills[0].phase is Phase.ABORTED:
            self._prefills.popleft()
        if not self._prefills:
            self._prefill_end = _NEVER
            return
        head = self._prefills[0]
        uncached = head.prompt_tokens - head.cached_tokens
        self._prefill_end = self._time + uncached / self._prefill_rate

    def _finish_prefill(self) -> None:
        sequence = self._prefills.popleft()
        self.cache.insert(sequence.blocks)
        self.counters.prompt_tokens += sequence.prompt_tokens
        self.counters.cached_tokens += sequence.cached_tokens
        sequence.phase = Phase.DECODE
        sequence._work_start = self._work
        self._decoding += 1
        self._decode_number += 1
        end = self._work + sequence.completion_tokens
        heapq.heappush(self._decodes, (end, self._decode_number, sequence))
        self._start_prefill()

    def _finish_decode(self) -> None:
        end, _, sequence = heapq.heappop(self._decodes)
        self._work = max(self._work, end)  # the running sum may lack a rounding error
        self._decoding -= 1
        sequence.phase = Phase.DONE
        self.counters.completion_tokens += sequence.completion_tokens
        self.counters.sequences_done += 1
        self._leave(sequence)
        self._admit()
        sequence.on_done(sequence)

    def _arm(self) -> None:
        """Has the loop wake us at the next event, unless it will wake us no later already."""
        due = min(self._prefill_end, self._next_decode_end())
        if due == _NEVER or due >= self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        delay = max(due - self._clock.now(), 0.0)
        delay = math.ceil(delay / TIMER_GRAIN_S) * TIMER_GRAIN_S or TIMER_GRAIN_S
        self._timer_due = due
        self._timer = self._clock.call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer, self._timer_due = None, _NEVER
        self._catch_up()
        self._arm()


class LoopClock:
    """The running event loop as a clock.

    `time.monotonic` rather than the loop's own time: uvloop's stands still within an iteration.
    """

    def __init__(self, call_later: Callable[[float, Callable[[], None]], Timer]) -> None:
        self._call_later = call_later

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Schedules on the loop."""
        return self._call_later(delay_s, callback)
