"""math-verify in a process of its own, so that it is bounded in time on any thread.

math-verify's limits are alarm signals, which only a main thread can have. Here the process is the
limit: it counts its own processor time, which is the same on a busy machine, and when it does not
answer at all it is killed and another is started at the next question. It starts at the first
question that needs it, ends with the program, and a forked child starts one of its own.

Without math-verify installed every question is answered False, at the cost of one look.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path

LIMIT_S = 0.025
"""Processor time for one comparison, counted inside the process: a hostile answer takes no longer.

Two short sets or relations that are equal take 1 to 5 ms once the algebra system is warm.
"""
LIMIT_IF_LIKELY_S = 0.5
"""The same where the two have one value at several points: a right answer is worth the wait."""
ANSWER_LIMIT_S = 5.0
"""How long to wait for an answer before the process is given up; for a stuck process only."""
START_LIMIT_S = 60.0

_WORKER = Path(__file__).with_name("math_worker.py")
_lock = threading.Lock()
_running: list[subprocess.Popen[bytes]] = []


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether math-verify is installed (`pip install wsrl-assets[math]`)."""
    return importlib.util.find_spec("math_verify") is not None


@lru_cache(maxsize=8192)
def are_equal(gold: str, answer: str, limit_s: float = LIMIT_S) -> bool:
    """Whether math-verify holds two expressions for equal; False when it cannot say in time."""
    if not is_available():
        return False
    with _lock:
        try:
            return _ask(json.dumps([gold, answer, limit_s]).encode() + b"\n") == b"equal"
        except (OSError, ValueError):
            _stop()
            return False


def _ask(question: bytes) -> bytes:
    process = _running[0] if _running and _running[0].poll() is None else _start()
    if process is None or process.stdin is None:
        return b""
    process.stdin.write(question)
    process.stdin.flush()
    answer = _read_line(process, ANSWER_LIMIT_S)
    if not answer:
        _stop()
    return answer


def _start() -> subprocess.Popen[bytes] | None:
    """Start it, and wait until its imports are done. -P: our modules are not its top level."""
    _stop()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-P", str(_WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        close_fds=True,
    )
    _running.append(process)
    if _read_line(process, START_LIMIT_S) == b"ready":
        return process
    _stop()
    return None


def _read_line(process: subprocess.Popen[bytes], limit_s: float) -> bytes:
    """One line from the process, or nothing when it takes longer than the limit or ends."""
    if process.stdout is None:
        return b""
    deadline, received = time.monotonic() + limit_s, b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not received.endswith(b"\n"):
            if not selector.select(max(deadline - time.monotonic(), 0)):
                return b""
            piece = os.read(process.stdout.fileno(), 256)
            if not piece:
                return b""
            received += piece
    return received.strip()


def _stop() -> None:
    while _running:
        process = _running.pop()
        process.kill()
        for pipe in (process.stdin, process.stdout):
            # The other end is gone, and something may still have to be written to it.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()


def _forget() -> None:
    """In a forked child: the process belongs to the parent, and the lock may have been held."""
    global _lock
    _lock = threading.Lock()
    _running.clear()


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
