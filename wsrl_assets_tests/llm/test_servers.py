"""Several servers for one role: an item stays on one, load is even, and one may come and go."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from simulator import Fault, FaultPlan, Simulator, running_simulator
from wsrl_assets.llm import endpoint, retries, server
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets_tests.factories import ask, delivered, engine, quick, stream, tokens_of, until
from wsrl_assets_tests.scripted import (
    Request,
    Response,
    completion,
    error,
    models,
    scripted_server,
)

GOOD = completion('{"value": "x", "number": 1}')
NOBODY = "http://127.0.0.1:1/v1"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fraction of the usual patience, and retries after a fraction of the usual wait."""
    monkeypatch.setattr(retries, "BACKOFF_S", 0.05)
    monkeypatch.setattr(endpoint, "PATIENCE_S", 0.5)
    monkeypatch.setattr(endpoint, "_PATIENCE_WITH_OTHERS_S", 0.2)
    monkeypatch.setattr(endpoint, "_FIRST_RETRY_S", 0.2)


def both(*servers: Simulator | str) -> str:
    return ",".join(one if isinstance(one, str) else one.base_url for one in servers)


def asking(e: Engine, calls: int = 1) -> Callable[[int], Awaitable[None]]:
    """Work that asks so many questions of one document."""

    async def work(number: int) -> None:
        for question in range(calls):
            await e.ask(ask(number, f"{'text ' * 200}, question {question}"))

    return work


@asynccontextmanager
async def listening(count: int) -> AsyncIterator[tuple[str, list[list[Request]]]]:
    """Servers that answer at once, and what each was asked."""
    heard: list[list[Request]] = [[] for _ in range(count)]

    def script(to: list[Request]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not request.path.endswith("/completions"):
                return models("m")
            to.append(request)
            return GOOD

        return answer

    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(scripted_server(script(to))) for to in heard]
        yield ",".join(urls), heard


async def test_all_calls_on_an_item_go_to_one_server_and_items_are_spread_evenly(
    tmp_path: Path,
) -> None:
    async with (
        listening(3) as (urls, heard),
        engine(urls, tmp_path, lambda call: None, max_in_flight=12) as e,
    ):
        await e.for_each(stream(range(90)), asking(e, 3), key=lambda n: f"document-{n}")
    served: dict[str, Counter[int]] = defaultdict(Counter)
    for place, requests in enumerate(heard):
        for request in requests:
            served[request.headers["x-session-id"]][place] += 1
    assert [sorted(counts.values()) for counts in served.values()] == [[3]] * 90
    assert all(20 <= len(requests) / 3 <= 40 for requests in heard)


async def test_another_process_sends_a_document_to_the_same_server(tmp_path: Path) -> None:
    """As far as load allows: alone, it does."""
    async with listening(4) as (urls, heard):
        for run in ("first", "second"):
            async with engine(urls, tmp_path / run, lambda call: None) as e:
                for number in range(12):
                    await e.for_each(stream([number]), asking(e), key=str)
    places = [sorted(request.headers["x-session-id"] for request in one) for one in heard]
    assert all(Counter(place)[document] == 2 for place in places for document in place)
    assert sum(bool(place) for place in places) >= 2


async def test_calls_outside_a_run_are_spread_too(tmp_path: Path) -> None:
    async with (
        listening(2) as (urls, heard),
        engine(urls, tmp_path, lambda call: None, max_in_flight=8) as e,
    ):
        await asyncio.gather(*(e.ask(ask(number)) for number in range(40)))
    assert min(len(requests) for requests in heard) >= 10


async def test_a_ceiling_holds_over_all_servers(tmp_path: Path) -> None:
    async with running_simulator(quick()) as one, running_simulator(quick()) as two:
        async with engine(both(one, two), tmp_path, lambda call: None, max_in_flight=6) as e:
            await e.for_each(stream(range(60)), asking(e))
        peaks = (one.stats.peak_running, two.stats.peak_running)
    assert max(peaks) <= 3
    assert sum(peaks) > 3, "one server had all calls, or they came one by one"


