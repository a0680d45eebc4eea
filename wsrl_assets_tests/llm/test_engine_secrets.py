"""The API key appears in no row, file, log, error or repr, whatever a server says (item 10)."""

import asyncio
import json
import logging
import shlex
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsrl_assets.llm.client import curl, refused_key, unknown_model
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.health import Health
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import triage
from wsrl_assets.settings import SettingsError, load_roles
from wsrl_assets.storage import PartitionKind, catalog
from wsrl_assets.storage.tables import LLMCall, Status, TriagedDocument
from wsrl_assets_tests.factories import (
    IN_SHARD,
    SHARD,
    ask,
    documents,
    engine,
    job,
    plant_shard,
    rows,
    stream,
)
from wsrl_assets_tests.scripted import Request, Response, completion, models, scripted_server

KEY = "sk-recognisable-0123456789abcdef"


class Gossip:
    """A server that answers each completion with `status`, and repeats the key everywhere."""

    def __init__(self, status: int, *, lists_models: bool = True) -> None:
        self.status = status
        self.heard = 0
        self.lists_models = lists_models

    async def __call__(self, request: Request) -> Response:
        if request.path.endswith("/models") and self.lists_models:
            return models("m")
        said = request.headers.get("authorization", "")
        self.heard += KEY in said
        message = f"no, {said}: your key {KEY} is no good here"
        body = {"error": {"message": message, "code": said, "param": said, "type": said}}
        return Response(body, self.status, {"x-your-key": said, "www-authenticate": said})


def bytes_under(home: Path) -> Iterator[bytes]:
    for path in home.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def everything_stored(home: Path) -> str:
    """All rows of all tables, as text: the files themselves are compressed."""
    store = job(home, "http://unused/v1").store
    with catalog(store) as connection:
        tables = [
            name
            for (name,) in connection.sql(
                "SELECT view_name FROM duckdb_views() WHERE NOT internal"
            ).fetchall()
        ]
        return "\n".join(str(connection.sql(f'FROM "{name}"').fetchall()) for name in tables)


@pytest.mark.parametrize("status", [400, 422, 429, 500, 503, 200])
async def test_a_server_that_repeats_the_key_gets_it_into_no_row_file_or_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    monkeypatch.setattr("wsrl_assets.llm.retries.BACKOFF_S", 0.01)
    monkeypatch.setattr("wsrl_assets.llm.retries.MAX_RATE_LIMITED_S", 1.0)
    server = Gossip(status)
    with caplog.at_level(logging.DEBUG):
        async with scripted_server(server) as base_url:
            work = job(tmp_path, base_url, api_key=KEY)
            plant_shard(work.store, documents(3))
            await asyncio.wait_for(triage.triage_shard(work, SHARD), 60)
    assert server.heard >= 3, "the key was not sent, so the test shows nothing"
    found = rows(work.store, TriagedDocument, IN_SHARD)
    assert [row.status for row in found] == [Status.FAILED] * 3
    assert len(rows(work.store, LLMCall, IN_SHARD)) == 3
    assert work.store.partitions(PartitionKind.SHARD) == [IN_SHARD]
    assert KEY not in everything_stored(tmp_path)
    assert not any(KEY.encode() in data for data in bytes_under(tmp_path))
    assert KEY not in caplog.text
    assert KEY not in repr(work)


async def test_a_reply_that_holds_the_key_is_stored_without_it(tmp_path: Path) -> None:
    async def server(request: Request) -> Response:
        if request.path.endswith("/models"):
            return models("m")
        return completion(f"not JSON, {request.headers['authorization']}")

    async with scripted_server(server) as base_url:
        work = job(tmp_path, base_url, api_key=KEY)
        plant_shard(work.store, documents(1))
        await asyncio.wait_for(triage.triage_shard(work, SHARD), 60)
    replies = [call.reply for call in rows(work.store, LLMCall, IN_SHARD)]
    assert replies == ["not JSON, Bearer ***"]
    assert KEY not in everything_stored(tmp_path)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_server_that_repeats_the_key_gets_it_into_no_exception(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with (
            scripted_server(Gossip(status)) as base_url,
            engine(base_url, tmp_path, lambda call: None, api_key=KEY) as e,
        ):
            with pytest.raises(EndpointError) as stopped:
                await e.ask(ask(1))
            assert KEY not in repr(e)
    assert KEY not in "".join(traceback.format_exception(stopped.value))
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("status", "lists_models"), [(429, True), (500, True), (503, True), (500, False), (503, False)]
)
async def test_an_endpoint_given_up_is_told_with_what_it_said_and_a_call_to_try_without_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, lists_models: bool
) -> None:
    for name in ("health.PATIENCE_S", "endpoint.PATIENCE_S", "health.RATE_LIMIT_PATIENCE_S"):
        monkeypatch.setattr(f"wsrl_assets.llm.{name}", 0.5)
    monkeypatch.setattr(Health.__init__, "__defaults__", (0.5, time.monotonic))
    monkeypatch.setattr("wsrl_assets.llm.health._ROWS_TO_BLAME_SERVER", 1)
    server = Gossip(status, lists_models=lists_models)
    async with scripted_server(server) as base_url:
        with pytest.raises(EndpointError) as stopped:
            await ask_all(base_url, tmp_path)
    said = str(stopped.value)
    assert KEY not in "".join(traceback.format_exception(stopped.value))
    assert 'the server said: "no, Bearer ***: your key *** is no good here"' in said
    command = shlex.split(said.partition("by hand: ")[2])
    path = "chat/completions" if lists_models else "models"
    assert command[:3] == ["curl", "-sS", f"{base_url}/{path}"]
    assert "Authorization: Bearer $WSRL_LLM_API_KEY" in command
    assert ("-d" in command) == lists_models
    if lists_models:
        assert json.loads(command[command.index("-d") + 1])["model"] == "m"


async def ask_all(base_url: str, home: Path) -> None:
    async with engine(base_url, home, lambda call: None, api_key=KEY) as e:

        async def work(number: int) -> None:
            await e.ask(ask(number))

        await asyncio.wait_for(e.for_each(stream(range(9)), work), 60)


async def test_a_password_in_the_address_is_in_no_message(tmp_path: Path) -> None:
    url = "http://someone:secret-word@127.0.0.1:9/v1"
    for said in (
        curl(url, "models", has_key=False),
        refused_key(url, 401),
        unknown_model(url, "m", ""),
    ):
        assert "secret-word" not in said
        assert "***@127.0.0.1:9/v1" in said


def test_settings_show_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSRL_LLM_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("WSRL_LLM_API_KEY", KEY)
    monkeypatch.setenv("WSRL_LLM_JUDGE_API_KEY", KEY)
    roles = load_roles()
    for role in Role:
        secret = roles[role].api_key
        assert secret is not None
        assert secret.get_secret_value() == KEY
        assert KEY not in repr(roles[role])
        assert KEY not in str(roles[role])
    assert KEY not in repr(roles)


def test_a_mistake_in_the_settings_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSRL_LLM_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("WSRL_LLM_API_KEY", KEY)
    monkeypatch.setenv("WSRL_LLM_TEMPERATURE", "hot")
    with pytest.raises(SettingsError, match="WSRL_LLM_TEMPERATURE") as mistake:
        load_roles()
    assert KEY not in "".join(traceback.format_exception(mistake.value))
