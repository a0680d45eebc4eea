"""Text as every stage sees it: normal form, identity, words and a token estimate. Pure functions.

Texts come from strangers, so each function is linear in the length of its input, for any content.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_DIGEST_BYTES = 16
_MAX_MARKS_IN_A_ROW = 30

_NEWLINE = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
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
# All that the patterns above look for, and most texts have none of.
_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_ODD_IN_ASCII = bytes([*range(9), *range(0x0B, 0x20), 0x7F])


def normalise_document(text: str) -> str:
    r"""The one form in which a document is stored, prompted with and quoted from.

    NFC; newlines of every kind become ``\n``; other control characters but the tab, byte order
    marks, and what is invisible but a single joiner or space of no width, are removed; lone
    surrogates (JSON's ``"\ud800"``, which no UTF-8 file or database can hold) become U+FFFD; spaces
    at line ends go, and so do blank lines at both ends; more than two blank lines in a row become
    two. Indentation and single spaces stay, so markdown and code survive. Normalising twice changes
    nothing more.
    """
    held = _holds(text)
    if held & _HOLDS_ODD:
        text = _NEWLINE.sub("\n", text)
        text = _CONTROL.sub("", text)
        text = _NO_WIDTH.sub("", _INVISIBLE.sub("", text))
        text = _SURROGATE.sub("\ufffd", text)
    text = _composed(text, "NFC", held)
    if held & _HOLDS_SPACE or " \n" in text or "\t\n" in text:
        text = "\n".join(map(str.rstrip, text.split("\n")))
    if "\n\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n\n", text)
    return text.lstrip("\n").rstrip()


def in_small_letters(text: str) -> str:
    """The text with each of its characters in its place, as `re.IGNORECASE` compares it with ASCII.

    A pattern in small letters finds in it what it finds in the text whatever the case, in a
    fraction of the time.
    """
    if not text.isascii():
        text = text.replace("\u0130", "i").replace("\u0131", "i").replace("\u017f", "s")
    return text.lower()


def one_line(text: str) -> str:
    """The text with each run of white space as one space, and none at its ends."""
    return " ".join(text.split())


def shortened(text: str, most: int) -> str:
    """The text, cut to so many characters with an ellipsis at its end where it is longer."""
    return text if len(text) <= most else text[: most - 1] + "…"


def content_id(text: str) -> str:
    """32 hex characters that name what a text says: the `doc_id` of a document.

    Two texts that differ only in the amount or kind of whitespace, in Unicode form, or in what
    `normalise_document` removes have one id; a text and its normal form do too.
    """
    return content_id_of_normal(normalise_document(text))


def content_id_of_normal(text: str) -> str:
    """The `content_id` of a text that `normalise_document` has made, or of a part of one."""
    if _holds(text) & _HOLDS_SPACE:
        text = _SPACE_BEYOND_ASCII.sub(" ", text)
    data = b" " + text.encode("utf-8").translate(_SPACES_AS_ONE)
    codes = np.frombuffer(data, np.uint8)
    is_space = codes == ord(" ")
    collapsed = codes[1:][~(is_space[1:] & is_space[:-1])].tobytes()
    return hashlib.blake2b(collapsed.rstrip(b" "), digest_size=_DIGEST_BYTES).hexdigest()


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
    if text.isascii():
        return _words_of_ascii(text)
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    folded_units = _folded().take(units)
    if folded_units.all():
        return folded_units.tobytes().decode("utf-16-le").split()
    folded = _composed(_composed(text, "NFKC").casefold(), "NFKC")
    if folded.isascii():
        return _words_of_ascii(folded)
    if _holds(folded) & (_HOLDS_MARK | _HOLDS_UNSPACED):
        return _word_pattern().findall(folded)
    units = np.frombuffer(folded.encode("utf-16-le"), np.uint16)
    return np.where(_is_letter().take(units), units, ord(" ")).tobytes().decode("utf-16-le").split()


def _words_of_ascii(text: str) -> list[str]:
    return text.encode("ascii").translate(ASCII_WORDS_ALONE).decode("ascii").split()


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


def _twelfths_of_bytes() -> bytes:
    """The weight of each byte, at its place."""
    weights = bytearray([_TWELFTHS_OF_ANY_OTHER_BYTE] * 256)
    for kind, weight in _TWELFTHS_BY_BYTES:
        for byte in kind:
            weights[byte] = weight
    return bytes(weights)


_TWELFTHS = _twelfths_of_bytes()
_LITTLE_TO_SUM = 256  # where Python is as fast as NumPy, which needs some microseconds to begin


def estimate_tokens(text: str) -> int:
    """About how many LLM tokens a text has at most, without a tokenizer: a safe over-estimate.

    Measured against SmolLM2, Qwen and DeepSeek: 1.5 to 2.1 times the truth for English and code;
    for other scripts 1 to 2 times on SmolLM2 and up to 6 on the large vocabularies. Only random
    letters (base64, hashes) have more tokens than estimated, up to one and a half times as many.

    It is a sum of weights over characters, rounded up: it never falls when text is added anywhere,
    and the parts of a text never add up to less than the whole.
    """
    weights = text.encode("utf-8", "surrogatepass").translate(_TWELFTHS)
    if len(weights) < _LITTLE_TO_SUM:
        return -(-sum(weights) // 12)
    return -(-int(np.add.reduce(np.frombuffer(weights, np.uint8), dtype=np.uint64)) // 12)


def estimate_tokens_of_parts(text: str, ends: Sequence[int]) -> list[int]:
    """`estimate_tokens` of each part of a text, without making the parts.

    Args:
        text: what the parts make up, one after another.
        ends: of the parts, in characters, rising; the last is that of the text.
    """
    data = text.encode("utf-8", "surrogatepass")
    weights = np.frombuffer(data.translate(_TWELFTHS), np.uint8)
    if not text.isascii():
        # Bytes after the first of a character weigh nothing: what is left is one for each.
        weights = weights[np.frombuffer(data, np.uint8) & 0xC0 != 0x80]
    starts = np.concatenate([[0], np.asarray(ends[:-1], np.int64)])
    twelfths = np.add.reduceat(weights, starts, dtype=np.int64).tolist()
    return [-(-tokens // 12) for tokens in twelfths]


# What a text may hold somewhere, and most texts do not.
_HOLDS_ODD, _HOLDS_MARK, _HOLDS_SPACE, _HOLDS_UNSPACED = 1, 2, 4, 8
_HOLDS_ANY = 15


def _holds(text: str) -> int:
    """The bits of what a text holds; a character beyond the first 65,536 may be any of it."""
    if text.isascii():
        plain = len(text.encode("ascii").translate(None, _ODD_IN_ASCII)) == len(text)
        return 0 if plain else _HOLDS_ODD
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    return int(np.bitwise_or.reduce(_held().take(units)))


@cache
def _held() -> NDArray[np.uint8]:
    """The bits of each of the first 65,536 code points; those of surrogates stand for all."""
    points = "".join(map(chr, range(0x10000)))
    held = np.zeros(0x10000, np.uint8)
    for kind, characters in (
        (_HOLDS_ODD, _ODD),
        (_HOLDS_MARK, re.compile(f"[{_marks(0, 0x10000)}]")),
        (_HOLDS_SPACE, _SPACE_BEYOND_ASCII),
        (_HOLDS_UNSPACED, re.compile(f"[{_UNSPACED}]")),
    ):
        held[[found.start() for found in characters.finditer(points)]] |= np.uint8(kind)
    held[0xD800:0xE000] = _HOLDS_ANY
    return held


def _composed(text: str, form: Literal["NFC", "NFKC"], held: int | None = None) -> str:
    """Unicode normalisation in linear time, given what the text, or one that it was, `_holds`.

    Python sorts combining marks by insertion: one letter under a million marks would take hours.
    Unicode's own remedy (UAX 15, Stream-Safe Text) is a limit of 30 marks in a row.
    """
    if text.isascii():
        return text
    if (_holds(text) if held is None else held) & _HOLDS_MARK:
        text = _excess_marks().sub(r"\1", text)
    composed = unicodedata.normalize(form, text)
    return text if composed == text else _without_excess_marks(composed)


def _without_excess_marks(text: str) -> str:
    return _excess_marks().sub(r"\1", text) if _holds(text) & _HOLDS_MARK else text


_SPACES_AS_ONE = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)
_SPACE_BEYOND_ASCII = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


@cache
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


ASCII_WORDS_ALONE = bytes(
    ord(chr(byte).lower()) if chr(byte).isascii() and chr(byte).isalnum() else ord(" ")
    for byte in range(256)
)
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)


@cache
def _is_letter() -> NDArray[np.bool_]:
    """Whether a word may hold each of the first 65,536 code points."""
    return np.fromiter((chr(code).isalnum() for code in range(0x10000)), np.bool_, 0x10000)


@cache
def _folded() -> NDArray[np.uint16]:
    """What stands for each of the first 65,536 code points in words, a space for what none holds.

    0 where that depends on what stands beside it, or is not one code point: marks, the parts of
    Korean syllables, surrogates, letters such as the German sharp s, and scripts without spaces.
    """
    depends = re.compile(f"[{_UNSPACED}{_marks(0, 0x10000)}\u1100-\u11ff\ud800-\udfff]")
    folded = np.zeros(0x10000, np.uint16)
    for code in range(0x10000):
        character = unicodedata.normalize("NFKC", chr(code)).casefold()
        character = unicodedata.normalize("NFKC", character)
        if len(character) == 1 and not depends.match(character) and ord(character) < 0x10000:
            folded[code] = ord(character) if character.isalnum() else ord(" ")
    return folded


@cache
def _word_pattern() -> re.Pattern[str]:
    marks = _marks(0, 0x10000)
    letters = rf"[^\W_{_UNSPACED}]"
    spaced_word = f"{letters}++(?:[{marks}]++{letters}*+)*+"
    lone_character = rf"(?=\w)[{_UNSPACED}][{marks}]*+"
    return re.compile(f"{spaced_word}|{lone_character}")
