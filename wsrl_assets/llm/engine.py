"""The LLM engine: keeps the endpoints full, never pays twice, survives what endpoints do.

    async with Engine(roles, ...) as engine:
        await engine.for_each(documents, work)

`work` is a coroutine per item that asks with `engine.ask`. Many are open at once, in order; a
call waits for a slot of its endpoint, oldest item first, so the calls of one document run next to
each other and no stage waits for its slowest row. Each call that ends is put in the ledger by
`record`, before its reply is handed out.
"""

import asyncio
import contextlib
import hashlib
import itertools
import json
import math
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, Field, ValidationError

from wsrl_assets.llm.client import Completion
from wsrl_assets.llm.endpoint import Endpoint, Item
from wsrl_assets.llm.errors import EndpointError, RowError, TransientError
from wsrl_assets.llm.limiter import Limiter
from wsrl_assets.llm.prompting import Message
from wsrl_assets.llm.retries import Attempts
from wsrl_assets.llm.roles import Role, RoleSettings
from wsrl_assets.llm.server import Backlog
from wsrl_assets.llm.untrusted import without_marks
from wsrl_assets.storage.shared_home import SharedHome
from wsrl_assets.storage.tables import LLMCall, utc_now
from wsrl_assets.text.normalisation import estimate_tokens

T = TypeVar("T")

_numbers = itertools.count()
# The item that the current task works on.
_ITEM: ContextVar[Item | None] = ContextVar("item", default=None)
Reply = TypeVar("Reply", bound=BaseModel)

_LOOK_EVERY_S = 0.1
# Of the first token's alternatives: the most that OpenAI's API and vLLM give.
_TOP_TOKENS = 20
NEITHER = "neither_yes_nor_no"
NO_PROBABILITIES = "no_probabilities"
_AROUND_A_WORD = " \t\n\"'*.,"
# Below this the model is about to say something else, and which of the two is likelier says little.
_LEAST_PROBABILITY = 0.1
_CALLS_PER_SLOT = 1.1


class FreeText(BaseModel):
    """A reply without a form: no schema is sent, and any text is the reply.

    Also when it is empty or was cut off: a policy that never ends has answered, and wrongly.

    Attributes:
        text: as the model wrote it.
        truncated: whether it ran into `max_tokens`.
        completion_tokens: its length, as the server counted.
    """

    text: str
    truncated: bool
    completion_tokens: int


class YesOrNo(BaseModel):
    """A reply of one word, of which the probability counts and not the word that is drawn.

    No schema is sent: under one, some servers give the probabilities after it.

    Attributes:
        yes: probability of yes, where it is yes or no.
    """

    yes: float = Field(ge=0, le=1)


@dataclass(frozen=True, slots=True)
class ChatRequest(Generic[Reply]):
    """One question to a model.

    Attributes:
        stage: asset that it is for; `step` says which of the stage's questions it is.
        role: which endpoint and model answer.
        row_id: the row that it is about; also seeds the sampling.
        recipe: hash of the recipe.
        messages: laid out document first.
        reply_type: what the reply must be; its JSON schema is sent along. `FreeText` takes any,
            `YesOrNo` asks for probabilities.
        max_tokens: longest reply.
        schema: sent in place of the reply type's own, where the choices depend on the row.
        sample: number of the sample, where one question is asked several times.
        temperature: sampling temperature in place of the role's.
    """

    stage: str
    step: str
    role: Role
    row_id: str
    recipe: str
    messages: list[Message]
    reply_type: type[Reply]
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    sample: int = 0
    temperature: float | None = None


class ChatModel(Protocol):
    """What a stage needs of the engine; tests pass something simpler."""

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        """See `Engine.ask`."""
        ...


