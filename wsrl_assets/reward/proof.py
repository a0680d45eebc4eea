"""The gold self-test: a gold carries the proof that the reward can tell it from wrong answers."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

from .gold import Gold
from .outcome import Reason, Score, SelfTest
from .rules import kind_of, require_rule
from .scoring import score

PERTURBATIONS = 5


def render(gold: Gold) -> str:
    """The gold as a response that scores 1: the answer as a person would write it.

    In `<answer>` tags only where the bare answer would be read as something else, such as an
    entity that itself begins with `Answer:`. Raises ValueError for a gold not of its own type.
    """
    return _rendered(gold)[0]


@lru_cache(maxsize=1024)
def _rendered(gold: Gold) -> tuple[str, Score]:
    """The rendering with its score: a gold that was tested is then looked for in many texts."""
    bare = kind_of(gold).render(gold)
    scored = score(bare, gold)
    if scored.value == 1:
        return bare, scored
    tagged = f"<answer>{bare}</answer>"
    return tagged, score(tagged, gold)


def perturbations(gold: Gold) -> tuple[str, ...]:
    """Five different wrong answers that a rule too lenient for this type would accept.

    They are made from the gold, not picked by the reward, and no alias is among them. Raises
    ValueError for a gold not of its own type.
    """
    known = {text.casefold().strip() for text in (gold.value, *gold.aliases)}
    wrong: dict[str, None] = {}
    for candidate in kind_of(gold).perturb(gold):
        if candidate.casefold().strip() not in known or candidate == gold.value:
            wrong[candidate] = None
    return tuple(islice(wrong, PERTURBATIONS))


def self_test(gold: Gold) -> SelfTest:
    """Whether a rendering of the gold scores 1 and each of its perturbations 0; if not, why.

    A pair whose gold fails this is rejected with that reason. Never raises.
    """
    try:
        require_rule(gold)
        (shown, own), wrong = _rendered(gold), perturbations(gold)
    except ValueError as error:
        return SelfTest(ok=False, reason=str(error))
    if own.value != 1:
        return SelfTest(ok=False, reason=f'its own rendering "{shown}" scores 0: {own.reason}')
    if len(wrong) < PERTURBATIONS:
        return SelfTest(ok=False, reason=f"only {len(wrong)} perturbations can be made of it")
    for answer in wrong:
        if score(answer, gold).value == 1:
            return SelfTest(ok=False, reason=f'the perturbation "{answer}" scores 1')
    return SelfTest(ok=True, reason=Reason.MATCH)
