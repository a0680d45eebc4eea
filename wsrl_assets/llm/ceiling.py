"""How many calls to keep in flight: follow the server's queue, or back off when told to.

vLLM never answers 429, it queues: so its queue depth says whether there is room. Hosted APIs
answer 429: so additive increase, multiplicative decrease. llama.cpp has a fixed number of slots,
and says how many.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_CEILING = 1024
_START = 32
# Without a queue to read, growth stops here: more in flight only makes timeouts.
_MAX_BLIND_CEILING = 256
_DECREASE_EVERY_S = 1.0
_LLAMA_QUEUE = 2

_METRIC = re.compile(
    r"^(vllm:num_requests_running|vllm:num_requests_waiting|"
    r"llamacpp:requests_processing|llamacpp:requests_deferred)(?:\{[^}]*\})?\s+([0-9.eE+-]+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """A server's load at one moment, over all its clients."""

    running: int
    waiting: int


def parse_queue_depth(metrics: str) -> QueueDepth | None:
    """The queue depth in a Prometheus text of vLLM or llama.cpp, none if it is neither's."""
    running = waiting = 0.0
    found = False
    for name, value in _METRIC.findall(metrics):
        found = True
        if name.endswith(("running", "processing")):
            running += float(value)
        else:
            waiting += float(value)
    return QueueDepth(int(running), int(waiting)) if found else None


def ceiling_for_queue(ceiling: int, depth: QueueDepth, held: int) -> int:
    """The next ceiling, given the server's queue.

    The aim is a short queue at all times: long enough that no slot idles between a reply and the
    next request, short enough that a cancelled run leaves little behind and calls on one document
    stay together.

    Args:
        ceiling: the ceiling now.
        depth: the server's load.
        held: slots in use by this process; a ceiling that nobody fills is not raised.
    """
    target = max(4, depth.running // 4)
    if depth.waiting == 0 and held >= ceiling * 0.9:
        return min(MAX_CEILING, ceiling * 2)
    if depth.waiting < target and held >= ceiling * 0.9:
        return min(MAX_CEILING, ceiling + (target - depth.waiting))
    if depth.waiting > 2 * target:
        return max(1, min(ceiling, depth.running + target))
    return ceiling


def ceiling_for_slots(total_slots: int) -> int:
    """The ceiling for a server with a known, fixed number of slots."""
    return total_slots + _LLAMA_QUEUE


class AdditiveIncrease:
    """The ceiling of an endpoint that answers 429 when it has enough (AIMD, as in TCP)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._successes = 0
        self._decreased_at = -_DECREASE_EVERY_S

    def after_success(self, ceiling: int, waiting: int) -> int:
        """One more for each round of successes, as long as calls are waiting."""
        self._successes += 1
        if self._successes < ceiling or waiting == 0:
            return ceiling
        self._successes = 0
        return min(_MAX_BLIND_CEILING, ceiling + 1)

    def after_rate_limit(self, ceiling: int) -> int:
        """Half, at most once a second: the refusals of one burst count once."""
        self._successes = 0
        if self._clock() - self._decreased_at < _DECREASE_EVERY_S:
            return ceiling
        self._decreased_at = self._clock()
        return max(1, ceiling // 2)


def starting_ceiling() -> int:
    """Where an endpoint that is not known yet begins."""
    return _START