async def test_a_server_that_dies_costs_no_row_and_is_taken_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[LLMCall] = []
    slow = {"decode_tokens_per_s": 300.0, "slots": 8}
    async with running_simulator(quick(**slow)) as one, running_simulator(quick(**slow)) as two:
        async with engine(both(one, two), tmp_path, calls.append) as e:
            run = asyncio.create_task(e.for_each(stream(range(300)), asking(e)))
            await until(lambda: len(calls) > 30, 20)
            one.stop()
            await until(lambda: "left out" in caplog.text, 20)
            received = one.stats.requests_received
            await until(lambda: len(calls) > 120, 20)
            assert one.stats.requests_received == received
            await one.start()
            await until(lambda: one.stats.requests_received > received, 20)
            await asyncio.wait_for(run, 60)
        assert [call.error for call in calls] == [None] * 300
        assert len({call.row_id for call in calls}) == 300
        both_delivered = delivered(one.stats), delivered(two.stats)
    paid = tokens_of(calls)
    # What the dead server had answered, and could not deliver any more, was asked for again.
    assert paid.prompt <= sum(found.prompt for found in both_delivered)
    assert one.base_url in caplog.text
    assert "answers again" in caplog.text


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.HANG])
async def test_a_server_that_fails_every_call_costs_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(server, "_SILENCE_S", 0.3)
    broken = quick(faults=FaultPlan(probabilities={fault: 1.0}))
    calls: list[LLMCall] = []
    async with (
        running_simulator(broken) as one,
        running_simulator(quick()) as two,
        engine(both(one, two), tmp_path, calls.append, timeout_s=1.0) as e,
    ):
        await asyncio.wait_for(e.for_each(stream(range(60)), asking(e)), 60)
    assert [call.error for call in calls] == [None] * 60


async def test_the_run_ends_with_one_sentence_when_no_server_works(tmp_path: Path) -> None:
    slow = {"decode_tokens_per_s": 100.0, "slots": 4}
    calls: list[LLMCall] = []
    async with (
        running_simulator(quick(**slow)) as one,
        running_simulator(quick(**slow)) as two,
        engine(both(one, two), tmp_path, calls.append) as e,
    ):
        run = asyncio.create_task(e.for_each(stream(range(300)), asking(e)))
        await until(lambda: len(calls) > 4, 20)
        one.stop()
        two.stop()
        with pytest.raises(EndpointError, match=r"none of the 2 servers works.*does not work"):
            await asyncio.wait_for(run, 30)
    assert {call.error for call in calls if call.completion_tokens} == {None}


