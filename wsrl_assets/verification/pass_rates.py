"""Difficulty: how often a policy answers a verified pair closed-book, by the shipped reward.

A pair that every rollout passes, or none, has no advantage to learn from in GRPO; the policy's own
pass rate tells, before training, which those are.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from wsrl_assets.llm.engine import FreeText
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.recipes import Provenance
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Gold, score
from wsrl_assets.reward.instruction import rollout_messages
from wsrl_assets.storage.tables import FailureCount, PassRate, Rollout, Status
from wsrl_assets.taxonomy.stages import Stage

STAGE = Stage.PASS_RATES
STEP = "rollout"
TRUNCATED = "truncated"
_MAX_MISSES = 4
_MAX_ANSWER_CHARS = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """A verified pair, with the rollouts of the same recipe that it has already."""

    pair_id: str
    question: str
    gold: Gold
    made: tuple[Rollout, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """Pass rates strictly between two bounds; whether a pair lies there may be settled early.

    It is settled when no outcome of the rollouts that are left can change it, so a pair falls as it
    would by all of them. Its rate then has fewer rollouts behind it, and is no fair estimate.
    """

    above: float | None = None
    below: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has no bound, so that nothing can be settled."""
        return self.above is None and self.below is None

    def lacking(self, passed: int, made: int, wanted: int) -> int:
        """The fewest further rollouts that can settle it, all `wanted` included; 0 if settled."""
        left = wanted - made
        if self.is_open:
            return left
        for more in range(left):
            ends = range(passed, passed + more + 1)
            if any(self._is_settled(end, left - more, wanted) for end in ends):
                return more
        return left

    def _is_settled(self, passed: int, left: int, wanted: int) -> bool:
        least, most = passed / wanted, (passed + left) / wanted
        is_over = self.above is None or least > self.above
        is_under = self.below is None or most < self.below
        # Pairs that nothing passed are a pool of their own, which only the last rollout settles.
        stays_low = self.above is not None and most <= self.above and passed > 0
        stays_high = self.below is not None and least >= self.below
        return (is_over and is_under) or stays_low or stays_high


@dataclass(frozen=True, slots=True)
class Rater:
    """Rolls a policy out on pairs.

    Attributes:
        model: the policy. Its recipe is that of single rollouts, which is the same for any number
            of them: asking for more later costs the difference.
        provenance: of the pass rates; its recipe has the number of rollouts.
        keep: takes each rollout as it comes back.
        rollouts: per pair.
        max_tokens: longest rollout.
        band: where a pair is left once it is settled whether its rate lies there.
    """

    model: StageModel
    provenance: Provenance
    keep: Callable[[Rollout], Awaitable[None]]
    rollouts: int
    max_tokens: int
    band: Band = Band()

    async def rate(self, pair: Pair) -> PassRate:
        """The pair's pass rate. Rollouts that it has are scored again, not asked for again.

        If a rollout has no reply for a fault, the row fails with it; the others are kept.
        """
        stored = {
            rollout.sample: rollout for rollout in pair.made if rollout.sample < self.rollouts
        }
        waiting = [sample for sample in range(self.rollouts) if sample not in stored]
        again = (self._rescored(rollout, pair.gold) for rollout in stored.values())
        scored, fault = list(await asyncio.gather(*again)), None
        while fault is None and (lacking := self._lacking(scored)):
            asked, waiting = waiting[:lacking], waiting[lacking:]
            outcomes = await asyncio.gather(*(self._rolled_out(pair, one) for one in asked))
            scored += [outcome for outcome in outcomes if isinstance(outcome, Rollout)]
            fault = next((o for o in outcomes if isinstance(o, RowError)), None)
        recipe = self.model.provenance.recipe.hash
        return pass_rate(pair.pair_id, scored, self.provenance, recipe, fault)

    def _lacking(self, scored: Sequence[Rollout]) -> int:
        passed = sum(rollout.score for rollout in scored)
        return self.band.lacking(passed, len(scored), self.rollouts)

    async def _rolled_out(self, pair: Pair, sample: int) -> Rollout | RowError:
        try:
            reply = await self.model.ask(
                STEP,
                pair.pair_id,
                rollout_messages(pair.question),
                FreeText,
                max_tokens=self.max_tokens,
                sample=sample,
            )
        except RowError as fault:
            return fault
        rollout = Rollout(
            pair_id=pair.pair_id,
            sample=sample,
            response=reply.text,
            truncated=reply.truncated,
            completion_tokens=reply.completion_tokens,
            score=0,
            reason=TRUNCATED,
            **self.model.columns(),
        )
        rollout = await asyncio.to_thread(scored_by_reward, rollout, pair.gold)
        await self.keep(rollout)
        return rollout

    async def _rescored(self, rollout: Rollout, gold: Gold) -> Rollout:
        """By today's reward, which may have learned since."""
        again = await asyncio.to_thread(scored_by_reward, rollout, gold)
        if again != rollout:
            await self.keep(again)
        return again


def scored_by_reward(rollout: Rollout, gold: Gold) -> Rollout:
    """The rollout with its score.

    One that was cut off scores 0 whatever stands in it: its last words are no final answer, and
    may be the beginning of one.
    """
    if rollout.truncated:
        return replace(rollout, score=0, reason=TRUNCATED, extracted=None)
    scored = score(rollout.response, gold)
    extracted = scored.extracted[:_MAX_ANSWER_CHARS] if scored.extracted is not None else None
    return replace(rollout, score=scored.value, reason=str(scored.reason), extracted=extracted)


def pass_rate(
    pair_id: str,
    rollouts: Sequence[Rollout],
    provenance: Provenance,
    rollout_recipe: str,
    fault: RowError | None = None,
) -> PassRate:
    """What a pair's scored rollouts come to; without a rate if there are none, or with a fault."""
    passed = sum(rollout.score for rollout in rollouts)
    lengths = [rollout.completion_tokens for rollout in rollouts]
    rated = fault is None and bool(rollouts)
    return PassRate(
        pair_id=pair_id,
        rollouts=len(rollouts),
        passed=passed,
        pass_rate=passed / len(rollouts) if rated else None,
        truncated=sum(rollout.truncated for rollout in rollouts),
        completion_tokens_mean=sum(lengths) / len(lengths) if lengths else None,
        completion_tokens_max=max(lengths, default=None),
        misses=misses(rollouts),
        rollout_recipe=rollout_recipe,
        status=Status.KEPT if rated else Status.FAILED,
        reason=fault.reason if fault else None,
        detail=fault.detail if fault else None,
        **provenance.columns(),
    )


def misses(rollouts: Sequence[Rollout]) -> tuple[FailureCount, ...]:
    """Why rollouts failed, most frequent reason first, each with its most frequent wrong answer."""
    failed = [rollout for rollout in rollouts if rollout.score == 0]
    reasons = Counter(rollout.reason for rollout in failed)
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        FailureCount(reason, count, _commonest(r.extracted for r in failed if r.reason == reason))
        for reason, count in ordered[:_MAX_MISSES]
    )


def _commonest(answers: Iterable[str | None]) -> str | None:
    counts = Counter(answer for answer in answers if answer is not None)
    return min(counts, key=lambda answer: (-counts[answer], answer), default=None)
