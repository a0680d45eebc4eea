"""One server of an endpoint: what it serves, how full it is, whether it lives."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx2
import openai

from wsrl_assets.llm.ceiling import (
    AdditiveIncrease,
    QueueFollower,
    ceiling_for_slots,
    parse_queue_depth,
    starting_ceiling,
)
from wsrl_assets.llm.client import (
    ChatClient,
    Completion,
    ServedModel,
    curl,
    heard,
    parsed_json,
    refused_key,
    served_models,
    tokens_in,
    unknown_model,
)
from wsrl_assets.llm.errors import EndpointError, TransientError
from wsrl_assets.llm.health import Health
from wsrl_assets.llm.host_share import LOOK_EVERY_S
from wsrl_assets.llm.limiter import Limiter, limiter_for
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets.storage.shared_home import SharedHome
from wsrl_assets.text.highlight import without_credentials

_PROBE_TIMEOUT_S = 8.0
_SILENCE_S = 8.0
_PROBE_EVERY_S = 2.0
_ADMIT_EVERY_S = 0.01
_LOOK_EVERY_S = 0.25


class Backlog(Protocol):
    """What is done and not yet committed. No call is sent while it is full: a kill loses it."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be done before something is committed."""
        ...

    async def drained(self) -> None:
        """Waits while it is full."""
        ...


