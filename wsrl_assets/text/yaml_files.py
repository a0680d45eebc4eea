"""YAML that people write for us: plain values, and nothing that grows on being read."""

import difflib
from collections.abc import Callable, Collection
from pathlib import Path
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


def parse_yaml(data: bytes, what: str, fault: Callable[[str], Exception]) -> Any:
    """The value of a file's bytes.

    Args:
        data: what the file holds.
        what: kind and name of the file, as messages begin: `domains "a.yaml"`.
        fault: makes the error of a message.
    """
    try:
        return load_yaml(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise fault(f"{what} is not UTF-8 text; save it as such") from None
    except yaml.YAMLError as error:
        raise fault(f"{what} is not YAML: {said_where(error)}") from None


def read_yaml(path: Path, what: str, remedy: str, fault: Callable[[str], Exception]) -> Any:
    """The value of a file that somebody named; see `parse_yaml`.

    `remedy`: what to do if it cannot be opened.
    """
    return parse_yaml(read_file(path, what, remedy, fault), what, fault)


def read_file(path: Path, what: str, remedy: str, fault: Callable[[str], Exception]) -> bytes:
    """The bytes of a file that somebody named; see `read_yaml`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise fault(f"{what}: {error.strerror}; {remedy}") from None


def did_you_mean(given: str, known: Collection[str]) -> str:
    """A question after the nearest known name, with a space behind it; nothing if none is near."""
    near = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {near[0]}? " if near else ""


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
