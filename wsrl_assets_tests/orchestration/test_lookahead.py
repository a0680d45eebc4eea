"""Domains that are begun while triage comes to its end."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import pairwise

import pytest

from wsrl_assets.orchestration import lookahead
from wsrl_assets.orchestration.lookahead import LAST_DOCUMENTS, Lookahead, RunProgress
from wsrl_assets.pipeline.progress import NoProgress
from wsrl_assets.taxonomy.stages import Stage

TRIAGE = Stage.TRIAGED_DOCUMENTS


class Home:
    """Domains that wait for documents, and what was begun of them."""

    def __init__(self, *waiting: str) -> None:
        self.waiting = list(waiting)
        self.runs: list[Future[None]] = []
        self.progress = RunProgress(NoProgress())
        self.ahead = Lookahead(self.progress, lambda: self.waiting, self.begin, most=2)

    def begin(self, domain: str) -> Future[None]:
        self.runs.append(Future())
        return self.runs[-1]

    def triage(self, *, documents: int, done: int) -> None:
        self.progress.expect(TRIAGE, documents)
        self.progress.advance(TRIAGE, done)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookahead, "_APART_S", 0.0)
    monkeypatch.setattr(lookahead, "_APART_LOOKS", 0)


@pytest.mark.parametrize(
    ("documents", "done", "expected"),
    [
        (200, 0, []),
        (200, 1, ["coding"]),
        (1000, 100, []),
        (1000, 1000 - LAST_DOCUMENTS, ["coding"]),
    ],
)
def test_a_domain_is_begun_once_few_documents_are_left_to_triage(
    documents: int, done: int, expected: list[str]
) -> None:
    home = Home("coding", "math")
    home.triage(documents=documents, done=done)
    home.ahead.look()
    assert list(home.ahead.begun) == expected


def test_domains_are_begun_one_by_one_and_so_many_at_a_time() -> None:
    home = Home("coding", "education", "math", "other")
    home.triage(documents=20, done=10)
    begun = []
    for _ in range(3):
        home.ahead.look()
        begun.append(list(home.ahead.begun))
    assert begun == [["coding"], ["coding", "education"], ["coding", "education"]]
    home.runs[0].set_result(None)
    home.ahead.look()
    assert list(home.ahead.begun) == ["coding", "education", "math"]


def test_no_domain_is_begun_twice_and_one_is_left() -> None:
    home = Home("coding", "math")
    home.triage(documents=20, done=10)
    home.ahead.look()
    home.runs[0].set_result(None)
    home.ahead.look()
    assert list(home.ahead.begun) == ["coding"]
    assert len(home.runs) == 1


def test_looks_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookahead, "_APART_S", 60.0)
    home = Home("coding", "education", "math")
    home.triage(documents=20, done=10)
    home.ahead.look()
    home.ahead.look()
    assert list(home.ahead.begun) == ["coding"]


def test_a_run_counts_as_asking_once_it_says_what_it_will_ask() -> None:
    progress = RunProgress(NoProgress())
    progress.expect(Stage.SOURCE_DOCUMENTS, 5)
    assert progress.asking == 0
    progress.expect(TRIAGE, 5)
    for stage in (Stage.PERSONAS, Stage.QA_DRAFTS, Stage.VERIFIED_PAIRS):
        progress.expect(stage, 3)
    assert progress.asking == 2


def test_looks_that_take_long_are_further_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they take at most a tenth of the time, however large the home is."""
    monkeypatch.undo()
    clock, looks = [0.0], list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def slow() -> list[str]:
        looks.append(clock[0])
        clock[0] += 3.0
        return []

    home = Home()
    home.triage(documents=20, done=10)
    ahead = Lookahead(home.progress, slow, home.begin, most=2)
    while clock[0] < 100.0:
        ahead.look()
        clock[0] += 0.2
    apart = [after - before for before, after in pairwise(looks)]
    assert apart
    assert min(apart) >= 30.0


class Asking:
    """Runs that wait for their turn in threads, take it, and say how many documents they have."""

    def __init__(self) -> None:
        self.progress = RunProgress(NoProgress())
        self.asking: list[str] = []
        self.ends: dict[str, threading.Event] = {}
        self.threads: list[threading.Thread] = []
        self.interrupted: list[str] = []

    def begin(self, name: str, documents: int | None) -> None:
        """None of a run that ends before it says how many."""
        self.ends[name] = threading.Event()
        thread = threading.Thread(target=self._ask, args=(name, documents), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _ask(self, name: str, documents: int | None) -> None:
        try:
            with self.progress.turn():
                self.asking.append(name)
                if documents is not None:
                    self.progress.expect(Stage.PERSONAS, documents)
                    self.ends[name].wait(10.0)
        except KeyboardInterrupt:
            self.interrupted.append(name)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    monkeypatch.setattr(lookahead, "_TURN_EVERY_S", 0.005)
    runs = Asking()
    yield runs
    for end in runs.ends.values():
        end.set()
    for thread in runs.threads:
        thread.join(10.0)
        assert not thread.is_alive()


def soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5.0
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_a_domain_asks_once_the_others_have_few_documents_left_to_begin(runs: Asking) -> None:
    runs.begin("large", 2 * LAST_DOCUMENTS)
    assert soon(lambda: runs.asking == ["large"])
    for name in ("next", "last"):
        runs.begin(name, LAST_DOCUMENTS)
    runs.progress.advance(Stage.PERSONAS, LAST_DOCUMENTS - 1)
    time.sleep(0.1)
    assert runs.asking == ["large"]
    runs.progress.advance(Stage.PERSONAS)
    assert soon(lambda: len(runs.asking) == 2)
    time.sleep(0.1)
    assert len(runs.asking) == 2, "one at a time, each after the one before has said what it has"


def test_small_domains_ask_together(runs: Asking) -> None:
    for number in range(5):
        runs.begin(str(number), 3)
    assert soon(lambda: len(runs.asking) == 5)


@pytest.mark.parametrize("documents", [None, 2 * LAST_DOCUMENTS])
def test_a_run_that_fails_is_in_nobodys_way(runs: Asking, documents: int | None) -> None:
    runs.begin("fails", documents)
    assert soon(lambda: runs.asking == ["fails"])
    runs.begin("next", 1)
    runs.ends["fails"].set()
    assert soon(lambda: runs.asking == ["fails", "next"])


def test_a_run_that_waits_for_its_turn_can_be_stopped(runs: Asking) -> None:
    runs.begin("large", 2 * LAST_DOCUMENTS)
    assert soon(lambda: runs.asking == ["large"])
    runs.begin("next", 1)
    runs.progress.is_stopping = True
    assert soon(lambda: runs.interrupted == ["next"])
