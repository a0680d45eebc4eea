"""Spellings of one name: British and American, abbreviated titles, numerals, joined words.

`loose` turns a name's key into a form that all these spellings share. It is used only where two
keys differ, and on both of them, so that a fold needs to be right for words that exist and may be
odd for others.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from .number_words import COUNTING_WORDS, ORDINALS, read_words
from .vocabulary import singular

_ENDINGS = (
    (re.compile(r"(?<=[a-z]{2})is(?=(?:e|es|ed|er|ers|ing|ation|ations|able)$)"), "iz"),
    (re.compile(r"(?<=[a-z]{2})ys(?=(?:e|es|ed|er|ers|ing)$)"), "yz"),
    (re.compile(r"(?<=[a-z]{2})our(?=s?$|ed$|ing$|ful$|less$|able$|ite$|ites$|hood$|ist$)"), "or"),
    (re.compile(r"(?<=[a-z]{2}[bt])re(?=s?$)"), "er"),
    (re.compile(r"(?<=[a-z]{2}[aeo])ll(?=ed$|ing$|er$|ers$|or$|ors$)"), "l"),
    (re.compile(r"(?<=[a-z]{3})ogue(?=s?$)"), "og"),
    (re.compile(r"(?<=[a-z]{2}en)ce(?=s?$)"), "se"),
    (
        re.compile(r"(?<=h)ae(?=m)|(?<=p)ae(?=d)|(?<=an)ae(?=[ms])|(?<=c)ae(?=[cs])|(?<=f)ae(?=c)"),
        "e",
    ),
    (
        re.compile(r"(?<=arch)ae(?=o)|(?<=pal)ae(?=o)|(?<=gyn)ae(?=c)|(?<=di)ae(?=v)|(?<=leuk)ae"),
        "e",
    ),
    (
        re.compile(
            r"^oe(?=[ds])|^oe(?=str)|(?<=f)oe(?=t)|(?<=h)oe(?=a)|(?<=man)oe(?=u)|^ae(?=[ost])"
        ),
        "e",
    ),
    (re.compile(r"sulph"), "sulf"),
)
_PAIRS = """
    aluminium aluminum; grey gray; programme program; programmes programs; plough plow; tyre tire;
    tyres tires; mould mold; moult molt; cheque check; jewellery jewelry; sceptic skeptic; kerb
    curb;
    sceptical skeptical; pyjamas pajamas; artefact artifact; artefacts artifacts; ageing aging;
    judgement judgment; cosy cozy; storey story; whiskey whisky; doughnut donut; caesium cesium;
    caesarean cesarean; maths math; draught draft; yoghurt yogurt; encyclopaedia encyclopedia;
    mediaeval medieval; fulfil fulfill; skilful skillful; instalment installment; enrol enroll;
    diarrhoea diarrhea; oesophagus esophagus; omelette omelet; cypher cipher; gaol jail;
    aeroplane airplane; disc disk; carburettor carburetor; furore furor; manoeuvre maneuver;
    practise practice; licence license; centred centered; theatre theater; ionisation ionization;
    mt mount; mtn mountain; mts mountains; st saint; ste sainte; ft fort; pt point;
    jr junior; sr senior; dr doctor; prof professor; mr mister; co company; corp corporation;
    inc incorporated; ltd limited; bros brothers; univ university; ave avenue; blvd boulevard;
    dept department; govt government; pres president; gen general; col colonel; capt captain;
    lt lieutenant; sgt sergeant; sen senator; gov governor; rev reverend; vol volume; assn
    association;
    intl international; natl national; vs v; versus v; nr number; plus +;
"""
_SPELLED = dict(pair.split() for pair in _PAIRS.split(";") if pair.strip())
_ROMAN = re.compile(r"(?=[ivxlc]{2})(?:c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_DIGIT_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_BETWEEN_NUMBERS = re.compile(r"(?<=\d) ?(?:[-\u2013\u2014:\u2236/]| to ) ?(?=\d)")
_NUMBER_SIGN = re.compile(r"(?:\bno|\bnumber|#) ?(?=\d)")
_VERSION = re.compile(r"(?<= )v(?:er(?:sion)?)? ?(?=\d)")
_REGNAL = re.compile(r"(?<=\w) the (\d+)th$")
_GROUPING = re.compile(r"[\s().\u2013-]")
_LONG_NUMBER = re.compile(r"\+?\d{8,20}X?")
_NUMBER_WORDS = COUNTING_WORDS | {"one"}
_MAX_WORDS = 24


@lru_cache(maxsize=8192)
def loose(key: str) -> str:
    """The key with every word in one spelling, and numerals of all kinds in digits."""
    words = key.replace("'", "").split()
    if len(words) > _MAX_WORDS:
        return key
    spelled = _with_digits([_spelled(word, alone=len(words) == 1) for word in words])
    if len(spelled) > 1 and spelled[-1] in _ROMAN_VALUES:
        spelled[-1] = str(_ROMAN_VALUES[spelled[-1]])
    text = _REGNAL.sub(r" \1", " ".join(spelled))
    return _VERSION.sub("", _NUMBER_SIGN.sub("no", text))


def _spelled(word: str, *, alone: bool) -> str:
    if _ROMAN.fullmatch(word) and not alone:
        return str(_roman(word))
    if word in _SPELLED:
        return _SPELLED[word] if not alone or len(word) > 3 else word
    if word in ORDINALS:
        return f"{ORDINALS[word]}th"
    if word[0].isdigit():
        return _DIGIT_ORDINAL.sub(r"\1th", word)
    for pattern, replacement in _ENDINGS:
        word = pattern.sub(replacement, word)
    return word


def _roman(word: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in word]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _with_digits(words: list[str]) -> list[str]:
    """Runs of number words as one number: `one hundred and one dalmatians` is `101 dalmatians`."""
    found: list[str] = []
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and (
            words[end] in _NUMBER_WORDS or (end > at and words[end] == "and")
        ):
            end += 1
        while end > at and words[end - 1] == "and":
            end -= 1
        value = read_words(words[at:end]) if end > at else None
        found += words[at : end or at + 1] if value is None and end > at else []
        if value is not None:
            found.append(str(value))
        elif end == at:
            found.append(words[at])
            end = at + 1
        at = end
    return found


def joined_numbers(text: str) -> str:
    """`3 to 2`, `3:2` and `3–2` in one spelling."""
    return _BETWEEN_NUMBERS.sub("~", text)


def is_joined_alike(first: str, second: str) -> bool:
    """Whether two keys differ in the gaps between words only, at a hyphen or a digit.

    `covid19` and `covid 19`, `data base` and `database`; not `p a r i s`, nor `type 1 2`.
    """
    if first.replace(" ", "") != second.replace(" ", ""):
        return False
    for key in (first, second):
        parts = key.split()
        if sum(len(part) == 1 and part.isalpha() for part in parts) > 1:
            return False
        if any(a[-1].isdigit() and b[0].isdigit() for a, b in pairwise(parts)):
            return False
    return True


def identifier(shown: str) -> str:
    """The digits of a long number, which brackets and hyphens only group: an ISBN, a telephone.

    Empty for anything else.
    """
    digits = _GROUPING.sub("", shown)
    return digits if _LONG_NUMBER.fullmatch(digits) else ""


def singular_of(key: str) -> str:
    """The last word's number taken off."""
    head, _, last = key.rpartition(" ")
    return f"{head} {singular(last)}"
