"""How fast the engine is, and what it costs: `python -m benchmarks.engine`.

Everything runs against a simulated server of known capacity, in a process of its own:

1. Saturation: documents through triage, personas, drafting and verification, beside the bare load
   generator that replays the same requests, and beside the way of the paper's authors.
2. Prefix cache: the share of prompt tokens that came from it, in the same runs; with `--real`, on
   a real vLLM server.
3. Overhead: the client's CPU per call, and its memory by the number of rows.
4. Adaptive concurrency: cold starts, and several processes under one ceiling.
5. Several servers behind one role, all alive and one killed half-way.

All figures are of this machine, now: other programs' load shows in them, above all in saturation.
The bare load generator's row tells how much of that is the machine's doing.
"""

import argparse
from collections.abc import Callable

from benchmarks import (
    engine_adaptive,
    engine_overhead,
    engine_real,
    engine_saturation,
    engine_servers,
)

SECTIONS = ("overhead", "adaptive", "saturation", "servers")


def main() -> None:
    """Runs what the command line asks for."""
    arguments = _parser().parse_args()
    if arguments.real is not None:
        engine_real.run(arguments.real, arguments.documents or _REAL_DOCUMENTS)
        return
    sections: dict[str, Callable[[argparse.Namespace], None]] = {
        "overhead": _overhead,
        "adaptive": _adaptive,
        "saturation": _saturation,
        "servers": _servers,
    }
    for name in arguments.only or SECTIONS:
        sections[name](arguments)


_DOCUMENTS, _QUICK_DOCUMENTS, _REAL_DOCUMENTS = 2000, 300, 8
_PEER_DOCUMENTS, _QUICK_PEER_DOCUMENTS = 300, 100
_ADAPTIVE_S, _QUICK_ADAPTIVE_S, _HOSTS_S = 8.0, 4.0, 30.0
_CALLS, _QUICK_CALLS = 2000, 500
_ROWS, _QUICK_ROWS, _FULL_ROWS = 10_000, 3_000, 100_000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a minute instead of five")
    parser.add_argument("--full", action="store_true", help="memory up to 100,000 rows, too")
    parser.add_argument("--profile", action="store_true", help="where the client's CPU goes")
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="this section alone; repeatable"
    )
    parser.add_argument("--documents", type=int, help=f"default {_DOCUMENTS}, with --quick fewer")
    parser.add_argument(
        "--speed",
        type=float,
        default=3.5,
        help="simulated server over a real one (an 8B model on an H100); default %(default)s. "
        "A lower one takes longer and asks less CPU of a busy machine",
    )
    parser.add_argument(
        "--home",
        metavar="ADDRESS",
        help="a home of several hosts, such as s3://bucket/prefix: `--only adaptive` then measures "
        "hosts alone, on that home and each apart",
    )
    parser.add_argument(
        "--router",
        metavar="COMMAND",
        help="the command vllm-router, where it is installed: several servers behind it, too",
    )
    parser.add_argument(
        "--real",
        metavar="BASE_URL",
        help="measure the prefix cache of this vLLM server (ending in /v1) and nothing else",
    )
    return parser


def _overhead(arguments: argparse.Namespace) -> None:
    calls = _QUICK_CALLS if arguments.quick else _CALLS
    engine_overhead.run_cpu(calls, profile=arguments.profile)
    rows = _FULL_ROWS if arguments.full else _QUICK_ROWS if arguments.quick else _ROWS
    engine_overhead.run_memory(rows)


def _adaptive(arguments: argparse.Namespace) -> None:
    hosts_s = _HOSTS_S if arguments.home else _ADAPTIVE_S
    engine_adaptive.run(_QUICK_ADAPTIVE_S if arguments.quick else hosts_s, arguments.home)


def _saturation(arguments: argparse.Namespace) -> None:
    documents = arguments.documents or (_QUICK_DOCUMENTS if arguments.quick else _DOCUMENTS)
    peer_documents = _QUICK_PEER_DOCUMENTS if arguments.quick else _PEER_DOCUMENTS
    engine_saturation.run(documents, min(documents, peer_documents), arguments.speed)


def _servers(arguments: argparse.Namespace) -> None:
    documents = arguments.documents or (_QUICK_DOCUMENTS if arguments.quick else _DOCUMENTS)
    engine_servers.run(
        documents, (2,) if arguments.quick else (2, 4, 8), arguments.speed, arguments.router
    )


if __name__ == "__main__":
    main()
