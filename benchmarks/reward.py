"""How far the reward can be trusted, and how fast it is: `python -m benchmarks.reward`.

Agreement with two hand-labelled sets of the tests, by type, beside three verifiers that people
train with: the cases that the authors of the rules wrote, and those of somebody who had not seen
the rules. The rules have seen both, so neither estimates what they do with unseen answers. The
others are math-verify by itself, exact match as in verl's question-answering reward (verl's own
function where verl is installed or given: `pip download --no-deps verl`, then `--verl FILE.whl`),
and SQuAD-style F1 of at least 0.8. The labels follow the conventions that the reward documents (an
approximate count is wrong, an answer's last sentence counts), which the others do not know; all
but math-verify are given the answer that ours extracted. A false accept pays a policy for a wrong
answer, a false reject lets a right one go unpaid; both are counted. Then scores per second on one
core.

Exit code 1 when ours accepts a case falsely, or rejects more than 2 % of the right ones in the
first set or 5 % in the second.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import re
import string
import time
import types
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsrl_assets.pipeline import math_verify
from wsrl_assets.pipeline.math_verify import golds_in_words
from wsrl_assets.reward import AnswerType, Gold, extract_answer, score
from wsrl_assets_tests.reward.cases import CASES_FILE, OUTSIDE_FILE, Case, read_cases

TARGET_PER_SECOND = 40_000
F1_THRESHOLD = 0.8
_ROLLOUT = "We read the passage again and weigh what it says about the question. " * 29

_VERL_FILE = "verl/utils/reward_score/search_r1_like_qa_em.py"


@dataclass(frozen=True, slots=True)
class CaseSet:
    """Labelled cases, who wrote them, and how many of the right ones may be rejected."""

    path: Path
    written_by: str
    max_false_rejects: float


SETS = (
    CaseSet(CASES_FILE, "the authors of the rules, with the rules", 0.02),
    CaseSet(OUTSIDE_FILE, "somebody who had not seen the rules; they have seen it since", 0.05),
)

Verifier = Callable[[str, Gold], int]
EmCheck = Callable[[str, list[str]], bool]


@dataclass(frozen=True, slots=True)
class Tally:
    """Agreement of one verifier on some cases."""

    right: int
    wrong: int
    false_accepts: int
    false_rejects: int

    @property
    def agreement(self) -> float:
        count = self.right + self.wrong
        return 1 - (self.false_accepts + self.false_rejects) / count if count else 1.0

    def __str__(self) -> str:
        return f"{self.agreement:7.1%} {self.false_accepts:4d} {self.false_rejects:4d}"


# The verifiers


def ours(response: str, gold: Gold) -> int:
    return score(response, gold).value


def math_verify_alone(response: str, gold: Gold) -> int:
    """As its documentation shows it: parse both, verify. It finds the answer by itself."""
    return int(math_verify.outcome(response, golds_in_words(gold)) == math_verify.ACCEPTED)


def exact_match(em_check: EmCheck) -> Verifier:
    """verl's exact match for question answering: normalised as for SQuAD, any gold, whole answer.

    It is given the answer that ours extracted, since its own extraction only knows `<answer>` tags.
    """

    def verify(response: str, gold: Gold) -> int:
        answer = extract_answer(response)
        return int(answer is not None and bool(em_check(answer, golds_in_words(gold))))

    return verify


def verl_em_check(place: Path | None) -> EmCheck | None:
    """verl's own `em_check`: from a wheel, a folder or a file, else as installed, else none.

    Loaded from its file by itself: `import verl` would want torch and ray.

    Raises:
        FileNotFoundError: a place was given, and it holds no such file.
    """
    if place is None:
        found = importlib.util.find_spec("verl")
        folders = list(found.submodule_search_locations or ()) if found else []
        place = Path(folders[0]).parent if folders else None
    return None if place is None else _load_em_check(place)


def _load_em_check(place: Path) -> EmCheck:
    if zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as wheel:
            if _VERL_FILE in wheel.namelist():
                return _run_em_check(wheel.read(_VERL_FILE), f"{place}/{_VERL_FILE}")
    for path in (place, place / _VERL_FILE, place.parent / _VERL_FILE):
        if path.is_file() and path.suffix == ".py":
            return _run_em_check(path.read_bytes(), str(path))
    raise FileNotFoundError(f"{place} is no verl wheel, and holds no {_VERL_FILE}")


def _run_em_check(source: bytes, name: str) -> EmCheck:
    module = types.ModuleType("verl_em")
    exec(compile(source, name, "exec"), module.__dict__)
    em_check: EmCheck = module.em_check
    return em_check


def em_check_of_ours(answer: str, golds: list[str]) -> bool:
    """The same rule written again, for where verl is not installed."""
    return any(_normal(answer) == _normal(gold) for gold in golds)


def squad_f1(response: str, gold: Gold) -> int:
    """Token F1 of the answer that ours extracted, against the best of the gold's names."""
    answer = extract_answer(response)
    if answer is None:
        return 0
    return int(max(_f1(answer, text) for text in golds_in_words(gold)) >= F1_THRESHOLD)


def _normal(text: str) -> str:
    """SQuAD's normalisation: small letters, no punctuation, no articles, single spaces."""
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", bare).split())


