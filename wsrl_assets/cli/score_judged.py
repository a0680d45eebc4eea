"""`wsrl score --judge`: the reward, with a judge where rules say no."""

import asyncio
import itertools
from collections.abc import Iterator

from wsrl_assets.cli.score_rows import Keep, Row
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.equivalence import EndpointJudge
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Role
from wsrl_assets.reward import score_with_judge_async
from wsrl_assets.settings import load_roles, load_settings

_JUDGED_AT_ONCE = 256


async def score_judged(rows: Iterator[Row], keep: Keep) -> None:
    """Scores rows by rule, with the judge where rules say no: many at once, kept in order.

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
        asks = _Judge(EndpointJudge(engine))
        while batch := list(itertools.islice(rows, _JUDGED_AT_ONCE)):
            scores = await asyncio.gather(
                *(score_with_judge_async(r.response, r.gold, r.question, asks) for _, r in batch)
            )
            if asks.dead is not None:
                raise asks.dead
            for (row, rollout), scored in zip(batch, scores, strict=True):
                keep(row, rollout, scored)


class _Judge:
    """Remembers that the endpoint died: the reward counts a fault of its judge and goes on."""

    def __init__(self, judge: EndpointJudge) -> None:
        self._judge = judge
        self.dead: EndpointError | None = None

    async def __call__(self, question: str, first: str, second: str, /) -> bool:
        try:
            return await self._judge(question, first, second)
        except EndpointError as error:
            self.dead = error
            raise
