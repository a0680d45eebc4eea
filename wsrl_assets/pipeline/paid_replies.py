"""Replies that were paid for once, from the ledger of a partition; what it lacks is asked for.

A call is known by its step, row and recipe, so the caller names a row by all that its prompt has.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from wsrl_assets.llm.engine import ChatModel, ChatRequest, Reply
from wsrl_assets.llm.errors import EndpointError, RowError
from wsrl_assets.llm.retries import CONTENT_TRIES
from wsrl_assets.llm.untrusted import without_marks
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import LLMCall

# Step, row and recipe of a call: what decides its prompt, model and sampling.
Key = tuple[str, str, str]


def paid_calls(store: Store, partition: Partition, recipes: Collection[str]) -> dict[Key, LLMCall]:
    """The calls of the ledger that got a reply, usable or not; not those that nobody answered."""
    if not store.exists(partition):
        return {}
    with store.transaction(partition) as transaction:
        calls = transaction.rows(LLMCall)
    return {
        (call.step, call.row_id, call.recipe): call
        for call in calls
        if call.recipe in recipes and _is_answered(call)
    }


def _is_answered(call: LLMCall) -> bool:
    """Whether asking again would only buy the same: an endpoint's fault, or a run that was
    stopped, says nothing of the next try."""
    return call.error is None or call.error.partition(":")[0] in CONTENT_TRIES


def _key(ask: ChatRequest[Any]) -> Key:
    return ask.step, ask.row_id, ask.recipe


class PaidReplies:
    """A model that answers from the ledger, and asks an engine, while it has one, for the rest.

    Attributes:
        engine: asked for what is not known; a prompt that two rollouts share is asked once.
        lacking: prompts that nobody could be asked for.
        dead: why no call can succeed, once that is so. A reward takes the fault of its judge for
            no verdict and goes on.
    """

    def __init__(self, known: Mapping[Key, LLMCall]) -> None:
        self.engine: ChatModel | None = None
        self.lacking = 0
        self.dead: EndpointError | None = None
        self._calls = dict(known)
        self._unsent: dict[Key, RowError] = {}
        self._turns: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    def add(self, call: LLMCall) -> None:
        """Takes a call that has ended."""
        self._calls[call.step, call.row_id, call.recipe] = call

    def call(self, ask: ChatRequest[Any]) -> LLMCall | None:
        """The call behind a request, if one was made."""
        return self._calls.get(_key(ask))

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        """See `Engine.ask`."""
        async with self._turns[_key(ask)]:
            await self._know(ask)
        call = self.call(ask)
        if call is None:
            raise self._unsent[_key(ask)]
        if call.error is not None:
            raise RowError("failed", call.error)
        return ask.reply_type.model_validate_json(without_marks(call.reply or "").strip())

    async def _know(self, ask: ChatRequest[Any]) -> None:
        if self.call(ask) is not None:
            return
        if self.engine is None:
            if _key(ask) not in self._unsent:
                self.lacking += 1
                self._unsent[_key(ask)] = RowError("not_asked", "there is no reply")
            return
        try:
            await self.engine.ask(ask)
        except RowError as fault:
            self._unsent[_key(ask)] = fault
        except EndpointError as error:
            self.dead = error
            raise


class Tally:
    """A model that remembers the calls behind its replies, each as often as it was asked for."""

    def __init__(self, replies: PaidReplies) -> None:
        self._replies = replies
        self.calls: list[LLMCall] = []

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        """See `Engine.ask`."""
        try:
            return await self._replies.ask(ask)
        finally:
            call = self._replies.call(ask)
            if call is not None:
                self.calls.append(call)
