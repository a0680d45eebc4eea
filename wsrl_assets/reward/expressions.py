"""Mathematical expressions: equal as written, or equal by exact arithmetic (`solutions`).

The work is bounded, not the time, so a verdict depends on nothing but the two texts. What is
outside the grammar of `evaluation`, such as a sum over an index or a matrix, is equal only to the
same text. So is what exceeds its bounds: 200 tokens, 24 levels, 16 functions, 50 digits. If it is
the gold that does, another answer is undecided; if it is the answer, it is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from . import regions, solutions
from .evaluation import MAX_TOKENS, is_bounded, is_free, is_variable
from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .shapes import Relation, Scalar, Shape, read_shape
from .text import unwrap
from .vocabulary import word_set

_MAX_LENGTH = 4 * MAX_TOKENS

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[^\W\d_]+|\S")
_GROUPED = re.compile(r"(?<![\d,])\d{1,3}(?:(?:,|\{,\})\d{3})+(?![\d,])")
_SAME_COMMANDS = {
    "\\dfrac": "\\frac",
    "\\tfrac": "\\frac",
    "\\cfrac": "\\frac",
    "\\dbinom": "\\binom",
    "\\tbinom": "\\binom",
    "\\times": "\\cdot",
    "\\ast": "\\cdot",
    "\\lt": "<",
    "\\gt": ">",
    "\\le": "\\leq",
    "\\ge": "\\geq",
    "\\ne": "\\neq",
    "\\lbrace": "\\{",
    "\\rbrace": "\\}",
    "\\degree": "\\circ",
    "\\lvert": "|",
    "\\rvert": "|",
}
_IDLE = word_set(
    r"""
    \left \right \big \Big \bigl \bigr \Bigl \Bigr \displaystyle \, \; \: \! \quad \qquad
    \limits $ \$ ~
    """
) | {"\\ "}
_SYMBOLS = {
    "π": "\\pi",
    "∞": "\\infty",
    "√": "\\sqrt",
    "×": "\\cdot",
    "·": "\\cdot",
    "⋅": "\\cdot",
    "*": "\\cdot",
    "÷": "/",
    "−": "-",
    "–": "-",
    "≤": "\\leq",
    "≥": "\\geq",
    "≠": "\\neq",
    "±": "\\pm",
    "∪": "\\cup",
    "∩": "\\cap",
    "∈": "\\in",
    "°": "\\circ",
    "θ": "\\theta",
    "α": "\\alpha",
    "β": "\\beta",
    "λ": "\\lambda",
    "μ": "\\mu",
    "σ": "\\sigma",
    "φ": "\\phi",
    "ω": "\\omega",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n")
_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ]+")
_VULGAR_FRACTION = re.compile("[\u00bc-\u00be\u2150-\u215e]")
_E_NOTATION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})(?![\w.])")
_FUNCTIONS = word_set(
    """
    sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp pi
    """
)
_INFINITY = frozenset(("infinity", "inf"))
# Signs that give a number another meaning: 50\\% is not taken for 0.5, nor 30° for 30.
_MEANINGFUL = ("\\%", "\\circ")


@dataclass(frozen=True, slots=True)
class Expression:
    """Tokens as written and, apart from them, the variable it is said to equal (`x = 5`)."""

    tokens: tuple[str, ...]
    subject: str | None = None
    sign: str = ""


@lru_cache(maxsize=8192)
def read_expression(text: str) -> Expression | None:
    """The tokens of an expression in one spelling, or None when it is empty or far too long."""
    if len(text) > _MAX_LENGTH:
        return None
    text = _VULGAR_FRACTION.sub(_as_fraction, text)
    text = _SUPERSCRIPT_RUN.sub(lambda m: f"^{{{m[0].translate(_SUPERSCRIPTS)}}}", unwrap(text))
    text = _GROUPED.sub(lambda m: re.sub(r"\D", "", m[0]), text.replace("**", "^"))
    found = [token for raw in _TOKEN.findall(text) for token in _respelt(raw)]
    found = _with_braces(_with_braces(_without_degree_power(found), "^"), "\\sqrt")
    found = _with_mixed_numbers(_with_fraction_arguments(found))
    while found and found[-1] in (".", ",", ";"):
        found.pop()
    return _with_subject(found) if found else None


def _with_subject(tokens: list[str]) -> Expression:
    """`x = 5`, `5 = x` and `x \\in [0, 1]` say what they are about."""
    for sign in ("=", "\\in"):
        if tokens.count(sign) != 1:
            continue
        at = tokens.index(sign)
        left, right = tokens[:at], tokens[at + 1 :]
        if right and _is_subject(left):
            return Expression(tuple(right), _name_of(left), sign)
        if left and sign == "=" and _is_subject(right):
            return Expression(tuple(left), _name_of(right), sign)
    return Expression(tuple(tokens))


def _name_of(subject: list[str]) -> str:
    return "".join(subject).strip("}").replace("{", "")


def _as_fraction(found: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", found[0]).partition("\u2044")
    return f"\\frac{{{top}}}{{{bottom}}}"


def _is_subject(tokens: list[str]) -> bool:
    """`x`, `f(x)`, `a_n` or `a_{n}`: what an equation can be said to be about."""
    if not tokens or not is_variable(tokens[0]):
        return False
    rest = tokens[1:]
    is_call = len(rest) == 3 and rest[0] == "(" and rest[2] == ")" and is_variable(rest[1])
    is_indexed = len(rest) in (2, 4) and rest[0] == "_" and (len(rest) == 2 or rest[1] == "{")
    return not rest or is_call or is_indexed


def _respelt(token: str) -> list[str]:
    if token in _IDLE:
        return []
    if token.isalpha() and len(token) > 1:
        if token in _INFINITY:
            return ["\\infty"]
        letters = [_SYMBOLS.get(letter, letter) for letter in token]
        return [f"\\{token}"] if token in _FUNCTIONS else letters
    token = _SAME_COMMANDS.get(token, token)
    return [_SYMBOLS.get(token, token)]


def _without_degree_power(tokens: list[str]) -> list[str]:
    """`30^\\circ` and `30^{\\circ}` as the one sign that `30\u00b0` has."""
    text = " ".join(tokens)
    return text.replace("^ { \\circ }", "\\circ").replace("^ \\circ", "\\circ").split()


def _with_braces(tokens: list[str], after: str) -> list[str]:
    """`^10`, `^(n+1)` and `sqrt(2)` with the braces that LaTeX wants."""
    result: list[str] = []
    at = 0
    while at < len(tokens):
        result.append(tokens[at])
        at += 1
        if result[-1] != after or at >= len(tokens):
            continue
        end = _end_of_argument(tokens, at)
        argument = tokens[at:end]
        if argument[:1] == ["("] and argument[-1:] == [")"]:
            argument = argument[1:-1]
        if argument and argument[0] not in ("{", "["):
            result += ["{", *argument, "}"]
            at = end
    return result


def _end_of_argument(tokens: list[str], start: int) -> int:
    if tokens[start] == "-" and start + 1 < len(tokens):
        return _end_of_argument(tokens, start + 1) if tokens[start + 1] != "-" else start + 1
    if tokens[start] != "(":
        return start + 1
    depth = 0
    for at in range(start, len(tokens)):
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        if depth == 0:
            return at + 1
    return start + 1


def _with_fraction_arguments(tokens: list[str]) -> list[str]:
    """`\\frac12` with the braces that LaTeX takes for granted: an argument is one digit."""
    result: list[str] = []
    wanting = 0
    rest = tokens[::-1]
    while rest:
        token = rest.pop()
        if wanting and token.isdigit():
            rest.extend([token[1:]] if len(token) > 1 else [])
            result += ["{", token[0], "}"]
            wanting -= 1
            continue
        wanting = 2 if token in ("\\frac", "\\binom") else 0
        result.append(token)
        if token == "}" and _opens_first_argument(result):
            wanting = 1
    return result


def _opens_first_argument(tokens: list[str]) -> bool:
    """Whether a group that just ended follows `\\frac` itself."""
    depth = 0
    for at in range(len(tokens) - 1, -1, -1):
        depth += (tokens[at] == "}") - (tokens[at] == "{")
        if depth == 0:
            return at > 0 and tokens[at - 1] in ("\\frac", "\\binom")
    return False


def _with_mixed_numbers(tokens: list[str]) -> list[str]:
    """`3\\frac{1}{2}` and `3 1/2` are sums: three and a half."""
    result: list[str] = []
    at = 0
    while at < len(tokens):
        fraction = _fraction_after(tokens, at) if tokens[at].isdigit() else []
        if fraction:
            result += ["(", tokens[at], "+", *fraction, ")"]
        else:
            result.append(tokens[at])
        at += 1 + len(fraction)
    return result


def _fraction_after(tokens: list[str], at: int) -> list[str]:
    """The proper fraction of two whole numbers that follows a whole number, if any."""
    stacked, flat = tokens[at + 1 : at + 8], tokens[at + 1 : at + 4]
    if stacked[:2] == ["\\frac", "{"] and stacked[3:5] + stacked[6:] == ["}", "{", "}"]:
        return stacked if _is_proper(stacked[2], stacked[5]) else []
    is_flat = len(flat) == 3 and flat[1] == "/" and tokens[at + 4 : at + 5] != ["^"]
    return flat if is_flat and _is_proper(flat[0], flat[2]) else []


def _is_proper(top: str, bottom: str) -> bool:
    return top.isdigit() and bottom.isdigit() and 0 < int(top) < int(bottom)


def _readings(text: str) -> Iterator[Expression | None]:
    """As written, and with `1e-3` for a thousandth instead of Euler's number less three."""
    yield read_expression(text)
    spelt_out = _E_NOTATION.sub(r"(\1 \\cdot 10^{\2})", text)
    if spelt_out != text:
        yield read_expression(spelt_out)


