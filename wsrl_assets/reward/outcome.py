"""What comes back from the reward: a score with its reason, or a self-test with its."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a response scored what it scored; a closed set, so that it can be counted."""

    MATCH = "match"
    NO_ANSWER = "no_answer"
    """Nothing stands where a final answer should: an empty box, a colon, an unfinished thought."""
    TRUNCATED = "truncated"
    """The rollout was cut off before its end (`score_rollout` alone knows)."""
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    """Control characters in the answer."""
    HEDGED = "hedged"
    """More than one answer, or one that is denied or taken back."""
    AMBIGUOUS = "ambiguous"
    """One answer with two readings, such as 03/04/1969."""
    NOT_OF_TYPE = "not_of_type"
    MISSING_UNIT = "missing_unit"
    WRONG_UNIT = "wrong_unit"
    WRONG_VALUE = "wrong_value"
    INVALID_GOLD = "invalid_gold"
    """The gold is not of its own type; no response can score 1."""
    JUDGED_SAME = "judged_same"
    """The rule said no, and a judge said twice that it is the same answer (see `judging`)."""
    JUDGED_DIFFERENT = "judged_different"
    """The rule said no, and so did a judge, in at least one of the two orders."""
    JUDGE_FAILED = "judge_failed"
    """The rule said no, and the judge gave no verdict; the rule's stands."""
    UNDECIDED = "undecided"
    """Nobody knows whether it is right: the gold is an expression whose value is beyond the bounds
    and the answer is another text, or a package that the rule needs is missing."""
    FACTS_SAID = "facts_said"
    """An explanation says what its rubric asks for, by a judge (see `hearing`)."""
    FACTS_MISSING = "facts_missing"
    """It leaves out more than it may."""
    MISTAKE_SAID = "mistake_said"
    """It says what it must not, and would have passed without."""
    TO_THE_GRADER = "to_the_grader"
    """It speaks to its grader; no judge was asked."""
    QUOTES_RUBRIC = "quotes_rubric"
    """It holds facts and mistakes of the rubric word for word; no judge was asked."""
    REPEATS_QUESTION = "repeats_question"
    """It says little more than the question; no judge was asked."""
    CONTRADICTS_ITSELF = "contradicts_itself"
    """Two of its sentences differ by a figure or a denial alone; no judge was asked."""
    NEEDS_JUDGE = "needs_judge"
    """The gold is a rubric, which no rule can score: see `score_rubric`."""
    INTERNAL_ERROR = "internal_error"
    """A fault of the reward itself. It never raises into a trainer; please report the pair."""


NO_VERDICT = frozenset(
    (Reason.UNDECIDED, Reason.INVALID_GOLD, Reason.NEEDS_JUDGE, Reason.INTERNAL_ERROR)
)
"""Of these, the 0 says nothing of the response."""


class MissingPackageError(ImportError):
    """A package that a rule needs is not installed; says which, and how to install it."""


@dataclass(frozen=True, slots=True)
class Score:
    """`value` is 0 or 1; `extracted` is the final answer the response gave, if it gave one."""

    value: int
    extracted: str | None
    reason: Reason

    @property
    def decided(self) -> bool:
        """Whether `value` says something of the response.

        Not where the rule came to no verdict (`undecided`), could not be made (`invalid_gold`) or
        broke (`internal_error`): the value is then 0 because it must be a number, and a trainer
        that can leave a sample out should.
        """
        return self.reason not in NO_VERDICT


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Whether a gold can be recognised and told from wrong answers; if not, why, in words."""

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok
