"""What one request carries, and where it goes: as openai's own client would send it."""

import gzip
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from pydantic import SecretStr

from wsrl_assets.llm import http_client
from wsrl_assets.llm.client import ChatClient
from wsrl_assets.llm.errors import RowError, TransientError
from wsrl_assets.llm.roles import RoleSettings
from wsrl_assets_tests.scripted import Request, Response, completion, error, scripted_server

KEY = "sk-a-key-that-is-a-secret"
BODY = {"model": "m", "messages": [{"role": "user", "content": 'naïve "日本" \n'}], "seed": 7}
# The transport's own.
OF_TRANSPORT = {"accept-encoding", "connection", "content-length", "host"}


@pytest.fixture(autouse=True)
def no_proxy_is_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    http_client._address.cache_clear()
    yield
    http_client._address.cache_clear()


def client_of(base_url: str, **others: Any) -> ChatClient:
    return ChatClient(RoleSettings(base_url, api_key=SecretStr(KEY), timeout_s=5.0, **others))


def hearing(heard: list[Request], answer: Response) -> Callable[[Request], Awaitable[Response]]:
    async def script(request: Request) -> Response:
        heard.append(request)
        return answer

    return script


def carried(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name not in OF_TRANSPORT}


async def test_every_call_is_the_request_that_openai_itself_builds() -> None:
    heard: list[Request] = []
    async with scripted_server(hearing(heard, completion("x"))) as url:
        own = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=5.0)
        await own.post("/chat/completions", cast_to=httpx2.Response, body=BODY)
        await own.close()
        ours = client_of(url)
        for session in ("one", None, "two", None):
            await ours.complete(BODY, session)
        await ours.close()
    by_openai, *by_us = heard
    assert by_openai.headers["authorization"] == f"Bearer {KEY}"
    for request, session in zip(by_us, ("one", None, "two", None), strict=True):
        named = {} if session is None else {"x-session-id": session}
        assert carried(request) == carried(by_openai) | named
        assert (request.path, request.body) == (by_openai.path, BODY)


async def test_other_requests_are_openais_too() -> None:
    heard: list[Request] = []
    async with scripted_server(hearing(heard, Response({"data": []}))) as url:
        own = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0)
        await own.get("/models", cast_to=httpx2.Response, options={"timeout": 3.0})
        await own.close()
        ours = client_of(url)
        await ours.get("/models", 3.0)
        await ours.get_without_key(f"{url}/models", 3.0)
        await ours.close()
    by_openai, by_us, without_key = (carried(request) for request in heard)
    assert by_us == by_openai
    del by_openai["authorization"]
    assert without_key == by_openai


@pytest.mark.parametrize("status", [200, 500])
async def test_a_compressed_reply_is_read(status: int) -> None:
    packed = gzip.compress(
        json.dumps((completion("x") if status == 200 else error(500, "tired")).body).encode()
    )
    answer = Response(packed, status, {"content-encoding": "gzip"})
    async with scripted_server(hearing([], answer)) as url:
        client = client_of(url)
        if status == 200:
            assert (await client.complete(BODY)).text == "x"
        else:
            with pytest.raises(TransientError, match="http_500: tired"):
                await client.complete(BODY)
        await client.close()


async def test_a_redirect_is_followed_and_takes_no_key_to_another_origin() -> None:
    first: list[Request] = []
    second: list[Request] = []
    async with scripted_server(hearing(second, completion("x"))) as target:
        elsewhere = Response({}, 307, {"location": f"{target}/chat/completions"})
        async with scripted_server(hearing(first, elsewhere)) as url:
            client = client_of(url)
            assert (await client.complete(BODY)).text == "x"
            await client.close()
    assert [request.body for request in (*first, *second)] == [BODY, BODY]
    assert KEY in first[0].headers["authorization"]
    assert KEY not in str(second[0].headers)


async def test_the_proxy_of_the_environment_is_used_with_its_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[Request] = []
    async with scripted_server(hearing(heard, completion("x"))) as proxy:
        login = proxy.removesuffix("/v1").replace("://", "://me:pass%20word@")
        monkeypatch.setenv("http_proxy", login)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        client = client_of("http://models.invalid/v1")
        assert (await client.complete(BODY)).text == "x"
        await client.close()
        direct = client_of("http://127.0.0.1:1/v1")
        with pytest.raises(TransientError, match="connection"):
            await direct.complete(BODY)
        await direct.close()
    assert [request.path for request in heard] == ["http://models.invalid/v1/chat/completions"]
    assert heard[0].headers["proxy-authorization"] == "Basic bWU6cGFzcyB3b3Jk"


async def test_what_no_json_has_is_refused_before_it_is_sent() -> None:
    heard: list[Request] = []
    async with scripted_server(hearing(heard, completion("x"))) as url:
        client = client_of(url)
        with pytest.raises((ValueError, RowError)):
            await client.complete({**BODY, "temperature": float("nan")})
        await client.close()
    assert heard == []


@pytest.mark.parametrize(
    "session", ["a\nb", "a\r\nHost: b", "法律-01", "é", "\ud800", "a\x00", "plain"]
)
async def test_a_session_of_any_name_reaches_the_router(session: str) -> None:
    heard: list[Request] = []
    async with scripted_server(hearing(heard, completion("x"))) as url:
        ours = client_of(url)
        for name in (session, session, f"{session}2"):
            await ours.complete(BODY, name)
        await ours.close()
    first, second, other = (request.headers["x-session-id"] for request in heard)
    assert first == second != other
    assert "host: b" not in first.lower()


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": [{"token": "Yes", "logprob": -0.1}]},
        {"content": [{"top_logprobs": None}]},
        {"content": [{"top_logprobs": {"Yes": -0.1}}]},
        {"content": [{"top_logprobs": [{"token": "Yes", "logprob": 10**400}]}]},
        {"content": [{"top_logprobs": [{"token": "Yes"}]}]},
        {"content": []},
        {"tokens": ["Yes"]},
        [1],
        "x",
        True,
    ],
    ids=str,
)
async def test_logprobs_of_another_form_are_no_fault_of_the_reply(logprobs: Any) -> None:
    answer = completion("x")
    answer.body["choices"][0]["logprobs"] = logprobs
    async with scripted_server(hearing([], answer)) as url:
        ours = client_of(url)
        found = await ours.complete(BODY)
        await ours.close()
    assert (found.text, found.first_token) == ("x", ())
