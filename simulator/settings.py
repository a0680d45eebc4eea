"""What a simulated endpoint is like: its capacity, its limits, its replies and its faults.

Everything here is frozen data, so a run can be described, printed and repeated. Settings travel
to a server process as one JSON object (`settings_to_json`, `settings_from_json`).
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

ReplyFunction = Callable[[dict[str, Any], Random], str]
"""Writes the assistant's text for one request body; the `Random` is seeded from the prompt."""


class Fault(StrEnum):
    """What an endpoint may do instead of answering well.

    The first group answers at once and generates nothing. The second group generates the whole
    reply, and so costs tokens, before it goes wrong. `HANG` alone does neither: the request is
    swallowed, holds no slot, and stays open until the client leaves.
    """

    RATE_LIMITED = "rate_limited"
    """429 with a Retry-After header."""
    RATE_LIMITED_SILENT = "rate_limited_silent"
    """429 that does not say how long to wait."""
    SERVER_ERROR = "server_error"
    """500."""
    UNAVAILABLE = "unavailable"
    """503."""
    UNAUTHORIZED = "unauthorized"
    """401, whatever the key."""
    WRONG_MODEL = "wrong_model"
    """404 as for an unknown model, whatever the model."""
    CONTEXT_TOO_LONG = "context_too_long"
    """400 as for a prompt beyond the window, whatever its length."""

    RESET = "reset"
    """The connection is reset (TCP RST) in place of the answer."""
    CUT = "cut"
    """Content-Length promises the body, half of it comes, the connection closes."""
    EMPTY = "empty"
    """200 with empty content."""
    MALFORMED = "malformed"
    """200 with text that is not JSON."""
    SCHEMA_BREAK = "schema_break"
    """200 with JSON that does not meet the request's schema."""
    LENGTH = "length"
    """200 with `finish_reason=length`: all tokens allowed are spent and the text is cut."""

    HANG = "hang"
    """No answer until the client disconnects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Which requests go wrong, and how.

    A draw depends on the settings' seed, the request body and how often that very body was sent
    before: the same run has the same faults in any order of arrival, and a retry may succeed.

    Attributes:
        probabilities: Chance of each fault per attempt. They exclude one another, so their sum
            is at most 1; see `evenly` for a mix.
        fault_for_marker: A request whose prompt contains the marker always has the fault. Beats
            `probabilities`; the first marker found counts.
        max_faults_per_body: After so many drawn faults a body is answered well. `None`: no end.
        retry_after_s: The Retry-After of drawn 429s and of those by `max_concurrent`.
        die_after_requests: With this many chat requests received the server stops accepting and
            drops every connection, the one that brought the last request included. Its /stats
            go with it: ask the `Simulator` object, which `start` brings back.
        rate_limit_per_s: Hosted style: more chat requests than this a second (token bucket that
            holds one second's worth) are answered 429, with the true wait as Retry-After.
        max_concurrent: Hosted style: 429 while this many chat requests are open.
    """

    probabilities: Mapping[Fault, float] = field(default_factory=dict)
    fault_for_marker: Mapping[str, Fault] = field(default_factory=dict)
    max_faults_per_body: int | None = None
    retry_after_s: float = 0.05
    die_after_requests: int | None = None
    rate_limit_per_s: float | None = None
    max_concurrent: int | None = None

    def __post_init__(self) -> None:
        total = sum(self.probabilities.values())
        if min(self.probabilities.values(), default=0.0) < 0 or total > 1 + 1e-9:
            raise ValueError(
                f"fault probabilities must be at least 0 and sum to at most 1, not {total:g}: "
                "they exclude one another. FaultPlan.evenly shares one probability among several."
            )

    @classmethod
    def evenly(cls, faults: Iterable[Fault], probability: float, **others: Any) -> FaultPlan:
        """A plan in which `probability` of all calls fail, shared evenly among `faults`."""
        chosen = tuple(faults)
        shares = {fault: probability / len(chosen) for fault in chosen}
        return cls(probabilities=shares, **others)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """One simulated server.

    A token of the simulator is a piece of 4 characters of the rendered prompt or of the reply.

    Attributes:
        slots: Sequences that run at once (vLLM's `max_num_seqs`); others queue, first come first
            served.
        prefill_tokens_per_s: Uncached prompt tokens read per second, by the whole server.
        decode_tokens_per_s: Tokens written per second by one sequence alone.
        decode_slowdown: Extra time per token, as a share, for each further decoding sequence:
            speed = decode_tokens_per_s / (1 + decode_slowdown * (decoding - 1)).
        max_model_len: Context window, prompt and output together.
        model: The one model served.
        api_key: If set, every path under /v1 asks for it.
        prefix_cache_tokens: Capacity of the prefix cache, least recently used out first; 0 is off.
        metrics: Whether there is a /metrics; hosted APIs have none.
        prompt_tokens_details: Whether `usage` tells the cached tokens, as vLLM does only under
            `--enable-prompt-tokens-details`. As there, the field is null where none were cached.
        logprobs: Whether it gives the probabilities of tokens that a request asks for.
        seed: Of replies, lengths and faults.
        output_tokens_mean: Mean length of a default reply.
        output_tokens_mean_by_schema: The same for single schema names; rules a custom `reply` too.
        output_tokens_sigma: Spread (sigma of the logarithm) of the lognormal lengths; 0: none.
        reply: Writes the replies; `None` for `replies.schema_reply`. For a server process it must
            be importable, since only its name ("module:function") travels.
        faults: What goes wrong.
        host: Where to listen.
        port: 0 for any that is free.
    """

    slots: int = 64
    prefill_tokens_per_s: float = 50_000.0
    decode_tokens_per_s: float = 50.0
    decode_slowdown: float = 0.0
    max_model_len: int = 8192
    model: str = "simulated"
    api_key: str | None = field(default=None, repr=False)
    prefix_cache_tokens: int = 1_000_000
    metrics: bool = True
    prompt_tokens_details: bool = True
    logprobs: bool = True
    seed: int = 0
    output_tokens_mean: float = 100.0
    output_tokens_mean_by_schema: Mapping[str, float] = field(default_factory=dict)
    output_tokens_sigma: float = 0.4
    reply: ReplyFunction | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)
    host: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        for name in ("slots", "prefill_tokens_per_s", "decode_tokens_per_s", "max_model_len"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("prefix_cache_tokens", "output_tokens_sigma", "decode_slowdown"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")


def settings_to_json(settings: SimulatorSettings) -> str:
    """Settings as one JSON object; a `reply` goes by its import name."""
    values = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    values["reply"] = None if settings.reply is None else name_of(settings.reply)
    values["faults"] = {
        f.name: getattr(settings.faults, f.name) for f in dataclasses.fields(FaultPlan)
    }
    return json.dumps(values, default=dict)


def settings_from_json(text: str) -> SimulatorSettings:
    """The settings that `settings_to_json` wrote; fields left out keep their defaults."""
    values: dict[str, Any] = json.loads(text)
    if values.get("reply") is not None:
        values["reply"] = reply_named(values["reply"])
    if "faults" in values:
        values["faults"] = _faults_from(values["faults"])
    return SimulatorSettings(**values)


def _faults_from(values: dict[str, Any]) -> FaultPlan:
    probabilities = {Fault(k): v for k, v in values.get("probabilities", {}).items()}
    markers = {k: Fault(v) for k, v in values.get("fault_for_marker", {}).items()}
    return FaultPlan(**{**values, "probabilities": probabilities, "fault_for_marker": markers})


def name_of(reply: ReplyFunction) -> str:
    """The "module:function" under which another process can import a reply function."""
    module, name = reply.__module__, reply.__qualname__
    if module == "__main__" or "<" in name:
        raise ValueError(
            f"reply {name!r} cannot be imported by a server process: "
            "move it to the top level of a module."
        )
    return f"{module}:{name}"


def reply_named(name: str) -> ReplyFunction:
    """The function at "module:function"."""
    module, _, function = name.partition(":")
    found: ReplyFunction = getattr(importlib.import_module(module), function)
    return found
