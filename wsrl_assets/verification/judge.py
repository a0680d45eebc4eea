"""Check 4, the judge: another model reads document, question and answer (paper, stage 4).

Three verdicts, from one call or from a call each. With several votes the majority of each verdict
counts, and no more votes are asked for than it takes to settle it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm import (
    Prompt,
    StageModel,
    document_first,
    load_prompt,
)
from wsrl_assets.storage.tables import Verdict

_T = TypeVar("_T")
_Reply = TypeVar("_Reply", bound=BaseModel)

PROMPT = load_prompt("judge")
_MAX_TOKENS = 256
_MAX_TOKENS_OF_ONE = 96
_REASON_CHARS = 140
# At temperature 0 every vote would be the same one.
VOTE_TEMPERATURE = 0.7


class JudgeReply(BaseModel):
    """Three verdicts, each after its reason."""

    model_config = ConfigDict(extra="forbid")

    supported_reason: str = Field(max_length=_REASON_CHARS)
    supported: bool
    not_leaked_reason: str = Field(max_length=_REASON_CHARS)
    not_leaked: bool
    stands_alone_reason: str = Field(max_length=_REASON_CHARS)
    stands_alone: bool


class OneVerdictReply(BaseModel):
    """One verdict, after its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    verdict: bool


@dataclass(frozen=True, slots=True)
class Criterion:
    """What the judge is asked about a pair: its field in a reply, and the reason word of a no."""

    name: str
    reason: str

    @property
    def check(self) -> str:
        """The name of its verdict, and of its own call's step."""
        return f"judge_{self.name}"

    @property
    def prompt(self) -> Prompt:
        """The prompt that asks for it alone."""
        return load_prompt(self.check)


CRITERIA = (
    Criterion("supported", "not_supported"),
    Criterion("not_leaked", "leaked"),
    Criterion("stands_alone", "not_self_contained"),
)


@dataclass(frozen=True, slots=True)
class JudgePolicy:
    """How the judge is asked.

    Attributes:
        votes: how many replies make a verdict, odd.
        separate: a call for each verdict in place of one for all three.
        temperature: of the judge's role. Votes that are several are drawn at `VOTE_TEMPERATURE` at
            least where it is 0.
    """

    votes: int = 1
    separate: bool = False
    temperature: float = 0.0

    def __post_init__(self) -> None:
        if self.votes < 1 or self.votes % 2 == 0:
            raise ValueError(f"votes must be odd, so that one side has more; got {self.votes}")

    @property
    def majority(self) -> int:
        """Votes that settle a verdict."""
        return self.votes // 2 + 1

    @property
    def sampling_temperature(self) -> float:
        """The temperature at which votes are drawn."""
        return self.temperature or (VOTE_TEMPERATURE if self.votes > 1 else 0.0)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts that it uses."""
        return tuple(c.prompt for c in CRITERIA) if self.separate else (PROMPT,)

    @property
    def recipe(self) -> dict[str, object]:
        """What of it decides a verdict, for the recipe."""
        return {
            "votes": self.votes,
            "separate": self.separate,
            "temperature": self.sampling_temperature,
        }


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged, and who asks for it."""

    pair_id: str
    question: str
    answer: str
    document: str


@dataclass(frozen=True, slots=True)
class Vote:
    """One reply on one criterion."""

    passed: bool
    said: str


PROMPTS = (PROMPT, *(criterion.prompt for criterion in CRITERIA))

# The votes of one reply, by criterion.
_Votes = dict[Criterion, Vote]


async def judge(case: Case, jury: JudgePolicy, model: StageModel) -> tuple[Verdict, ...]:
    """The judge's three verdicts: reasons `not_supported`, `leaked`, `not_self_contained`.

    The detail is what a vote of the winning side said, after the tally where there were several.

    Raises:
        RowError: a call failed.
    """
    polls = _Polls(case, jury, model)
    if jury.separate:
        votes = [polls.poll((one,), polls.ask_one(one)) for one in CRITERIA]
    else:
        votes = [polls.poll(CRITERIA, polls.ask_all)]
    return tuple(verdict for verdicts in await _all(votes) for verdict in verdicts)


@dataclass(frozen=True, slots=True)
class _Polls:
    """The votes on one case."""

    case: Case
    jury: JudgePolicy
    model: StageModel

    async def poll(
        self, criteria: Sequence[Criterion], ask: Callable[[int], Awaitable[_Votes]]
    ) -> tuple[Verdict, ...]:
        """Asks as many as can settle it at once, then as many as are still lacking."""
        votes: list[_Votes] = []
        while lacking := max(self._lacking([vote[c] for vote in votes]) for c in criteria):
            numbers = range(len(votes), len(votes) + lacking)
            votes += await _all([ask(number) for number in numbers])
        return tuple(_verdict(c, [vote[c] for vote in votes]) for c in criteria)

    def _lacking(self, votes: Sequence[Vote]) -> int:
        """The fewest further votes that can settle a verdict; 0 if it is settled."""
        yes = sum(vote.passed for vote in votes)
        return max(0, self.jury.majority - max(yes, len(votes) - yes))

    async def ask_all(self, number: int) -> _Votes:
        reply = await self._ask("judge", PROMPT, JudgeReply, _MAX_TOKENS, number)
        return {
            criterion: Vote(
                getattr(reply, criterion.name), getattr(reply, f"{criterion.name}_reason")
            )
            for criterion in CRITERIA
        }

    def ask_one(self, criterion: Criterion) -> Callable[[int], Awaitable[_Votes]]:
        async def ask(number: int) -> _Votes:
            reply = await self._ask(
                criterion.check, criterion.prompt, OneVerdictReply, _MAX_TOKENS_OF_ONE, number
            )
            return {criterion: Vote(reply.verdict, reply.reason)}

        return ask

    async def _ask(
        self, step: str, prompt: Prompt, reply_type: type[_Reply], max_tokens: int, number: int
    ) -> _Reply:
        case = self.case
        instruction = prompt.render(question=case.question, answer=case.answer)
        return await self.model.ask(
            step,
            case.pair_id,
            document_first(case.document, instruction),
            reply_type,
            max_tokens=max_tokens,
            sample=number,
            temperature=self.jury.sampling_temperature,
        )


def _verdict(criterion: Criterion, votes: Sequence[Vote]) -> Verdict:
    yes = sum(vote.passed for vote in votes)
    passed = 2 * yes > len(votes)
    winning = yes if passed else len(votes) - yes
    said = next(vote.said for vote in votes if vote.passed is passed)
    if len(votes) > 1:
        said = f"{winning} of {len(votes)}: {said}"
    return Verdict(criterion.check, passed, None if passed else criterion.reason, said)


async def _all(calls: Sequence[Awaitable[_T]]) -> list[_T]:
    """All results, or the first failure once every call has ended and been put in the ledger."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    done: list[_T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done
