"""Wait for a server that loads, and say meanwhile what it does."""

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from wsrl_assets.serving.errors import ServingError
from wsrl_assets.serving.process import SupervisedProcess

Progress = Callable[[str], None]

_POLL_S = 0.1
_REPORT_EVERY_S = 1.0
_HEALTH_TIMEOUT_S = 2.0
_LOG_LINES_SHOWN = 12


def wait_until_healthy(
    process: SupervisedProcess,
    *,
    name: str,
    url: str,
    timeout_s: float,
    on_progress: Progress | None,
) -> None:
    """Return once `url`/health answers 200; one progress line a second until then.

    Raises:
        ServingError: the server ended, or is not ready after `timeout_s`; with the last lines
            of its log and the log's path.
    """
    _wait(
        process,
        name=name,
        doing="loading",
        done=lambda: is_healthy(url),
        timeout_s=timeout_s,
        on_progress=on_progress,
    )


def wait_until_done(
    process: SupervisedProcess, *, name: str, timeout_s: float, on_progress: Progress | None
) -> None:
    """Return once the process ended with 0; otherwise like `wait_until_healthy`."""
    _wait(
        process,
        name=name,
        doing="running",
        done=lambda: process.exit_code() == 0,
        timeout_s=timeout_s,
        on_progress=on_progress,
    )


def is_healthy(url: str) -> bool:
    """Whether the server at `url` says that it can answer. No proxy is asked."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_HEALTH_TIMEOUT_S
    )
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _wait(
    process: SupervisedProcess,
    *,
    name: str,
    doing: str,
    done: Callable[[], bool],
    timeout_s: float,
    on_progress: Progress | None,
) -> None:
    started = time.monotonic()
    next_report_s = _REPORT_EVERY_S
    while not done():
        elapsed_s = time.monotonic() - started
        code = process.exit_code()
        if code is not None and not done():
            raise ServingError(_ended(process, name, doing, code))
        if elapsed_s > timeout_s:
            raise ServingError(_too_slow(process, name, timeout_s))
        if on_progress is not None and elapsed_s >= next_report_s:
            next_report_s += _REPORT_EVERY_S
            on_progress(f"{name}: {doing}, {elapsed_s:.0f} s  {process.activity()}".rstrip())
        time.sleep(_POLL_S)


def _ended(process: SupervisedProcess, name: str, doing: str, code: int) -> str:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"{name} ended while {doing} ({how}). {_log_excerpt(process)}"


def _too_slow(process: SupervisedProcess, name: str, timeout_s: float) -> str:
    return (
        f"{name} was not ready after {timeout_s:.0f} s and was stopped. Allow it more time, or "
        f"free processor time and memory on this machine. {_log_excerpt(process)}"
    )


def _log_excerpt(process: SupervisedProcess) -> str:
    lines = process.log_lines(_LOG_LINES_SHOWN)
    shown = "".join(f"\n  {line[:200]}" for line in lines) or "\n  (empty)"
    return f"Its log is {process.log}, the end of it:{shown}"
