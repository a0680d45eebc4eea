"""The simulated server: vLLM's endpoints over the simulated batch."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from hashlib import blake2b
from random import Random
from typing import Any

from .batching import Batch, LoopClock, Phase, SimulatedSequence
from .chat_request import (
    ChatRequest,
    RequestRefused,
    check_model,
    read_chat_request,
    read_json,
    read_messages,
    refuse_for_fault,
    refuse_rate,
)
from .faults import FaultPicker, spoil
from .replies import Replier, Reply
from .settings import Fault, SimulatorSettings
from .stats import SimulatorStats, Tally, prometheus_text
from .tokens import block_hashes, render, token_ids
from .transport import Connection, Exchange

_log = logging.getLogger(__name__)

_BACKLOG = 4096


class Simulator:
    """One simulated server on the running event loop; `running_simulator` starts and stops one."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self._batch = Batch(
            LoopClock(asyncio.get_running_loop().call_later),
            slots=settings.slots,
            prefill_tokens_per_s=settings.prefill_tokens_per_s,
            decode_tokens_per_s=settings.decode_tokens_per_s,
            decode_slowdown=settings.decode_slowdown,
            prefix_cache_tokens=settings.prefix_cache_tokens,
        )
        self._tally = Tally(self._batch)
        self._rng_key = str(settings.seed).encode()
        self._started = int(time.time())
        self._replier = Replier(settings)
        self._picker = FaultPicker(settings.faults, settings.seed)
        self._limiter = _RateLimiter(settings.faults.rate_limit_per_s)
        self._open = 0
        self._received = 0
        self._ids = itertools.count(1)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._port = settings.port
        self._routes: dict[tuple[str, str], Callable[[Exchange], None]] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("GET", "/v1/models"): self._models,
            ("GET", "/health"): self._health,
            ("POST", "/tokenize"): self._tokenize,
            ("GET", "/stats"): self._stats,
            ("POST", "/stats/reset"): self._reset_stats,
        }
        if settings.metrics:
            self._routes["GET", "/metrics"] = self._metrics

    @property
    def server_url(self) -> str:
        """The root, for /health, /metrics, /tokenize and /stats."""
        return f"http://{self.settings.host}:{self._port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes."""
        return f"{self.server_url}/v1"

    @property
    def stats(self) -> SimulatorStats:
        """What was done since the start or the last reset."""
        return self._tally.snapshot(self._open)

    def reset_stats(self) -> None:
        """Counts from here on."""
        self._tally.reset()

    async def start(self) -> None:
        """Accepts connections; after `stop`, on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._on_request, self._connections),
            self.settings.host,
            self._port,
            backlog=_BACKLOG,
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stops accepting and resets every connection, as a server does that dies."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._connections):
            connection.reset()

    async def aclose(self) -> None:
        """Stops for good."""
        self.stop()
        await asyncio.sleep(0)  # lets the connections learn that they are lost
        self._batch.close()

    def _on_request(self, exchange: Exchange) -> None:
        """Answers, or leaves the exchange to the batch; a bug of the simulator is reported, never
        silent."""
        route = self._routes.get((exchange.method, exchange.path), _no_such_route)
        try:
            route(exchange)
        except RequestRefused as refusal:
            _refuse(exchange, refusal)
        except Exception as error:
            _log.exception("the simulator failed on %s %s", exchange.method, exchange.path)
            failure = f"the simulator failed: {error!r}"
            _refuse(exchange, RequestRefused(500, "InternalServerError", failure))

    def _chat(self, exchange: Exchange) -> None:
        """POST /v1/chat/completions."""
        self._tally.receive()
        self._received += 1
        if self._received == self.settings.faults.die_after_requests:
            self._tally.abort()
            self.stop()
            return
        try:
            self._accept(exchange)
        except RequestRefused as refusal:
            self._tally.reject(refusal.status)
            raise
        except Exception:
            self._tally.reject(500)
            raise

    def _accept(self, exchange: Exchange) -> None:
        """Takes the request in, or refuses it."""
        self._check_key(exchange)
        self._check_limits()
        request = read_chat_request(exchange.body, self.settings)
        self._tally.stage(request.stage).received += 1
        fault = self._pick_fault(exchange, request)
        if fault is Fault.HANG:
            self._open_exchange(exchange, None)
            return
        sequence = self._sequence_for(exchange, request, fault)
        self._open_exchange(exchange, sequence)
        self._batch.submit(sequence)

    def _check_key(self, exchange: Exchange) -> None:
        key = self.settings.api_key
        if key is not None and exchange.authorization != f"Bearer {key}":
            raise RequestRefused(401, "AuthenticationError", "Unauthorized")

    def _check_limits(self) -> None:
        plan = self.settings.faults
        if plan.max_concurrent is not None and self._open >= plan.max_concurrent:
            refuse_rate(plan.retry_after_s)
        wait_s = self._limiter.take()
        if wait_s > 0:
            refuse_rate(wait_s)

    def _pick_fault(self, exchange: Exchange, request: ChatRequest) -> Fault | None:
        """The fault of this attempt; those that answer at once are raised."""
        fault = self._picker.pick(exchange.body, request.prompt)
        if fault is not None:
            self._tally.faults[fault.value] += 1
            refuse_for_fault(fault, request, self.settings.faults)
        return fault

    def _sequence_for(
        self, exchange: Exchange, request: ChatRequest, fault: Fault | None
    ) -> SimulatedSequence:
        """What the batch will have to do for the request."""
        reply = self._replier.write(request.body, self._rng(request.prompt), request.max_tokens)
        if fault is not None:
            reply = spoil(reply, fault, request.body, request.max_tokens)
        return SimulatedSequence(
            prompt_tokens=request.prompt_tokens,
            blocks=block_hashes(request.prompt) if self.settings.prefix_cache_tokens else (),
            completion_tokens=reply.completion_tokens,
            on_done=partial(self._finish, exchange, request.stage, reply, fault),
        )

    def _rng(self, prompt: str) -> Random:
        """Chance that depends on the seed and the prompt alone."""
        text = prompt.encode(errors="surrogatepass")
        return Random(blake2b(text, digest_size=8, key=self._rng_key).digest())

    def _open_exchange(self, exchange: Exchange, sequence: SimulatedSequence | None) -> None:
        self._open += 1
        exchange.on_disconnect = partial(self._abandon, sequence)

    def _abandon(self, sequence: SimulatedSequence | None) -> None:
        """The client left: its slot is free."""
        if sequence is not None:
            self._batch.abort(sequence)
            if sequence.phase is not Phase.ABORTED:
                return  # it was due at this very moment, and `_finish` has counted it
        self._open -= 1
        self._tally.abort()

    def _finish(
        self,
        exchange: Exchange,
        stage: str,
        reply: Reply,
        fault: Fault | None,
        sequence: SimulatedSequence,
    ) -> None:
        """The last token is written: answers, or does what the fault does instead."""
        self._open -= 1
        if fault is Fault.RESET:
            self._tally.lose()
            exchange.reset()
            return
        body = self._completion(reply, sequence)
        if fault is Fault.CUT:
            self._tally.lose()
            exchange.cut(body)
        elif exchange.answer(body):
            self._tally.deliver(
                stage, sequence.prompt_tokens, sequence.cached_tokens, reply.completion_tokens
            )
        else:
            self._tally.abort()

    def _completion(self, reply: Reply, sequence: SimulatedSequence) -> bytes:
        cached = sequence.cached_tokens if self.settings.prompt_tokens_details else 0
        message: dict[str, Any] = {
            "role": "assistant",
            "content": reply.text,
            "refusal": None,
            "tool_calls": [],
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": self._logprobs(reply),
            "finish_reason": reply.finish_reason,
            "stop_reason": None,
        }
        usage = {
            "prompt_tokens": sequence.prompt_tokens,
            "total_tokens": sequence.prompt_tokens + reply.completion_tokens,
            "completion_tokens": reply.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": cached} if cached else None,
        }
        completion = {
            "id": f"chatcmpl-{next(self._ids):032x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.settings.model,
            "choices": [choice],
            "usage": usage,
        }
        return json.dumps(completion).encode()

    def _logprobs(self, reply: Reply) -> dict[str, Any] | None:
        """Of a yes or no: the likeliest tokens, a third of which spell it otherwise."""
        if reply.yes is None or not self.settings.logprobs:
            return None
        yes, no = reply.yes, 1 - reply.yes
        shares = {"Yes": 0.6 * yes, "yes": 0.3 * yes, "No": 0.6 * no, "no": 0.3 * no, "The": 0.1}
        top = [
            {"token": token, "logprob": math.log(max(share, 1e-9)), "bytes": list(token.encode())}
            for token, share in sorted(shares.items(), key=lambda one: -one[1])
        ]
        return {"content": [{**top[0], "token": reply.text, "top_logprobs": top}]}

    def _models(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        self._check_key(exchange)
        card = {
            "id": self.settings.model,
            "object": "model",
            "created": self._started,
            "owned_by": "vllm",
            "root": self.settings.model,
            "parent": None,
            "max_model_len": self.settings.max_model_len,
        }
        exchange.answer_json({"object": "list", "data": [card]})

    def _health(self, exchange: Exchange) -> None:
        """GET /health."""
        exchange.answer(b"")

    def _metrics(self, exchange: Exchange) -> None:
        """GET /metrics."""
        capacity = self.settings.prefix_cache_tokens
        text = prometheus_text(self._batch, self.settings.model, capacity)
        exchange.answer(text.encode(), kind="text/plain; version=0.0.4; charset=utf-8")

    def _tokenize(self, exchange: Exchange) -> None:
        """POST /tokenize."""
        body = read_json(exchange.body)
        check_model(body, self.settings)
        prompt = body.get("prompt")
        tokens = token_ids(prompt if isinstance(prompt, str) else render(read_messages(body)))
        window = self.settings.max_model_len
        exchange.answer_json({"count": len(tokens), "max_model_len": window, "tokens": tokens})

    def _stats(self, exchange: Exchange) -> None:
        """GET /stats."""
        exchange.answer_json(self.stats.to_dict())

    def _reset_stats(self, exchange: Exchange) -> None:
        """POST /stats/reset."""
        self.reset_stats()
        exchange.answer_json({})


class _RateLimiter:
    """A token bucket that holds one second's worth, at least one."""

    def __init__(self, per_s: float | None) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s or 0.0)
        self._left = self._most
        self._at = time.monotonic()

    def take(self) -> float:
        """Takes one, or says in how many seconds there will be one."""
        if self._per_s is None:
            return 0.0
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_s


def _no_such_route(exchange: Exchange) -> None:
    raise RequestRefused(404, "NotFoundError", "Not Found")


def _refuse(exchange: Exchange, refusal: RequestRefused) -> None:
    exchange.answer_json(refusal.to_json(), status=refusal.status, extra=refusal.headers)


@asynccontextmanager
async def running_simulator(settings: SimulatorSettings | None = None) -> AsyncIterator[Simulator]:
    """A simulated server on the running event loop, for the time of the block."""
    simulator = Simulator(settings or SimulatorSettings())
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.aclose()
