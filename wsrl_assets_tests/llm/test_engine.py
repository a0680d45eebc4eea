"""The engine's loop: in order, bounded, without waste, and nothing it pays for is forgotten."""

import asyncio
import dataclasses
import json
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from simulator import Fault, FaultPlan, running_simulator
from wsrl_assets.llm import server
from wsrl_assets.llm.engine import Engine, FreeText, YesOrNo
from wsrl_assets.llm.errors import EndpointError, RowError
from wsrl_assets.llm.roles import Prices, Role, RoleSettings
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets_tests.factories import (
    Answer,
    ask,
    delivered,
    engine,
    quick,
    stream,
    tokens_of,
    until,
)
from wsrl_assets_tests.scripted import (
    Request,
    Response,
    completion,
    error,
    models,
    scripted_server,
)

GOOD = completion('{"value": "x", "number": 1}')


async def test_replies_are_handed_out_as_the_type_asked_for(tmp_path: Path) -> None:
    calls: list[LLMCall] = []
    async with running_simulator(quick()) as sim, engine(sim.base_url, tmp_path, calls.append) as e:
        reply = await e.ask(ask(1))
        assert (e.model(ask(1).role), e.max_model_len(ask(1).role)) == ("simulated", 8192)
    assert isinstance(reply, Answer)
    assert [(call.row_id, call.attempts, call.error) for call in calls] == [("row-1", 1, None)]
    assert calls[0].finish_reason == "stop"
    assert calls[0].reply is not None
    assert Answer.model_validate_json(calls[0].reply) == reply


async def test_a_reply_that_is_of_no_use_is_in_the_ledger_too(tmp_path: Path) -> None:
    calls: list[LLMCall] = []

    async def answer(request: Request) -> Response:
        is_asked = request.path.endswith("/completions")
        return completion("not JSON") if is_asked else models("m")

    async with scripted_server(answer) as base_url, engine(base_url, tmp_path, calls.append) as e:
        with pytest.raises(RowError):
            await e.ask(ask(1))
    assert [call.reply for call in calls] == ["not JSON"]


async def test_a_call_is_in_the_ledger_before_its_reply_is_handed_out(tmp_path: Path) -> None:
    calls: list[LLMCall] = []
    async with running_simulator(quick()) as sim, engine(sim.base_url, tmp_path, calls.append) as e:

        async def work(number: int) -> None:
            await e.ask(ask(number))
            assert f"row-{number}" in {call.row_id for call in calls}

        await asyncio.wait_for(e.for_each(stream(range(50)), work), 30)
        assert tokens_of(calls) == delivered(sim.stats)
    assert len(calls) == 50


async def test_cost_is_counted_by_the_prices_of_the_role(tmp_path: Path) -> None:
    calls: list[LLMCall] = []
    prices = Prices(prompt=2.0, cached=1.0, completion=10.0)
    async with (
        running_simulator(quick()) as sim,
        engine(sim.base_url, tmp_path, calls.append, prices=prices) as e,
    ):
        await e.ask(ask(1, "word " * 100))
        await e.ask(ask(1, "word " * 100))
    second = calls[1]
    assert second.cached_tokens > 0
    fresh = second.prompt_tokens - second.cached_tokens
    expected = (fresh * 2 + second.cached_tokens * 1 + second.completion_tokens * 10) / 1e6
    assert second.cost == pytest.approx(expected)


async def test_items_are_begun_in_order_and_drawn_only_as_room_arises(tmp_path: Path) -> None:
    """So memory does not grow with their number."""
    begun: list[int] = []
    done = drawn = furthest = 0

    async def items() -> AsyncIterator[int]:
        nonlocal drawn, furthest
        for number in range(300):
            drawn += 1
            furthest = max(furthest, drawn - done)
            yield number

    async with (
        running_simulator(quick()) as sim,
        engine(sim.base_url, tmp_path, lambda call: None, max_in_flight=4) as e,
    ):

        async def work(number: int) -> None:
            nonlocal done
            begun.append(number)
            await e.ask(ask(number))
            done += 1

        await asyncio.wait_for(e.for_each(items(), work), 60)
        assert sim.stats.peak_running <= 4
    assert begun == list(range(300))
    assert done == 300
    assert furthest <= 4 + 4 * 5 // 4 + 1


async def test_a_growing_ceiling_is_used_without_waiting_for_a_call_to_end(tmp_path: Path) -> None:
    slow = quick(slots=512, decode_tokens_per_s=10.0)
    async with (
        running_simulator(slow) as sim,
        engine(sim.base_url, tmp_path, lambda call: None, timeout_s=60) as e,
    ):

        async def work(number: int) -> None:
            await e.ask(ask(number))

        run = asyncio.create_task(e.for_each(stream(range(300)), work))
        await until(lambda: sim.stats.running >= 100, 20)
        assert sim.stats.requests_completed == 0, "the test's server was not slow enough"
        run.cancel()
        await asyncio.wait([run])


