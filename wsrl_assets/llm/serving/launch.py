"""What is asked of an engine, and what it answers: the command to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """A server that somebody wants. `model` and `parallel` None: the engine's own choice."""

    host: str
    port: int
    model: str | None
    home: Path
    parallel: int | None
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start it. `title` names the engine in messages, `model` is the name it serves."""

    title: str
    command: Sequence[str]
    environment: Mapping[str, str]
    model: str
    startup_timeout_s: float