class Engine:
    """See the module. One engine serves one run; engines share their endpoints' ceilings.

    Args:
        roles: settings of each role that the run may ask.
        record: takes each ledger entry as its call ends; must not block.
        run_id: written into ledger entries.
        limiter_folder: shared by all processes of a home; holds the slot files.
        max_in_flight: a fixed ceiling in place of the adaptive one.
        backlog: holds calls back while too much is uncommitted; none holds back nothing.
        home: whose hosts share the ceilings; none if it is a plain folder.
    """

    def __init__(
        self,
        roles: Mapping[Role, RoleSettings],
        *,
        record: Callable[[LLMCall], None],
        run_id: str,
        limiter_folder: Path,
        max_in_flight: int | None = None,
        backlog: Backlog | None = None,
        home: SharedHome | None = None,
    ) -> None:
        self._backlog = backlog
        self._home = home
        self._roles = dict(roles)
        self._record = record
        self._run_id = run_id
        self._gate_folder = limiter_folder
        self._max_in_flight = max_in_flight
        self._endpoints: dict[Role, Endpoint] = {}
        self._models: dict[Role, str] = {}
        self._endpoint_died: asyncio.Future[None] | None = None
        self._asking: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def __aenter__(self) -> "Engine":
        self._endpoint_died = asyncio.get_running_loop().create_future()
        try:
            await self._start_endpoints()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    def model(self, role: Role) -> str:
        """The model that answers for a role."""
        return self._models[role]

    def max_model_len(self, role: Role) -> int | None:
        """The role's context window in tokens, where its server says it."""
        return self._endpoints[role].max_model_len(self._models[role])

    async def for_each(
        self,
        items: AsyncIterator[T],
        work: Callable[[T], Awaitable[None]],
        *,
        calls_at_once: float = 1.0,
        key: Callable[[T], str] | None = None,
    ) -> None:
        """Runs `work(item)` for each item, many at once, begun in order.

        Numbers rise with each item that any engine of this process begins, so as priorities they
        let documents be finished in the order in which they were begun, over all partitions.
        Items are drawn only as room arises, so memory does not grow with their number.

        Args:
            items: drawn in order.
            work: asks the model, once or more often.
            calls_at_once: about how many calls of an item run at the same time. The more, the
                fewer items are open: with more of them than the slots need, a document's calls
                come so far apart that it has left the server's prefix cache.
            key: names what the prompts of an item begin with, such as a document's id: where there
                are several servers, its calls go to the same one in every run.

        Raises:
            EndpointError: an endpoint died; what was done is recorded.
            Exception: the first that `work` raised; the others are cancelled.
        """
        assert self._endpoint_died is not None, "use the engine as a context manager"
        has_room: Callable[[int], bool] = lambda n: self._has_room(n, calls_at_once)  # noqa: E731
        group: _BoundedTaskGroup[T] = _BoundedTaskGroup(has_room, self._endpoint_died, key)
        with contextlib.ExitStack() as stack:
            for limiter in self._limiters():
                stack.enter_context(limiter.task_group())
            try:
                await group.run(items, work)
            except BaseException:
                await self._end_calls()
                raise

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        """The model's reply to one question, with retries where they can help.

        Raises:
            RowError: this row cannot be answered; its reason is in the ledger too.
            EndpointError: no row can be answered now.
        """
        if self._ended:
            raise EndpointError("the run has ended")
        tally = Attempts()
        caller = asyncio.current_task()
        assert caller is not None
        self._asking.add(caller)
        try:
            await self._refuse_too_long(ask)
            with _item_of(ask) as item:
                reply = await self._attempts(ask, tally, item)
        except (RowError, EndpointError) as error:
            if tally.attempts:
                self._record(self._entry(ask, tally, str(error)))
            raise
        except asyncio.CancelledError:
            # An attempt that came back before the run was cancelled has been paid for.
            if tally.prompt_tokens:
                self._record(self._entry(ask, tally, "cancelled"))
            raise
        finally:
            self._asking.discard(caller)
        self._record(self._entry(ask, tally, None))
        return reply

    async def _start_endpoints(self) -> None:
        assert self._endpoint_died is not None
        by_url: dict[str, Endpoint] = {}
        for role, settings in self._roles.items():
            key = settings.api_key.get_secret_value() if settings.api_key else ""
            identity = f"{settings.base_url}\n{key}\n{settings.timeout_s}"
            if identity not in by_url:
                endpoint = Endpoint(settings, self._gate_folder, self._max_in_flight, self._home)
                by_url[identity] = self._endpoints[role] = endpoint
                await endpoint.start(self._endpoint_died)
            self._endpoints[role] = by_url[identity]
            self._models[role] = by_url[identity].resolve_model(settings.model)

    async def _close(self) -> None:
        for endpoint in set(self._endpoints.values()):
            await endpoint.close()
        if self._endpoint_died is not None and self._endpoint_died.done():
            self._endpoint_died.exception()  # seen, so that asyncio does not complain of it

    async def _end_calls(self) -> None:
        """Ends what still asks after `work` failed.

        A `work` that gathers coroutines leaves the others of a gather running when one fails.
        Left alone they would go on paying, for replies that nobody keeps any more.
        """
        self._ended = True
        calls = self._asking - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _limiters(self) -> set[Limiter]:
        return {limiter for one in self._endpoints.values() for limiter in one.limiters}

    def _has_room(self, open_items: int, calls_at_once: float) -> bool:
        """Whether to begin another item: as many as keep a call waiting for each free slot."""
        limiters = self._limiters()
        slots = sum(limiter.quota for limiter in limiters) * _CALLS_PER_SLOT
        if open_items < 1 + slots / calls_at_once:
            return True
        # Items that ask less often than was said. Not for the idle slots of one server alone: what
        # is begun takes room in the caches, and waits for the full servers too.
        return open_items < 4 + slots and all(limiter.has_spare for limiter in limiters)

    async def _attempts(self, ask: ChatRequest[Reply], tally: Attempts, item: Item) -> Reply:
        endpoint = self._endpoints[ask.role]
        while True:
            tally.attempts += 1
            try:
                completion = await endpoint.complete(
                    self._body(ask, tally), ask.row_id, item, self._backlog
                )
            except TransientError as fault:
                tally.fail(fault)
                if tally.used_up and not await endpoint.is_to_blame():
                    detail = f"{tally.transients} attempts, last {fault}"
                    raise RowError("endpoint_fault", detail) from None
                await asyncio.sleep(tally.backoff_s(fault))
                continue
            tally.add(completion)
            try:
                reply = _parsed(completion, ask.reply_type)
            except RowError as fault:
                tally.refuse(fault)
                continue
            if isinstance(reply, YesOrNo):
                tally.text = reply.model_dump_json()
            return reply

    def _body(self, ask: ChatRequest[Reply], tally: Attempts) -> dict[str, Any]:
        own = self._roles[ask.role].temperature
        temperature = own if ask.temperature is None else ask.temperature
        return {
            "model": self._models[ask.role],
            "messages": ask.messages,
            "temperature": temperature,
            "max_tokens": ask.max_tokens,
            "seed": _seed(ask.row_id, ask.step, tally.bad_replies, ask.sample),
            **_form_of(ask),
        }

    async def _refuse_too_long(self, ask: ChatRequest[Reply]) -> None:
        """A prompt beyond the context window is never sent."""
        limit = self.max_model_len(ask.role)
        if limit is None:
            return
        text = "\n".join(message["content"] for message in ask.messages)
        if len(text.encode("utf-8", "surrogatepass")) + ask.max_tokens + 64 <= limit:
            return  # no tokenizer makes more tokens than bytes of these
        estimate = estimate_tokens(text) + 32
        if estimate + ask.max_tokens <= limit:
            return
        counted = await self._endpoints[ask.role].count_tokens(self._models[ask.role], text)
        tokens = estimate if counted is None else counted + 32
        if tokens + ask.max_tokens > limit:
            raise RowError(
                "context_too_long",
                f"{tokens} prompt and {ask.max_tokens} reply tokens exceed the window of {limit}",
            )

    def _entry(self, ask: ChatRequest[Reply], tally: Attempts, error: str | None) -> LLMCall:
        prices = self._roles[ask.role].prices
        return LLMCall(
            call_id=uuid.uuid4().hex,
            stage=ask.stage,
            step=ask.step,
            role=ask.role,
            row_id=ask.row_id,
            recipe=ask.recipe,
            model=self._models[ask.role],
            prompt_tokens=tally.prompt_tokens,
            cached_tokens=tally.cached_tokens,
            completion_tokens=tally.completion_tokens,
            latency_ms=(time.monotonic() - tally.started) * 1000,
            attempts=tally.attempts,
            finish_reason=tally.finish_reason,
            error=error,
            reply=None if issubclass(ask.reply_type, FreeText) else tally.text,
            cost=prices.cost(tally.prompt_tokens, tally.cached_tokens, tally.completion_tokens),
            run_id=self._run_id,
            created_at=utc_now(),
        )


