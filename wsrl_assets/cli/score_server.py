"""The reward as a small HTTP server, for trainers that are not in Python or not on this machine.

`POST /score` takes `{"response": ..., "gold": ...}` or `{"items": [such, ...]}`, `GET /health`
says that it is there. What comes in is untrusted: body, items and responses have limits (413),
reading and scoring have a time (408, 503), what is malformed is named (400). Without a judge a
rubric has no score: it comes back as null, with the reason needs_judge. With one, each worker asks
it, and a judge that cannot be used is answered with 502.
"""

import asyncio
import contextlib
import ipaddress
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from wsrl_assets.cli.score_rows import (
    Keys,
    RowError,
    Scored,
    ScoringItem,
    read_rollout,
    score_by_rule,
    shown_score,
)
from wsrl_assets.cli.score_workers import listen, serve_in_workers, worker_count
from wsrl_assets.errors import UserError
from wsrl_assets.reward import AnswerType, Gold, score

_KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost. A request within all of them is answered.

    Attributes:
        body_bytes, items, response_chars: more is answered with 413.
        read_s: time for the body to arrive, else 408.
        score_s: time for scoring, else 503. The typed rules need 0.1 ms an item.
        judged_s: the same where a judge is asked.
        waiting: requests that are read, wait or are scored at once, in one worker; one more is
            answered with 503.
        waiting_bytes: the same for their bodies, of which the memory is.
    """

    body_bytes: int = 8 << 20
    items: int = 1024
    response_chars: int = 400_000
    read_s: float = 10.0
    score_s: float = 30.0
    judged_s: float = 300.0
    waiting: int = 1_024
    waiting_bytes: int = 64 << 20


_SMALL_BYTES = 32 << 10
"""Such a body with one response is scored where it is read: a thread would cost more than that."""


class Scorer(Protocol):
    """Scores with a judge; raises a UserError where that cannot be used."""

    async def score_all(self, items: Sequence[ScoringItem]) -> list[Scored]: ...


OpenJudge = Callable[[], AbstractAsyncContextManager[Scorer]]


class LateJudge:
    """The judge of one worker, opened by the first request: a client belongs to an event loop."""

    def __init__(self, open_judge: OpenJudge) -> None:
        self._open = open_judge
        self._opening = asyncio.Lock()
        self._opened: tuple[AbstractAsyncContextManager[Scorer], Scorer] | None = None

    async def score_all(self, items: Sequence[ScoringItem]) -> list[Scored]:
        """The scores of some items. After a fault, the next request opens the judge again.

        Raises:
            HTTPException: 502, the judge cannot be used.
        """
        try:
            return await (await self._judge()).score_all(items)
        except UserError as error:
            opened, self._opened = self._opened, None
            if opened is not None:
                await opened[0].__aexit__(None, None, None)
            raise HTTPException(502, f"the judge cannot be used: {error}") from None

    async def _judge(self) -> Scorer:
        async with self._opening:
            if self._opened is None:
                context = self._open()
                self._opened = context, await context.__aenter__()
            return self._opened[1]


class Queue:
    """Requests under way in one worker. They are scored one after the other, as its core would;
    where a judge is asked, all at a time.
    """

    def __init__(self, limits: Limits, judge: LateJudge | None = None) -> None:
        self._limits = limits
        self._judge = judge
        self._requests = self._bytes = 0
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def place(self, body_bytes: int) -> AsyncIterator[None]:
        """Held by a request from its headers to its reply.

        Raises:
            HTTPException: 503, with no place left.
        """
        is_full = self._requests >= self._limits.waiting
        if is_full or self._bytes + body_bytes > self._limits.waiting_bytes:
            raise HTTPException(
                503, "too many requests are waiting; ask again", headers={"retry-after": "1"}
            )
        self._requests += 1
        self._bytes += body_bytes
        try:
            yield
        finally:
            self._requests -= 1
            self._bytes -= body_bytes

    async def reply(self, body: bytes) -> dict[str, Any]:
        """The reply to a body: at once to a small one, else in a thread and in its turn."""
        if self._judge is not None:
            return await self._judged(self._judge, body)
        if len(body) <= _SMALL_BYTES and b'"items"' not in body:
            return _scores(body, time.monotonic() + self._limits.score_s, self._limits)
        deadline = time.monotonic() + self._limits.score_s
        async with self._turn:
            return await asyncio.to_thread(_scores, body, deadline, self._limits)

    async def _judged(self, judge: LateJudge, body: bytes) -> dict[str, Any]:
        items, is_one = _items(body, self._limits)
        try:
            async with asyncio.timeout(self._limits.judged_s):
                scores = await judge.score_all(items)
        except TimeoutError:
            raise _too_slow(self._limits.judged_s) from None
        return _answered(scores, is_one)


def score_app(limits: Limits | None = None, open_judge: OpenJudge | None = None) -> Starlette:
    """The application, without a socket; with a judge if there is one to open."""
    bounds = limits or Limits()

    queue = Queue(bounds, None if open_judge is None else LateJudge(open_judge))

    async def answer(request: Request) -> Response:
        async with queue.place(_expected_bytes(request, bounds)):
            try:
                async with asyncio.timeout(bounds.read_s):
                    body = await _body(request, bounds)
            except TimeoutError:
                return _error(408, f"the body did not arrive within {bounds.read_s:g} s")
            except ClientDisconnect:
                return _error(400, "the connection was closed before the body was complete")
            return _json(await queue.reply(body))

    async def health(request: Request) -> Response:
        return _json({"status": "ok", "version": version("wsrl-assets")})

    return Starlette(
        routes=[
            Route("/score", answer, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )


def serve_scores(
    host: str, port: int, say: Callable[[str], None], open_judge: OpenJudge | None = None
) -> None:
    """Serves until Ctrl-C or SIGTERM.

    Args:
        host: address to listen on.
        port: 0 takes a free one.
        open_judge: opens the judge of a worker; none without one.
        say: told where it listens, and a warning if others can reach it.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    sockets = listen(host, port, worker_count())
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{sockets[0].getsockname()[1]}"
    if not is_loopback(host):
        say(
            f"warning: anyone who reaches {address} can use it: it has no login and no encryption. "
            "Leave out --host to serve this machine alone."
        )
    _warm_up()
    app = score_app(open_judge=open_judge)
    serve_in_workers(app, sockets, lambda: say(f"scoring on {address}/score; stop with Ctrl-C"))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _warm_up() -> None:
    """Loads what the first score of each type would, among it the units: not in a request."""
    for answer_type, value in _EACH_TYPE.items():
        score(f"Answer: {value}", Gold(answer_type, value))


