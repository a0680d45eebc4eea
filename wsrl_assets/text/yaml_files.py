"""YAML that people write for us: plain values, and nothing that grows on being read."""

from typing import Any

import yaml

_MAX_CHARS = 2**20
_MAX_DEPTH = 32


def load_yaml(text: str) -> Any:
    """The value of a YAML document of plain values, as `yaml.safe_load` reads them.

    Raises:
        yaml.YAMLError: it is none; has tags of objects, aliases (a few lines of which stand for
            gigabytes), more than 32 levels or 2^20 characters; or holds a date or number that there
            is not.
    """
    if len(text) > _MAX_CHARS:
        raise yaml.YAMLError(f"it has {len(text):,} characters; at most {_MAX_CHARS:,} are read")
    try:
        return yaml.load(text, _PlainLoader)
    except ValueError as error:  # a thirteenth month, a number of a million digits
        raise yaml.YAMLError(str(error)) from None


def said_where(error: yaml.YAMLError) -> str:
    """What is wrong with a YAML document, with its line where that is known."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(error) or problem


class _PlainLoader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem=f"aliases (*{event.anchor}) are not read; write the value out",
                problem_mark=event.start_mark,
            )
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"it is nested deeper than {_MAX_DEPTH} levels",
                problem_mark=self.peek_event().start_mark,  # type: ignore[no-untyped-call]
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node