async def test_the_same_row_asks_with_the_same_seed_and_a_retry_with_another(
    tmp_path: Path,
) -> None:
    seeds: list[int] = []

    async def answer(request: Request) -> Response:
        if request.path.endswith("/completions"):
            seeds.append(request.body["seed"])
            return completion("not JSON") if len(seeds) == 1 else GOOD
        return models("m")

    async with scripted_server(answer) as base_url:
        for home in ("first", "second"):
            async with engine(base_url, tmp_path / home, lambda call: None) as e:
                await e.ask(ask(1))
    bad, retry, rerun = seeds
    assert bad != retry
    assert bad == rerun


async def test_free_text_is_taken_as_it_comes_and_sampled_anew_each_time(tmp_path: Path) -> None:
    """Cut off or empty too: these are replies, and a second try would be another sample."""
    bodies: list[dict[str, object]] = []
    replies = iter([completion("so\n", "length"), completion(""), completion("Answer: 7")])
    calls: list[LLMCall] = []

    async def answer(request: Request) -> Response:
        if request.path.endswith("/completions"):
            bodies.append(request.body)
            return next(replies)
        return models("m")

    async with scripted_server(answer) as base_url, engine(base_url, tmp_path, calls.append) as e:
        said = [await e.ask(ask(1, reply_type=FreeText, sample=n)) for n in range(3)]
    assert [(reply.text, reply.truncated) for reply in said] == [  # type: ignore[attr-defined]
        ("so\n", True),
        ("", False),
        ("Answer: 7", False),
    ]
    assert [(call.attempts, call.error) for call in calls] == [(1, None)] * 3
    assert [call.reply for call in calls] == [None] * 3  # the rollouts keep them
    assert len({body["seed"] for body in bodies}) == 3
    assert all("response_format" not in body and body["top_p"] == 1.0 for body in bodies)


async def test_samples_of_one_question_differ_in_seed_and_take_the_temperature_asked_for(
    tmp_path: Path,
) -> None:
    drawn: list[tuple[int, float]] = []

    async def answer(request: Request) -> Response:
        if request.path.endswith("/completions"):
            drawn.append((request.body["seed"], request.body["temperature"]))
            return GOOD
        return models("m")

    async with (
        scripted_server(answer) as base_url,
        engine(base_url, tmp_path, lambda call: None, temperature=0.2) as e,
    ):
        for sample in (0, 1, 2, 0):
            await e.ask(ask(1, sample=sample, temperature=0.9 if sample else None))
    seeds = [seed for seed, _ in drawn]
    assert len(set(seeds[:3])) == 3
    assert seeds[3] == seeds[0]
    assert [temperature for _, temperature in drawn] == [0.2, 0.9, 0.9, 0.2]


async def test_an_error_in_work_ends_the_run_and_is_raised(tmp_path: Path) -> None:
    async with (
        running_simulator(quick()) as sim,
        engine(sim.base_url, tmp_path, lambda call: None) as e,
    ):

        async def work(number: int) -> None:
            await e.ask(ask(number))
            if number == 20:
                raise KeyError("a bug in a stage")

        with pytest.raises(KeyError, match="a bug in a stage"):
            await asyncio.wait_for(e.for_each(stream(range(10_000)), work), 30)
        await until(lambda: sim.stats.requests_open == 0)


async def test_when_one_call_of_a_document_ends_the_run_the_others_stop_paying(
    tmp_path: Path,
) -> None:
    """`asyncio.gather` alone would leave the others of a gather running, and asking."""
    calls: list[LLMCall] = []
    slow = quick(
        decode_tokens_per_s=50.0, faults=FaultPlan(fault_for_marker={"straw": Fault.UNAUTHORIZED})
    )
    async with running_simulator(slow) as sim:
        async with engine(sim.base_url, tmp_path, calls.append) as e:

            async def chained(number: int) -> None:
                for step in range(100):
                    await e.ask(ask(1000 * number + step))

            async def work(number: int) -> None:
                straw = e.ask(ask(number, "straw" if number == 3 else ""))
                await asyncio.gather(*(chained(10 * number + part) for part in range(3)), straw)

            with pytest.raises(EndpointError):
                await asyncio.wait_for(e.for_each(stream(range(5)), work), 30)
            received = sim.stats.requests_received
            await until(lambda: sim.stats.requests_open == 0)
            await asyncio.sleep(0.3)
        assert sim.stats.requests_received == received, "somebody went on asking"


