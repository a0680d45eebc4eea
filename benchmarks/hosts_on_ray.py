"""A Ray cluster of two nodes, of which one is killed half-way, on one home in an object store.

`python -m benchmarks.hosts_on_ray s3://bucket/prefix --ray FOLDER` runs deploy/ray/wsrl_on_ray.py
on it, against a simulated server, and prints what was lost, doubled and paid twice. FOLDER has the
commands `ray` and `python` of an environment with Ray. The store is that of `AWS_...`.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil

from simulator import SimulatorProcess, SimulatorSettings, simulator_process
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store, catalog, typed_query
from wsrl_assets.text.home_names import home_folder
from wsrl_assets_tests.factories import document_text, honest_reply

IN_FLIGHT = 16
SCRIPT = Path(__file__).parents[1] / "deploy" / "ray" / "wsrl_on_ray.py"
CALLS_A_DOCUMENT = 4  # triage, one persona, one question, one answer: the judge is off


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--ray", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=200)
    options = parser.parse_args()
    home = f"{options.address.rstrip('/')}/{secrets.token_hex(6)}"
    settings = SimulatorSettings(slots=64, decode_tokens_per_s=40.0, reply=honest_reply)
    with tempfile.TemporaryDirectory() as folder, simulator_process(settings) as server:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/looking-on"
        _register(Path(folder), home, options.documents)
        os.environ.update(
            WSRL_HOME=home,
            WSRL_LLM_BASE_URL=server.base_url,
            WSRL_BIN=str(Path(sys.executable).parent),
            WSRL_PERSONAS="1",
            WSRL_JUDGE="false",
            WSRL_MAX_IN_FLIGHT=str(IN_FLIGHT),
        )
        code = _killed_half_way(options.ray, server, CALLS_A_DOCUMENT * options.documents // 2)
        _say(Store(home_folder(home)), server, options.documents, code)


def _register(folder: Path, home: str, documents: int) -> None:
    """In four shards, so that both nodes have triage to do."""
    for part in range(4):
        path = folder / f"part-{part}.jsonl"
        texts = [document_text(number) for number in range(part, documents, 4)]
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        register(Store(home_folder(home)), path)


def _killed_half_way(ray: Path, server: SimulatorProcess, half: int) -> int:
    """The exit code of the script, on two nodes, of which one goes after so many calls."""
    port = _free_port()
    with _node(ray, "--head", f"--port={port}", "--include-dashboard=false"):
        _until_there_are(1, ray, port)
        with _node(ray, f"--address=127.0.0.1:{port}") as mortal:
            _until_there_are(2, ray, port)
            command = [f"{ray}/python", str(SCRIPT), "--hosts=2", f"--address=127.0.0.1:{port}"]
            running = subprocess.Popen(command)
            while server.stats().requests_received < half and running.poll() is None:
                time.sleep(0.2)
            print(f"a node is killed after {server.stats().requests_received} calls", flush=True)
            _kill(mortal)
            return running.wait()


@contextlib.contextmanager
def _node(ray: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node with room for one task; killed at the end."""
    command = [f"{ray}/ray", "start", "--block", "--num-cpus=1", "--node-ip-address=127.0.0.1"]
    command += ["--disable-usage-stats", f"--dashboard-agent-grpc-port={_free_port()}", *arguments]
    # A busy machine takes longer than Ray waits for by default.
    waits = {"RAY_raylet_start_wait_time_s": "300", "RAY_agent_register_timeout_ms": "300000"}
    patient = {**os.environ, **waits}
    node = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=patient)
    try:
        yield node
    finally:
        _kill(node)


def _kill(node: "subprocess.Popen[bytes]") -> None:
    """All processes of a node at once, tasks and what they have started included."""
    with contextlib.suppress(psutil.NoSuchProcess):
        everything = [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    node.wait()


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


def _until_there_are(nodes: int, ray: Path, port: int) -> None:
    """A node is there only some time after its `ray start`."""
    deadline = time.monotonic() + 300
    status = [f"{ray}/ray", "status", f"--address=127.0.0.1:{port}"]
    while True:
        said = subprocess.run(status, capture_output=True, text=True, check=False).stdout
        if len(re.findall(r"^ 1 node_", said, re.MULTILINE)) >= nodes:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"there are no {nodes} nodes: {said}")
        time.sleep(5)


def _say(store: Store, server: SimulatorProcess, documents: int, code: int) -> None:
    with catalog(store) as connection:
        _, pairs = typed_query(connection, "SELECT doc_id FROM verified_pairs WHERE status='kept'")
        _, calls = typed_query(
            connection, "SELECT row_id, step, recipe FROM llm_calls WHERE error IS NULL"
        )
    doubled = sum(count - 1 for count in Counter(calls).values())
    made = server.stats().requests_received
    print(
        f"exit code {code}; {documents} documents, {len(pairs)} accepted pairs of "
        f"{len(set(pairs))} documents; {len(calls)} calls in the ledger, {doubled} twice; "
        f"{made} calls were made, {made - CALLS_A_DOCUMENT * documents} more than without a kill"
    )


if __name__ == "__main__":
    main()
