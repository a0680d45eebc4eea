"""What a policy is asked: the one prompt that the trainers get and that pass rates are taken with.

It stands here, below all subjects, because a pass rate says something about training only where
both ask in the same words.
"""

VERSION = "1"
"""Bump with the wording: it is part of a pass rate's recipe and of Dagster's `code_version`."""

INSTRUCTION = "Think step by step, then give the final answer on the last line after 'Answer:'."

EXPLAIN = "Think step by step, then explain it in three to eight sentences after 'Answer:'."
"""What is asked for where a rubric scores: no short answer, and no list of guesses either."""


def prompt_of(question: str, *, explain: bool = False) -> str:
    """The user message of a closed-book rollout on this question, or for an explanation."""
    return f"{question}\n\n{EXPLAIN if explain else INSTRUCTION}"


def rollout_messages(question: str) -> list[dict[str, str]]:
    """A closed-book question as a trainer puts it: one user turn, no system prompt."""
    return [{"role": "user", "content": prompt_of(question)}]
