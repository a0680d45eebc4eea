"""`wsrl score --judge`: the reward, with a judge where rules say no."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator

from wsrl_assets.cli.score_rows import Keep, Row, Scored, ScoringItem
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.equivalence import EndpointJudge
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.explanations import EndpointFactJudge
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import Asked, Rubric, score_rubric_async, score_with_judge_async
from wsrl_assets.settings import load_roles, load_settings

_JUDGED_AT_ONCE = 256


async def score_judged(rows: Iterator[Row], keep: Keep) -> None:
    """Scores rows by rule, with the judge where rules say no, and rubrics by the judge: many at
    once, kept in order.

    Raises:
        EndpointError: the judge cannot be used.
    """
    settings = load_settings()
    engine = Engine(
        {Role.JUDGE: load_roles()[Role.JUDGE]},
        # A file is no partition of the store, so its calls have no ledger to go to.
        record=lambda call: None,
        run_id="score",
        limiter_folder=settings.home.resolve() / "locks" / "endpoints",
        max_in_flight=settings.max_in_flight,
    )
    async with engine:
        asks = _Judge(EndpointJudge(engine), EndpointFactJudge(engine))
        while batch := list(itertools.islice(rows, _JUDGED_AT_ONCE)):
            scores = await asyncio.gather(*(asks.score(item) for _, item in batch))
            if asks.dead is not None:
                raise asks.dead
            for (row, rollout), scored in zip(batch, scores, strict=True):
                keep(row, rollout, scored)


class _Judge:
    """Remembers that the endpoint died: the reward counts a fault of its judge and goes on."""

    def __init__(self, same: EndpointJudge, says: EndpointFactJudge) -> None:
        self._same = same
        self._says = says
        self.dead: EndpointError | None = None

    async def score(self, item: ScoringItem) -> Scored:
        """The score of a row."""
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
            self.dead = error
            raise
