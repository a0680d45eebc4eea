"""How far the rule checks agree with people, and how fast: `python -m benchmarks.verification`.

Agreement with the hand-labelled questions of the tests, by check: a false pass lets a bad pair
through, a false rejection loses a good one. Then the demonstrations of the library, which
must pass all of them. Then pairs written from other people's text before the rules, of which one
half was held back while they were written. Then pairs per second on one core, all rule checks, on
passages of the length that the pipeline cuts to; beside them RapidFuzz's alignment by itself on the
same quotes, the cost below which no check that looks for a quote by alignment alone can come. What
the paper does in place of rules is calls of a language model, which this machine cannot time.

Exit code 1 when a label is missed or a demonstration fails.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle

from rapidfuzz import fuzz

from wsrl_assets.generation.library import Demonstration, load_library
from wsrl_assets.reward import AnswerType, parse_gold, self_test
from wsrl_assets.verification.form import question_form
from wsrl_assets.verification.grounding import MIN_SIMILARITY, answer_in, locate
from wsrl_assets.verification.leakage import leak
from wsrl_assets.verification.self_containment import stands_alone
from wsrl_assets.verification.verify import Draft, check_rules
from wsrl_assets_tests.verification.cases import CHECKS, Case, read_cases, read_pairs

DOCUMENT_CHARS = 12_000

Pair = tuple[Draft, str]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each timing")
    seconds = parser.parse_args(arguments).seconds
    cases = read_cases()
    missed = sum(_agreement(check, cases) for check in CHECKS)
    examples = [example for file in load_library().values() for example in file.demonstrations]
    failed = [example.id for example in examples if not _passes(example)]
    passed = len(examples) - len(failed)
    print(f"\ndemonstrations: {passed} of {len(examples)} pass {' '.join(failed)}")
    for half in ("seen", "held_back"):
        _outside(half)
    pairs = [_pair(example) for example in _without_choices()]
    _speed(pairs, seconds)
    return 1 if missed or failed else 0


def _agreement(check: str, cases: Sequence[Case]) -> int:
    own = [case for case in cases if case.check == check]
    wrong = [case for case in own if case.verdict().passed is not case.passes]
    good = sum(case.passes for case in own)
    passed = sum(not case.passes for case in wrong)
    print(
        f"{check:20} {good:4d} good, {len(wrong) - passed:2d} rejected falsely;"
        f" {len(own) - good:4d} bad, {passed:2d} passed falsely"
    )
    return len(wrong)


def _outside(half: str) -> None:
    own = [pair for pair in read_pairs() if pair.half == half]
    good = [pair for pair in own if pair.passes]
    refused = sum(bool(pair.failed()) for pair in good)
    bad = {kind: [p for p in own if p.kind == kind] for kind in sorted({p.kind for p in own})}
    caught = ", ".join(
        f"{kind} {sum(bool(pair.failed()) for pair in pairs)} of {len(pairs)}"
        for kind, pairs in bad.items()
        if kind != "good"
    )
    print(f"other text, {half:9} {len(good)} good, {refused} rejected falsely; bad found: {caught}")


def _without_choices() -> list[Demonstration]:
    """Those whose gold can be read from the draft alone, without options."""
    examples = [example for file in load_library().values() for example in file.demonstrations]
    return [example for example in examples if example.answer_type is not AnswerType.CHOICE]


def _pair(example: Demonstration) -> Pair:
    """A draft of an example, whose passage stands in the middle of a long document."""
    others = cycle([other.passage for other in _without_choices() if other.id != example.id])
    document = example.passage
    while len(document) < DOCUMENT_CHARS:
        document = f"{next(others)}\n\n{document}\n\n{next(others)}"
    draft = Draft(
        example.id,
        example.id,
        example.question,
        example.answer,
        example.answer_type,
        example.unit,
        example.evidence,
    )
    return draft, document


def _passes(example: Demonstration) -> bool:
    """Whether every check passes it; a gold with options and aliases is the author's own."""
    gold = parse_gold(
        example.answer, example.answer_type, example.unit, example.aliases, example.choices
    )
    place, found = locate(example.evidence, example.passage)
    verdicts = [
        question_form(example.question),
        stands_alone(example.question),
        leak(example.question, gold),
        found,
    ]
    if place is not None:
        quote = example.passage[place.start : place.end]
        verdicts.append(answer_in(quote, gold, example.question))
    return self_test(gold).ok and all(verdict.passed for verdict in verdicts)


def _speed(pairs: Sequence[Pair], seconds: float) -> None:
    length = sum(len(document) for _, document in pairs) // len(pairs)
    print(f"\npairs a second on one core, documents of {length:,} characters")
    slips = [(_with(draft, _slip(draft.evidence or "")), text) for draft, text in pairs]
    absent = [(_with(draft, (draft.evidence or "")[::-1]), text) for draft, text in pairs]
    for name, some in (("verbatim", pairs), ("with a slip", slips), ("not there", absent)):
        ours = _rate(lambda pair: check_rules(*pair), some, seconds)
        alone = _rate(_align, some, seconds)
        print(
            f"  quote {name:12} all rules {ours:8,.0f}   RapidFuzz's alignment alone {alone:8,.0f}"
        )


def _with(draft: Draft, evidence: str) -> Draft:
    return Draft(
        draft.draft_id,
        draft.doc_id,
        draft.question,
        draft.answer,
        draft.answer_type,
        draft.unit,
        evidence,
    )


def _slip(quote: str) -> str:
    """The quote with its first letter that is one doubled."""
    at = next(place for place, sign in enumerate(quote) if sign.isalpha())
    return quote[: at + 1] + quote[at:]


def _align(pair: Pair) -> object:
    draft, document = pair
    return fuzz.partial_ratio_alignment(draft.evidence or "", document, score_cutoff=MIN_SIMILARITY)


def _rate(work: Callable[[Pair], object], pairs: Sequence[Pair], seconds: float) -> float:
    """Pairs a second; the first round, which fills caches, is not timed."""
    for pair in pairs:
        work(pair)
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for pair in pairs:
            work(pair)
        done += len(pairs)
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
