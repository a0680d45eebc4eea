"""A prompt that is longer than the model's window is never sent."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from simulator import Fault, FaultPlan, running_simulator
from wsrl_assets.llm.errors import RowError
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets_tests.factories import ask, engine, quick
from wsrl_assets_tests.scripted import (
    Request,
    Response,
    completion,
    error,
    models,
    scripted_server,
)

WINDOW = 400


@dataclass
class ByteTokens:
    """A server whose every token is a byte, as small vocabularies make of rare scripts."""

    with_tokenizer: bool = True
    sent: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        if request.path.endswith("/models"):
            return models("m", max_model_len=WINDOW)
        if request.path.endswith("/tokenize") and self.with_tokenizer:
            return Response({"count": len(request.body["prompt"].encode())})
        if request.path.endswith("/completions"):
            self.sent.append(request.body["messages"][0]["content"])
            return completion('{"value": "x", "number": 1}')
        return error(404)


async def test_a_prompt_beyond_the_window_is_not_sent_and_its_row_fails(tmp_path: Path) -> None:
    calls: list[LLMCall] = []
    async with running_simulator(quick(max_model_len=WINDOW)) as sim:
        async with engine(sim.base_url, tmp_path, calls.append) as e:
            with pytest.raises(RowError) as refused:
                await e.ask(ask(1, "word " * 2000))
            assert refused.value.reason == "context_too_long"
            assert f"window of {WINDOW}" in refused.value.detail
            await e.ask(ask(2, "word " * 20))
        assert sim.stats.requests_received == 1
    assert [call.row_id for call in calls] == ["row-2"], "what was not sent is no call"


async def test_the_models_own_tokenizer_lets_through_what_an_estimate_would_refuse(
    tmp_path: Path,
) -> None:
    text = "ALL CAPITALS " * 80  # a token each 4 characters here, far more by the estimate
    async with running_simulator(quick(max_model_len=WINDOW)) as sim:
        async with engine(sim.base_url, tmp_path, lambda call: None) as e:
            await e.ask(ask(1, text))
        assert sim.stats.requests_completed == 1


@pytest.mark.parametrize("script", ["🎉", "你", "ἄ"])
async def test_few_characters_that_are_many_tokens_are_counted(tmp_path: Path, script: str) -> None:
    """A character can be four tokens, so a text is not short because it has few characters."""
    server = ByteTokens()
    async with (
        scripted_server(server) as base_url,
        engine(base_url, tmp_path, lambda call: None) as e,
    ):
        with pytest.raises(RowError, match="context_too_long"):
            await e.ask(ask(1, script * 200))
    assert server.sent == []


async def test_without_a_tokenizer_a_safe_estimate_decides(tmp_path: Path) -> None:
    server = ByteTokens(with_tokenizer=False)
    async with (
        scripted_server(server) as base_url,
        engine(base_url, tmp_path, lambda call: None) as e,
    ):
        with pytest.raises(RowError, match="context_too_long"):
            await e.ask(ask(1, "🎉" * 200))
        await e.ask(ask(2, "short"))
    assert len(server.sent) == 1


async def test_a_server_that_says_no_window_decides_for_itself(tmp_path: Path) -> None:
    async def answer(request: Request) -> Response:
        if request.path.endswith("/completions"):
            return error(400, "This model's maximum context length is 100 tokens.")
        return models("m")

    calls: list[LLMCall] = []
    async with (
        scripted_server(answer) as base_url,
        engine(base_url, tmp_path, calls.append) as e,
    ):
        with pytest.raises(RowError) as refused:
            await e.ask(ask(1, "word " * 2000))
    assert refused.value.reason == "context_too_long"
    assert [call.attempts for call in calls] == [1], "tried again in vain"


async def test_a_window_that_the_server_misjudges_fails_the_row_alone(tmp_path: Path) -> None:
    plan = FaultPlan(fault_for_marker={"marked": Fault.CONTEXT_TOO_LONG})
    async with (
        running_simulator(quick(faults=plan)) as sim,
        engine(sim.base_url, tmp_path, lambda call: None) as e,
    ):
        with pytest.raises(RowError, match="context_too_long"):
            await e.ask(ask(1, "marked"))
        await e.ask(ask(2))
