"""What surrounds an answer, and the many ways to write the same characters.

Everything here is linear in its input and keeps the meaning: `10²` becomes `10^2` and not 102 (as
plain NFKC would have it), `2½` becomes `2 1/2` and not `21/2`, and a dash inside stays a dash.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

SPACES = " \t\n\r\u00a0\u2002\u2003\u2009\u200a\u202f\u3000"

# Control characters, invisible and direction-changing ones, and lone surrogates: what a reader
# sees is then not what is compared. Joiners (U+200C, U+200D) are real letters' company and stay.
# So are strokes through a character and rings around it, which strike it out.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\u0335-\u0337\u20d0-\u20f0]|(?<=\\w)\u0338"
)

_NO_CONTENT = re.compile(r"(?:\\[\[\]()]|[\s:;.,!?\u2026*_#`'\"\u201c\u201d$|<>/~\\-])*")

_PAIRS = (
    ("**", "**"),
    ("__", "__"),
    ("$$", "$$"),
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("$", "$"),
    ("`", "`"),
    ("*", "*"),
    ("_", "_"),
    ('"', '"'),
    ("'", "'"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
    ("\u00ab", "\u00bb"),
)
_WRAPPING_COMMAND = re.compile(
    r"\\(?:text(?:bf|it|rm|tt|sf|normal|up)?|math(?:rm|bf|it|sf|tt|bb|cal|normal)|emph|mbox|ce"
    r"|pu|num"
    r"|si|unit|operatorname|boxed|fbox|ensuremath) ?\{([^{}]*)\}"
)
_TWO_ARGUMENTS = re.compile(r"\\(?:SI|qty) ?\{([^{}]*)\} ?\{([^{}]*)\}")
_SCRIPT_IN_BRACES = re.compile(r"([_^]) ?\{ ?(\w{1,8}|[+-]?\d{1,4}[+-]?|[+-]) ?\}")
_SCRIPT_TAG = re.compile(r"<su([bp])>([^<>]{1,12})</su\1>", re.IGNORECASE)
_LINK = re.compile(
    r"!?\[([^\[\]]{1,200})\] ?(?:\([^()\s]{1,400}(?: \"[^\"]*\")?\)|\[[\w-]{1,40}\](?!\w))"
)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]{1,200}\|)?([^\[\]|]{1,200})\]\]")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto):[^<>\s]{1,400})>")
_EMPHASIS = re.compile(
    r"(?<![\w*\\])(\*{1,3}|__|_)(?=[^\s*_])([^*\n]{1,200}?)(?<=[^\s*_])\1(?![\w*])"
)
_DECORATION = frozenset("".join(mark for pair in _PAIRS for mark in pair) + "}")
_STOPS = frozenset(".\u3002\uff0e\uff61\u2713\u2714\u2705\u2611\u220e\u25a0\u25a1\u25fb\u25fc")
_ENDS = _DECORATION | _STOPS
_MAX_LAYERS = 8

_LATEX_FRACTION = re.compile(r"\\[dt]?frac ?\{ ?(\d{1,30}) ?\} ?\{ ?(\d{1,30}) ?\}")
_LATEX_QUOTIENT = re.compile(r"\\[dt]?frac ?\{([^{}]{1,40})\} ?\{([^{}]{1,40})\}")
_LATEX_SHORT_FRACTION = re.compile(r"\\[dt]?frac ?(\d)(\d)(?!\d)")
_LATEX_SPACE = re.compile(r"\\(?:[,;: ]|quad\b|qquad\b|!)|(?<![\\~])~(?!~)")
_LATEX_DEGREE = re.compile(r" ?(?:\^ ?\{? ?\\circ ?\}?|\\degree|\\textdegree)")
_MATH_NUMBER = re.compile(r"(?<!\\)\$(-?\d[\d.,]{0,30})\$(?!\d)")
_MATH_SIGN = re.compile(r"(?<!\\)\$")
_LATEX_POWER = re.compile(r"\^ ?\{ ?(-?\d{1,4}) ?\}")
_LATEX_ESCAPE = re.compile(r"\\([%$#&_])")
_LATEX_SYMBOLS = {
    "\\times": "\u00d7",
    "\\cdot": "\u00b7",
    "\\approx": "~",
    "\\pounds": "\u00a3",
    "\\euro": "\u20ac",
    "\\mu": "\u00b5",
    "\\Omega": "\u03a9",
    "\\AA": "\u00c5",
    "\\rightarrow": "\u2192",
    "\\to": "\u2192",
    "\\percent": "%",
    "{,}": ",",
}

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-", strict=True))
_SUPERSCRIPT_RUN = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUBSCRIPT_RUN = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")
_VULGAR_FRACTION = re.compile("[\u00bc-\u00be\u2150-\u215e\u2189]")
_CHARACTERS = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201b": "'",
        "\u2032": "'",
        "\u02bc": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2033": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2212": "-",
        "\u00ad": "",
        "\u2122": "",
        "\u00ae": "",
        "\u00a9": "",
        "\u2248": "~",
        "\u22c5": "\u00b7",
    }
)


_ASCII_DIGIT = re.compile(r"[0-9]")
# Digits of a script that NFKC leaves alone, such as Arabic-Indic ones. A number mixed of two
# scripts is none, so they are read only where no ASCII digit stands.
_FOREIGN_DIGIT = re.compile("(?![0-9\uff10-\uff19\U0001d7ce-\U0001d7ff])\\d")
_ARABIC_MARKS = str.maketrans({"\u066a": "%", "\u066b": ".", "\u066c": ","})
_CIRCLED = re.compile("([\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3251-\u325f\u32b1-\u32bf])")


def has_control(text: str) -> bool:
    """Whether characters stand in the text that a reader would not see."""
    return _CONTROL.search(text) is not None


def has_content(text: str) -> bool:
    """Whether there is more in the text than marks and spaces. `[]` and `()` are more."""
    return _NO_CONTENT.fullmatch(text) is None


def unwrap(text: str) -> str:
    """Take off what only decorates the whole: spaces, emphasis, quotes, `$`, `\\text{}`, a stop.

    Only pairs around the *whole* go: `"a" and "b"` and `$5 and $6` stay as they are.
    """
    for _ in range(_MAX_LAYERS):
        text = text.strip(SPACES)
        if not text or not (text[0] in _DECORATION or text[-1] in _ENDS):
            return text
        stripped = _without_half_pair(_without_stop(_without_pair(_without_command(text))))
        if stripped == text:
            return text
        text = stripped
    return text.strip(SPACES)


def _without_stop(text: str) -> str:
    """Without a full stop, or the sign that a proof or a check ends with."""
    is_stop = text[-1] in _STOPS and len(text) > 1 and not text.endswith("..")
    return text[:-1] if is_stop else text


def _without_pair(text: str) -> str:
    for opening, closing in _PAIRS:
        if text.startswith(opening) and text.endswith(closing):
            inner = text[len(opening) : -len(closing)]
            if len(text) > len(opening) + len(closing) and closing not in inner:
                return inner
    return text


def _without_half_pair(text: str) -> str:
    """Emphasis of which a marker took the other half: `Answer:** 12` or `**Answer: 12**`."""
    for mark in ("**", "__", "*"):
        if text.count(mark) == 1 and len(text) > len(mark) + 1:
            return text.removeprefix(mark) if text.startswith(mark) else _without_end(text, mark)
    return text


def _without_end(text: str, mark: str) -> str:
    """A star after a letter may be a part of it, as in `A*` and `C*`."""
    return text if mark == "*" and not text[-2].isdigit() else text.removesuffix(mark)


def _without_command(text: str) -> str:
    if not text.startswith("\\"):
        return text
    found = _WRAPPING_COMMAND.fullmatch(text)
    return found[1] if found else text


# One answer is read by several rules and in several ways; the next answer is another.
@lru_cache(maxsize=128)
def plain(text: str) -> str:
    """An answer as a careful typist would write it: no markup, one kind of dash, quote and space.

    En and em dashes inside the text stay: `1914–18` is a range and no date or subtraction.
    """
    if "&" in text and ";" in text:
        text = html.unescape(text)
    text = unwrap(text)
    if "<" in text or "*" in text or "_" in text or "](" in text or "]]" in text or "][" in text:
        text = _without_markup(text)
    if "$" in text:
        text = _MATH_NUMBER.sub(r"\1", text)
    if "\\" in text or "{" in text or "~" in text:
        text = without_latex(text)
    if not text.isascii():
        text = _fold(text)
    if "  " in text or "\t" in text or "\n" in text:
        text = " ".join(text.split())
    return text.strip(" ")


def _without_markup(text: str) -> str:
    """Emphasis and links inside the text, and HTML's raised and lowered digits.

    Text that is struck out keeps its marks, and so is no answer.
    """
    text = _SCRIPT_TAG.sub(lambda m: f"{'_' if m[1] in 'bB' else '^'}{m[2]}", text)
    text = _AUTOLINK.sub(r"\1", _LINK.sub(r"\1", _WIKI_LINK.sub(r"\1", text)))
    return unwrap(_EMPHASIS.sub(r"\2", text))


def without_latex(text: str) -> str:
    """LaTeX for numbers, units and words as plain text; other commands stay for the rule to see."""
    if "~" in text or "\\" in text:
        text = _LATEX_SPACE.sub(_space, text)
    if "\\" in text and len(_MATH_SIGN.findall(text)) % 2 == 0:
        text = _MATH_SIGN.sub("", text)
    for command, symbol in _LATEX_SYMBOLS.items():
        if command in text:
            text = text.replace(command, symbol)
    text = _SCRIPT_IN_BRACES.sub(r"\1\2", text)
    for _ in range(3):
        text = _WRAPPING_COMMAND.sub(r"\1", text)
    if "\\" in text:
        text = _TWO_ARGUMENTS.sub(lambda m: f"{m[1]} {m[2]}".replace("\\", ""), text)
    text = _LATEX_FRACTION.sub(r" \1/\2", text)
    text = _LATEX_SHORT_FRACTION.sub(r" \1/\2", text)
    text = _LATEX_QUOTIENT.sub(r"\1/\2", text)
    text = _LATEX_DEGREE.sub("\u00b0", text)
    text = _LATEX_POWER.sub(r"^\1", text)
    return unwrap(_LATEX_ESCAPE.sub(r"\1", text))


def _space(found: re.Match[str]) -> str:
    if found[0] == "\\!":
        return ""
    # A tilde is LaTeX's space, except at the start, where it says "about".
    return "~" if found[0] == "~" and found.start() == 0 else " "


def _fold(text: str) -> str:
    if _FOREIGN_DIGIT.search(text) and not _ASCII_DIGIT.search(text):
        text = _FOREIGN_DIGIT.sub(lambda m: str(unicodedata.decimal(m[0])), text)
        text = text.translate(_ARABIC_MARKS)
    text = _SUPERSCRIPT_RUN.sub(lambda m: "^" + "".join(_SUPERSCRIPTS[c] for c in m[0]), text)
    text = _SUBSCRIPT_RUN.sub(lambda m: "_" + "".join(_SUBSCRIPTS[c] for c in m[0]), text)
    text = _VULGAR_FRACTION.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]), text)
    text = _composed(text.translate(_CHARACTERS)).replace("\u2044", "/")
    if text[:1] in ("\u2013", "\u2014"):
        text = "-" + text[1:]
    return text


def _composed(text: str) -> str:
    """In compatible form, but for numbers in circles: those are labels, and a row of them is one
    number only to a machine."""
    if not _CIRCLED.search(text):
        return unicodedata.normalize("NFKC", text)
    parts = _CIRCLED.split(text)
    return "".join(
        unicodedata.normalize("NFKC", p) if i % 2 == 0 else p for i, p in enumerate(parts)
    )