class Server:
    """A base URL with its connection pool, slots and health. Start it, use it, close it.

    Attributes:
        health: whether its calls succeed.
        items: how many items send their calls here.
    """

    def __init__(
        self,
        role: RoleSettings,
        limiter_folder: Path,
        max_in_flight: int | None,
        home: SharedHome | None,
    ) -> None:
        self.base_url = role.base_url.rstrip("/")
        self.limiter: Limiter = limiter_for(
            self.base_url, limiter_folder, max_in_flight or starting_ceiling(), home
        )
        self.served: dict[str, ServedModel] = {}
        self._timeout_s = role.timeout_s
        self._metrics_urls = role.metrics_urls
        self._has_key = role.api_key is not None
        self._last_fault: tuple[TransientError, str] | None = None  # with the model that was asked
        self._fixed = max_in_flight
        self._client = ChatClient(role)
        self.health = Health()
        self._aimd = AdditiveIncrease(self.limiter.slots)
        self._follower = QueueFollower(self.limiter.slots)
        self._has_queue = False
        self._not_before = 0.0
        self._in_flight = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._calls: set[asyncio.Timeout] = set()
        self.items = 0

    @property
    def root(self) -> str:
        """The server's root, where vLLM and llama.cpp keep health and metrics."""
        return self.base_url.removesuffix("/v1")

    async def start(self, patience_s: float) -> None:
        """Asks what is served, and begins to follow the server's load.

        Args:
            patience_s: how long to ask a server that does not answer, in seconds.

        Raises:
            EndpointError: nobody answers, or the key is refused.
        """
        await self._ask_models(patience_s)
        await self._choose_ceiling()
        if self.limiter.share is not None:
            self.limiter.share.learns = self._fixed is None
            await asyncio.to_thread(self.limiter.share.renew)
        self._tasks = [
            asyncio.create_task(self._admit_often()),
            asyncio.create_task(self._follow_queue()),
            asyncio.create_task(self._share_with_hosts()),
            asyncio.create_task(self._watch()),
        ]
        for task in self._tasks:
            task.add_done_callback(self._on_ended)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self._ended.cancel() and not self._ended.cancelled():
            self._ended.exception()  # seen, so that asyncio does not complain of it
        await self._client.close()
        share, slots = self.limiter.share, self.limiter.slots
        if share is not None and not slots.occupied and not slots.has_waiting:
            await asyncio.to_thread(share.leave)

    async def until_given_up(self) -> None:
        """Waits for as long as the server works.

        Raises:
            EndpointError: why it is given up.
        """
        await self._ended

    @contextlib.asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """A call that another server can take: `abandon` ends it.

        Raises:
            ServerAbandonedError: it was ended.
        """
        call = asyncio.timeout(None)
        self._calls.add(call)
        try:
            async with call:
                yield
        except TimeoutError:
            if not call.expired():
                raise
            raise ServerAbandonedError from None
        finally:
            self._calls.discard(call)

    def abandon(self, error: EndpointError) -> None:
        """Gives the server up, and ends the calls that it has."""
        self._condemn(error)
        now = asyncio.get_running_loop().time()
        for call in self._calls:
            if not call.expired():
                call.reschedule(now)

    def resolve_model(self, wanted: str | None) -> str:
        """The model to ask for.

        Raises:
            EndpointError: it is not served, or none was named and the choice is not clear.
        """
        names = list(self.served)
        if not names and wanted is None:
            raise EndpointError(
                f"{self.base_url} does not say which models it serves. Set WSRL_LLM_MODEL, and see "
                "that WSRL_LLM_BASE_URL ends as the server wants it, mostly in /v1."
            )
        if wanted is not None:
            if names and wanted not in names:
                raise EndpointError(unknown_model(self.base_url, wanted, f"it serves {names}"))
            return wanted
        if len(names) == 1:
            return names[0]
        raise EndpointError(
            f"{self.base_url} serves {len(names)} models: {names}. "
            "Set WSRL_LLM_MODEL to the one to use."
        )

    async def complete(
        self,
        body: dict[str, Any],
        row_id: str,
        priority: int,
        backlog: Backlog | None = None,
        session: str | None = None,
    ) -> Completion:
        """One attempt at a completion, when a slot is free and server and backlog allow it.

        `session` names what calls have in common, for a router in front of several servers.

        Raises:
            TransientError, RowError, EndpointError: see `ChatClient.complete`.
        """
        while True:
            await self._await_permission()
            if backlog is not None:
                await backlog.drained()
            async with self.limiter.slot(priority):
                # Either may have changed while the call waited for its slot.
                is_full = backlog is not None and backlog.is_full
                if self._told_to_wait_s() <= 0 and not is_full:
                    return await self._send(body, row_id, session)

    async def is_to_blame(self) -> bool:
        """Whether a call that failed again and again did so because no call can succeed.

        If so, the endpoint is given up soon, unless it recovers.
        """
        if not self.health.failing:
            return False
        return self.health.met_by_many or not await self._answers()

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Tokens of `text` by the model's own tokenizer, none where the server will not say."""
        body = {"model": model, "prompt": text, "content": text}
        try:
            response = await self._client.post(f"{self.root}/tokenize", body, _PROBE_TIMEOUT_S)
        except (openai.OpenAIError, httpx2.HTTPError):
            return None
        return tokens_in(response.content)

    async def _send(self, body: dict[str, Any], row_id: str, session: str | None) -> Completion:
        self._in_flight += 1
        try:
            # The client's own timeout starts again with every byte that trickles in.
            async with asyncio.timeout(self._timeout_s):
                completion = await self._client.complete(body, session)
        except TimeoutError:
            fault = TransientError("timeout", f"no whole answer in {self._timeout_s:.0f} s")
            self._note_fault(row_id, fault, body)
            raise fault from None
        except TransientError as fault:
            self._note_fault(row_id, fault, body)
            raise
        finally:
            self._in_flight -= 1
        self._note_success()
        return completion

    def _note_success(self) -> None:
        self.health.success()
        if self._fixed is None and not self._has_queue:
            self._aimd.after_success(self.limiter.waiting)

    def _note_fault(self, row_id: str, fault: TransientError, body: Mapping[str, Any]) -> None:
        self.health.failure(row_id, fault.kind)
        self._last_fault = (fault, str(body.get("model")))
        all_wait = True
        if fault.kind == "rate_limited" and self._fixed is None:
            all_wait = self._aimd.after_rate_limit()
        if fault.retry_after_s and all_wait:
            self._not_before = max(self._not_before, time.monotonic() + fault.retry_after_s)

    def _told_to_wait_s(self) -> float:
        return self._not_before - time.monotonic()

    async def _await_permission(self) -> None:
        wait_s = self._told_to_wait_s()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def _ask_models(self, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                response = await self._client.get("/models", _PROBE_TIMEOUT_S)
                self.served = served_models(response.content)
                return
            except openai.APIStatusError as error:
                if error.status_code in (401, 403):
                    raise EndpointError(refused_key(self.base_url, error.status_code)) from None
                if error.status_code < 500:
                    return  # no list of models: the first call will tell
                problem = f"HTTP {error.status_code}{heard(self._client.said(error))}"
            except (openai.OpenAIError, httpx2.HTTPError) as error:
                problem = f"nobody answers ({type(error.__cause__ or error).__name__})"
            if time.monotonic() > deadline:
                by_hand = curl(self.base_url, "models", has_key=self._has_key)
                raise EndpointError(_nobody(self.base_url, problem, by_hand), problem)
            await asyncio.sleep(0.5)

    async def _choose_ceiling(self) -> None:
        slots = self.limiter.slots
        if self._fixed is not None:
            slots.ceiling = self._fixed
            return
        total_slots = await self._llama_slots()
        if total_slots is not None:
            self._has_queue = True
            self._fixed = slots.ceiling = ceiling_for_slots(total_slots)
            return
        self._has_queue = await self._look_at_queue()

    async def _llama_slots(self) -> int | None:
        data = await self._root_json("/props")
        slots = data.get("total_slots")
        return slots if isinstance(slots, int) and slots > 0 else None

    async def _root_json(self, path: str) -> dict[str, Any]:
        text = await self._root_text(path)
        with contextlib.suppress(ValueError):
            data = parsed_json(text)
            return data if isinstance(data, dict) else {}
        return {}

    async def _root_text(self, path: str) -> str:
        try:
            response = await self._client.get(f"{self.root}{path}", _PROBE_TIMEOUT_S)
            return response.text
        except (openai.OpenAIError, httpx2.HTTPError):
            return ""

    async def _look_at_queue(self) -> bool:
        depth = parse_queue_depth(await self._metrics())
        if depth is None:
            return False
        self._follower.saw(depth)
        self.limiter.admit()
        return True

    async def _metrics(self) -> str:
        """Of the server, or of all those behind it that settings name."""
        if not self._metrics_urls:
            return await self._root_text("/metrics")
        texts = await asyncio.gather(
            *(self._client.get_without_key(url, _PROBE_TIMEOUT_S) for url in self._metrics_urls)
        )
        return "\n".join(texts)

    async def _admit_often(self) -> None:
        """Slots freed by other processes ring no bell here."""
        while True:
            await asyncio.sleep(_ADMIT_EVERY_S)
            self.limiter.admit()

    async def _follow_queue(self) -> None:
        """Lets the ceiling follow the server's load; one process at a time looks, for all."""
        while self._has_queue and self._fixed is None:
            await asyncio.sleep(self._follower.look_every_s)
            if self._follower.look_due():
                await self._look_at_queue()

    async def _share_with_hosts(self) -> None:
        """Keeps this host's part of the ceiling; one process at a time looks, for all."""
        share = self.limiter.share
        while share is not None:
            await asyncio.sleep(LOOK_EVERY_S)
            if share.is_due():
                await asyncio.to_thread(share.renew)
                self.limiter.admit()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            verdict = await self._verdict()
            if verdict is not None:
                self._condemn(EndpointError(self._obituary(verdict), verdict))
                return

    def _obituary(self, verdict: str) -> str:
        """Why the endpoint is given up, what it said last, and a call to try by hand."""
        if self._last_fault is None:
            by_hand = curl(self.base_url, "models", has_key=self._has_key)
            return _nobody(self.base_url, verdict, by_hand)
        fault, model = self._last_fault
        body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
        by_hand = curl(self.base_url, "chat/completions", has_key=self._has_key, body=body)
        last = heard(fault.detail) if fault.is_answer else f"; last fault: {fault}"
        return _nobody(self.base_url, f"{verdict}{last}", by_hand)

    async def _verdict(self) -> str | None:
        """Why the endpoint is given up, or none if it is not."""
        verdict = self.health.verdict()
        if verdict is not None:
            return verdict
        suspicion = self.health.suspicion() or self._silence()
        if suspicion is None or await self._answers():
            return None
        return suspicion

    def _silence(self) -> str | None:
        """Calls that nobody refuses and nobody answers; those that fail are `Health`'s matter."""
        if self.health.failing or not self._in_flight or self.health.silent_s < _SILENCE_S:
            return None
        return "it accepts calls and answers none"

    async def _answers(self) -> bool:
        """Whether the server answers anything at all; twice, since a busy one may be slow."""
        if self.health.silent_s < _PROBE_EVERY_S:
            return True
        for _ in range(2):
            try:
                await self._client.get("/models", _PROBE_TIMEOUT_S)
            except openai.APIStatusError as error:
                if error.status_code >= 500:
                    continue
            except (openai.OpenAIError, httpx2.HTTPError):
                continue
            self.health.sign_of_life()
            return True
        return False

    def _on_ended(self, task: "asyncio.Task[None]") -> None:
        """A task of ours that fails must not leave calls waiting for what it did."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._condemn(error)

    def _condemn(self, error: BaseException) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)


class ServerAbandonedError(Exception):
    """The server of a call was given up during the call."""


def _nobody(base_url: str, problem: str, by_hand: str) -> str:
    return (
        f"the endpoint {without_credentials(base_url)} does not work: {problem}. Start it, or set "
        "WSRL_LLM_BASE_URL to one that runs, and run again: what is done is kept. To try one call "
        f"by hand: {by_hand}"
    )
