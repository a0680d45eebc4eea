"""How a judge gives its verdict: the closed set that settings name."""

from enum import StrEnum


class JudgedBy(StrEnum):
    """`words`: the judge writes its verdict, with a reason. `probability`: it is asked for yes or
    no, and a threshold on the probability decides. Small models cannot put a verdict into words:
    see docs/quality.md.
    """

    WORDS = "words"
    PROBABILITY = "probability"
