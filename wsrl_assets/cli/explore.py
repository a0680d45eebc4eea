"""`wsrl explore`: serves the pages until Ctrl-C."""

import contextlib
import errno
import ipaddress
import socket
import webbrowser
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.settings import SettingsError

DEFAULT_PORT = 8050


def explore(
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. The default is reached from this machine alone."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = DEFAULT_PORT,
    browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser of this machine.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Shows every pair in the browser: filter, read, review, and walk back to the document.

    The list is filtered by verdict, domain, reason, answer type, form and model, and searched by
    text; the address of the page holds the filter, so it can be bookmarked or sent. A pair shows
    its document with the evidence marked, each verdict, the prompts as they were sent, and the
    calls with their replies. Documents have a list and pages too, also those that were rejected.

    A pair is reviewed by mouse or keyboard: a accepts, r and a number rejects, n notes, j and k
    move within the filter. See `wsrl review`.

    It writes labels and nothing else, and reads published snapshots: it can stay open while runs
    write, and a reload shows what they have made. There is no login, so what can reach the port can
    read the data and label it: keep it on loopback, and reach it from elsewhere through
    ssh -L 8050:127.0.0.1:8050 HOST.
    """
    settings, store = open_home(home)
    with _listening(host, port) as listener:
        # Half a second to import; the other commands do without.
        import uvicorn

        from wsrl_assets.explore import create_app
        from wsrl_assets.explore.app import LOOPBACK_HOSTS

        allowed = LOOPBACK_HOSTS if _is_loopback(host) else ("*",)
        app = create_app(store, demonstrations=settings.demonstrations, allowed_hosts=allowed)
        address = f"http://{_in_url(host)}:{listener.getsockname()[1]}/"
        console.print(
            f"{address}  shows {store.address}; stop with Ctrl-C", highlight=False, soft_wrap=True
        )
        if browser:
            webbrowser.open(address)
        config = uvicorn.Config(app, log_level="warning", server_header=False, lifespan="off")
        with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again when it is done
            uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} on {host} is in use, perhaps by another `wsrl explore`: "
                "stop that, or pass --port with another number (0 takes a free one)"
            ) from None
        raise SettingsError(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host) == ipaddress.ip_address(
            "127.0.0.1"
        )
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
