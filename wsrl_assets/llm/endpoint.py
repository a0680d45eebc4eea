"""The endpoint of a role: one server, or several with the same models.

All calls on an item go to one server, which has the document's prefix in its cache. Items are
spread evenly, by the ceilings of the servers. A server that does not work is left out, its calls
go to the others, and it is taken back once it answers again.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wsrl_assets.llm.client import Completion
from wsrl_assets.llm.errors import EndpointError, TransientError
from wsrl_assets.llm.health import PATIENCE_S
from wsrl_assets.llm.limiter import Limiter
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets.llm.server import Backlog, Server, ServerAbandonedError
from wsrl_assets.storage.shared_home import SharedHome
from wsrl_assets.text.highlight import without_credentials

# Others take over at once, so little speaks for waiting; a server alone may restart meanwhile.
_PATIENCE_WITH_OTHERS_S = 1.0
# A run begins without the servers that take longer to answer.
_LATE_S = 2.0
_FIRST_RETRY_S = 2.0
_LAST_RETRY_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Item:
    """What a run works on, such as a document: its calls have one priority and one server.

    Attributes:
        number: in the order of beginning; calls of the lowest go first.
        key: names what its prompts begin with, such as the document's id.
    """

    number: int = 0
    key: str | None = None
    _servers: "dict[Endpoint, Server]" = field(default_factory=dict)
    _left: Server | None = None

    def close(self) -> None:
        """Counts for no server any more."""
        for server in self._servers.values():
            server.items -= 1
        self._servers.clear()

    def server(self, endpoint: "Endpoint") -> Server | None:
        """The endpoint's server that its calls go to."""
        return self._servers.get(endpoint)

    def assign(self, endpoint: "Endpoint", server: Server) -> None:
        """Sends its further calls to a server."""
        self.leave(endpoint)
        self._servers[endpoint] = server
        server.items += 1

    def leave(self, endpoint: "Endpoint") -> None:
        """Sends its further calls elsewhere, where there are other servers."""
        self._left = self._servers.pop(endpoint, None)
        if self._left is not None:
            self._left.items -= 1

    def but_the_left(self, servers: Sequence[Server]) -> Sequence[Server]:
        """The servers without the one that it has just left, unless there is no other."""
        return [server for server in servers if server is not self._left] or servers

    def preference(self, server: Server) -> bytes:
        """The highest is preferred: by a hash, so that every process prefers the same server."""
        name = f"{self.key or self.number}\n{server.base_url}"
        return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


