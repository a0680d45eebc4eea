"""JSON schemas of replies, of the parts that servers' backends of structured output know.

No `pattern` beside a length, no `uniqueItems`: xgrammar, which vLLM uses, refuses those.
"""

from collections.abc import Iterable, Mapping

Schema = dict[str, object]


def closed(properties: Mapping[str, object]) -> Schema:
    """An object with just these properties, all of them, in this order."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def text(most: int, least: int | None = None) -> Schema:
    """A string of at most, and perhaps at least, so many characters."""
    bound: Schema = {} if least is None else {"minLength": least}
    return {"type": "string", **bound, "maxLength": most}


def one_of(values: Iterable[object]) -> Schema:
    """One of some strings."""
    return {"type": "string", "enum": [str(value) for value in values]}


def one_number_of(values: Iterable[int]) -> Schema:
    """One of some integers."""
    return {"type": "integer", "enum": list(values)}


def number_up_to(most: int) -> Schema:
    """An integer from 1 on."""
    return {"type": "integer", "minimum": 1, "maximum": max(1, most)}


def list_of(item: Schema, least: int, most: int) -> Schema:
    """An array of so many items."""
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}
