"""What several rewards say of the same rollouts, and what that takes.

Judges are asked through a ledger of their own, which all trials of rewards in a home share: a
prompt that has a reply there, or a failure that was paid for, is not sent again. So a trial that
was stopped goes on, and one that is repeated says the same and costs nothing. What a reward takes
is counted as it takes it by itself, without that.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from wsrl_assets.llm import explanations
from wsrl_assets.llm.engine import ChatModel
from wsrl_assets.llm.equivalence import (
    PROMPT,
    REFERENCE_PROMPT,
    STAGE,
    EndpointJudge,
    is_marked_correct,
)
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.explanations import EndpointFactJudge
from wsrl_assets.llm.prompting import Prompt
from wsrl_assets.llm.recipes import StageRecipe, model_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline import math_verify
from wsrl_assets.pipeline.job import Job, model_names
from wsrl_assets.pipeline.paid_replies import PaidReplies, Tally, paid_calls
from wsrl_assets.reward import (
    Gold,
    Reason,
    Rubric,
    Score,
    hear_rubric,
    score,
    score_with_judge_async,
)
from wsrl_assets.storage import GroupWriter, Partition, Store, catalog
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets.storage.transaction import frame

RUBRIC = "rubric"
LEDGER = "trials/rewards"
"""The folder of a home with the ledger of its trials of rewards, and with their pages."""
_CALLS = Partition.shard("rewards")


class RewardName(StrEnum):
    """What scores rollouts."""

    TYPED = "typed"
    """The shipped reward."""
    JUDGED = "judged"
    """The shipped reward, with a judge where its rule may be overruled, or a rubric is heard."""
    MATH_VERIFY = "math-verify"
    REFERENCE = "reference"
    """A judge that sees the whole response and the gold answer, or a rubric's reference answer."""

    @property
    def asks(self) -> bool:
        """Whether a judge is part of it."""
        return self in _JUDGES


class Verdict(StrEnum):
    """What a reward says of a rollout. Undecided is no 0: nobody knows, by this reward."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Case:
    """A rollout that is to be scored.

    Attributes:
        case_id: names it, and no other of the trial.
        source: the source document that it was asked of; rollouts of one are no independent cases.
        question: as the policy was asked.
        gold: the answer that counts, or the rubric of an explanation.
        response: what the policy wrote.
        is_right: what a person says of the response; none if nobody does.
        is_good_pair: what people say of question and gold; none if nobody does, or they disagree.
    """

    case_id: str
    source: str
    question: str
    gold: Gold | Rubric
    response: str
    is_right: bool | None = None
    is_good_pair: bool | None = None

    @property
    def answer_type(self) -> str:
        """The type of the gold; `rubric` for a rubric."""
        return RUBRIC if isinstance(self.gold, Rubric) else str(self.gold.type)


@dataclass(frozen=True, slots=True)
class Cases:
    """Rollouts of a trial; `truncated` others were cut off, and are for no reward to score."""

    cases: Sequence[Case]
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a reward says of one rollout, and the calls behind that, as they would be made for it
    alone.

    Attributes:
        reason: a word for why.
        calls, tokens, cost: of a judge; tokens of prompt and reply together.
    """

    verdict: Verdict
    reason: str
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class RewardRun:
    """A reward over all rollouts.

    Attributes:
        name: of the reward.
        said: one a rollout, in order.
        seconds: processor seconds of rules and of reading replies; not those of a model's server.
    """

    name: str
    said: Sequence[Said]
    seconds: float

    @property
    def failed(self) -> int:
        """Rollouts without a verdict because a call failed."""
        return sum(said.reason == Reason.JUDGE_FAILED for said in self.said)


def stored_cases(store: Store, seed: int, rollouts: int) -> Cases:
    """A sample of the rollouts that a home has kept for pass rates, the same for the same seed."""
    with catalog(store) as connection:
        found = frame(connection, "reward_rollouts", seed=str(seed), rollouts=rollouts)
    cases = [
        Case(
            row["case_id"],
            row["source"],
            row["question"],
            Gold.from_json(row["gold"]),
            row["response"],
            is_good_pair=row["is_good"],
        )
        for row in found.iter_rows(named=True)
    ]
    return Cases(cases, int(found["cut_off"][0]) if cases else 0)