async def test_a_server_that_is_not_there_is_named_and_the_others_do_the_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, however many runs of a process meet it."""
    calls: list[LLMCall] = []
    async with running_simulator(quick()) as sim:
        for _ in range(2):
            async with engine(both(NOBODY, sim), tmp_path, calls.append) as e:
                await e.for_each(stream(range(20)), asking(e))
                await until(lambda: NOBODY in caplog.text, 10)
    assert [call.error for call in calls] == [None] * 40
    (warning,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert warning.startswith(f"{NOBODY} is left out until it answers")
    assert "set WSRL_LLM_BASE_URL" not in warning, "nothing has to be done: the others work"


async def test_no_server_that_is_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="none of the 2 servers works"):
        async with engine(both(NOBODY, "http://127.0.0.1:2/v1"), tmp_path, lambda call: None):
            pass


async def test_servers_of_different_models_are_named_at_the_start(tmp_path: Path) -> None:
    async with (
        running_simulator(quick(model="this")) as one,
        running_simulator(quick(model="that")) as two,
    ):
        urls = both(one, two)
        with pytest.raises(EndpointError, match=r"\['that', 'this'\].*WSRL_LLM_MODEL"):
            async with engine(urls, tmp_path, lambda call: None):
                pass
        with pytest.raises(EndpointError, match="does not serve model 'this'"):
            async with engine(urls, tmp_path, lambda call: None, model="this"):
                pass


async def test_a_server_that_comes_back_with_another_model_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = "m"

    async def answer(request: Request) -> Response:
        if served == "down":
            return error(503)
        return GOOD if request.path.endswith("/completions") else models(served)

    async def other(request: Request) -> Response:
        await asyncio.sleep(0.02)
        return GOOD if request.path.endswith("/completions") else models("m")

    async with (
        scripted_server(answer) as one,
        scripted_server(other) as two,
        engine(both(one, two), tmp_path, lambda call: None, max_in_flight=2) as e,
    ):
        run = asyncio.create_task(e.for_each(stream(range(200)), asking(e)))
        served = "down"
        await until(lambda: "left out" in caplog.text, 20)
        served = "another"
        await asyncio.wait_for(run, 60)
    assert "answers again" not in caplog.text


async def test_the_smallest_window_of_the_servers_counts(tmp_path: Path) -> None:
    async with (
        running_simulator(quick(max_model_len=4096)) as one,
        running_simulator(quick(max_model_len=2048)) as two,
        engine(both(one, two), tmp_path, lambda call: None) as e,
    ):
        assert e.max_model_len(ask(1).role) == 2048


async def test_the_load_behind_a_router_is_read_where_settings_say_and_without_the_key(
    tmp_path: Path,
) -> None:
    keys: list[str | None] = []

    async def metrics(request: Request) -> Response:
        keys.append(request.headers.get("authorization"))
        return Response(b"vllm:num_requests_running 64\nvllm:num_requests_waiting 40\n")

    async def router(request: Request) -> Response:
        assert request.path != "/metrics", "a router shows the queue of one of its servers"
        return GOOD if request.path.endswith("/completions") else models("m")

    async with scripted_server(metrics) as one, scripted_server(metrics) as two:
        urls = tuple(f"{url.removesuffix('/v1')}/metrics" for url in (one, two))
        async with (
            scripted_server(router) as base_url,
            engine(base_url, tmp_path, lambda c: None, api_key="k" * 20, metrics_urls=urls) as e,
        ):
            await e.ask(ask(1))
    assert keys[:2] == [None, None]


async def test_no_document_is_begun_for_the_idle_slots_of_one_server_while_another_is_full(
    tmp_path: Path,
) -> None:
    """It would take room in caches from those that are open, and wait for the full one too."""
    let_go = asyncio.Event()

    async def quick_one(request: Request) -> Response:
        return GOOD if request.path.endswith("/completions") else models("m")

    async def stuck(request: Request) -> Response:
        if not request.path.endswith("/completions"):
            return models("m")
        if "more" in str(request.body["messages"]):
            await let_go.wait()
        return completion('{"value": "stuck", "number": 1}')

    ceiling, calls_at_once = 8, 2.0
    begun = ended = most = 0

    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(scripted_server(s)) for s in (quick_one, stuck)]
        e = await stack.enter_async_context(
            engine(",".join(urls), tmp_path, lambda call: None, max_in_flight=ceiling)
        )

        async def work(number: int) -> None:
            nonlocal begun, ended, most
            begun += 1
            most = max(most, begun - ended)
            first = await e.ask(ask(number, "first"))
            if first.value == "stuck":
                await asyncio.gather(*(e.ask(ask(number, f"more {n}")) for n in range(5)))
            else:
                await asyncio.sleep(0.3)
            ended += 1

        run = asyncio.create_task(
            e.for_each(stream(range(40)), work, calls_at_once=calls_at_once, key=str)
        )
        await until(lambda: ended >= 8, 20)
        let_go.set()
        await run
    assert ended == 40
    assert most <= 2 + ceiling * 1.1 / calls_at_once