class _BoundedTaskGroup(Generic[T]):
    """Tasks over a stream of items, as many at once as there is room for."""

    def __init__(
        self,
        has_room: Callable[[int], bool],
        endpoint_died: "asyncio.Future[None]",
        key: Callable[[T], str] | None,
    ) -> None:
        self._key = key
        self._has_room = has_room
        self._endpoint_died = endpoint_died
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._error: BaseException | None = None

    async def run(self, items: AsyncIterator[T], work: Callable[[T], Awaitable[None]]) -> None:
        wake = self._endpoint_died.add_done_callback
        wake(self._on_endpoint_died)
        try:
            await self._feed(items, work)
            await self._until(lambda: not self._tasks)
        finally:
            self._endpoint_died.remove_done_callback(self._on_endpoint_died)
            await self._cancel_all()
        if self._error is not None:
            raise self._error

    async def _feed(self, items: AsyncIterator[T], work: Callable[[T], Awaitable[None]]) -> None:
        async for item in items:
            await self._until(lambda: self._has_room(len(self._tasks)))
            if self._error is not None:
                return
            task = asyncio.create_task(self._numbered(work, item))
            self._tasks.add(task)
            task.add_done_callback(self._on_done)
            await asyncio.sleep(0)  # it asks before the next one is thought of

    async def _numbered(self, work: Callable[[T], Awaitable[None]], item: T) -> None:
        key = self._key(item) if self._key else None
        with contextlib.closing(Item(next(_numbers), key)) as asking:
            _ITEM.set(asking)
            await work(item)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while self._error is None and not condition():
            self._changed.clear()
            # Now and then without a reason, too: a window that grows rings no bell. (`wait_for`
            # would lose a cancellation that comes with the bell, up to Python 3.11.)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._changed.wait()

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._error = self._error or task.exception()
        self._changed.set()

    def _on_endpoint_died(self, endpoint_died: "asyncio.Future[None]") -> None:
        self._error = self._error or endpoint_died.exception()
        self._changed.set()

    async def _cancel_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def _item_of(ask: ChatRequest[Any]) -> Iterator[Item]:
    """The item that the task works on; one of its own for a call outside `Engine.for_each`."""
    item = _ITEM.get()
    if item is not None:
        yield item
        return
    with contextlib.closing(Item(key=ask.row_id)) as alone:
        yield alone


