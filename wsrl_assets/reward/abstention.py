"""The gold of a question that its passages do not answer, and what the policy is asked to say.

An abstention is an entity with a closed list of aliases, so it needs no rule of its own: the reward
accepts these phrases for this gold, and for no other.
"""

from __future__ import annotations

from .gold import AnswerType, Gold

ANSWER = "unanswerable"
REQUEST = f"If the passages do not hold the answer, the final answer is: {ANSWER}"
ABSTENTION = Gold(
    AnswerType.ENTITY,
    ANSWER,
    aliases=(
        "not answerable",
        "unknown",
        "no answer",
        "not stated",
        "not given",
        "not mentioned",
        "not specified",
        "cannot be answered",
        "cannot be determined",
    ),
)