async def test_replies_that_came_before_the_end_are_in_the_ledger(tmp_path: Path) -> None:
    calls: list[LLMCall] = []
    plan = FaultPlan(fault_for_marker={"bad": Fault.MALFORMED})
    async with running_simulator(quick(faults=plan)) as sim:
        async with engine(sim.base_url, tmp_path, calls.append) as e:

            async def work(number: int) -> None:
                await e.ask(ask(number, "bad"))

            run = asyncio.create_task(e.for_each(stream(range(30)), work))
            await until(lambda: sim.stats.requests_completed >= 8)
            run.cancel()
            with pytest.raises((asyncio.CancelledError, RowError)):
                await run
        # What was in flight at that moment may be missing, and nothing else.
        missing = delivered(sim.stats).completion - tokens_of(calls).completion
        assert 0 <= missing <= 40 * 80
    assert calls
    assert {call.error for call in calls} <= {"cancelled", calls[0].error}


async def test_a_cancellation_is_not_lost_at_whichever_moment_it_comes(tmp_path: Path) -> None:
    """`asyncio.wait_for` of Python 3.11 loses those that come just as what it waits for does."""

    async def work(number: int) -> None:
        await asyncio.sleep(0)

    async with (
        running_simulator(quick()) as sim,
        engine(sim.base_url, tmp_path, lambda call: None) as e,
    ):
        for moment in range(100):
            run = asyncio.create_task(e.for_each(stream(range(1_000_000)), work))
            for _ in range(moment):
                await asyncio.sleep(0)
            run.cancel()
            await asyncio.wait([run], timeout=5)
            assert run.cancelled()


# --- waits have an end --------------------------------------------------------------------------


@pytest.mark.timing
async def test_an_answer_that_trickles_in_is_cut_off_at_the_timeout(tmp_path: Path) -> None:
    """Each byte would restart the client's own timeout."""

    async def answer(request: Request) -> Response:
        if request.path.endswith("/completions"):
            return Response(json.dumps(GOOD.body).encode(), byte_every_s=0.1)
        return models("m")

    calls: list[LLMCall] = []
    began = time.monotonic()
    async with (
        scripted_server(answer) as base_url,
        engine(base_url, tmp_path, calls.append, timeout_s=0.5) as e,
    ):
        with pytest.raises(RowError, match=r"endpoint_fault.*timeout"):
            await asyncio.wait_for(e.ask(ask(1)), 30)
    assert time.monotonic() - began < 15
    assert [call.attempts for call in calls] == [3]


async def test_a_slow_server_without_a_list_of_models_is_not_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SILENCE_S", 0.2)
    monkeypatch.setattr(server, "_PROBE_EVERY_S", 0.1)

    async def answer(request: Request) -> Response:
        if request.path.endswith("/completions"):
            await asyncio.sleep(1.5)
            return GOOD
        return error(404)

    async with (
        scripted_server(answer) as base_url,
        engine(base_url, tmp_path, lambda call: None, model="m") as e,
    ):

        async def work(number: int) -> None:
            await e.ask(ask(number))

        await asyncio.wait_for(e.for_each(stream(range(3)), work), 20)


async def test_nobody_sends_before_the_time_that_the_server_named(tmp_path: Path) -> None:
    """Calls that wait for a slot also wait when another must come later."""
    arrivals: list[float] = []

    async def answer(request: Request) -> Response:
        if not request.path.endswith("/completions"):
            return models("m")
        arrivals.append(time.monotonic())
        await asyncio.sleep(0.05)
        if len(arrivals) <= 2:
            return error(429, "later", **{"retry-after": "1"})
        return GOOD

    async with (
        scripted_server(answer) as base_url,
        engine(base_url, tmp_path, lambda call: None, max_in_flight=2) as e,
    ):

        async def work(number: int) -> None:
            await e.ask(ask(number))

        await asyncio.wait_for(e.for_each(stream(range(8)), work), 30)
    assert len(arrivals) == 10
    assert min(arrivals[2:]) - arrivals[0] > 0.9


async def test_a_bug_in_watching_the_endpoint_ends_the_run_instead_of_hanging_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object) -> str | None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(server.Server, "_verdict", broken)
    plan = FaultPlan(probabilities={Fault.HANG: 1.0})
    async with (
        running_simulator(quick(faults=plan)) as sim,
        engine(sim.base_url, tmp_path, lambda call: None, timeout_s=300) as e,
    ):

        async def work(number: int) -> None:
            await e.ask(ask(number))

        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(e.for_each(stream(range(3)), work), 20)


