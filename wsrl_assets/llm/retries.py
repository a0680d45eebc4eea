"""Which failed attempt at a call is tried again, how often, and after how long a wait.

`engine.py` makes the attempts, `errors.py` sorts what can go wrong. Transient errors of the server
are retried with growing waits, refusals for load for as long as `MAX_RATE_LIMITED_S`, and replies
that cannot be used a few times with another seed.
"""

import random
import time
from dataclasses import dataclass, field

from wsrl_assets.llm.client import Completion
from wsrl_assets.llm.errors import RowError, TransientError

MAX_TRANSIENT_ATTEMPTS = 8
MAX_TIMEOUTS = 3
MAX_RATE_LIMITED_S = 900.0
BACKOFF_S = 0.5
MAX_BACKOFF_S = 8.0
# A reply that was cut off is tried once more, one that breaks its schema twice (design, engine).
# Probabilities are the same for any seed.
CONTENT_TRIES = {
    "truncated": 2,
    "empty_reply": 3,
    "invalid_reply": 3,
    "neither_yes_nor_no": 1,
    "no_probabilities": 1,
}
# Of a reply, in the ledger: more than any stage lets a model write.
_MAX_KEPT_CHARS = 20_000


@dataclass(slots=True)
class Attempts:
    """What a call has cost so far, over its attempts, and whether another one can help."""

    started: float = field(default_factory=time.monotonic)
    attempts: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    transients: int = 0
    timeouts: int = 0
    content_faults: dict[str, int] = field(default_factory=dict)
    finish_reason: str | None = None
    text: str | None = None

    def add(self, completion: Completion) -> None:
        """Counts what an attempt took, and keeps what it wrote."""
        self.prompt_tokens += completion.prompt_tokens
        self.cached_tokens += completion.cached_tokens
        self.completion_tokens += completion.completion_tokens
        self.finish_reason = completion.finish_reason
        self.text = completion.text[:_MAX_KEPT_CHARS]

    def fail(self, fault: TransientError) -> None:
        """Counts an attempt that the server failed; being refused for load is no failure."""
        if fault.kind != "rate_limited":
            self.transients += 1
            self.timeouts += fault.kind == "timeout"

    @property
    def used_up(self) -> bool:
        """Whether a row has failed as often as it may."""
        return self.transients >= MAX_TRANSIENT_ATTEMPTS or self.timeouts >= MAX_TIMEOUTS

    @property
    def bad_replies(self) -> int:
        """Replies that could not be used; each asks for another seed."""
        return sum(self.content_faults.values())

    def refuse(self, fault: RowError) -> None:
        """Counts a reply that cannot be used.

        Raises:
            RowError: the fault, if another reply is no longer asked for.
        """
        seen = self.content_faults.get(fault.reason, 0) + 1
        self.content_faults[fault.reason] = seen
        if seen >= CONTENT_TRIES[fault.reason]:
            raise fault

    def backoff_s(self, fault: TransientError) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            RowError: this row has been refused for load for too long.
        """
        if fault.kind == "rate_limited":
            if time.monotonic() - self.started > MAX_RATE_LIMITED_S:
                raise RowError("rate_limited", f"refused for {MAX_RATE_LIMITED_S:.0f} s")
            return random.uniform(0.0, 0.1) + (fault.retry_after_s or random.uniform(0.2, 1.9))
        ceiling = min(MAX_BACKOFF_S, BACKOFF_S * 2 ** (self.transients - 1))
        return random.uniform(ceiling / 2, ceiling)
