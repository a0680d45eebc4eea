"""A vLLM-like OpenAI-compatible endpoint of known capacity, for faults and load only.

In a test, on the test's own event loop::

    async with running_simulator(SimulatorSettings(slots=8)) as sim:
        client = AsyncOpenAI(base_url=sim.base_url, api_key="any", max_retries=0)
        ...
        assert sim.stats.requests_completed == 1

In a benchmark, as a process of its own (`python -m simulator` by hand)::

    with simulator_process(SimulatorSettings(slots=64)) as sim:
        ...
        print(sim.stats().saturation)

It simulates the *timing* of continuous batching (`batching`), the prefix cache, vLLM's usage
figures and metrics, and what goes wrong between a client and an endpoint (`Fault`). It does not
simulate chunked prefill that slows decoding, preemption, pinned cache blocks, caching of generated
tokens, streaming, or `n` above 1. And it is strict where vLLM may be kind: of two requests on a
new document, the second hits the cache only if it gets its slot after the first one's prefill.

What it counts, `SimulatorStats` says: `delivered_*` for answers that went out whole, which is what
a client's ledger must come to, and `generated_*` for all work done.
"""

from .process import SimulatorProcess, simulator_process
from .replies import instance_of, schema_name, schema_of, schema_reply
from .server import Simulator, running_simulator
from .settings import (
    Fault,
    FaultPlan,
    ReplyFunction,
    SimulatorSettings,
    settings_from_json,
    settings_to_json,
)
from .stats import SimulatorStats, StageCounts
from .tokens import BLOCK_TOKENS, CHARS_PER_TOKEN, count_tokens, render

__all__ = [
    "BLOCK_TOKENS",
    "CHARS_PER_TOKEN",
    "Fault",
    "FaultPlan",
    "ReplyFunction",
    "Simulator",
    "SimulatorProcess",
    "SimulatorSettings",
    "SimulatorStats",
    "StageCounts",
    "count_tokens",
    "instance_of",
    "render",
    "running_simulator",
    "schema_name",
    "schema_of",
    "schema_reply",
    "settings_from_json",
    "settings_to_json",
    "simulator_process",
]
