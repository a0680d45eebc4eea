"""What the machine can give a server: memory, processors and a port."""

import math
import os
import socket
from pathlib import Path

from wsrl_assets.serving.errors import ServingError

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_GIB = 1024**3


def available_memory_bytes() -> int | None:
    """Memory that a new process can use without swapping; None where Linux does not tell.

    Inside a container the limit of the container counts, not the free memory of its host.
    """
    amounts = [
        amount for amount in (_free_on_machine(), _free_in_container()) if amount is not None
    ]
    return min(amounts) if amounts else None


def require_memory(need_bytes: int, server: str, remedy: str) -> None:
    """Raise a ServingError when `server` would not fit; pass when nobody can tell."""
    available = available_memory_bytes()
    if available is not None and available < need_bytes:
        raise ServingError(
            f"{server} needs about {need_bytes / _GIB:.1f} GiB of memory and "
            f"{available / _GIB:.1f} GiB is available. {remedy}"
        )


def usable_cores() -> int:
    """Processors that this process may use, not those of the machine around a container.

    It matters: more threads than that wait for one another, and a server is then not slower by a
    part but by a factor of ten and more.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = " ".join(_lines(_CGROUP / "cpu.max")).split()  # "200000 100000" or "max 100000"
    if len(quota) == 2 and quota[0].isdigit():
        allowed = min(allowed, math.ceil(int(quota[0]) / int(quota[1])))
    return max(1, allowed)


def choose_port(host: str, port: int | None) -> int:
    """`port` when it is free, any free one for None.

    Raises:
        ServingError: the port is taken, or `host` is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port that only waits out its last connection counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port or 0))
        except (OSError, OverflowError) as error:
            raise ServingError(_cannot_listen(host, port, error)) from None
        return int(probe.getsockname()[1])


def local_url(host: str, port: int) -> str:
    """Where a client on this machine reaches a server that listens on `host`."""
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
    name = wildcard.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


def _cannot_listen(host: str, port: int | None, error: OSError | OverflowError) -> str:
    if isinstance(error, socket.gaierror) or port is None:
        return f"Cannot listen on {host}: {error}. Pass --host 127.0.0.1."
    if isinstance(error, OverflowError):
        return f"Port {port} is not between 1 and 65535. Pass another with --port."
    return (
        f"Port {port} on {host} cannot be used ({error.strerror}). "
        "Stop what listens there, or pass another port with --port."
    )


def _free_on_machine() -> int | None:
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _free_in_container() -> int | None:
    limit, used = _lines(_CGROUP / "memory.max"), _lines(_CGROUP / "memory.current")
    if not limit or not used or not limit[0].isdigit():
        return None  # no container, or one without a limit ("max")
    cached = [line for line in _lines(_CGROUP / "memory.stat") if line.startswith("inactive_file ")]
    reclaimable = int(cached[0].split()[1]) if cached else 0
    return int(limit[0]) - int(used[0]) + reclaimable


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
