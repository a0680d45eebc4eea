"""Reading a chat request, and the answers to requests that cannot be served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from .replies import schema_name, schema_of
from .settings import Fault, FaultPlan, SimulatorSettings
from .tokens import count_tokens, render


class RequestRefused(Exception):
    """A request that gets an error answer."""

    def __init__(
        self, status: int, kind: str, message: str, *, param: str | None = None, headers: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param
        self.headers = headers

    def to_json(self) -> dict[str, Any]:
        """The error body of vLLM, which is OpenAI's but for the key check."""
        if self.status == 401:  # vLLM's middleware has a form of its own
            return {"error": "Unauthorized"}
        message = str(self)
        error = {"message": message, "type": self.kind, "param": self.param, "code": self.status}
        return {"error": error}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion asked for.

    Attributes:
        body: As sent.
        prompt: The messages, rendered.
        prompt_tokens: Their length.
        max_tokens: The most that may be written: as asked, else what the window leaves.
        stage: Name of the schema asked for.
    """

    body: dict[str, Any]
    prompt: str
    prompt_tokens: int
    max_tokens: int
    stage: str


def read_chat_request(raw: bytes, settings: SimulatorSettings) -> ChatRequest:
    """The request in a body, checked in vLLM's order: form, model, context window.

    Raises:
        RequestRefused: It cannot be served.
    """
    body = read_json(raw)
    check_model(body, settings)
    if body.get("stream") or body.get("n", 1) != 1:
        raise _bad_request("the simulator has neither `stream` nor `n` above 1")
    prompt = render(read_messages(body))
    prompt_tokens = count_tokens(prompt)
    refuse_schema(schema_of(body))
    asked = body.get("max_completion_tokens", body.get("max_tokens"))
    if asked is not None and (not isinstance(asked, int) or asked < 1):
        raise _bad_request(f"max_tokens must be at least 1, got {asked}.", "max_tokens")
    left = settings.max_model_len - prompt_tokens
    if left < (asked or 1):
        refuse_context(settings.max_model_len, prompt_tokens, asked or 1)
    return ChatRequest(body, prompt, prompt_tokens, asked or left, schema_name(body))


def read_json(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise _bad_request(f"JSON decode error: {error}") from error
    if not isinstance(body, dict):
        raise _bad_request("the body must be a JSON object")
    return body


def read_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a body, known to be objects with a role."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _bad_request("`messages` must be a list with at least one message", "messages")
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise _bad_request("each message must be an object with a role", "messages")
    return messages


def check_model(body: dict[str, Any], settings: SimulatorSettings) -> None:
    """Whether the model asked for is the one served; vLLM takes none at all for that one."""
    asked = body.get("model")
    if asked is not None and asked != settings.model:
        refuse_model(str(asked))


def refuse_model(name: str) -> NoReturn:
    """404 in vLLM's words."""
    message = f"The model `{name}` does not exist."
    raise RequestRefused(404, "NotFoundError", message, param="model")


# Keys that xgrammar, vLLM's default backend of structured output, has no grammar for, by type.
_NO_GRAMMAR = {
    "array": {"uniqueItems", "contains", "minContains", "maxContains"},
    "object": {"propertyNames", "patternProperties"},
    "number": {"multipleOf"},
    "integer": {"multipleOf"},
}


def refuse_schema(schema: object) -> None:
    """400 where vLLM, or rather xgrammar 0.2, takes no such schema; it says no more than that."""
    if isinstance(schema, list):
        for inner in schema:
            refuse_schema(inner)
    if not isinstance(schema, dict):
        return
    bounded = schema.keys() & {"minLength", "maxLength"}
    if _NO_GRAMMAR.get(str(schema.get("type")), set()) & schema.keys() or (
        bounded and schema.keys() & {"pattern", "format"}
    ):
        message = "The provided JSON schema contains features not supported by xgrammar."
        raise _bad_request(message, "response_format")
    for inner in schema.values():
        refuse_schema(inner)


def refuse_context(max_model_len: int, prompt_tokens: int, output_tokens: int) -> NoReturn:
    """400 in vLLM's words."""
    message = (
        f"This model's maximum context length is {max_model_len} tokens. However, you requested "
        f"{output_tokens} output tokens and your prompt contains at least {prompt_tokens} input "
        f"tokens, for a total of at least {prompt_tokens + output_tokens} tokens. Please reduce "
        "the length of the input prompt or the number of requested output tokens. "
        f"(parameter=input_tokens, value={prompt_tokens})"
    )
    raise _bad_request(message, "input_tokens")


def refuse_rate(retry_after_s: float | None) -> NoReturn:
    """429, with the wait if it is to be sent."""
    headers = "" if retry_after_s is None else f"retry-after: {retry_after_s:.3f}\r\n"
    raise RequestRefused(429, "RateLimitError", "Rate limit reached.", headers=headers)


def refuse_for_fault(fault: Fault, request: ChatRequest, plan: FaultPlan) -> None:
    """Refuses, if the fault is one of those that answer at once."""
    match fault:
        case Fault.RATE_LIMITED:
            refuse_rate(plan.retry_after_s)
        case Fault.RATE_LIMITED_SILENT:
            refuse_rate(None)
        case Fault.SERVER_ERROR:
            raise RequestRefused(500, "InternalServerError", "EngineCore encountered an issue.")
        case Fault.UNAVAILABLE:
            raise RequestRefused(503, "ServiceUnavailableError", "The server is overloaded.")
        case Fault.UNAUTHORIZED:
            raise RequestRefused(401, "AuthenticationError", "Unauthorized")
        case Fault.WRONG_MODEL:
            refuse_model(str(request.body.get("model")))
        case Fault.CONTEXT_TOO_LONG:
            window = request.prompt_tokens + request.max_tokens - 1
            refuse_context(window, request.prompt_tokens, request.max_tokens)


def _bad_request(message: str, param: str | None = None) -> RequestRefused:
    return RequestRefused(400, "BadRequestError", message, param=param)
