"""Yes or no (and true or false): by themselves, first in a sentence, or said of the statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .text import plain

_ADVERB = (
    r"(?:absolutely|certainly|definitely|indeed|clearly|of course|surely|very much so|undoubtedly"
    r"|exactly|correct|obviously)"
)
_YES = re.compile(rf"(?:{_ADVERB},? )?(?:yes|true|y)(?:,? (?:{_ADVERB}|sir|ma'am))?", re.IGNORECASE)
_NO = re.compile(
    rf"(?:{_ADVERB},? )?(?:no|false|n|nope|untrue|not true)(?:,? (?:{_ADVERB}|never|not at all))?",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"(?:(?:the|this|that) )?(?:(?:statement|claim|assertion|sentence|proposition|answer)"
    r"|it|this|that)(?: is|'s) (?:that it is )?(?P<not>not )?"
    r"(?:(?P<true>true|correct|right|yes)|(?P<false>false|incorrect|wrong|untrue|no))",
    re.IGNORECASE,
)
_FIRST = re.compile(r"(?P<yes>yes|true)\b|(?P<no>no|false)\b", re.IGNORECASE)
_THEN = re.compile(r" \(|[,.;:!]? (?:[\u2013\u2014-] ?)?|[,.;:!] ?|[\u2013\u2014]")
# In the sentence that follows, what takes the word back or makes it depend on something.
_TAKES_BACK = re.compile(
    r"\b(?:yes|no|true|false|but|however|maybe|perhaps|possibly|if|unless|or|might|could|although"
    r"|though|except|depends?|wait|actually|unsure|sure|think|guess|partly|partially|sometimes"
    r"|mostly|neither|both|answer|one|way|doubt|problem|longer|idea)\b|\?",
    re.IGNORECASE,
)
_DENIES = re.compile(r"\b(?:not|never|cannot|none|nor|neither|without)\b|n't\b", re.IGNORECASE)
_AFFIRMS = re.compile(
    r"(?:it|he|she|they|this|that|there|we|you|i) (?:is|was|are|were|does|did|do|has|have|had|can"
    r"|could|will|would|should)",
    re.IGNORECASE,
)
_MAX_LENGTH = 300


def read_yes_no(text: str) -> bool | None:
    """What the text says; None when it says neither, or both."""
    text = text.strip().rstrip("!.")
    if len(text) > _MAX_LENGTH:
        return None
    if _YES.fullmatch(text):
        return True
    if _NO.fullmatch(text):
        return False
    stated = _STATED.fullmatch(text)
    if stated is not None:
        return bool(stated["true"]) is not bool(stated["not"])
    return _read_sentence(text)


def _read_sentence(text: str) -> bool | None:
    """`Yes, it was ratified in 1920`; not `Yes, it was not`, nor `No, it was`."""
    first = _FIRST.match(text)
    then = _THEN.match(text, first.end()) if first else None
    if first is None or then is None or then.end() == len(text):
        return None
    sentence = text[then.end() :]
    # A clause has two words: "Yes, London, Rome" lists guesses.
    if not sentence[0].isalpha() or " " not in re.split("[,;]", sentence)[0]:
        return None
    is_bare_gap = then[0] == " "
    if is_bare_gap or _TAKES_BACK.search(sentence):
        stated = _STATED.fullmatch(sentence)
        agrees = stated is not None and bool(stated["true"]) is not bool(stated["not"])
        return bool(first["yes"]) if stated and agrees is bool(first["yes"]) else None
    denies = _DENIES.search(sentence) is not None
    if first["yes"]:
        return None if denies else True
    # "No, it was" takes the word back; a sentence of its own need not deny again.
    return None if _AFFIRMS.fullmatch(sentence) else False


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)

    def judge(answer: str) -> Reason:
        found = read_yes_no(plain(answer))
        if found is None:
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if found is wanted else Reason.WRONG_VALUE

    return judge


def _read_gold(value: str) -> bool:
    found = read_yes_no(plain(value))
    if found is None:
        raise not_of_type(value, "yes or no", "it is neither")
    return found


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=render(draft))


def render(gold: Gold) -> str:
    return "yes" if _read_gold(gold.value) else "no"


def perturb(gold: Gold) -> Iterator[str]:
    right = render(gold)
    wrong = "no" if right == "yes" else "yes"
    yield wrong
    yield "yes or no"
    yield f"{right}, but also {wrong}"
    yield "maybe"
    yield f"not {right}"