_EACH_TYPE = {
    **dict.fromkeys(AnswerType, "12"),
    AnswerType.QUANTITY: "12 km",
    AnswerType.EXPRESSION: "\\sqrt{2}",
}


# Requests


def _expected_bytes(request: Request, limits: Limits) -> int:
    """What the body is said to have; the most it may have where that is not said."""
    declared = request.headers.get("content-length", "")
    expected = int(declared) if declared.isdigit() else limits.body_bytes
    if expected > limits.body_bytes:
        raise _too_large(limits)
    return expected


async def _body(request: Request, limits: Limits) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(body)


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(
        413, f"the body has more than {limits.body_bytes:,} bytes; send fewer items at a time"
    )


def _scores(body: bytes, deadline: float, limits: Limits) -> dict[str, Any]:
    """The reply to a body, by rule.

    Raises:
        HTTPException: 400, 413 or 503, with what is wrong.
    """
    items, is_one = _items(body, limits)
    return _answered(_score_all(items, deadline, limits), is_one)


def _answered(scores: Sequence[Scored], is_one: bool) -> dict[str, Any]:
    shown = [_shown(one) for one in scores]
    return shown[0] if is_one else {"scores": shown}


def _items(body: bytes, limits: Limits) -> tuple[list[ScoringItem], bool]:
    """What a body asks to be scored, and whether it is one item by itself.

    Raises:
        HTTPException: 400 or 413, with what is wrong.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(data, dict):
        raise HTTPException(400, f"the body is a JSON {type(data).__name__}, not an object")
    if "items" not in data:
        return [_rollout(data, "", limits)], True
    if "response" in data or "gold" in data:
        raise HTTPException(400, 'give either "items" or "response" and "gold", not both')
    items = data["items"]
    if not isinstance(items, list):
        raise HTTPException(400, f'"items" is a JSON {type(items).__name__}, not an array')
    if len(items) > limits.items:
        raise HTTPException(
            413, f"{len(items):,} items; at most {limits.items:,} go in one request"
        )
    return [_rollout(item, f"items[{i}]: ", limits) for i, item in enumerate(items)], False


def _rollout(item: object, where: str, limits: Limits) -> ScoringItem:
    if not isinstance(item, dict):
        raise HTTPException(400, f"{where}a JSON {type(item).__name__}, not an object")
    for key in (_KEYS.response, _KEYS.gold):
        if key not in item:
            raise HTTPException(400, f'{where}no key "{key}"')
    response = item[_KEYS.response]
    if isinstance(response, str) and len(response) > limits.response_chars:
        raise HTTPException(
            413,
            f"{where}the response has {len(response):,} characters, and may have "
            f"{limits.response_chars:,}; only its end is read, so send that",
        )
    try:
        return read_rollout(item, _KEYS)
    except RowError as error:
        raise HTTPException(400, f"{where}{error}") from None


def _score_all(rollouts: list[ScoringItem], deadline: float, limits: Limits) -> list[Scored]:
    scores = []
    for rollout in rollouts:
        if time.monotonic() > deadline:
            raise _too_slow(limits.score_s)
        scores.append(score_by_rule(rollout))
    return scores


def _too_slow(seconds: float) -> HTTPException:
    return HTTPException(503, f"not done within {seconds:g} s; send fewer items at a time")


def _shown(scored: Scored) -> dict[str, Any]:
    return {**shown_score(scored), "decided": scored.decided}


# Replies


def _json(content: object, status: int = 200) -> Response:
    # Escaped, since an answer may hold lone surrogates, which UTF-8 cannot.
    return Response(json.dumps(content), status, media_type="application/json")


def _error(status: int, message: str) -> Response:
    # What is left of the body would be taken for the next request.
    reply = _json({"error": message}, status)
    reply.headers["connection"] = "close"
    return reply


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {
        404: "no such path; there are POST /score and GET /health",
        405: f"{request.method} is not for this path; there are POST /score and GET /health",
    }
    reply = _error(error.status_code, messages.get(error.status_code, error.detail))
    reply.headers.update(error.headers or {})
    return reply


async def _fail(request: Request, error: Exception) -> Response:
    return _error(500, "a fault of the server; please report the request that caused it")
