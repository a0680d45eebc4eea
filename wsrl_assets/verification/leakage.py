"""Check 2, leak: does the question hold its own answer?"""

import re

from wsrl_assets.reward import AnswerType, Gold, infer_type, parse_gold
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.taxonomy.forms import stem_of
from wsrl_assets.text.normalisation import words
from wsrl_assets.verification.parts import (
    FIGURES,
    SYMBOL,
    characters_in,
    equal_part,
    items_of,
    literally_in,
    option_text,
    without_accents,
)

_LITERAL = (AnswerType.CODE, AnswerType.EXPRESSION)
_MIN_LETTERS = 4
_ENDING = re.compile(r"(?<=[a-z]{4})(?:[eo]r)?(?:ing|ed|e)?\Z")
_IRREGULAR = dict(
    pair.split(":")
    for pair in (
        "men:man women:woman children:child teeth:tooth feet:foot geese:goose mice:mouse lice:louse"
        " oxen:ox people:person wolves:wolf knives:knife wives:wife lives:life leaves:leaf"
        " halves:half shelves:shelf thieves:thief calves:calf loaves:loaf elves:elf scarves:scarf"
        " hooves:hoof criteria:criterion phenomena:phenomenon bacteria:bacterium fungi:fungus"
        " nuclei:nucleus cacti:cactus stimuli:stimulus radii:radius indices:index matrices:matrix"
        " vertices:vertex crises:crisis theses:thesis hypotheses:hypothesis analyses:analysis"
        " diagnoses:diagnosis oases:oasis parentheses:parenthesis larvae:larva antennae:antenna"
        " formulae:formula vertebrae:vertebra"
    ).split()
)
_MONTHS = (
    "january february march april may june july august september october november december".split()
)


def leak(question: str, gold: Gold) -> Verdict:
    """Whether the answer, or one of its aliases, stands in the question in any form.

    A figure is there in any writing that the reward takes for it: 12 in "twelve", 5 km in "5,000
    metres"; but 4 is not in 1945. A name is there whatever its accents, hyphens and number, and
    also when its words stand apart: "Which Curie, Marie by first name"; and so is a date. A list is
    there when its items stand in a row. A choice question holds its answer by design, but where
    its options stand apart, a line each, what stands over them does not.
    """
    if gold.type is AnswerType.CHOICE:
        stem = stem_of(question, gold.choices)
        return Verdict("leak", True) if stem == question else leak(stem, _right_option(gold))
    if gold.type in FIGURES:
        return _verdict(equal_part(question, gold) or _date_apart(question, gold))
    if gold.type in _LITERAL:
        return _verdict(gold.value if characters_in(gold.value, question) else None)
    if gold.type is AnswerType.LIST:
        return _verdict(gold.value if _enumerates(question, items_of(gold)) else None)
    forms = (gold.value, *gold.aliases)
    return _verdict(next((form for form in forms if _holds(question, form)), None))


def _right_option(gold: Gold) -> Gold:
    """The right option by itself, of the type that its form shows."""
    text = option_text(gold)
    try:
        return parse_gold(text, infer_type(text))
    except ValueError:
        return Gold(AnswerType.ENTITY, text)


def _holds(question: str, form: str) -> bool:
    number = _number(form)
    if number is not None:
        return equal_part(question, number) is not None
    if SYMBOL.search(form) or len(form) < _MIN_LETTERS:
        return literally_in(form, question)
    found, needle = _folded(question), _folded(form)
    if not needle:
        return False
    if f" {' '.join(needle)} " in f" {' '.join(found)} " or _joined(needle, found):
        return True
    if len(needle) == 1 and _stem(needle[0]) in {_stem(word) for word in found}:
        return True
    return len(needle) > 1 and set(needle) <= set(found)


def _date_apart(question: str, gold: Gold) -> str | None:
    """A date whose parts stand apart: "On which 8 May, in 1945, ..."; none if one is missing."""
    parts = gold.value.split("-")
    if gold.type is not AnswerType.DATE or len(parts) < 2 or not all(map(str.isdecimal, parts)):
        return None
    year, month, *day = (int(part) for part in parts)
    found = set(words(question))
    named = _MONTHS[month - 1]
    numbers = {str(year), *(str(number) for number in day)}
    return gold.value if numbers <= found and {named, named[:3]} & found else None


def _enumerates(question: str, items: list[str]) -> bool:
    """Whether the items stand in a row; a question that puts them to choice has others between."""
    links = ("and", "or")
    found = [word for word in _folded(question) if word not in links]
    needle = [word for item in items for word in _folded(item) if word not in links]
    return bool(needle) and f" {' '.join(needle)} " in f" {' '.join(found)} "


def _joined(needle: list[str], found: list[str]) -> bool:
    """Whether the letters stand in whole words of the question: "data-base" holds "database"."""
    letters = "".join(needle)
    if len(letters) < _MIN_LETTERS or not letters.isalpha():
        return False
    for first in range(len(found)):
        run = ""
        for word in found[first:]:
            run += word
            if run == letters:
                return True
            if not letters.startswith(run):
                break
    return False


def _number(form: str) -> Gold | None:
    try:
        return parse_gold(form, AnswerType.INTEGER)
    except ValueError:
        return None


def _folded(text: str) -> list[str]:
    return [_singular(word) for word in words(without_accents(text))]


def _singular(word: str) -> str:
    """A word without its plural ending, roughly and for both sides alike."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < _MIN_LETTERS or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses", "zes", "oes")) else word[:-1]


def _stem(word: str) -> str:
    """A word without the ending of a verb's forms or of its doer: "Monitoring" as "monitor"."""
    return _ENDING.sub("", word) if word.isascii() else word


def _verdict(found: str | None) -> Verdict:
    if found is None:
        return Verdict("leak", True)
    return Verdict("leak", False, "answer_in_question", found)
