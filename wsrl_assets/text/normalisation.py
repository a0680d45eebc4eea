"""Text as every stage sees it: normal form, identity, words and a token estimate. Pure functions.

Texts come from strangers, so each function is linear in the length of its input, for any content.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

_DIGEST_BYTES = 16
_CHUNK_CHARS = 1 << 16
_MAX_MARKS_IN_A_ROW = 30
_FIRST_MARK = "\u0300"  # no combining mark comes before it

_NEWLINE = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# A class alone is searched three times as fast, and most texts have none of these.
_ODD_NEWLINE = re.compile("[\r\v\f\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]")
# What shows nothing and can say something: tag characters and variation selectors, which carry
# hidden text to a model; marks of direction, which show another order than the text has; invisible
# operators and annotations. Joiners of Indic, Persian and emoji stay, and so does a single space of
# no width, which Thai and Khmer use.
_INVISIBLE = re.compile(
    "[\u061c\u180e\u202a-\u202e\u2060-\u206f\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_NO_WIDTH = re.compile("(?<=[\u200b-\u200f])[\u200b-\u200f]++")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{4,}")
_LEADING_BLANK_LINES = re.compile(r"\A\n+")


def normalise_document(text: str) -> str:
    r"""The one form in which a document is stored, prompted with and quoted from.

    NFC; newlines of every kind become ``\n``; other control characters but the tab, byte order
    marks, and what is invisible but a single joiner or space of no width, are removed; lone
    surrogates (JSON's ``"\ud800"``, which no UTF-8 file or database can hold) become U+FFFD; spaces
    at line ends go, and so do blank lines at both ends; more than two blank lines in a row become
    two. Indentation and single spaces stay, so markdown and code survive. Normalising twice changes
    nothing more.
    """
    if _ODD_NEWLINE.search(text):
        text = _NEWLINE.sub("\n", text)
    text = _CONTROL.sub("", text)
    if not text.isascii():
        text = _NO_WIDTH.sub("", _INVISIBLE.sub("", text))
        text = _SURROGATE.sub("\ufffd", text)
        text = _composed(text, "NFC")
    text = "\n".join(map(str.rstrip, text.split("\n")))
    text = _BLANK_LINES.sub("\n\n\n", text)
    return _LEADING_BLANK_LINES.sub("", text).rstrip()


def one_line(text: str) -> str:
    """The text with each run of white space as one space, and none at its ends."""
    return " ".join(text.split())


def content_id(text: str) -> str:
    """32 hex characters that name what a text says: the `doc_id` of a document.

    Two texts that differ only in the amount or kind of whitespace, in Unicode form, or in what
    `normalise_document` removes have one id; a text and its normal form do too.
    """
    return content_id_of_normal(normalise_document(text))


def content_id_of_normal(text: str) -> str:
    """The `content_id` of a text that `normalise_document` has made, or of a part of one."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for piece in _whitespace_collapsed(text):
        digest.update(piece.encode("utf-8"))
    return digest.hexdigest()


def stable_hash(*parts: str) -> str:
    """32 hex characters for a tuple of strings, the same on every machine and in every run.

    Each part is hashed with its length before it, so ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def words(text: str) -> list[str]:
    """The words of a text for comparing texts: NFKC, casefolded, without punctuation.

    Vowel signs and accents stay in their word. Chinese, Japanese, Thai, Lao, Khmer and Burmese
    write no spaces between words, so each of their characters is a word of its own: n-grams of
    them then compare as they do in other scripts.
    """
    folded = _composed(_composed(text, "NFKC").casefold(), "NFKC")
    return (_ASCII_WORD if folded.isascii() else _word_pattern()).findall(folded)


def count_words(text: str) -> int:
    """The words of a text as a reader counts them: between spaces, where its script writes any.

    Of Chinese, Japanese, Thai and their like every character counts.
    """
    spaced, all_words = len(text.split()), len(words(text))
    return all_words if all_words > 3 * spaced else spaced


def ngrams(words: Sequence[str], n: int) -> Iterator[str]:
    """Every run of `n` words, joined by single spaces, in order; none when there are fewer.

    Raises:
        ValueError: `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"an n-gram needs n of at least 1, got {n}")
    return (" ".join(words[start : start + n]) for start in range(len(words) - n + 1))


def _byte_range(first: int, last: int) -> bytes:
    return bytes(range(first, last + 1))


# Twelfths of a token for each kind of UTF-8 byte, set so that the smallest vocabulary we serve
# (SmolLM2, 49k, mostly English) is not under-counted for prose in 15 scripts, code, mathematics or
# tables. Larger vocabularies need half of that for English and a fifth for Russian or Thai.
_TWELFTHS_BY_BYTES: tuple[tuple[bytes, int], ...] = (
    (_byte_range(ord("a"), ord("z")), 5),
    (_byte_range(ord("A"), ord("Z")), 10),
    (b" ", 2),
    (b"\n", 18),
    (_byte_range(0x80, 0xBF), 0),  # paid for by the first byte of their character
    (_byte_range(0xC0, 0xDF), 20),  # Latin accents, Greek, Cyrillic, Hebrew, Arabic
    (b"\xe0\xe2", 30),  # Indic, Thai, symbols
    (b"\xe1", 36),  # Georgian, Ethiopic, Vietnamese accents
    (_byte_range(0xE3, 0xE9), 24),  # Chinese, Japanese
    (_byte_range(0xEA, 0xEF), 34),  # Korean, full-width forms
    (_byte_range(0xF0, 0xF7), 48),  # emoji, rare scripts
)
_TWELFTHS_OF_ANY_OTHER_BYTE = 14  # digits, punctuation, tabs


def estimate_tokens(text: str) -> int:
    """About how many LLM tokens a text has at most, without a tokenizer: a safe over-estimate.

    Measured against SmolLM2, Qwen and DeepSeek: 1.5 to 2.1 times the truth for English and code;
    for other scripts 1 to 2 times on SmolLM2 and up to 6 on the large vocabularies. Only random
    letters (base64, hashes) have more tokens than estimated, up to one and a half times as many.

    It is a sum of weights over characters, rounded up: it never falls when text is added anywhere,
    and the parts of a text never add up to less than the whole.
    """
    left, twelfths = text.encode("utf-8", "surrogatepass"), 0
    for kind, weight in _TWELFTHS_BY_BYTES:
        rest = left.translate(None, kind)
        twelfths += weight * (len(left) - len(rest))
        left = rest
    twelfths += _TWELFTHS_OF_ANY_OTHER_BYTE * len(left)
    return -(-twelfths // 12)


def _composed(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """Unicode normalisation in linear time.

    Python sorts combining marks by insertion: one letter under a million marks would take hours.
    Unicode's own remedy (UAX 15, Stream-Safe Text) is a limit of 30 marks in a row.
    """
    if text.isascii():
        return text
    if max(text) < _FIRST_MARK:
        return unicodedata.normalize(form, text)
    excess = _excess_marks()
    text = excess.sub(r"\1", text)
    if unicodedata.is_normalized(form, text):
        return text
    text = unicodedata.normalize(form, text)
    return excess.sub(r"\1", text)


def _whitespace_collapsed(text: str) -> Iterator[str]:
    """The text with single spaces, in pieces: splitting 100 MB at once would take gigabytes."""
    started = gap = False
    for start in range(0, len(text), _CHUNK_CHARS):
        chunk = text[start : start + _CHUNK_CHARS]
        body = " ".join(chunk.split())
        if not body:
            gap = True
            continue
        if started and (gap or chunk[0].isspace()):
            yield " "
        yield body
        started, gap = True, chunk[-1].isspace()


def _marks(first: int, end: int) -> str:
    """The accents, vowel signs and other combining marks among these code points, for `[...]`."""
    ranges: list[tuple[int, int]] = []
    for code in range(first, end):
        if not unicodedata.category(chr(code)).startswith("M"):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


@cache
def _excess_marks() -> re.Pattern[str]:
    # Classes over several planes are slow in `re`, so a coarse look ahead rules most text out.
    common, rare = _marks(0, 0x10000), _marks(0x10000, 0x20000)
    mark = f"(?:[{common}]|[{rare}])"
    many = f"{{{_MAX_MARKS_IN_A_ROW}}}"
    return re.compile(f"(?=[{common}\U00010000-\U0001ffff]{many})({mark}{many}){mark}++")


_ASCII_WORD = re.compile("[a-z0-9]++")
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)


@cache
def _word_pattern() -> re.Pattern[str]:
    marks = _marks(0, 0x10000)
    letters = rf"[^\W_{_UNSPACED}]"
    spaced_word = f"{letters}++(?:[{marks}]++{letters}*+)*+"
    lone_character = rf"(?=\w)[{_UNSPACED}][{marks}]*+"
    return re.compile(f"{spaced_word}|{lone_character}")
