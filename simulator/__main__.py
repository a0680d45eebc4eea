"""`python -m simulator`: one simulated server, until it is stopped.

Prints one line of JSON when it is ready: {"base_url": ..., "server_url": ..., "pid": ...}.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import signal
import sys
from typing import Any

import uvloop

from .server import running_simulator
from .settings import (
    Fault,
    FaultPlan,
    SimulatorSettings,
    reply_named,
    settings_from_json,
)


def main() -> None:
    """Reads the settings, serves, and leaves on SIGTERM or SIGINT."""
    arguments = _parser().parse_args()
    leave_with_stdin: bool = arguments.settings_from_stdin
    if leave_with_stdin:
        settings = settings_from_json(sys.stdin.readline())
    else:
        settings = settings_from_arguments(arguments)
    uvloop.run(_serve(settings, leave_with_stdin=leave_with_stdin))


def _parser() -> argparse.ArgumentParser:
    """One option per plain setting, and a few for the faults."""
    parser = argparse.ArgumentParser(prog="python -m simulator")
    for name, kind in _PLAIN_SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--reply", type=reply_named, help="module:function that writes replies")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=P", help="e.g. reset=0.1; repeatable"
    )
    for name, kind in _PLAIN_FAULT_SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument(
        "--settings-from-stdin",
        action="store_true",
        help="read all settings as a line of JSON, and leave when standard input closes",
    )
    return parser


_PLAIN_SETTINGS: dict[str, type] = {
    field.name: type(field.default)
    for field in dataclasses.fields(SimulatorSettings)
    if isinstance(field.default, (int, float, str)) and not isinstance(field.default, bool)
} | {"api_key": str}

_PLAIN_FAULT_SETTINGS: dict[str, type] = {
    "max_faults_per_body": int,
    "retry_after_s": float,
    "die_after_requests": int,
    "rate_limit_per_s": float,
    "max_concurrent": int,
}


def settings_from_arguments(arguments: argparse.Namespace) -> SimulatorSettings:
    """The settings that a command line asks for; what it does not name keeps its default."""
    given: dict[str, Any] = {k: v for k, v in vars(arguments).items() if v is not None}
    plan = {name: given[name] for name in _PLAIN_FAULT_SETTINGS if name in given}
    pairs = (text.partition("=") for text in arguments.fault)
    probabilities = {Fault(name): float(value) for name, _, value in pairs}
    settings = {name: given[name] for name in [*_PLAIN_SETTINGS, "reply"] if name in given}
    return SimulatorSettings(**settings, faults=FaultPlan(probabilities=probabilities, **plan))


async def _serve(settings: SimulatorSettings, *, leave_with_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, done.set)
    if leave_with_stdin:
        loop.add_reader(sys.stdin.fileno(), done.set)  # the end of input is all that can come
    async with running_simulator(settings) as simulator:
        place = {"base_url": simulator.base_url, "server_url": simulator.server_url}
        print(json.dumps({**place, "pid": os.getpid()}), flush=True)
        await done.wait()


if __name__ == "__main__":
    main()
