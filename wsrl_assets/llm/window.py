"""How long a document may be: the models' context windows, in the models' own tokens.

Reading a shard asks no model, but what it cuts a document into is what every later prompt holds.
So it asks the servers for their windows, and one of them to count, if there is a server at all.
"""

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import openai

from wsrl_assets.llm.client import served_models, tokens_in
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets.text.normalisation import estimate_tokens

# Tokens of a prompt beside its document, and of the reply: system, instruction, examples, question.
# A test holds that the longest prompt of every stage fits.
PROMPT_TOKENS = 1700
# Longer documents than this make no better questions, whatever the window.
MAX_PASSAGE_TOKENS = 3000
# A window with no room beside the prompt still gets a try: not every stage needs all of it.
_MIN_PASSAGE_TOKENS = 256
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A model's own tokenizer, asked over HTTP as vLLM and llama.cpp offer it.

    Attributes:
        client: of the endpoint; open for as long as this is used.
        root: the server's root.
        model: the model, as served.
    """

    client: openai.OpenAI
    root: str
    model: str

    def count(self, text: str) -> int | None:
        """Tokens of a text; none where the server will not say."""
        body = {"model": self.model, "prompt": text, "content": text}
        try:
            response = self.client.post(f"{self.root}/tokenize", cast_to=httpx2.Response, body=body)
        except (openai.OpenAIError, httpx2.HTTPError):
            return None
        return tokens_in(response.content)


@dataclass(frozen=True, slots=True)
class PassageBudget:
    """The longest passage that every model can read with a prompt around it.

    Attributes:
        max_tokens: in tokens of `tokenizer`, or as `estimate_tokens` counts where that is none.
        tokenizer: of the model with the smallest window.
    """

    max_tokens: int
    tokenizer: Tokenizer | None = None

    @property
    def counted_by(self) -> str:
        """Whose tokens these are, for the recipe."""
        return self.tokenizer.model if self.tokenizer else "estimate"

    def count(self, text: str) -> int:
        """Tokens of a text, exact where the model's tokenizer can be had."""
        counted = self.tokenizer.count(text) if self.tokenizer else None
        return estimate_tokens(text) if counted is None else counted


@contextmanager
def passage_budget(
    roles: Iterable[RoleSettings], wanted: int | None = None
) -> Iterator[PassageBudget]:
    """The budget under the windows of these roles' models.

    Args:
        roles: the roles that will read the passages; none where no endpoint is set.
        wanted: the most tokens that the user wants in a passage; by default 3,000.

    Servers that cannot be reached, or say no window, set no bound: reading goes on without them,
    and what turns out to be too long later is refused before it is sent.
    """
    most = wanted or MAX_PASSAGE_TOKENS
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(_client(role)) for role in _distinct(roles)]
        windows = [window for role, client in clients for window in _windows(role, client)]
        if not windows:
            yield PassageBudget(most)
            return
        window, tokenizer = min(windows, key=lambda found: found[0])
        fits = max(_MIN_PASSAGE_TOKENS, window - PROMPT_TOKENS)
        can_count = tokenizer.count("a") is not None
        yield PassageBudget(min(most, fits), tokenizer if can_count else None)


def _distinct(roles: Iterable[RoleSettings]) -> list[RoleSettings]:
    alone = [replace(role, base_url=url) for role in roles for url in role.base_urls]
    return list({(role.base_url, role.model): role for role in alone}.values())


@contextmanager
def _client(role: RoleSettings) -> Iterator[tuple[RoleSettings, openai.OpenAI]]:
    key = role.api_key.get_secret_value() if role.api_key else "none"
    client = openai.OpenAI(base_url=role.base_url, api_key=key, max_retries=0, timeout=_TIMEOUT_S)
    with client:
        yield role, client


def _windows(role: RoleSettings, client: openai.OpenAI) -> list[tuple[int, Tokenizer]]:
    """The window of the role's model, if its server says it."""
    try:
        response: Any = client.get("/models", cast_to=httpx2.Response)
    except (openai.OpenAIError, httpx2.HTTPError):
        return []
    served = served_models(response.content)
    names = [role.model] if role.model in served else list(served)
    root = role.base_url.rstrip("/").removesuffix("/v1")
    return [
        (length, Tokenizer(client, root, name))
        for name in names
        if (length := served[name].max_model_len) is not None
    ]
