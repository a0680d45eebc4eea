"""One request to an OpenAI-compatible endpoint, with its faults sorted.

The openai package's client sends by `http_client.py`. `python -m benchmarks.engine` measures what a
call costs, beside the backends that openai offers itself.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import httpx2
import openai

from wsrl_assets.llm.errors import EndpointError, RowError, TransientError
from wsrl_assets.llm.http_client import HttpClient, like
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets.text.highlight import printable, without_credentials
from wsrl_assets.text.normalisation import one_line, stable_hash

_MAX_RETRY_AFTER_S = 120.0
_CONNECT_TIMEOUT_S = 10.0
_json_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
# As the router of vLLM and its production stack read it.
_SESSION_HEADER = "x-session-id"
_MAX_WORD_CHARS = 40
_MAX_COUNT = 2**40  # no server has read more tokens for a call, and a column holds it
_CONTEXT_ERROR = re.compile(r"context (length|size|window)|maximum context|too many tokens", re.I)
_MODEL_ERROR = re.compile(r"model", re.I)


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back of one request.

    Attributes:
        text: the message's content, possibly empty.
        finish_reason: `stop`, `length`, or what the server said.
        prompt_tokens, cached_tokens, completion_tokens: as the server counted; cached are part
            of prompt tokens.
        first_token: natural logarithms of the probabilities of the likeliest first tokens; none
            unless the request asked for them and the server gave them.
    """

    text: str
    finish_reason: str | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    first_token: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as `/v1/models` lists it; `max_model_len` in tokens where the server says it."""

    name: str
    max_model_len: int | None


# Shorter ones, such as "EMPTY", are placeholders and words of ordinary replies.
_SHORTEST_SECRET = 12


class AsyncOpenAI(openai.AsyncOpenAI):  # by this name servers know it
    """openai's client, which builds one request of a call and makes the others like it.

    Its headers, URL and timeout are the same for all of them, and two thirds of what a call costs
    where they are built each time. If openai no longer asks this of `_build_request`, it builds
    each again, and only the processor notices.
    """

    _first: httpx2.Request | None = None

    def _build_request(self, options: Any, *, retries_taken: int = 0) -> httpx2.Request:
        if options.content is None:
            return super()._build_request(options, retries_taken=retries_taken)
        if self._first is None:
            plain = options.model_copy(update={"headers": openai.not_given})
            self._first = super()._build_request(plain, retries_taken=retries_taken)
        return like(self._first, options.headers or {}, options.content)


class ChatClient:
    """A connection pool to one endpoint. Close it.

    Retries are switched off here: `engine.py` owns them, since it has to account for them.
    """

    def __init__(self, role: RoleSettings) -> None:
        self._role = role
        key = role.api_key.get_secret_value() if role.api_key else "none"
        self._client = AsyncOpenAI(
            base_url=role.base_url,
            api_key=key,
            max_retries=0,
            timeout=httpx2.Timeout(role.timeout_s, connect=_CONNECT_TIMEOUT_S),
            http_client=HttpClient(),
        )
        # Whole, since joining it to the base URL for each call costs as much as the send.
        self._completions_url = f"{role.base_url.rstrip('/')}/chat/completions"
        self._secret = key

    async def close(self) -> None:
        await self._client.close()

    async def complete(self, body: Mapping[str, Any], session: str | None = None) -> Completion:
        """Sends one chat completion.

        Args:
            body: the request.
            session: tells a router which calls have their prefix in common.

        Raises:
            TransientError: worth another try (connection, timeout, 408, 409, 429, 5xx, cut body).
            RowError: this request is refused for good (context too long, 400, 422).
            EndpointError: no request can succeed (401, 403, unknown model or path).
        """
        # The raw response, not the client's typed one: parsing a completion into its full
        # object tree costs more than all else the client does for a call.
        try:
            response = await self._client.post(
                self._completions_url,
                cast_to=httpx2.Response,
                content=_json_of(body).encode(),
                options={"headers": {_SESSION_HEADER: _header_value(session)}} if session else {},
            )
            return self._without_key(_completion(response.content))
        except openai.APIStatusError as error:
            raise self._status_fault(error, str(body.get("model"))) from None
        except openai.APITimeoutError:
            raise TransientError("timeout", f"no answer in {self._role.timeout_s:.0f} s") from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise TransientError("connection", self._clean(_said(error))) from None

    async def get(self, url: str, timeout_s: float) -> httpx2.Response:
        """A GET on the endpoint's connection pool, with its key; for models and metrics."""
        return await self._client.get(url, cast_to=httpx2.Response, options={"timeout": timeout_s})

    async def get_without_key(self, url: str, timeout_s: float) -> str:
        """The text at another address than the endpoint's, which gets no key; empty on a fault."""
        options: openai.RequestOptions = {
            "timeout": timeout_s,
            "headers": {"Authorization": openai.Omit()},
        }
        try:
            response = await self._client.get(url, cast_to=httpx2.Response, options=options)
        except (openai.OpenAIError, httpx2.HTTPError):
            return ""
        return response.text

    async def post(self, url: str, body: Mapping[str, Any], timeout_s: float) -> httpx2.Response:
        """A POST on the endpoint's connection pool, with its key; for the tokenizer."""
        return await self._client.post(
            url, cast_to=httpx2.Response, body=dict(body), options={"timeout": timeout_s}
        )

    def _status_fault(self, error: openai.APIStatusError, model: str) -> Exception:
        status = error.status_code
        said = self.said(error)
        if status in (401, 403):
            return EndpointError(refused_key(self._role.base_url, status))
        if status == 404:
            return EndpointError(unknown_model(self._role.base_url, model, said))
        if status == 429:
            return TransientError("rate_limited", said, _retry_after(error.response))
        if status in (408, 409) or status >= 500:
            return TransientError(f"http_{status}", said, _retry_after(error.response))
        if _CONTEXT_ERROR.search(said):
            return RowError("context_too_long", said)
        if status == 400 and _MODEL_ERROR.search(said) and "not exist" in said:
            return EndpointError(unknown_model(self._role.base_url, model, said))
        return RowError("refused_by_server", f"HTTP {status}: {said}")

    def said(self, error: openai.APIStatusError) -> str:
        """What the server said of a refused request, without the key."""
        return self._clean(_message(error))

    def _without_key(self, completion: Completion) -> Completion:
        """What came back, without a key that the server repeats: replies are stored and shown."""
        if len(self._secret) < _SHORTEST_SECRET or self._secret not in completion.text:
            return completion
        return replace(completion, text=completion.text.replace(self._secret, "***"))

    def _clean(self, text: str) -> str:
        """An error text that may be stored: short, one line, and without the key."""
        if self._secret and self._secret != "none":
            text = text.replace(self._secret, "***")
        return printable(one_line(text))[:300]


