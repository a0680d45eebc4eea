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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from wsrl_assets.cli.score_server import Limits, is_loopback, score_app

LIMITS = Limits(body_bytes=20_000, items=5, response_chars=1_000, read_s=0.5, score_s=10.0)
GOLD = {"type": "integer", "value": "12"}
RIGHT = {"response": "Answer: 12", "gold": GOLD}
WRONG = {"response": "Answer: 13", "gold": json.dumps(GOLD)}


@contextmanager
def serving(limits: Limits) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        score_app(limits), http="h11", lifespan="off", log_level="critical", ws="none"
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
    expected = {"score": 1, "extracted": "12", "reason": "match"}
    assert ask(port, RIGHT) == (200, expected)


def test_scores_items_in_their_order(port: int) -> None:
    status, reply = ask(port, {"items": [RIGHT, WRONG, RIGHT]})
    assert status == 200
    assert [one["score"] for one in reply["scores"]] == [1, 0, 1]
    assert ask(port, {"items": []}) == (200, {"scores": []})


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


def test_the_command_serves_this_machine_and_ends_with_ctrl_c() -> None:
    with command() as (process, said):
        assert len(said) == 1
        assert "http://127.0.0.1:" in said[0]
        number = int(said[0].split("127.0.0.1:")[1].split("/")[0])
        assert ask(number, RIGHT)[1]["score"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def test_the_command_warns_where_others_can_reach_it() -> None:
    with command("--host", "0.0.0.0") as (_, said):
        assert "warning" in said[0]
        assert "no login" in said[0]
