"""What is asked of an engine, and what it answers: the command to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# How often an OpenMP thread looks again before it sleeps while it waits for the others. At
# libgomp's default of 300,000, any other busy process on the cores, and the pipeline is one, makes
# both engines slower: llama.cpp by a factor of ten and more, vLLM by two to four. The price on an
# idle machine is about a tenth. libgomp reads it as it is loaded, so it has to come by environment.
SPARING_THREADS = {"GOMP_SPINCOUNT": "1000"}


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
