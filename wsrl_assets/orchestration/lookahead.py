"""What runs say of how far they are, and which domains are begun while triage comes to its end.

A run takes seconds before its first call. If domains began once all documents are triaged, the
endpoint would wait for them; so some begin with the documents that triage has found so far.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from wsrl_assets.pipeline.progress import Progress
from wsrl_assets.taxonomy.stages import Stage

# So many documents that are left to triage fill an endpoint for about as long as a domain takes to
# be begun.
LAST_DOCUMENTS = 256
_APART_S = 0.5
# To look reads every shard: of a slow endpoint's time, or a large home's, that may be a tenth.
_APART_LOOKS = 10
_FIRST_TO_ASK = (Stage.TRIAGED_DOCUMENTS, Stage.PERSONAS)


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
        self.is_stopping = False
        self.asking = 0

    def expect(self, stage: str, rows: int) -> None:
        with self._mutex:
            self._left[stage] += rows
            self.asking += stage in _FIRST_TO_ASK
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