def _form_of(ask: ChatRequest[Reply]) -> dict[str, Any]:
    """The part of a request that says what form the reply has."""
    if issubclass(ask.reply_type, FreeText):
        # The whole distribution, as trainers sample: servers cut its tail off by default.
        return {"top_p": 1.0}
    if issubclass(ask.reply_type, YesOrNo):
        return {"logprobs": True, "top_logprobs": _TOP_TOKENS}
    schema = ask.schema if ask.schema is not None else _schema_of(ask.reply_type)
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": ask.step, "schema": schema, "strict": True},
        }
    }


def _parsed(completion: Completion, reply_type: type[Reply]) -> Reply:
    if issubclass(reply_type, FreeText):
        return reply_type(
            text=completion.text,
            truncated=completion.finish_reason == "length",
            completion_tokens=completion.completion_tokens,
        )
    if issubclass(reply_type, YesOrNo):
        return reply_type(yes=_yes(completion))
    text = without_marks(completion.text).strip()
    if completion.finish_reason == "length":
        raise RowError("truncated", f"reply cut off at {completion.completion_tokens} tokens")
    if not text:
        raise RowError("empty_reply", "the model returned nothing")
    try:
        return reply_type.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        detail = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise RowError("invalid_reply", detail[:200]) from None


def _yes(completion: Completion) -> float:
    """The probability of yes among the likeliest first tokens that are yes or no.

    Raises:
        RowError: hardly any of them is either, or the server gives no probabilities.
    """
    if not completion.first_token:
        raise RowError(NO_PROBABILITIES, "the server gives no `logprobs`")
    said = {"yes": 0.0, "no": 0.0}
    for token, logprob in completion.first_token:
        word = token.strip(_AROUND_A_WORD).casefold()
        if word in said:
            said[word] += math.exp(min(logprob, 0.0))
    total = said["yes"] + said["no"]
    if not total >= _LEAST_PROBABILITY:
        likeliest = completion.first_token[0][0][:20]
        raise RowError(NEITHER, f"its reply begins with {likeliest!r}")
    return said["yes"] / total


def _seed(row_id: str, step: str, retry: int, sample: int) -> int:
    """Same row, same sample; a retry after a bad reply must not draw the same bad reply."""
    identity = f"{row_id}\n{step}\n{retry}" + (f"\n{sample}" if sample else "")
    digest = hashlib.blake2b(identity.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


@cache
def _schema_of(reply_type: type[BaseModel]) -> Mapping[str, Any]:
    return json.loads(json.dumps(reply_type.model_json_schema()))  # type: ignore[no-any-return]