def _f1(answer: str, gold: str) -> float:
    found, wanted = _normal(answer).split(), _normal(gold).split()
    common = sum((Counter(found) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


# Agreement


def tally(cases: Sequence[Case], verdicts: Sequence[int]) -> Tally:
    pairs = Counter((case.label, verdict) for case, verdict in zip(cases, verdicts, strict=True))
    right = sum(case.label for case in cases)
    return Tally(right, len(cases) - right, pairs[0, 1], pairs[1, 0])


def compare(cases: Sequence[Case], verifiers: dict[str, Verifier]) -> dict[str, Tally]:
    """Print the table by type; the tallies over all types, by verifier."""
    verdicts = {
        name: [verifier(case.response, case.gold) for case in cases]
        for name, verifier in verifiers.items()
    }
    print(f"{'':12}{'cases':>6}{'right':>6}" + "".join(f" |{name:^18}" for name in verifiers))
    print(f"{'type':24}" + " |  agree   FA   FR " * len(verifiers))
    print("-" * (24 + 20 * len(verifiers)))
    for answer_type in AnswerType:
        chosen = [i for i, case in enumerate(cases) if case.gold.type is answer_type]
        _print_row(str(answer_type), _tallies(cases, verdicts, chosen))
    print("-" * (24 + 20 * len(verifiers)))
    overall = _tallies(cases, verdicts, range(len(cases)))
    _print_row("all", overall)
    return overall


def _tallies(
    cases: Sequence[Case], verdicts: dict[str, list[int]], chosen: Iterable[int]
) -> dict[str, Tally]:
    kept = list(chosen)
    return {
        name: tally([cases[i] for i in kept], [ones[i] for i in kept])
        for name, ones in verdicts.items()
    }


def _print_row(title: str, tallies: dict[str, Tally]) -> None:
    one = next(iter(tallies.values()))
    cells = "".join(f" | {entry}" for entry in tallies.values())
    print(f"{title:12}{one.right + one.wrong:6d}{one.right:6d}{cells}")


# Speed


def seconds(cases: Sequence[Case], lead: str = "", trials: int = 9) -> float:
    """Processor time for all cases once: the best of several trials, as others use the machine."""
    pairs = [(lead + case.response, case.gold) for case in cases]
    for response, gold in pairs:
        score(response, gold)
    best = float("inf")
    for _ in range(trials):
        start = time.process_time()
        for response, gold in pairs:
            score(response, gold)
        best = min(best, time.process_time() - start)
    return best


def print_speed_of_others(cases: Sequence[Case], verifiers: dict[str, Verifier]) -> None:
    print("\nall cases once, answers alone, scores per second:")
    for name, verifier in verifiers.items():
        start = time.process_time()
        for case in cases:
            verifier(case.response, case.gold)
        print(f"  {name:18}{len(cases) / (time.process_time() - start):10,.0f}")


def print_speed(cases: Sequence[Case]) -> None:
    print(
        f"\nscores per second on one core (rollout: {len(_ROLLOUT):,} characters before the answer)"
    )
    print(f"{'type':12}{'answer alone':>14}{'rollout':>10}")
    total, total_s, total_in_rollout_s = 0, 0.0, 0.0
    for answer_type in AnswerType:
        chosen = [case for case in cases if case.gold.type is answer_type]
        alone_s, in_rollout_s = seconds(chosen), seconds(chosen, _ROLLOUT + "\n")
        _print_rates(str(answer_type), len(chosen), alone_s, in_rollout_s)
        if answer_type is not AnswerType.EXPRESSION:
            total += len(chosen)
            total_s, total_in_rollout_s = total_s + alone_s, total_in_rollout_s + in_rollout_s
    _print_rates("typed rules", total, total_s, total_in_rollout_s)
    print(f"target for the typed rules: {TARGET_PER_SECOND:,}")


def _print_rates(title: str, count: int, alone_s: float, in_rollout_s: float) -> None:
    print(f"{title:12}{count / alone_s:14,.0f}{count / in_rollout_s:10,.0f}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--no-speed", action="store_true", help="agreement only")
    arguments.add_argument(
        "--verl",
        type=Path,
        metavar="PATH",
        help="verl's wheel, its folder, or the file of em_check",
    )
    options = arguments.parse_args()
    try:
        em_check = verl_em_check(options.verl)
    except FileNotFoundError as error:
        arguments.error(f"--verl: {error}")
    logging.disable(logging.WARNING)

    verifiers: dict[str, Verifier] = {
        "ours": ours,
        "math-verify": math_verify_alone,
        "exact match": exact_match(em_check or em_check_of_ours),
        "SQuAD F1 >= 0.8": squad_f1,
    }
    source = "verl's own em_check" if em_check else "ours after verl's (verl is not installed)"
    print(f"exact match: {source}")
    is_met = [compare_set(case_set, verifiers) for case_set in SETS]
    if not options.no_speed:
        cases = read_cases()
        print_speed(cases)
        print_speed_of_others(cases, verifiers)
    return 0 if all(is_met) else 1


def compare_set(case_set: CaseSet, verifiers: dict[str, Verifier]) -> bool:
    """Print the table of one set and what ours rejects; whether ours is within its bounds."""
    cases = read_cases(case_set.path)
    print(f"\n{case_set.path.name}: {len(cases)} responses, written by {case_set.written_by}")
    print("FA false accepts, FR false rejects\n")
    result = compare(cases, verifiers)["ours"]
    rejected = result.false_rejects / result.right
    print(f"\nours: {result.false_accepts} false accepts, {rejected:.1%} false rejects")
    print("right answers that ours rejects:")
    for case in cases:
        if case.label == 1 and ours(case.response, case.gold) == 0:
            print(f"  {case.describe()}")
    return result.false_accepts == 0 and rejected <= case_set.max_false_rejects


if __name__ == "__main__":
    raise SystemExit(main())
