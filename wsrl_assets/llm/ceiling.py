"""How many calls to keep in flight: follow the server's queue, or back off when told to.

vLLM never answers 429, it queues: so its queue depth says whether there is room. Hosted APIs
answer 429: so additive increase, multiplicative decrease. llama.cpp has a fixed number of slots,
and says how many.

What has been learnt of an endpoint stands in its `SharedSlots`, so all processes act as one. Each
of several hosts learns the ceiling of all of them, and uses its part of that.
"""

import re
from dataclasses import dataclass

from wsrl_assets.llm.slots import SharedSlots

MAX_CEILING = 1280
_START = 32
# Without a queue to read, growth stops here: more in flight only makes timeouts.
_MAX_BLIND_CEILING = 256
_SHORTEST_QUEUE = 2

# Often while the endpoint's size is unknown, so that a cold start takes a fraction of a second;
# seldom afterwards, since writing its metrics costs a busy vLLM some milliseconds.
_LOOK_EVERY_S = 0.25
_LOOK_EVERY_UNSETTLED_S = 0.05
_EARLY = 0.8
_FULL = 0.9
_GROWTH_UNSETTLED = 2.0
_GROWTH = 1.25

_DECREASE_EVERY_S = 1.0
_HARSHEST_DECREASE = 0.5
# Beyond this share of refusals it is not one call too many, but the rate.
_MANY_REFUSED = 0.1
# At the ceiling that is known to be borne, so many rounds of successes come before a try at more.
_CALM_ROUNDS = 8

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
            self._slots.ceiling, depth, self._slots.occupied_by_all, settled=self._slots.settled
        )


def ceiling_for_queue(ceiling: int, depth: QueueDepth, occupied: int, *, settled: bool) -> int:
    """The next ceiling, given the server's queue.

    Args:
        ceiling: the ceiling now.
        depth: the server's load.
        occupied: slots in use by all processes and hosts.
        settled: whether the server has had a queue before, so that its size is roughly known.
    """
    # Each of several small servers has such a queue, and documents to fill it have to be open.
    target = max(_SHORTEST_QUEUE, depth.running // 5)
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
    return total_slots + _SHORTEST_QUEUE


class AdditiveIncrease:
    """The ceiling of an endpoint that answers 429 when it has enough (AIMD, as in TCP).

    Until the first refusal the ceiling doubles with each round of successes (slow start). A
    refusal takes as much off it as the share of calls that were refused: one where a limit on
    concurrency is just touched, up to half where the rate is beyond what is allowed. Then the
    ceiling nears what was borne, stays there for some rounds, and tries more: by one, and by
    twice as many each time that this is borne.
    """

    def __init__(self, slots: SharedSlots) -> None:
        self._slots = slots
        self._successes = 0
        self._refusals = 0
        self._in_round = 0
        self._calm_rounds = 0
        self._step = 1

    def after_success(self, waiting: int) -> None:
        """More after a round of successes, as long as calls are waiting."""
        self._successes += 1
        ceiling = self._slots.ceiling
        if waiting == 0 or ceiling >= _MAX_BLIND_CEILING:
            return
        self._in_round += 1
        if self._slots.part * ceiling < 1:
            return  # a host without a whole slot learns nothing of the whole
        if not self._slots.settled:
            # As many calls of the other hosts go well meanwhile.
            self._slots.ceiling = ceiling + max(1, round(1 / self._slots.part))
        elif self._in_round >= self._slots.ceiling_here:
            self._in_round = 0
            self._after_round(ceiling)

    def _after_round(self, ceiling: int) -> None:
        missing = self._slots.limit - ceiling
        if missing > 0:
            self._slots.ceiling = ceiling + max(1, missing // 2)
            return
        self._calm_rounds += 1
        if self._calm_rounds >= _CALM_ROUNDS:
            self._calm_rounds = 0
            self._slots.ceiling = min(_MAX_BLIND_CEILING, ceiling + self._step)
            self._step *= 2

    def after_rate_limit(self) -> bool:
        """Less, at most once a second: the refusals of one burst count once.

        Returns:
            whether so many calls are refused that all should wait, not just the refused one.
        """
        self._refusals += 1
        self._in_round = self._calm_rounds = 0
        self._step = 1
        self._slots.settled = True
        refused = self._refusals / (self._refusals + self._successes)
        if self._slots.claim_decrease(_DECREASE_EVERY_S):
            self._refusals = self._successes = 0
            self._lower(refused)
        return refused > _MANY_REFUSED

    def _lower(self, refused: float) -> None:
        ceiling = self._slots.ceiling
        # With few calls in flight the limit is below the ceiling; but a run's last calls prove
        # little.
        too_many = max(min(ceiling, self._slots.occupied_by_all), ceiling // 2)
        self._slots.limit = too_many - 1
        keep = max(_HARSHEST_DECREASE, 1 - refused)
        self._slots.ceiling = max(1, min(too_many - 1, int(too_many * keep)))


def starting_ceiling() -> int:
    """Where an endpoint that is not known yet begins."""
    return _START
