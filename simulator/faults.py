"""Which request goes wrong, and what that makes of its reply."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from .replies import Reply, schema_of
from .settings import Fault, FaultPlan

_DRAW_SPAN = 2**64


class FaultPicker:
    """Draws the fault of each attempt; remembers how often each body was sent."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self._plan = plan
        self._key = str(seed).encode()
        self._attempts: dict[bytes, int] = {}
        self._drawn: dict[bytes, int] = {}

    def pick(self, raw_body: bytes, prompt: str) -> Fault | None:
        """The fault of this attempt, or none."""
        for marker, fault in self._plan.fault_for_marker.items():
            if marker in prompt:
                return fault
        if not self._plan.probabilities:
            return None
        return self._draw(blake2b(raw_body, digest_size=16, key=self._key).digest())

    def _draw(self, body_key: bytes) -> Fault | None:
        attempt = self._attempts.get(body_key, 0)
        self._attempts[body_key] = attempt + 1
        most = self._plan.max_faults_per_body
        if most is not None and self._drawn.get(body_key, 0) >= most:
            return None
        draw = blake2b(body_key + attempt.to_bytes(4, "big"), digest_size=8).digest()
        left = int.from_bytes(draw, "big") / _DRAW_SPAN
        for fault, probability in self._plan.probabilities.items():
            left -= probability
            if left < 0:
                self._drawn[body_key] = self._drawn.get(body_key, 0) + 1
                return fault
        return None


def spoil(reply: Reply, fault: Fault, body: dict[str, Any], max_tokens: int) -> Reply:
    """The reply as a fault of content leaves it; as it was for any other fault."""
    match fault:
        case Fault.EMPTY:
            return Reply("", 1)
        case Fault.MALFORMED:
            return Reply(f"{reply.text[:-1]},", reply.completion_tokens)
        case Fault.SCHEMA_BREAK:
            return Reply(_broken(reply.text, schema_of(body)), reply.completion_tokens)
        case Fault.LENGTH:
            return Reply(reply.text[: len(reply.text) // 2], max_tokens, "length")
    return reply


def _broken(text: str, schema: dict[str, Any] | None) -> str:
    """JSON that cannot be valid: an object short of a required key, else a value of other type."""
    try:
        value = json.loads(text)
    except ValueError:
        return json.dumps([text])
    if isinstance(value, dict) and schema is not None:
        lacking = next((key for key in schema.get("required", []) if key in value), None)
        if lacking is not None:
            del value[lacking]
            return json.dumps(value, ensure_ascii=False)
    return json.dumps([value] if isinstance(value, dict) else {"unexpected": value})
