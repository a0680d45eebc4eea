"""Serve a model for as long as a block runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wsrl_assets.serving import embedded, vllm_server
from wsrl_assets.serving.host import choose_port, local_url
from wsrl_assets.serving.launch import Launch, Request
from wsrl_assets.serving.process import supervised
from wsrl_assets.serving.readiness import Progress, wait_until_healthy

_LOGS_KEPT = 10


class ServerEngine(StrEnum):
    """Which server: llama.cpp in a few seconds, or vLLM as in production."""

    EMBEDDED = "embedded"
    VLLM = "vllm"


@dataclass(frozen=True, slots=True)
class ServedEndpoint:
    """A server that answers.

    Attributes:
        base_url: ends in /v1.
        model: the name to ask for.
        engine: what serves it.
        pid: the server's supervisor; whatever ends that ends the server.
        log: what the server says.
    """

    base_url: str
    model: str
    engine: ServerEngine
    pid: int
    log: Path

    def is_running(self) -> bool:
        """Whether the server has not ended by itself. False in any process but serve's caller."""
        try:
            # Looked at, not collected: that is for the end of the `serve` block.
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return ended is None


@contextmanager
def serve(
    engine: ServerEngine,
    *,
    home: Path,
    host: str = "127.0.0.1",
    port: int | None = None,
    model: str | None = None,
    parallel: int | None = None,
    context_tokens: int = 4096,
    startup_timeout_s: float | None = None,
    on_progress: Progress | None = None,
) -> Iterator[ServedEndpoint]:
    """Start a server, hand out its address once it is ready, and stop it after the block.

    The server is gone afterwards whatever ends the block: its end, an exception, Ctrl-C, or
    `kill -9` on this process. The logs of the last ten starts are kept, in `home`/logs.

    Args:
        engine: which server.
        home: folder for logs and converted weights; made when missing.
        host: address to listen on; 0.0.0.0 for all. There is no access control.
        port: None takes any free one.
        model: None for the bundled SmolLM2-135M-Instruct; else the path of a .gguf file
            (embedded), or what `vllm serve` takes: a folder or a name on the hub.
        parallel: requests in flight at once; more wait inside the server. None suits the
            engine and the machine.
        context_tokens: prompt and output of one request together.
        startup_timeout_s: None for 2 minutes (embedded) or 10 (vLLM).
        on_progress: called from this thread about once a second while the server loads.

    Raises:
        ServingError: port, memory, package, environment or weights are missing, or the server
            ended or hung while starting. The message has the remedy or the end of the log.
    """
    wanted = Request(
        host=host,
        port=choose_port(host, port),
        model=model,
        home=home,
        parallel=parallel,
        context_tokens=context_tokens,
    )
    launch = _prepare(engine, wanted, on_progress)
    url = local_url(host, wanted.port)
    log = _log_file(home / "logs", engine, wanted.port)
    with supervised(launch.command, log=log, environment=launch.environment) as process:
        wait_until_healthy(
            process,
            name=f"{launch.title} with {launch.model}",
            url=url,
            timeout_s=startup_timeout_s or launch.startup_timeout_s,
            on_progress=on_progress,
        )
        yield ServedEndpoint(f"{url}/v1", launch.model, engine, process.pid, log)


def _log_file(folder: Path, engine: ServerEngine, port: int) -> Path:
    """A log for this start; of earlier ones only the latest are kept."""
    earlier = sorted(folder.glob(f"{engine}-*.log"), key=_written_at)
    for old in earlier[: -_LOGS_KEPT + 1]:
        old.unlink(missing_ok=True)
    return folder / f"{engine}-{port}.log"


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another start was faster in deleting it
        return 0.0


def _prepare(engine: ServerEngine, request: Request, on_progress: Progress | None) -> Launch:
    match engine:
        case ServerEngine.EMBEDDED:
            return embedded.prepare(request)
        case ServerEngine.VLLM:
            return vllm_server.prepare(request, on_progress)
