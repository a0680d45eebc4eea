"""Questions with typed gold answers; each task can prove that its gold passes its own reward."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import verifiers.v1 as vf

from wsrl_assets.reward import (
    Gold,
    Rubric,
    is_rubric,
    score_rollout,
    score_rubric,
    self_test,
    self_test_rubric,
)

from .judge import judge_from_environment


class PairData(vf.TaskData):
    """One pair; `id` is its pair id, `prompt` the question with the instruction how to answer."""

    gold: str
    """The typed gold answer, or the rubric of an explanation, as JSON."""
    answer: str
    """The gold answer as written."""
    domain: str


class PairTask(vf.Task[PairData]):
    """Scored on the last reply alone."""

    @property
    def key(self) -> str:
        return str(self.data.id or self.hash)

    @vf.reward(weight=1.0)
    async def gold_reward(self, trace: vf.Trace) -> float:
        """1.0 when the final answer of the reply is the gold answer, else 0.0; of an explanation,
        from 0.0 to 1.0 what a judge finds of its rubric.

        verifiers takes numbers: without a verdict it is 0.0, which is counted and logged.
        """
        # On a thread: an expression or a judge may take a while.
        gold, is_cut = self.data.gold, trace.is_truncated
        if is_rubric(gold):
            asked = (trace.last_reply, gold, judge_from_environment(), is_cut)
            return float((await asyncio.to_thread(score_rubric, *asked)).value)
        rollout = (trace.last_reply, gold, is_cut)
        return float((await asyncio.to_thread(score_rollout, *rollout)).value)

    async def validate(self, runtime: vf.Runtime) -> bool:
        """The gold scores 1 by this reward, and five wrong answers made from it score 0; a rubric
        does not refuse its own reference answer, and refuses what says nothing.
        """
        if is_rubric(self.data.gold):
            return self_test_rubric(Rubric.from_json(self.data.gold)).ok
        return (await asyncio.to_thread(self_test, Gold.from_json(self.data.gold))).ok


class WsrlPairsConfig(vf.TasksetConfig):
    split: Literal["train", "validation", "test"] = "train"
    """Which split to load."""


class WsrlPairsTaskset(vf.Taskset[PairTask, WsrlPairsConfig]):
    def load(self) -> Iterator[PairTask]:
        path = Path(__file__).with_name(f"{self.config.split}.jsonl")
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield PairTask(PairData(**json.loads(line)), self.config.task)