def compile_rule(gold: Gold) -> Rule:
    _read_gold(gold.value)
    is_e_notation = _E_NOTATION.fullmatch(unwrap(gold.value).lstrip("-")) is not None
    read = list(_readings(gold.value))
    wanted = [one for one in (read if is_e_notation else read[:1]) if one is not None]

    def judge(answer: str) -> Reason:
        found = [one for one in _readings(answer) if one is not None]
        if not found:
            return Reason.NOT_OF_TYPE
        verdicts = [same(ours, theirs) for ours in wanted for theirs in found]
        if True in verdicts:
            return Reason.MATCH
        return Reason.UNDECIDED if None in verdicts else Reason.WRONG_VALUE

    return judge


def same(wanted: Expression, found: Expression) -> bool | None:
    """Whether two expressions are equal; None where the bounds do not allow to say."""
    is_about_another = None not in (wanted.subject, found.subject) and (
        wanted.subject != found.subject
    )
    if not is_about_another and _squeezed(wanted.tokens) == _squeezed(found.tokens):
        return True
    if not _looks_comparable(wanted, found):
        return False
    if not is_bounded(wanted.tokens):
        return None
    ours, theirs = read_shape(wanted.tokens), read_shape(found.tokens)
    if ours is None or theirs is None:
        return False
    is_interval_in_words = isinstance(theirs, Relation) and regions.region(ours)
    if not is_interval_in_words and _has_another_letter(wanted, found):
        return False
    is_one_relation = Relation in (type(ours), type(theirs))
    if is_about_another or is_one_relation:
        ours, theirs = _in_full(wanted, ours), _in_full(found, theirs)
        if is_about_another and not isinstance(ours, Relation):
            return False
    return solutions.equal(ours, theirs)