async def test_an_address_that_lists_no_models_is_explained(tmp_path: Path) -> None:
    async def answer(request: Request) -> Response:
        return error(404, "Not Found")

    async with scripted_server(answer) as base_url:
        with pytest.raises(EndpointError, match=r"WSRL_LLM_MODEL.*WSRL_LLM_BASE_URL ends.*/v1"):
            async with engine(base_url.removesuffix("/v1"), tmp_path, lambda call: None):
                pass


async def test_a_server_of_several_models_must_be_told_which(tmp_path: Path) -> None:
    async def answer(request: Request) -> Response:
        return models("one", "two") if request.path.endswith("/models") else GOOD

    async with scripted_server(answer) as base_url:
        with pytest.raises(EndpointError, match=r"2 models: \['one', 'two'\]"):
            async with engine(base_url, tmp_path, lambda call: None):
                pass
        async with engine(base_url, tmp_path, lambda call: None, model="two") as e:
            assert (await e.ask(ask(1))).value == "x"


class FullUntil:
    """A backlog that is full until the test frees it."""

    def __init__(self) -> None:
        self.room = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return not self.room.is_set()

    async def drained(self) -> None:
        await self.room.wait()


async def test_no_call_is_sent_while_too_much_is_uncommitted(tmp_path: Path) -> None:
    backlog = FullUntil()
    async with running_simulator(quick()) as sim:
        roles = {Role.TRIAGE: RoleSettings(sim.base_url)}
        held = Engine(
            roles,
            record=lambda call: None,
            run_id="run",
            limiter_folder=tmp_path,
            backlog=backlog,
        )
        async with held as e:
            asked = asyncio.create_task(e.ask(ask(1)))
            await asyncio.sleep(0.2)
            assert sim.stats.requests_received == 0
            backlog.room.set()
            await asyncio.wait_for(asked, 10)
        assert sim.stats.requests_received == 1


def a_word(*top: tuple[str, float], text: str = "Yes") -> Response:
    """A reply of one token with the likeliest ones."""
    said = completion(text, "length")
    listed = [{"token": token, "logprob": logprob} for token, logprob in top]
    said.body["choices"][0]["logprobs"] = {"content": [{"token": text, "top_logprobs": listed}]}
    return said


async def asked_for_a_word(
    folder: Path, answer: Response, calls: list[LLMCall], bodies: list[Any]
) -> YesOrNo:
    async def answering(request: Request) -> Response:
        if not request.path.endswith("/completions"):
            return models("m")
        bodies.append(request.body)
        return answer

    wanted = dataclasses.replace(cast(Any, ask(1)), reply_type=YesOrNo, max_tokens=1)
    async with scripted_server(answering) as base_url, engine(base_url, folder, calls.append) as e:
        return cast(YesOrNo, await e.ask(wanted))


@pytest.mark.parametrize(
    ("top", "yes"),
    [
        ((("Yes", math.log(0.6)), ("No", math.log(0.2)), ("The", math.log(0.2))), 0.75),
        (((" yes", math.log(0.1)), ("YES.", math.log(0.2)), ("no", math.log(0.1))), 0.75),
        ((("no", 0.0),), 0.0),
        ((("Yes", 0.3), ("No", float("-inf"))), 1.0),
    ],
)
async def test_a_word_is_the_probability_of_yes_beside_no(
    tmp_path: Path, top: tuple[tuple[str, float], ...], yes: float
) -> None:
    calls: list[LLMCall] = []
    bodies: list[Any] = []
    reply = await asked_for_a_word(tmp_path, a_word(*top), calls, bodies)
    assert reply.yes == pytest.approx(yes)
    assert calls[0].reply == reply.model_dump_json(), "the ledger has the probability"
    assert "response_format" not in bodies[0]
    assert (bodies[0]["logprobs"], bodies[0]["max_tokens"]) == (True, 1)


@pytest.mark.parametrize(
    "top", [(("<think>", -0.01), ("Yes", -9.0)), (("Yes", float("nan")),), (("maybe", 0.0),)]
)
async def test_a_reply_that_is_neither_is_not_asked_for_again(
    tmp_path: Path, top: tuple[tuple[str, float], ...]
) -> None:
    calls: list[LLMCall] = []
    with pytest.raises(RowError, match=r"neither_yes_nor_no.*begins with"):
        await asked_for_a_word(tmp_path, a_word(*top), calls, [])
    assert [call.attempts for call in calls] == [1], "another seed gives the same probabilities"


@pytest.mark.parametrize("answer", [completion("Yes"), a_word(), completion("", "content_filter")])
async def test_a_reply_without_probabilities_fails_its_row_alone(
    tmp_path: Path, answer: Response
) -> None:
    calls: list[LLMCall] = []
    with pytest.raises(RowError, match="no_probabilities"):
        await asked_for_a_word(tmp_path, answer, calls, [])
    assert [call.attempts for call in calls] == [1], "what it cost is in the ledger"
