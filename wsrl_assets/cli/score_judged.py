"""`wsrl score --judge`, over a file or as a server: the reward, with a judge where rules say no."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence

from wsrl_assets.cli.score_rows import Keep, Row, Scored, ScoringItem
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.equivalence import EndpointJudge
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.explanations import EndpointFactJudge
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import Asked, Rubric, score_rubric_async, score_with_judge_async
from wsrl_assets.settings import load_roles, load_settings
from wsrl_assets.storage import Store

_JUDGED_AT_ONCE = 256


async def score_judged(rows: Iterator[Row], keep: Keep) -> None:
    """Scores rows by rule, with the judge where rules say no, and rubrics by the judge: many at
    once, kept in order.

    Raises:
        EndpointError: the judge cannot be used.
    """
    async with judging() as judge:
        while batch := list(itertools.islice(rows, _JUDGED_AT_ONCE)):
            scores = await judge.score_all([item for _, item in batch])
            for (row, rollout), scored in zip(batch, scores, strict=True):
                keep(row, rollout, scored)


def require_judge() -> None:
    """Raises EndpointError if no setting names a judge."""
    load_settings()
    load_roles()[Role.JUDGE]


@contextlib.asynccontextmanager
async def judging() -> AsyncIterator["Judging"]:
    """The judge that the settings name.

    Raises:
        EndpointError: it is not set, or cannot be used.
    """
    settings = load_settings()
    engine = Engine(
        {Role.JUDGE: load_roles()[Role.JUDGE]},
        # A file is no partition of the store, so its calls have no ledger to go to.
        record=lambda call: None,
        run_id="score",
        limiter_folder=settings.home.resolve() / "locks" / "endpoints",
        max_in_flight=settings.max_in_flight,
        home=Store(settings.home.resolve()).shared,
    )
    async with engine:
        yield Judging(EndpointJudge(engine), EndpointFactJudge(engine))


class Judging:
    """Remembers that the endpoint died: the reward counts a fault of its judge and goes on."""

    def __init__(self, same: EndpointJudge, says: EndpointFactJudge) -> None:
        self._same = same
        self._says = says
        self._dead: EndpointError | None = None

    async def score_all(self, items: Sequence[ScoringItem]) -> list[Scored]:
        """The scores of some rows, in their order.

        Raises:
            EndpointError: the judge cannot be used.
        """
        scores = await asyncio.gather(*(self._score(item) for item in items))
        if self._dead is not None:
            raise self._dead
        return scores

    async def _score(self, item: ScoringItem) -> Scored:
        if isinstance(item.gold, Rubric):
            return await score_rubric_async(item.response, item.gold, self._hears)
        return await score_with_judge_async(item.response, item.gold, item.question, self._compares)

    async def _hears(self, asked: Asked) -> bool:
        with self._remembered():
            return await self._says(asked)

    async def _compares(self, question: str, first: str, second: str, /) -> bool:
        with self._remembered():
            return await self._same(question, first, second)

    @contextlib.contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except EndpointError as error:
            self._dead = error
            raise
