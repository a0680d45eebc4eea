"""Check 4, the judge: another model reads question, answer and document (paper, stage 4).

Two calls. The first sees the question and its answer without the document, as a policy that must
answer it will: with the document open, a judge knows which suspect "the suspect" is. It is short
and cheap, so it comes first, and only what passes it is held against the document. With several
votes the majority of each verdict counts, and no more votes are asked for than it takes to settle
it.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.llm.prompting import Message, document_first, load_prompt, without_document
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Rubric
from wsrl_assets.storage.tables import Verdict

QUESTION_PROMPT = load_prompt("judge_question")
SUPPORTED_PROMPT = load_prompt("judge_supported")
ANSWERABLE_PROMPT = load_prompt("judge_answerable")
EXPLANATION_PROMPT = load_prompt("judge_explanation")
FACT_PROMPT = load_prompt("judge_fact")
MISTAKE_PROMPT = load_prompt("judge_mistake")
PROMPTS = (QUESTION_PROMPT, SUPPORTED_PROMPT, ANSWERABLE_PROMPT)
RUBRIC_PROMPTS = (EXPLANATION_PROMPT, FACT_PROMPT, MISTAKE_PROMPT)
_MAX_TOKENS = 160
_REASON_CHARS = 140
_ANSWER_CHARS = 120
# At temperature 0 every vote would be the same one.
VOTE_TEMPERATURE = 0.7


class Failure(StrEnum):
    """What is wrong with a question by itself."""

    NONE = "none"
    DEFINITE_DESCRIPTION = "definite_description_without_name"
    CHANGING_FACT = "changing_fact_without_date"
    SEVERAL_ANSWERS = "several_right_answers"
    NEEDS_FIGURE = "needs_figure_or_list"
    GIVES_AWAY = "gives_answer_away"


class Criterion(StrEnum):
    """What the judge decides about a pair; the name of its verdict."""

    NOT_LEAKED = "judge_not_leaked"
    STANDS_ALONE = "judge_stands_alone"
    SUPPORTED = "judge_supported"
    ONLY_ANSWER = "judge_only_answer"
    UNANSWERABLE = "judge_unanswerable"
    TAKES_EXPLAINING = "judge_takes_explaining"
    BELONGS = "judge_belongs"
    CONTRADICTED = "judge_contradicted"


# The reason word of a no.
REASONS = {
    Criterion.NOT_LEAKED: "leaked",
    Criterion.STANDS_ALONE: "not_self_contained",
    Criterion.SUPPORTED: "not_supported",
    Criterion.ONLY_ANSWER: "other_answer_as_right",
    Criterion.UNANSWERABLE: "answerable",
    Criterion.TAKES_EXPLAINING: "no_explanation_asked",
    Criterion.BELONGS: "beside_the_point",
    Criterion.CONTRADICTED: "mistake_not_contradicted",
}


@dataclass(frozen=True, slots=True)
class Vote:
    """One reply on one criterion."""

    passed: bool
    said: str


# The votes of one reply.
_Votes = dict[Criterion, Vote]


class QuestionReply(BaseModel):
    """What is said of a question without the document."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    failure: Failure
    not_leaked: bool
    stands_alone: bool

    def votes(self) -> _Votes:
        """A failure that is named counts as a no, whatever the verdict beside it says."""
        leaks = self.failure == Failure.GIVES_AWAY
        faulty = self.failure != Failure.NONE and not leaks
        said = f"{self.failure}: {self.reason}"
        return {
            Criterion.NOT_LEAKED: Vote(self.not_leaked and not leaks, said),
            Criterion.STANDS_ALONE: Vote(self.stands_alone and not faulty, said),
        }


class SupportReply(BaseModel):
    """What is said of an answer with the document open."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    supported: bool
    other_answer: str = Field(max_length=_ANSWER_CHARS)
    only_answer: bool

    def votes(self) -> _Votes:
        other = f"other answer {self.other_answer!r}: " if self.other_answer else ""
        return {
            Criterion.SUPPORTED: Vote(self.supported, self.reason),
            Criterion.ONLY_ANSWER: Vote(self.only_answer, other + self.reason),
        }


class AnswerableReply(BaseModel):
    """Whether a document answers a question."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    unanswerable: bool

    def votes(self) -> _Votes:
        return {Criterion.UNANSWERABLE: Vote(self.unanswerable, self.reason)}


class ExplanationReply(BaseModel):
    """What is said of a question for an explanation, without the document."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    stands_alone: bool
    takes_explaining: bool

    def votes(self) -> _Votes:
        return {
            Criterion.STANDS_ALONE: Vote(self.stands_alone, self.reason),
            Criterion.TAKES_EXPLAINING: Vote(self.takes_explaining, self.reason),
        }


class FactReply(BaseModel):
    """What is said of one fact of a rubric with the document open."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    supported: bool
    belongs: bool

    def votes(self) -> _Votes:
        return {
            Criterion.SUPPORTED: Vote(self.supported, self.reason),
            Criterion.BELONGS: Vote(self.belongs, self.reason),
        }


