"""The reward: is the final answer of this response the gold answer?

Standalone: it imports nothing of the rest of the project, nor Dagster, DuckDB or an LLM client,
so that a trainer can import it in its workers. `score` is pure, never raises on any text, and
says 1 only where the type's own rule says so: a wrong gold costs more than a lost one.
"""

from .authoring import infer_type, parse_gold
from .extraction import extract_answer
from .gold import AnswerType, Gold
from .hearing import (
    Asked,
    RubricScore,
    hear_rubric,
    read_word,
    score_rubric,
    score_rubric_async,
)
from .judging import AsyncJudge, Judge, may_judge, score_with_judge, score_with_judge_async
from .outcome import MissingPackageError, Reason, Score, SelfTest
from .proof import perturbations, render, self_test
from .rollouts import final_message, is_cut_off, score_rollout, undecided
from .rubric import Must, Rubric, is_rubric
from .rubric_rules import self_test_rubric
from .scoring import matches, score

__all__ = [
    "AnswerType",
    "Asked",
    "AsyncJudge",
    "Gold",
    "Judge",
    "MissingPackageError",
    "Must",
    "Reason",
    "Rubric",
    "RubricScore",
    "Score",
    "SelfTest",
    "extract_answer",
    "final_message",
    "hear_rubric",
    "infer_type",
    "is_cut_off",
    "is_rubric",
    "matches",
    "may_judge",
    "parse_gold",
    "perturbations",
    "read_word",
    "render",
    "score",
    "score_rollout",
    "score_rubric",
    "score_rubric_async",
    "score_with_judge",
    "score_with_judge_async",
    "self_test",
    "self_test_rubric",
    "undecided",
]
