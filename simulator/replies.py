"""What the simulated model says: valid JSON for the schema asked, of about the length asked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from random import Random
from typing import Any

from .settings import ReplyFunction, SimulatorSettings
from .tokens import CHARS_PER_TOKEN, count_tokens

Schema = dict[str, Any] | bool

_DEEPEST = 12
"""From here on a recursive schema takes its shortest way out."""

_WORDS = (
    "river north stone record early market signal garden winter engine letter bridge cotton "
    "harbor method silver window travel number copper island doctor season planet museum valley"
)


def _prose(size: int) -> str:
    rng = Random(0)
    return " ".join(rng.choices(_WORDS.split(), k=size // 6))


_PROSE = _prose(64_000)


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of an answer and what it costs; `yes` is the probability of that word, if asked."""

    text: str
    completion_tokens: int
    finish_reason: str = "stop"
    yes: float | None = None


class Replier:
    """Writes the reply to a request, the same for the same prompt."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._custom: ReplyFunction | None = settings.reply
        self._mean = settings.output_tokens_mean
        self._mean_by_schema = settings.output_tokens_mean_by_schema
        self._sigma = settings.output_tokens_sigma

    def write(self, body: dict[str, Any], rng: Random, max_tokens: int) -> Reply:
        """The reply, cut with `finish_reason=length` where its text does not fit `max_tokens`.

        The length is drawn for default replies and for schema names with a mean of their own;
        any other custom reply is as long as its text. Where the request asks for `logprobs`, the
        reply is yes or no, and a custom reply function returns the probability of yes as text.
        """
        if body.get("logprobs"):
            yes = float(self._custom(body, rng)) if self._custom else rng.random()
            return Reply("Yes" if yes >= 0.5 else "No", 1, yes=yes)
        name = schema_name(body)
        if self._custom is None or name in self._mean_by_schema:
            mean = self._mean_by_schema.get(name, self._mean)
            drawn = max(1, min(max_tokens, round(draw_length(mean, self._sigma, rng))))
            text = self._custom(body, rng) if self._custom else schema_reply(body, rng, drawn)
        else:
            text = self._custom(body, rng)
            drawn = max(1, count_tokens(text))
        if count_tokens(text) > max_tokens:
            return Reply(text[: max_tokens * CHARS_PER_TOKEN], max_tokens, "length")
        return Reply(text, drawn)


def draw_length(mean: float, sigma: float, rng: Random) -> float:
    """A lognormal length of the given mean."""
    if sigma == 0:
        return mean
    return rng.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)


def schema_name(body: dict[str, Any]) -> str:
    """The name of the schema asked for, which tells the pipeline's stage; "text" without one."""
    asked = _asked(body)
    return str(asked.get("name", "text")) if asked else "text"


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema asked for; an open object for `json_object`; none for free text."""
    if (asked := _asked(body)) is not None:
        return asked.get("schema") or {}
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") == "json_object":
        return {"type": "object"}
    return None


def _asked(body: dict[str, Any]) -> dict[str, Any] | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    return wanted.get("json_schema") or {}


def schema_reply(body: dict[str, Any], rng: Random, tokens: int = 100) -> str:
    """The default reply: an instance of the schema asked for, else prose.

    Free strings are filled so that the whole comes to about `tokens`, as far as the schema's
    length limits allow. `pattern`, `format` and `uniqueItems` are not honoured.
    """
    schema = schema_of(body)
    if schema is None:
        return _text(rng, tokens * CHARS_PER_TOKEN)
    return json.dumps(instance_of(schema, rng, tokens * CHARS_PER_TOKEN), ensure_ascii=False)


def instance_of(schema: Schema, rng: Random, size_chars: int = 0) -> Any:
    """A value valid under the schema, about `size_chars` long as JSON where strings are free."""
    writer = _Writer(schema, rng)
    frame = writer.value(schema, 0)
    if writer.free_strings == 0:
        return frame
    spare = size_chars - len(json.dumps(frame, default=lambda _: ""))
    return _filled(frame, rng, max(0, spare // writer.free_strings))


@dataclass(frozen=True, slots=True)
class _FreeString:
    """The place of a string of any content, to be filled when the rest of the value stands."""

    shortest: int
    longest: int


def _filled(frame: Any, rng: Random, share_chars: int) -> Any:
    """The frame with text in place of its free strings."""
    match frame:
        case _FreeString(shortest, longest):
            return _text(rng, min(longest, max(shortest, share_chars)))
        case dict():
            return {key: _filled(item, rng, share_chars) for key, item in frame.items()}
        case list():
            return [_filled(item, rng, share_chars) for item in frame]
    return frame


@dataclass(slots=True)
class _Writer:
    """Walks a schema and draws a value, with `_FreeString` in place of free text."""

    root: Schema
    rng: Random
    free_strings: int = 0

    def value(self, schema: Schema, depth: int) -> Any:
        """A value for a schema, references and alternatives resolved."""
        if isinstance(schema, bool):
            return {}
        if (ref := schema.get("$ref")) is not None:
            return self.value({**self._resolve(ref), **_without(schema, "$ref")}, depth + 1)
        if parts := schema.get("allOf"):
            return self.value(self._merged(schema, parts), depth + 1)
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            chosen = self._choose(choices, depth)
            return self.value({**_without(schema, "anyOf", "oneOf"), **chosen}, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        return self._typed(schema, depth)

    def _resolve(self, ref: str) -> dict[str, Any]:
        """The part of the root schema that "#/..." names."""
        found: Any = self.root
        for step in ref.removeprefix("#").split("/")[1:]:
            found = found[step.replace("~1", "/").replace("~0", "~")]
        if not isinstance(found, dict):
            raise ValueError(f"$ref {ref!r} does not name an object of the schema")
        return found

    def _merged(self, schema: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
        """`allOf` as one schema: right for parts that do not contradict one another."""
        merged = _without(schema, "allOf")
        for part in parts:
            if "$ref" in part:
                part = {**self._resolve(part["$ref"]), **_without(part, "$ref")}
            for key, value in part.items():
                if key in merged and isinstance(value, dict):
                    merged[key] = {**merged[key], **value}
                elif key in merged and key == "required":
                    merged[key] = [*merged[key], *value]
                else:
                    merged[key] = value
        return merged

    def _choose(self, choices: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        if depth < _DEEPEST:
            return self.rng.choice(choices)
        plain = [c for c in choices if "$ref" not in c and c.get("type") not in ("object", "array")]
        return (plain or choices)[0]

    def _typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type") or _kind_implied(schema)
        if isinstance(kind, list):
            kind = self.rng.choice(kind) if depth < _DEEPEST else kind[-1]
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self.rng.random() < 0.5
            case "null":
                return None
        raise ValueError(f"the simulator knows no JSON type {kind!r}")

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """All properties as a rule; only the required ones from the deepest level on."""
        properties: dict[str, Schema] = schema.get("properties", {})
        required = schema.get("required", [])
        wanted = properties if depth < _DEEPEST else required
        keys = [*wanted, *(key for key in required if key not in wanted)]
        return {key: self.value(properties.get(key, True), depth + 1) for key in keys}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        """Up to two items more than the fewest allowed; just the fewest from the deepest level."""
        fixed = schema.get("prefixItems", [])
        rest = schema.get("items", not fixed)
        fewest = schema.get("minItems", len(fixed) or (0 if depth >= _DEEPEST else 1))
        most = fewest if depth >= _DEEPEST or rest is False else fewest + 2
        most = min(most, schema.get("maxItems", most))
        length = self.rng.randint(min(fewest, most), most)
        return [self.value(fixed[i] if i < len(fixed) else rest, depth + 1) for i in range(length)]

    def _string(self, schema: dict[str, Any]) -> _FreeString:
        self.free_strings += 1
        return _FreeString(schema.get("minLength", 0), schema.get("maxLength", 1_000_000))

    def _integer(self, schema: dict[str, Any]) -> int:
        """Within the bounds; where one is open, within a hundred of the other."""
        low = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", math.inf) - 1)
        low, high = _closed(low, high, span=100)
        step = schema.get("multipleOf", 1)
        return int(self.rng.randint(math.ceil(low / step), math.floor(high / step)) * step)

    def _number(self, schema: dict[str, Any]) -> float:
        """Well within the bounds, which so may exclude their ends."""
        low = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf))
        high = schema.get("maximum", schema.get("exclusiveMaximum", math.inf))
        low, high = _closed(low, high, span=1)
        return float(low + (high - low) * self.rng.uniform(0.25, 0.75))


def _closed(low: float, high: float, *, span: float) -> tuple[float, float]:
    """Bounds without infinity: from 0 where both are open."""
    if low == -math.inf:
        low = 0 if high == math.inf else high - span
    return low, (low + span if high == math.inf else high)


def _kind_implied(schema: dict[str, Any]) -> str:
    """The type that an untyped schema's other words speak of."""
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "string" if schema else "object"


def _without(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _text(rng: Random, size: int) -> str:
    """Exactly `size` characters, beginning with a tag that sets the text apart from others."""
    text = f"{rng.getrandbits(32):08x} "
    start = rng.randrange(len(_PROSE))
    while len(text) < size:
        text += _PROSE[start : start + size - len(text)]
        start = 0
    return text[:size].rstrip().ljust(size, ".")
