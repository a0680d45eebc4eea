"""What reading a text means, written down plainly: a character, a line or a word at a time.

The package does the same by table look-ups over whole texts. `test_definitions` holds the two
together.
"""

import hashlib
import re
import unicodedata
from collections import Counter

from wsrl_assets.sources.heuristics import HeuristicThresholds

NEWLINES = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")
INVISIBLE = re.compile("[\u061c\u180e\u202a-\u202e\u2060-\u206f\ufff9-\ufffb\U000e0000-\U000e0fff]")
NO_WIDTH = re.compile("(?<=[\u200b-\u200f])[\u200b-\u200f]+")
UNSPACED = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u3005", "\u3007"),
    ("\u3040", "\u30ff"),
    ("\u31f0", "\u31ff"),
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)
TWELFTHS_BY_FIRST_BYTE = (
    (ord("a"), ord("z"), 5),
    (ord("A"), ord("Z"), 10),
    (ord(" "), ord(" "), 2),
    (ord("\n"), ord("\n"), 18),
    (0xC0, 0xDF, 20),
    (0xE0, 0xE0, 30),
    (0xE1, 0xE1, 36),
    (0xE2, 0xE2, 30),
    (0xE3, 0xE9, 24),
    (0xEA, 0xEF, 34),
    (0xF0, 0xF7, 48),
    (0x00, 0x7F, 14),
)


def normal(text: str) -> str:
    """The normal form of a document."""
    text = CONTROLS.sub("", NEWLINES.sub("\n", text))
    text = NO_WIDTH.sub("", INVISIBLE.sub("", text))
    text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    text = composed(text, "NFC")
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", text).lstrip("\n").rstrip()


def composed(text: str, form: str) -> str:
    """Unicode normalisation of a text with at most 30 marks in a row."""
    text = with_few_marks(text)
    again = unicodedata.normalize(form, text)  # type: ignore[arg-type]
    return text if again == text else with_few_marks(again)


def with_few_marks(text: str) -> str:
    kept, run = [], 0
    for character in text:
        # The planes beyond the second have variation selectors and tags, which are no accents.
        is_mark = unicodedata.category(character).startswith("M") and character < "\U00020000"
        run = run + 1 if is_mark else 0
        if run <= 30:
            kept.append(character)
    return "".join(kept)


def content_id(text: str) -> str:
    """The id of a text in normal form."""
    return hashlib.blake2b(" ".join(text.split()).encode(), digest_size=16).hexdigest()


def tokens(text: str) -> int:
    """The estimate of a text's tokens."""
    return -(-sum(map(_twelfths, text)) // 12)


def _twelfths(character: str) -> int:
    first = character.encode("utf-8", "surrogatepass")[0]
    return next(weight for low, high, weight in TWELFTHS_BY_FIRST_BYTE if low <= first <= high)


def words(text: str) -> list[str]:
    """The words of a text for comparing texts."""
    letter = "(?:(?=[^\\W_])[^" + "".join(f"{low}-{high}" for low, high in UNSPACED) + "])"
    lone = "(?:(?=\\w)[" + "".join(f"{low}-{high}" for low, high in UNSPACED) + "])"
    folded = composed(composed(text, "NFKC").casefold(), "NFKC")
    marks = "".join(
        sorted({c for c in folded if unicodedata.category(c)[0] == "M" and c < "\U00010000"})
    )
    mark = f"[{marks}]" if marks else "(?!)"
    return re.findall(f"{letter}+(?:{mark}+{letter}*)*|{lone}{mark}*", folded)


def share(text: str, classes: str) -> float:
    """The share of Unicode classes, spaces left out and a run of one symbol counted once."""
    counts = Counter(
        unicodedata.category(character)[0]
        for character in re.sub(r"([^\w\s])\1+", r"\1", text)
        if not character.isspace()
    )
    return sum(counts[name] for name in classes) / max(1, counts.total())


def repeated_lines(text: str) -> float:
    """The share of the characters in lines that stand in lines seen before."""
    lines = Counter(line.strip() for line in text.splitlines())
    total = sum(len(line) * count for line, count in lines.items())
    return sum(len(line) * (count - 1) for line, count in lines.items()) / max(1, total)


def repeated_ngrams(text: str, n: int) -> float:
    """The share of the n-grams that were seen before."""
    found = words(text)
    ngrams = [tuple(found[start : start + n]) for start in range(len(found) - n + 1)]
    return (len(ngrams) - len(set(ngrams))) / max(1, len(ngrams))


def rejection(text: str, limits: HeuristicThresholds) -> str | None:
    """The reason for which a text is obviously poor."""
    if tokens(text) < limits.min_tokens:
        return "too_short"
    if share(text, "LM") < limits.min_letter_share:
        return "no_letters"
    if 1 - share(text, "LMN") > limits.max_symbol_share:
        return "mostly_symbols"
    if repeated_lines(text) > limits.max_repeated_line_share:
        return "repeated_lines"
    if repeated_ngrams(text, limits.ngram_words) > limits.max_repeated_ngram_share:
        return "repeated_ngrams"
    return None