class Endpoint:
    """The servers of a role, each with its connections, slots and health.

    Start it, use it, close it.

    Args:
        role: names the servers, their key and timeout.
        limiter_folder: shared by all processes of a home.
        max_in_flight: a fixed ceiling over all servers in place of the adaptive ones.
        home: whose hosts share the ceilings; none if it is a plain folder.
    """

    def __init__(
        self,
        role: RoleSettings,
        limiter_folder: Path,
        max_in_flight: int | None,
        home: SharedHome | None = None,
    ) -> None:
        urls = role.base_urls
        fixed = max(1, max_in_flight // len(urls)) if max_in_flight else None
        self._roles = [replace(role, base_url=url) for url in urls]
        self._limiter_folder = limiter_folder
        self._home = home
        self._fixed = fixed
        self._live: list[Server] = []
        self._starting = set(urls)
        self._models: set[str] = set()
        self._error: BaseException | None = None
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._died: asyncio.Future[None] | None = None

    @property
    def limiters(self) -> list[Limiter]:
        """Of the servers that work."""
        return [server.limiter for server in self._live]

    async def start(self, died: "asyncio.Future[None]") -> None:
        """Asks what is served, and begins to follow the load of the servers.

        Args:
            died: gets an `EndpointError` when no server works any more.

        Raises:
            EndpointError: no server answers, or the key is refused.
        """
        self._died = died
        self._tasks = [asyncio.create_task(self._use(role)) for role in self._roles]
        for task in self._tasks:
            task.add_done_callback(self._on_ended)
        late = time.monotonic() + _LATE_S
        await self._until(
            lambda: bool(self._live) and (not self._starting or time.monotonic() > late)
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def resolve_model(self, wanted: str | None) -> str:
        """The model to ask for.

        Raises:
            EndpointError: a server does not serve it, or none was named and the choice is not
                clear.
        """
        names = sorted({server.resolve_model(wanted) for server in self._live})
        if len(names) > 1:
            raise EndpointError(
                f"the servers of one role serve different models: {names}. Set WSRL_LLM_MODEL to "
                "one that each of them serves."
            )
        self._models.update(names)
        return names[0]

    def max_model_len(self, model: str) -> int | None:
        """The smallest context window of a model in tokens, where its servers say it."""
        served = [server.served[model] for server in self._live if model in server.served]
        lengths = [one.max_model_len for one in served if one.max_model_len is not None]
        return min(lengths, default=None)

    async def complete(
        self, body: dict[str, Any], row_id: str, item: Item, backlog: Backlog | None = None
    ) -> Completion:
        """One attempt at a completion, on the server of the item.

        A call whose server is left out meanwhile goes to another one.

        Raises:
            TransientError, RowError, EndpointError: see `ChatClient.complete`.
        """
        while True:
            server = await self._server_of(item)
            with contextlib.suppress(ServerAbandonedError):
                return await self._complete_on(server, body, row_id, item, backlog)

    async def is_to_blame(self) -> bool:
        """Whether a call that failed again and again did so because no call can succeed.

        If so, the endpoint is given up soon, unless it recovers.
        """
        return all([await server.is_to_blame() for server in self._live])

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Tokens of `text` by the model's own tokenizer, none where no server will say."""
        return await self._live[0].count_tokens(model, text) if self._live else None

    async def _server_of(self, item: Item) -> Server:
        server = item.server(self)
        if server is None or server not in self._live:
            await self._until(lambda: bool(self._live))
            server = self._choose(item)
            item.assign(self, server)
        return server

    def _choose(self, item: Item) -> Server:
        """The server that an item prefers, of those with no more than their share of items."""
        live = item.but_the_left(self._live)
        slots = {server: server.limiter.slots.ceiling_here for server in live}
        items_per_slot = (1 + sum(server.items for server in live)) / sum(slots.values())
        free = [server for server in live if server.items < items_per_slot * slots[server]]
        return max(free, key=item.preference)

    async def _complete_on(
        self,
        server: Server,
        body: dict[str, Any],
        row_id: str,
        item: Item,
        backlog: Backlog | None,
    ) -> Completion:
        try:
            async with server.call():
                return await server.complete(body, row_id, item.number, backlog, item.key)
        except EndpointError as error:
            if self._live == [server]:
                raise
            self._leave_out(server, error)
            raise ServerAbandonedError from None
        except TransientError as fault:
            if fault.kind != "rate_limited":
                item.leave(self)
            raise

    async def _use(self, role: RoleSettings) -> None:
        """Uses a server for as long as it works, and again when it works again."""
        patience_s, failures = PATIENCE_S, 0
        while True:
            began = time.monotonic()
            server = Server(role, self._limiter_folder, self._fixed, self._home)
            try:
                # What another run has found out need not be waited for again.
                await server.start(0.0 if server.limiter.is_left_out else patience_s)
                self._take_in(server)
                await server.until_given_up()
            except EndpointError as error:
                self._leave_out(server, error)
            finally:
                await server.close()
            patience_s = 0.0
            failures = 0 if time.monotonic() - began > _LAST_RETRY_S else failures + 1
            await asyncio.sleep(min(_LAST_RETRY_S, _FIRST_RETRY_S * 2**failures / 2))

    def _take_in(self, server: Server) -> None:
        for model in self._models:
            server.resolve_model(model)
        if server.limiter.is_left_out:
            server.limiter.is_left_out = False
            _log.warning("%s answers again", without_credentials(server.base_url))
        self._live.append(server)
        self._note(server)

    def _leave_out(self, server: Server, error: EndpointError) -> None:
        """Calls of a server that does not work go to the others, if there are any."""
        self._live = [one for one in self._live if one is not server]
        self._note(server)
        if not self._live and not self._starting:
            self._condemn(error if len(self._roles) == 1 else _none_works(self._roles, error))
            return
        server.abandon(error)
        if not server.limiter.is_left_out:
            server.limiter.is_left_out = True
            _log.warning(
                "%s is left out until it answers, and the others take its calls: %s",
                without_credentials(server.base_url),
                error.problem,
            )

    def _note(self, server: Server) -> None:
        """Which servers work has changed."""
        self._starting.discard(server.base_url)
        patience_s = PATIENCE_S if len(self._live) == 1 else _PATIENCE_WITH_OTHERS_S
        for one in self._live:
            one.health.patience_s = patience_s
        self._changed.set()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Waits until something holds that changes with the servers that work.

        Raises:
            EndpointError: no server works any more.
        """
        while not is_so():
            if self._error is not None:
                raise self._error
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LATE_S / 10):
                    await self._changed.wait()

    def _on_ended(self, task: "asyncio.Task[None]") -> None:
        """A task of ours that fails must not leave calls waiting for what it did."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._condemn(error)

    def _condemn(self, error: BaseException) -> None:
        self._error = error
        self._changed.set()
        if self._died is not None and not self._died.done():
            self._died.set_exception(error)


def _none_works(roles: Sequence[RoleSettings], last: EndpointError) -> EndpointError:
    return EndpointError(f"none of the {len(roles)} servers works. The last one: {last}")
