"""`wsrl serve`: a model server of its own."""

import contextlib
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.show import plain
from wsrl_assets.cli.terminal import console, errors
from wsrl_assets.serving import ServedEndpoint, ServerEngine, ServingError, serve
from wsrl_assets.storage import Store


def serve_command(
    engine: Annotated[
        ServerEngine, typer.Option(help="embedded llama.cpp, or real vLLM in its own environment.")
    ] = ServerEngine.EMBEDDED,
    model: Annotated[
        str | None, typer.Option(help="Model to serve. Default: the bundled SmolLM2-135M-Instruct.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    home: HomeOption = None,
) -> None:
    """Serves a model until Ctrl-C, and prints the settings that use it."""
    _, store = open_home(home)
    options: dict[str, Any] = {"host": host, "port": port, "model": model}
    with served(store, engine, options, {}) as endpoint:
        console.print(f"export WSRL_LLM_BASE_URL={endpoint.base_url}", highlight=False)
        console.print(f"export WSRL_LLM_MODEL={endpoint.model}", highlight=False)
        console.print("serving; stop with Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            while endpoint.is_running():
                time.sleep(0.5)
            raise ServingError(f"the server ended by itself; its log is {endpoint.log}")


@contextlib.contextmanager
def served(
    store: Store, engine: ServerEngine, options: dict[str, Any] | None, steps: dict[str, float]
) -> Iterator[ServedEndpoint]:
    """A model server for the time of the block, with `options` of `serve`.

    The seconds that its start took go into `steps`.
    """
    began = time.monotonic()
    with (
        errors.status(f"starting the {engine} server") as line,
        contextlib.ExitStack() as stack,
    ):
        endpoint = stack.enter_context(
            serve(
                engine,
                home=store.home / "endpoint",
                on_progress=lambda text: line.update(plain(text)),
                **(options or {}),
            )
        )
        line.stop()
        steps["start the endpoint"] = time.monotonic() - began
        console.print(
            f"{endpoint.model} on {endpoint.base_url} ({engine}), ready after "
            f"{steps['start the endpoint']:.0f} s",
            highlight=False,
        )
        yield endpoint
