"""Questions labelled by hand, in both directions, for the tests and the benchmark."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from wsrl_assets.reward import Gold, parse_gold
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.verification.grounding import answer_in
from wsrl_assets.verification.leakage import leak
from wsrl_assets.verification.self_containment import stands_alone

CASES_FILE = Path(__file__).with_name("cases.jsonl")
PAIRS_FILE = Path(__file__).with_name("pairs.jsonl")
JUDGED_FILE = Path(__file__).with_name("judged_pairs.jsonl")


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and whether a careful person would let the check pass it."""

    check: str
    passes: bool
    question: str
    answer: str = ""
    type: str = ""
    evidence: str = ""
    aliases: Sequence[str] = ()
    choices: Sequence[str] = ()

    @property
    def gold(self) -> Gold:
        return parse_gold(self.answer, self.type, aliases=self.aliases, choices=self.choices)

    def verdict(self) -> Verdict:
        """What the check says."""
        return _RULES[self.check](self)


_RULES: dict[str, Callable[[Case], Verdict]] = {
    "stands_alone": lambda case: stands_alone(case.question),
    "leak": lambda case: leak(case.question, case.gold),
    "answer_in_evidence": lambda case: answer_in(case.evidence, case.gold, case.question),
}
CHECKS = tuple(_RULES)


def read_cases(path: Path = CASES_FILE) -> list[Case]:
    return [Case(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A pair written from other people's text, before the rules that it measures.

    Attributes:
        half: `seen` while rules were written, or `held_back`.
        passes: whether a careful person would keep it.
        kind: what is wrong with it: `changing` fact, `description` without a name, `leak`; or
            `good`.
        question, answer, type: the pair.
        source: what it was written from.
    """

    half: str
    passes: bool
    kind: str
    question: str
    answer: str
    type: str
    source: str

    def failed(self) -> list[Verdict]:
        """The verdicts of the rules that refuse it."""
        gold = parse_gold(self.answer, self.type)
        verdicts = (stands_alone(self.question), leak(self.question, gold))
        return [verdict for verdict in verdicts if not verdict.passed]


def read_pairs(path: Path = PAIRS_FILE) -> list[LabelledPair]:
    return [LabelledPair(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair with its passage, written before the questions that a judge is asked.

    Attributes:
        half: `seen` while those were chosen, or `held_back`.
        passes: whether a strict reader would keep it.
        kind: its one fault; `good` if it has none.
        question, answer: the pair.
        evidence: the sentence or line of the passage that it rests on.
        passage: of public-domain country facts, verbatim.
        why: what is wrong, or how it is meant.
    """

    half: str
    passes: bool
    kind: str
    question: str
    answer: str
    evidence: str
    passage: str
    why: str = ""

    @property
    def key(self) -> str:
        """Names it in the ledger."""
        return stable_hash(f"{self.question}\n{self.answer}")


def read_judged(path: Path = JUDGED_FILE) -> list[JudgedPair]:
    known = {field.name for field in fields(JudgedPair)}
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
    return [JudgedPair(**{k: v for k, v in line.items() if k in known}) for line in lines]