def cannot_run(job: Job) -> dict[RewardName, str]:
    """The rewards that cannot be run as things are, each with the reason and the remedy."""
    found = {}
    if math_verify.version() is None:
        found[RewardName.MATH_VERIFY] = "the package is not installed: pip install math-verify"
    if not job.roles.has(Role.JUDGE):
        for name in _JUDGES:
            found[name] = "no judge is set: set WSRL_LLM_JUDGE_BASE_URL, or WSRL_LLM_BASE_URL"
    return found


async def recipes(
    job: Job, names: Sequence[RewardName], cases: Sequence[Case]
) -> dict[RewardName, StageRecipe]:
    """The recipe of each judging reward among these; a model that no setting names is asked for.

    Args:
        cases: where one has a rubric, the prompt that hears facts is part of the recipe.

    Raises:
        EndpointError: there is no judge, or its server has to name the model and does not.
    """
    judging = [name for name in names if name.asks]
    if not judging:
        return {}
    role = job.roles[Role.JUDGE]
    named = job.roles.model(Role.JUDGE)
    model = named or (await model_names(_at_ledger(job), _CALLS, [Role.JUDGE]))[Role.JUDGE]
    hears = any(isinstance(case.gold, Rubric) for case in cases)
    return {
        name: model_recipe(STAGE, role, model, _JUDGES[name].prompts(hears)) for name in judging
    }


async def run_rewards(
    job: Job, cases: Sequence[Case], names: Sequence[RewardName]
) -> list[RewardRun]:
    """What each reward says of each rollout, in the order of the names.

    Raises:
        EndpointError: the judge cannot be used; replies that came are kept.
        StoreBusyError: another process runs a trial of rewards in this home.
    """
    by_name = await recipes(job, names, cases)
    runs = {}
    if by_name:
        runs = {run.name: run for run in await _judged_runs(_at_ledger(job), cases, by_name)}
    if RewardName.TYPED in names:
        runs[RewardName.TYPED] = await _measured(RewardName.TYPED, cases, _typed)
    if RewardName.MATH_VERIFY in names:
        runs[RewardName.MATH_VERIFY] = await _by_math_verify(cases)
    return [runs[name] for name in names]


def paid(job: Job, by_name: Mapping[RewardName, StageRecipe]) -> tuple[int, float]:
    """Tokens and cost of all calls that the ledger has of these recipes."""
    calls = paid_calls(_at_ledger(job).store, _CALLS, _hashes(by_name)).values()
    tokens = sum(call.prompt_tokens + call.completion_tokens for call in calls)
    return tokens, sum(call.cost for call in calls)


def _hashes(by_name: Mapping[RewardName, StageRecipe]) -> set[str]:
    return {recipe.hash for recipe in by_name.values()}


def _at_ledger(job: Job) -> Job:
    store = Store(job.store.home / LEDGER)
    return Job(store, job.settings, job.roles, job.run_id, job.progress, job.warn)


# --- rules --------------------------------------------------------------------------------------


async def _typed(case: Case) -> Said:
    return _said(_by_rule(case))


def _by_rule(case: Case) -> Score:
    """No rule scores an explanation: without a judge it has no verdict."""
    if isinstance(case.gold, Rubric):
        return Score(0, None, Reason.NEEDS_JUDGE)
    return score(case.response, case.gold)


def _said(scored: Score, **calls: Any) -> Said:
    is_open = not scored.decided or scored.reason is Reason.JUDGE_FAILED
    decided = Verdict.ACCEPTED if scored.value else Verdict.REJECTED
    return Said(Verdict.UNDECIDED if is_open else decided, str(scored.reason), **calls)


async def _measured(
    name: RewardName, cases: Sequence[Case], say: Callable[[Case], Awaitable[Said]]
) -> RewardRun:
    """A run with its processor seconds, once the golds have been read: a rule reads each once."""
    for case in cases:
        _by_rule(case)
    began = time.process_time()
    said = [await say(case) for case in cases]
    return RewardRun(name, said, time.process_time() - began)


_OF_MATH_VERIFY = {
    math_verify.ACCEPTED: Verdict.ACCEPTED,
    math_verify.REJECTED: Verdict.REJECTED,
    math_verify.NOT_READ: Verdict.UNDECIDED,
    math_verify.FAILED: Verdict.UNDECIDED,
}


async def _by_math_verify(cases: Sequence[Case]) -> RewardRun:
    items = [(case.response, _golds_in_words(case)) for case in cases]
    words, seconds = await math_verify.outcomes(items)
    said = [Said(_OF_MATH_VERIFY[word], word) for word in words]
    return RewardRun(RewardName.MATH_VERIFY, said, seconds)