def heard(said: str) -> str:
    """What a server said as the end of a clause; nothing if it said nothing."""
    return f'; the server said: "{said}"' if said else ""


def curl(base_url: str, path: str, *, has_key: bool, body: Mapping[str, Any] | None = None) -> str:
    """The command line of one request. The key stays in its environment variable."""
    parts = ["curl", "-sS", shlex.quote(f"{without_credentials(base_url)}/{path}")]
    if has_key:
        parts.append('-H "Authorization: Bearer $WSRL_LLM_API_KEY"')
    if body is not None:
        data = shlex.quote(json.dumps(body, ensure_ascii=True))
        parts += ["-H 'Content-Type: application/json'", f"-d {data}"]
    return " ".join(parts)


def refused_key(base_url: str, status: int) -> str:
    return (
        f"{without_credentials(base_url)} refused the API key (HTTP {status}). Set "
        "WSRL_LLM_API_KEY, or the key of the role that uses this endpoint, and run again: what is "
        "done is kept."
    )


def unknown_model(base_url: str, model: str, said: str) -> str:
    return (
        f"{without_credentials(base_url)} does not serve model {model!r} ({said}). Set "
        "WSRL_LLM_MODEL to a model that it serves, and run again: what is done is kept."
    )


def _root_of(error: BaseException) -> BaseException:
    """What the backend said, below what openai and httpx2 made of it."""
    while isinstance(error, openai.OpenAIError | httpx2.HTTPError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _said(error: Exception) -> str:
    """What was wrong with the connection, in the operating system's words where it has some."""
    root = _root_of(error)
    if isinstance(root, aiohttp.ClientConnectorError):
        root = root.os_error
    return f"{type(root).__name__}: {root}" if str(root) else type(root).__name__


def _completion(content: bytes) -> Completion:
    try:
        data = parsed_json(content)
        choice = data["choices"][0]
        usage = data.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        return Completion(
            text=_text(choice["message"].get("content")),
            finish_reason=_text(choice.get("finish_reason"))[:_MAX_WORD_CHARS] or None,
            prompt_tokens=_count(usage.get("prompt_tokens")),
            cached_tokens=_count(details.get("cached_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            first_token=_first_token(choice.get("logprobs")),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise TransientError("bad_response", f"not a chat completion: {error!r}"[:200]) from None


def _header_value(session: str) -> str:
    """A name that a header can hold: that of a row may be of any script, or hold a line break."""
    return session if session.isascii() and session.isprintable() else stable_hash(session)


def _first_token(logprobs: Any) -> Sequence[tuple[str, float]]:
    """The likeliest first tokens of a reply; none where the server says nothing usable of them.

    Some servers send them unasked, and not in this form: that is no fault of the reply.
    """
    try:
        listed = logprobs["content"][0]["top_logprobs"]
        return tuple((str(one["token"]), float(one["logprob"])) for one in listed)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        return ()


def parsed_json(content: bytes | str) -> Any:
    """What a server sent, as JSON.

    Raises:
        ValueError: it is none, or is nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def tokens_in(content: bytes | str) -> int | None:
    """The number of tokens in a reply to `/tokenize` of vLLM or llama.cpp; none if it has none."""
    try:
        data = parsed_json(content)
        return int(data["count"]) if "count" in data else len(data["tokens"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} in place of text")
    return value or ""


def _count(value: Any) -> int:
    """A number of tokens. What cannot be one is as good as not said."""
    is_count = isinstance(value, int | float) and 0 <= value < _MAX_COUNT
    return int(value) if is_count else 0


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])
        if isinstance(body.get("message"), str):
            return str(body["message"])
    return str(error.response.text or error.message)


def _retry_after(response: httpx2.Response) -> float | None:
    raw = response.headers.get("retry-after-ms")
    scale = 1000.0
    if raw is None:
        raw, scale = response.headers.get("retry-after"), 1.0
    try:
        return min(max(float(raw) / scale, 0.0), _MAX_RETRY_AFTER_S) if raw else None
    except ValueError:  # an HTTP date: rare, and our own backoff serves
        return None


def served_models(content: bytes) -> dict[str, ServedModel]:
    """The models of an answer to `/v1/models`, by name; empty if it has another shape."""
    try:
        entries = parsed_json(content)["data"]
        return {
            str(entry["id"]): ServedModel(str(entry["id"]), _context_of(entry)) for entry in entries
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _context_of(entry: dict[str, Any]) -> int | None:
    """vLLM says `max_model_len`; llama.cpp `meta.n_ctx` of a slot."""
    meta = entry.get("meta") or {}
    length = entry.get("max_model_len") or meta.get("n_ctx")
    return _count(length) or None
