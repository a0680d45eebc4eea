"""The scoring server over a real socket: replies, limits, bad input, and where it listens."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import uvicorn

from wsrl_assets.cli import score_workers
from wsrl_assets.cli.score_server import Limits, OpenJudge, is_loopback, score_app
from wsrl_assets.cli.score_workers import BoundedProtocol
from wsrl_assets_tests.reward.rubric_adversary import CASES

LIMITS = Limits(body_bytes=20_000, items=5, response_chars=1_000, read_s=0.5, score_s=10.0)
GOLD = {"type": "integer", "value": "12"}
RIGHT = {"response": "Answer: 12", "gold": GOLD}
WRONG = {"response": "Answer: 13", "gold": json.dumps(GOLD)}


@contextmanager
def serving(limits: Limits, open_judge: OpenJudge | None = None) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    app = score_app(limits, open_judge)
    config = uvicorn.Config(
        app, http=BoundedProtocol, lifespan="off", log_level="critical", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(LIMITS) as number:
        yield number


def ask(
    port: int, body: bytes | str | object = None, *, path: str = "/score", method: str = "POST"
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, body=content if method == "POST" else None)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def test_scores_one_response(port: int) -> None:
    expected = {"score": 1, "extracted": "12", "reason": "match", "decided": True}
    assert ask(port, RIGHT) == (200, expected)


def test_scores_items_in_their_order(port: int) -> None:
    status, reply = ask(port, {"items": [RIGHT, WRONG, RIGHT]})
    assert status == 200
    assert [one["score"] for one in reply["scores"]] == [1, 0, 1]
    assert ask(port, {"items": []}) == (200, {"scores": []})


def test_a_rubric_comes_back_without_a_score(port: int) -> None:
    rubric = CASES[0].rubric
    item = {"response": rubric.reference, "gold": rubric.to_json()}
    status, reply = ask(port, {"items": [item, RIGHT]})
    assert status == 200
    expected = {"score": None, "extracted": None, "reason": "needs_judge", "decided": False}
    assert reply["scores"][0] == expected
    assert reply["scores"][1]["score"] == 1


def test_health_says_its_version(port: int) -> None:
    status, reply = ask(port, path="/health", method="GET")
    assert status == 200
    assert reply["status"] == "ok"
    assert reply["version"]


def test_an_answer_that_is_no_unicode_comes_back(port: int) -> None:
    status, reply = ask(port, {"response": "Answer: \ud800", "gold": GOLD})
    assert (status, reply["extracted"]) == (200, "\ud800")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 15_000, "not JSON"),
        (b'{"response": ' + b"9" * 10_000 + b"}", "not JSON"),
        ([], "not an object"),
        ({}, '"response"'),
        ({"response": "12"}, '"gold"'),
        ({"response": 12, "gold": GOLD}, '"response" must be text'),
        ({"response": "12", "gold": 12}, '"gold" is no gold'),
        ({"response": "12", "gold": {"type": "integer"}}, '"value"'),
        ({"items": RIGHT}, "not an array"),
        ({"items": [RIGHT, "x"]}, "items[1]"),
        ({"items": [RIGHT, {"response": "x"}]}, "items[1]"),
        ({"items": [RIGHT], **RIGHT}, "not both"),
    ],
)
def test_what_is_malformed_is_named_with_400(port: int, body: object, said: str) -> None:
    status, reply = ask(port, body)
    assert status == 400
    assert said in reply["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b" " * 20_001, "20,000 bytes"),
        ({"items": [RIGHT] * 6}, "6 items"),
        ({"response": "x" * 1_001, "gold": GOLD}, "1,001 characters"),
        ({"items": [RIGHT, {"response": "x" * 1_001, "gold": GOLD}]}, "items[1]"),
    ],
)
def test_what_is_too_large_is_refused_with_413(port: int, body: object, said: str) -> None:
    status, reply = ask(port, body)
    assert status == 413
    assert said in reply["error"]


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        return received


def test_a_chunked_body_without_a_length_is_bounded_too(port: int) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    assert b" 413 " in raw(port, head + chunk * 6).split(b"\r\n")[0]


def test_a_declared_length_over_the_limit_is_refused_before_it_arrives(port: int) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
    assert b" 413 " in raw(port, head).split(b"\r\n")[0]


@pytest.mark.timing
def test_a_body_that_never_arrives_is_given_up(port: int) -> None:
    start = time.monotonic()
    reply = raw(port, b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert b" 408 " in reply.split(b"\r\n")[0]
    assert time.monotonic() - start < 10


def test_scoring_has_a_time() -> None:
    with serving(Limits(score_s=-1.0)) as number:
        status, reply = ask(number, {"items": [RIGHT]})
    assert status == 503
    assert "fewer items" in reply["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/score", 405), ("POST", "/health", 405), ("GET", "/", 404), ("GET", "/../etc", 404)],
)
def test_other_paths_and_methods_say_what_there_is(
    port: int, method: str, path: str, status: int
) -> None:
    got, reply = ask(port, RIGHT, path=path, method=method)
    assert got == status
    assert "POST /score" in reply["error"]


def test_many_at_once_each_get_their_own_score(port: int) -> None:
    bodies = [{"response": f"Answer: {n}", "gold": GOLD} for n in range(8, 16)] * 4
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda body: ask(port, body), bodies))
    assert [reply["score"] for _, reply in replies] == [int(n == 12) for n in range(8, 16)] * 4


def test_headers_have_a_size(port: int) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000
    assert b" 431 " in raw(port, head + b"\r\n\r\n").split(b"\r\n")[0]
    assert b" 431 " in raw(port, head).split(b"\r\n")[0], "also where they never end"


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_workers, "HEADER_S", 0.2)
    with serving(LIMITS) as number:
        assert raw(number, b"") == b""
        assert raw(number, b"POST /score HTT") == b""
        assert ask(number, RIGHT)[0] == 200


def test_several_requests_share_a_connection(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(3):
        connection.request("POST", "/score", body=json.dumps(RIGHT))
        assert connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("limits", [Limits(waiting=2), Limits(waiting_bytes=100)])
def test_what_is_too_much_at_once_is_refused_and_nothing_else(limits: Limits) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
    with serving(limits) as number:
        held = [socket.create_connection(("127.0.0.1", number), timeout=20) for _ in range(2)]
        for connection in held:
            connection.sendall(head)
        refused = _until(lambda: ask(number, RIGHT), lambda reply: reply[0] == 503)
        assert "ask again" in refused[1]["error"]
        for connection in held:
            connection.sendall(b" " * 47 + b"x}")
            assert connection.recv(20).startswith(b"HTTP/1.1 400"), "those that wait are answered"
            connection.close()
        _until(lambda: ask(number, RIGHT), lambda reply: reply[0] == 200)


def _until(attempt: Callable[[], Any], is_wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 20
    while not is_wanted(result := attempt()):
        assert time.monotonic() < deadline, result
    return result


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_what_only_this_machine_can_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@contextmanager
def command(*options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """`wsrl score --serve`, and what it said until it was ready."""
    script = f"from wsrl_assets.cli import main; main({['score', '--serve', '--port', '0']!r} + "
    process = subprocess.Popen(
        [sys.executable, "-c", f"{script}{list(options)!r})"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    said = []
    assert process.stderr is not None
    try:
        for line in process.stderr:
            said.append(line)
            if "scoring on" in line:
                break
        yield process, said
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def port_of(said: list[str]) -> int:
    return int(said[0].split("127.0.0.1:")[1].split("/")[0])


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def ended(workers: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(workers, timeout=20)
    return not alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_this_machine_and_leaves_no_process(number: int) -> None:
    with command() as (process, said):
        assert len(said) == 1
        assert "http://127.0.0.1:" in said[0]
        assert ask(port_of(said), RIGHT)[1]["score"] == 1
        workers = workers_of(process)
        assert workers
        idle = socket.create_connection(("127.0.0.1", port_of(said)))
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert ended(workers)
        idle.close()


def test_workers_end_with_a_parent_that_was_killed_and_are_replaced_if_they_were() -> None:
    with command() as (process, said):
        first = workers_of(process)
        first[0].kill()
        now = _until(lambda: set(workers_of(process)), lambda found: len(found - set(first)) == 1)
        assert [ask(port_of(said), RIGHT)[0] for _ in range(8)] == [200] * 8
        process.kill()
        assert ended(list(now))


def test_256_clients_and_many_idle_connections_are_all_answered() -> None:
    with command() as (_, said):
        number = port_of(said)
        idle = [socket.create_connection(("127.0.0.1", number)) for _ in range(100)]
        clients = [socket.create_connection(("127.0.0.1", number), timeout=60) for _ in range(256)]
        body = json.dumps(RIGHT).encode()
        head = f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for client in clients:
            client.sendall(head + body)
        assert {client.recv(12) for client in clients} == {b"HTTP/1.1 200"}
        for connection in (*idle, *clients):
            connection.close()


def test_the_command_warns_where_others_can_reach_it() -> None:
    with command("--host", "0.0.0.0") as (_, said):
        assert "warning" in said[0]
        assert "no login" in said[0]
