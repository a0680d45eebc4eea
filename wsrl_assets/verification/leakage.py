"""Check 2, leak: does the question hold its own answer?"""

from wsrl_assets.reward import AnswerType, Gold
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text import words

_NUMBER_WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
]


def leak(question: str, gold: Gold) -> Verdict:
    """Whether the answer, one of its aliases, or its number word stands in the question.

    Compared by words, so `4` is no leak in `1945`, while `C` is one in `C`. A choice question
    holds its answer by design.
    """
    if gold.type is AnswerType.CHOICE:
        return Verdict("leak", True)
    haystack = f" {' '.join(map(_singular, words(question)))} "
    for form in _forms(gold):
        needle = " ".join(map(_singular, words(form)))
        if needle and f" {needle} " in haystack:
            return Verdict("leak", False, "answer_in_question", form)
    return Verdict("leak", True)


def _forms(gold: Gold) -> list[str]:
    forms = [gold.value, *gold.aliases]
    plain = gold.value.replace(",", "")
    if plain.isdigit() and int(plain) < len(_NUMBER_WORDS):
        forms.append(_NUMBER_WORDS[int(plain)])
    if gold.value.casefold() in _NUMBER_WORDS:
        forms.append(str(_NUMBER_WORDS.index(gold.value.casefold())))
    return forms


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
