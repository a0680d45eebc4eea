"""What runs say of how far they are, and what begins when because of it.

A run takes seconds before its first call. If domains began once all documents are triaged, the
endpoint would wait for them; so some begin with the documents that triage has found so far.

Domains that ask at the same time cost more than one after another: each commits every few seconds,
and their event loops take turns at one interpreter. So those that are ready to ask wait while
others have documents enough to fill the endpoint.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext

from wsrl_assets.pipeline.progress import Progress
from wsrl_assets.taxonomy.stages import Stage

# So many documents that are left to triage fill an endpoint for about as long as a domain takes to
# be begun.
LAST_DOCUMENTS = 256
_APART_S = 0.5
# To look reads every shard: of a slow endpoint's time, or a large home's, that may be a tenth.
_APART_LOOKS = 10
_FIRST_TO_ASK = (Stage.TRIAGED_DOCUMENTS, Stage.PERSONAS)
_TURN_EVERY_S = 0.1


class RunProgress:
    """Progress that knows how far runs are.

    Attributes:
        asking: runs that have come to their calls.
        is_stopping: tells stages without an event loop to stop at their next commit.
    """

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._mutex = threading.Lock()
        self._left: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        self._in_turn = 0
        self._is_beginning = False
        self.is_stopping = False
        self.asking = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Held by a run while it makes the questions of a domain.

        Waits while such runs have more documents left to begin than `LAST_DOCUMENTS`, and while
        one of them has yet to say how many it has.

        Raises:
            KeyboardInterrupt: the run is to stop.
        """
        while not self._took_turn():
            if self.is_stopping:
                raise KeyboardInterrupt
            time.sleep(_TURN_EVERY_S)
        try:
            yield
        finally:
            with self._mutex:
                self._in_turn -= 1
                self._is_beginning = False
                if not self._in_turn:
                    self._left[Stage.PERSONAS] = 0  # of a run that failed

    def _took_turn(self) -> bool:
        with self._mutex:
            is_full = self._is_beginning or self._left[Stage.PERSONAS] > LAST_DOCUMENTS
            if self._in_turn and is_full:
                return False
            self._in_turn += 1
            self._is_beginning = True
            return True

    def expect(self, stage: str, rows: int) -> None:
        with self._mutex:
            self._left[stage] += rows
            self.asking += stage in _FIRST_TO_ASK
            self._is_beginning = self._is_beginning and stage != Stage.PERSONAS
        self._inner.expect(stage, rows)

    def advance(self, stage: str, rows: int = 1) -> None:
        with self._mutex:
            self._left[stage] -= rows
            self._finished[stage] += rows
        self._inner.advance(stage, rows)

    def is_ending(self, stage: str) -> bool:
        """Whether some of a stage's rows are done, and the rest will be soon."""
        with self._mutex:
            return self._finished[stage] > 0 and self._left[stage] <= LAST_DOCUMENTS


def turn_of(progress: Progress) -> AbstractContextManager[None]:
    """`RunProgress.turn`; a run that is alone in its process has it at once."""
    return progress.turn() if isinstance(progress, RunProgress) else nullcontext()


class Lookahead:
    """Begins domains while triage comes to its end, with the documents that it has found so far.

    Each domain once, and all but one: while the second runs of these are begun, that one has calls
    to make.

    Args:
        progress: of the runs that triage.
        waiting: lists the domains that have documents to take in, in order.
        begin: begins one of them.
        most: domains under way at a time.
    """

    def __init__(
        self,
        progress: RunProgress,
        waiting: Callable[[], Sequence[str]],
        begin: Callable[[str], Future[None]],
        most: int,
    ) -> None:
        self._progress = progress
        self._waiting = waiting
        self._begin = begin
        self._most = most
        self._is_due: Callable[[], bool] = lambda: True
        self.begun: dict[str, Future[None]] = {}

    def look(self) -> None:
        """Begins the next domain if it is time to. Call it again and again."""
        under_way = sum(not future.done() for future in self.begun.values())
        is_ending = self._progress.is_ending(Stage.TRIAGED_DOCUMENTS)
        if not is_ending or under_way >= self._most or not self._is_due():
            return
        began_s = time.monotonic()
        found = [domain for domain in self._waiting()[:-1] if domain not in self.begun]
        took_s = time.monotonic() - began_s
        for domain in found[:1]:
            self.begun[domain] = self._begin(domain)
        self._is_due = later(max(_APART_S, _APART_LOOKS * took_s))


def later(seconds: float) -> Callable[[], bool]:
    """What tells whether a time has passed."""
    due_at = time.monotonic() + seconds
    return lambda: time.monotonic() >= due_at