def _golds_in_words(case: Case) -> list[str]:
    """None for a rubric, which math-verify takes for a gold that it cannot read."""
    return [] if isinstance(case.gold, Rubric) else math_verify.golds_in_words(case.gold)


# --- judges -------------------------------------------------------------------------------------


async def _by_our_reward_and_judge(case: Case, model: ChatModel, recipe: str) -> Score:
    if isinstance(case.gold, Rubric):
        heard = await hear_rubric(case.response, case.gold, EndpointFactJudge(model, recipe))
        return Score(int(heard.passed), heard.extracted, heard.reason)
    judge = EndpointJudge(model, recipe)
    return await score_with_judge_async(case.response, case.gold, case.question, judge)


async def _by_reference(case: Case, model: ChatModel, recipe: str) -> Score:
    try:
        is_right = await is_marked_correct(model, recipe, case.question, case.gold, case.response)
    except RowError:
        return Score(0, None, Reason.JUDGE_FAILED)
    reason = Reason.JUDGED_SAME if is_right else Reason.JUDGED_DIFFERENT
    return Score(int(is_right), None, reason)


@dataclass(frozen=True, slots=True)
class _Judge:
    """`of_rubrics` is what it also asks with where there are rubrics."""

    prompt: Prompt
    scores: Callable[[Case, ChatModel, str], Awaitable[Score]]
    of_rubrics: Prompt | None = None

    def prompts(self, hears: bool) -> list[Prompt]:
        more = [self.of_rubrics] if hears and self.of_rubrics is not None else []
        return [self.prompt, *more]


_JUDGES = {
    RewardName.JUDGED: _Judge(PROMPT, _by_our_reward_and_judge, explanations.PROMPT),
    RewardName.REFERENCE: _Judge(REFERENCE_PROMPT, _by_reference),
}


async def _judged_runs(
    job: Job, cases: Sequence[Case], by_name: Mapping[RewardName, StageRecipe]
) -> list[RewardRun]:
    with job.store.exclusive_run(_CALLS):
        replies = PaidReplies(paid_calls(job.store, _CALLS, _hashes(by_name)))
        runs = await _by_known_replies(cases, by_name, replies)
        if replies.lacking:
            await _ask_lacking(job, cases, by_name, replies)
            runs = await _by_known_replies(cases, by_name, replies)
    return runs


async def _by_known_replies(
    cases: Sequence[Case], by_name: Mapping[RewardName, StageRecipe], replies: PaidReplies
) -> list[RewardRun]:
    runs = []
    for name, recipe in by_name.items():
        say = partial(_tallied, name, replies, recipe.hash)
        runs.append(await _measured(name, cases, say))
    return runs


async def _tallied(name: RewardName, replies: PaidReplies, recipe: str, case: Case) -> Said:
    tally = Tally(replies)
    scored = await _JUDGES[name].scores(case, tally, recipe)
    calls = tally.calls
    return _said(
        scored,
        calls=len(calls),
        tokens=sum(call.prompt_tokens + call.completion_tokens for call in calls),
        cost=sum(call.cost for call in calls),
    )


async def _ask_lacking(
    job: Job,
    cases: Sequence[Case],
    by_name: Mapping[RewardName, StageRecipe],
    replies: PaidReplies,
) -> None:
    """Scores all rollouts once with the judge at hand, so that the replies are known."""
    async with GroupWriter(job.store, _CALLS) as writer:

        def record(call: LLMCall) -> None:
            replies.add(call)
            writer.add(call)

        async with job.engine(writer, [Role.JUDGE], record) as engine:
            writer.add(*(recipe.row() for recipe in by_name.values()))
            replies.engine = engine

            async def work(item: tuple[RewardName, Case]) -> None:
                name, case = item
                await _JUDGES[name].scores(case, replies, by_name[name].hash)
                if replies.dead is not None:
                    raise replies.dead
                job.progress.advance(name)

            for name in by_name:
                job.progress.expect(name, len(cases))
            try:
                await engine.for_each(_each(by_name, cases), work)
            finally:
                replies.engine = None


async def _each(
    names: Mapping[RewardName, StageRecipe], cases: Sequence[Case]
) -> AsyncIterator[tuple[RewardName, Case]]:
    for case in cases:
        for name in names:
            yield name, case