def _in_full(expression: Expression, shape: Shape) -> Shape:
    """With its subject: `y = 2x` is an equation beside another one."""
    is_equation = expression.sign == "=" and is_variable(expression.subject or "")
    if not is_equation or not isinstance(shape, Scalar):
        return shape
    return Relation(((str(expression.subject),), shape.tokens), ("=",))


def _looks_comparable(wanted: Expression, found: Expression) -> bool:
    if not is_bounded(found.tokens):
        return False
    return all(wanted.tokens.count(mark) == found.tokens.count(mark) for mark in _MEANINGFUL)


def _has_another_letter(wanted: Expression, found: Expression) -> bool:
    """`x y/y` is not `x`: it is not about the same things."""
    known = {*wanted.tokens, wanted.subject}
    return any(token not in known for token in found.tokens if is_free(token))


def _squeezed(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Without the multiplication signs that nobody needs: `2 * x` is `2x`, `2 * -x` stays."""
    kept: list[str] = []
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token == "\\cdot" and kept and _needs_no_sign(following):
            continue
        kept.append(token)
    return tuple(kept)


def _needs_no_sign(factor: str) -> bool:
    return factor in ("(", "\\frac", "\\sqrt", "\\pi") or is_variable(factor)


def _read_gold(value: str) -> Expression:
    found = read_expression(value)
    if found is None:
        why = f"it is empty or longer than {_MAX_LENGTH} characters"
        raise not_of_type(value, "an expression", why)
    if "\n" in value.strip():
        raise not_of_type(value, "an expression", "it runs over several lines")
    return found


def canonical(draft: Gold) -> Gold:
    _read_gold(draft.value)
    return draft


def render(gold: Gold) -> str:
    _read_gold(gold.value)
    return f"${unwrap(gold.value)}$"


def perturb(gold: Gold) -> Iterator[str]:
    shown = unwrap(gold.value)
    yield f"${shown} + 1$"
    yield f"$2({shown}) + 3$"
    yield f"not ${shown}$"
    yield f"${shown}$ or ${shown} + 1$"
    yield f"${shown} + q$"
    yield f"$({shown})^{{2}} + 7$"