class MistakeReply(BaseModel):
    """What is said of one mistake of a rubric with the document open."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=_REASON_CHARS)
    contradicted: bool

    def votes(self) -> _Votes:
        return {Criterion.CONTRADICTED: Vote(self.contradicted, self.reason)}


_AnyReply = (
    QuestionReply | SupportReply | AnswerableReply | ExplanationReply | FactReply | MistakeReply
)


@dataclass(frozen=True, slots=True)
class JudgePolicy:
    """How the judge is asked.

    Attributes:
        votes: how many replies make a verdict, odd.
        temperature: of the judge's role. Votes that are several are drawn at `VOTE_TEMPERATURE` at
            least where it is 0.
    """

    votes: int = 1
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
    def recipe(self) -> dict[str, object]:
        """What of it decides a verdict, for the recipe."""
        return {"votes": self.votes, "temperature": self.sampling_temperature}


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged, and who asks for it."""

    pair_id: str
    question: str
    answer: str
    document: str


async def judge(case: Case, jury: JudgePolicy, model: StageModel) -> tuple[Verdict, ...]:
    """The judge's verdicts: two on the question alone, then two on the answer in its document.

    Reasons: `leaked`, `not_self_contained`; and, where the question passes both, `not_supported`,
    `other_answer_as_right`. The detail is what a vote of the winning side said, with the failure
    that it named, after the tally where there were several.

    Raises:
        RowError: a call failed.
    """
    polls = _Polls(case, jury, model)
    asked = QUESTION_PROMPT.render(question=case.question, answer=case.answer)
    verdicts = await polls.poll("judge_question", without_document(asked), QuestionReply)
    if not all(verdict.passed for verdict in verdicts):
        return verdicts
    asked = SUPPORTED_PROMPT.render(question=case.question, answer=case.answer)
    messages = document_first(case.document, asked)
    return verdicts + await polls.poll("judge_supported", messages, SupportReply)


async def judge_unanswerable(case: Case, jury: JudgePolicy, model: StageModel) -> Verdict:
    """The verdict on a question that the case's document should leave open; reason `answerable`.

    Raises:
        RowError: a call failed.
    """
    asked = ANSWERABLE_PROMPT.render(question=case.question)
    messages = document_first(case.document, asked)
    polls = _Polls(case, jury, model)
    return (await polls.poll("judge_answerable", messages, AnswerableReply))[0]


async def judge_rubric(
    case: Case, rubric: Rubric, jury: JudgePolicy, model: StageModel
) -> tuple[Verdict, ...]:
    """The verdicts on a question for an explanation, then on each fact and mistake of its rubric.

    Reasons: `not_self_contained`, `no_explanation_asked`; `not_supported`, `beside_the_point`;
    `mistake_not_contradicted`. After the first no, nothing more is asked.

    Raises:
        RowError: a call failed.
    """
    polls = _Polls(case, jury, model)
    asked = EXPLANATION_PROMPT.render(question=case.question)
    messages = without_document(asked)
    verdicts = await polls.poll("judge_explanation", messages, ExplanationReply)
    for one in rubric.must:
        if all(verdict.passed for verdict in verdicts):
            asked = FACT_PROMPT.render(question=case.question, fact=one.fact)
            messages = document_first(case.document, asked)
            verdicts += await polls.poll("judge_fact", messages, FactReply)
    for mistake in rubric.must_not:
        if all(verdict.passed for verdict in verdicts):
            asked = MISTAKE_PROMPT.render(question=case.question, mistake=mistake)
            messages = document_first(case.document, asked)
            verdicts += await polls.poll("judge_mistake", messages, MistakeReply)
    return verdicts


@dataclass(frozen=True, slots=True)
class _Polls:
    """The votes on one case."""

    case: Case
    jury: JudgePolicy
    model: StageModel

    async def poll(
        self, step: str, messages: list[Message], reply_type: type[_AnyReply]
    ) -> tuple[Verdict, ...]:
        """Asks as many as can settle it at once, then as many as are still lacking."""
        ballots: list[_Votes] = []
        while lacking := self._lacking(ballots):
            numbers = range(len(ballots), len(ballots) + lacking)
            replies = [self._ask(step, messages, reply_type, number) for number in numbers]
            ballots += await _all(replies)
        return tuple(_verdict(c, [ballot[c] for ballot in ballots]) for c in ballots[0])

    def _lacking(self, ballots: Sequence[_Votes]) -> int:
        """The fewest further votes that can settle every verdict; 0 if all are settled."""
        if not ballots:
            return self.jury.majority
        yes = [sum(ballot[criterion].passed for ballot in ballots) for criterion in ballots[0]]
        settled = min(max(count, len(ballots) - count) for count in yes)
        return max(0, self.jury.majority - settled)

    async def _ask(
        self,
        step: str,
        messages: list[Message],
        reply_type: type[_AnyReply],
        number: int,
    ) -> _Votes:
        reply = await self.model.ask(
            step,
            self.case.pair_id,
            messages,
            reply_type,
            max_tokens=_MAX_TOKENS,
            sample=number,
            temperature=self.jury.sampling_temperature,
        )
        return reply.votes()


def _verdict(criterion: Criterion, votes: Sequence[Vote]) -> Verdict:
    yes = sum(vote.passed for vote in votes)
    passed = 2 * yes > len(votes)
    winning = yes if passed else len(votes) - yes
    said = next(vote.said for vote in votes if vote.passed is passed)
    if len(votes) > 1:
        said = f"{winning} of {len(votes)}: {said}"
    return Verdict(str(criterion), passed, None if passed else REASONS[criterion], said)


async def _all(calls: Sequence[Awaitable[_Votes]]) -> list[_Votes]:
    """All results, or the first failure once every call has ended and been put in the ledger."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    done: list[_Votes] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done
