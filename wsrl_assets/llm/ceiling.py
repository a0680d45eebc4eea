"""How many calls to keep in flight: follow the server's queue, or back off when told to.

vLLM never answers 429, it queues: so its queue depth says whether there is room. Hosted APIs
answer 429: so additive increase, multiplicative decrease. llama.cpp has a fixed number of slots,
and says how many.

What has been learnt of an endpoint stands in its `SharedSlots`, so all processes act as one.
"""

import re
from dataclasses import dataclass

from wsrl_assets.llm.slots import SharedSlots

MAX_CEILING = 1280
_START = 32
# Without a queue to read, growth stops here: more in flight only makes timeouts.
_MAX_BLIND_CEILING = 256
_LLAMA_QUEUE = 2

# Often while the endpoint's size is unknown, so that a cold start takes a fraction of a second;
# seldom afterwards, since writing its metrics costs a busy vLLM some milliseconds.
_LOOK_EVERY_S = 0.25
_LOOK_EVERY_UNSETTLED_S = 0.05
_EARLY = 0.8
_FULL = 0.9
_GROWTH_UNSETTLED = 2.0
_GROWTH = 1.25

_DECREASE_EVERY_S = 1.0
_MILDEST_DECREASE = 0.95
_HARSHEST_DECREASE = 0.5

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


class QueueFollower:
    """The ceiling of a server that queues.

    The aim is a short queue at all times: long enough that no slot idles between a reply and the
    next request, short enough that a cancelled run leaves little behind and calls on one document
    stay together.
    """

    def __init__(self, slots: SharedSlots) -> None:
        self._slots = slots

    @property
    def look_every_s(self) -> float:
        """How often to read the metrics."""
        return _LOOK_EVERY_S if self._slots.settled else _LOOK_EVERY_UNSETTLED_S

    def look_due(self) -> bool:
        """Whether to read them now; true for one caller of all processes at a time."""
        # A little early is due, or a look every 250 ms would become one every 500.
        return self._slots.claim_look(self.look_every_s * _EARLY)

    def saw(self, depth: QueueDepth) -> None:
        """Sets the ceiling by the server's load."""
        if depth.waiting > 0:
            self._slots.settled = True
        self._slots.ceiling = ceiling_for_queue(
            self._slots.ceiling, depth, self._slots.occupied, settled=self._slots.settled
        )


def ceiling_for_queue(ceiling: int, depth: QueueDepth, occupied: int, *, settled: bool) -> int:
    """The next ceiling, given the server's queue.

    Args:
        ceiling: the ceiling now.
        depth: the server's load.
        occupied: slots in use by all processes.
        settled: whether the server has had a queue before, so that its size is roughly known.
    """
    target = max(4, depth.running // 4)
    if depth.waiting > 2 * target:
        return max(1, min(ceiling, depth.running + target))
    # A ceiling that nobody fills is not raised, and neither is one whose calls are still on their
    # way to the server: then it is the client that is slow.
    is_filled = min(occupied, depth.running + depth.waiting) >= ceiling * _FULL
    if not is_filled or depth.waiting >= target:
        return ceiling
    if depth.waiting > 0:
        return min(MAX_CEILING, ceiling + target - depth.waiting)
    growth = _GROWTH if settled else _GROWTH_UNSETTLED
    return min(MAX_CEILING, max(ceiling + 1, int(ceiling * growth)))


def ceiling_for_slots(total_slots: int) -> int:
    """The ceiling for a server with a known, fixed number of slots."""
    return total_slots + _LLAMA_QUEUE


class AdditiveIncrease:
    """The ceiling of an endpoint that answers 429 when it has enough (AIMD, as in TCP).

    Until the first refusal it doubles with each round of successes (slow start). A refusal takes
    the more off it the larger the share of calls that are refused: hardly anything where a limit
    on concurrency is just touched, half where the rate is far beyond what is allowed. Then it
    nears what was refused, and probes beyond that by one a round.
    """

    def __init__(self, slots: SharedSlots) -> None:
        self._slots = slots
        self._round = 0
        self._successes = 0
        self._refusals = 0
        self._refused_at = 0

    def after_success(self, waiting: int) -> None:
        """More after each round of successes, as long as calls are waiting."""
        self._successes += 1
        ceiling = self._slots.ceiling
        if waiting == 0 or ceiling >= _MAX_BLIND_CEILING:
            return
        self._round += 1
        if self._slots.settled and self._round < ceiling:
            return
        self._round = 0
        self._slots.ceiling = ceiling + max(1, (self._refused_at - ceiling) // 4)

    def after_rate_limit(self) -> None:
        """Less, at most once a second: the refusals of one burst count once."""
        self._refusals += 1
        self._round = 0
        self._slots.settled = True
        if not self._slots.claim_decrease(_DECREASE_EVERY_S):
            return
        refused = self._refusals / (self._refusals + self._successes)
        self._refusals = self._successes = 0
        ceiling = self._slots.ceiling
        # With few calls in flight, the limit is below the ceiling; but a run's last calls prove
        # little.
        self._refused_at = max(min(ceiling, self._slots.occupied), ceiling // 2)
        keep = min(_MILDEST_DECREASE, max(_HARSHEST_DECREASE, 1 - refused))
        self._slots.ceiling = int(self._refused_at * keep)


def starting_ceiling() -> int:
    """Where an endpoint that is not known yet begins."""
    return _START
