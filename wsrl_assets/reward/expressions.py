"""Mathematical expressions: equal as written, or equal by math-verify where it is installed.

math-verify is general and lenient: it holds `50\\%` for 50, `2X` for `2x`, `30^\\circ` for 30 and
an open interval for a pair. So it is asked only about two expressions that already agree in
everything it overlooks, and only when both pass a screen of what can be costly: no other commands
than those listed, no towers of powers, no long numbers, no deep nesting. What differs at a few
points (`evaluation`) never gets that far. math-verify runs in a process of
its own (`math_process`), since its time limits are signals, which work on no other thread than
the main one. What the screen or the clock stops is compared as written, and so scores 0 unless it
is the same text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from . import evaluation, math_process
from .evaluation import is_variable
from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .text import unwrap
from .vocabulary import word_set

MAX_LENGTH = 200
_MAX_DEPTH = 6
_MAX_DIGITS = 12
_MAX_POWER = 40
_MAX_POWER_PRODUCT = 2_000.0

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\.[0-9]+|[^\W\d_]+|\S")
_DIGITS = frozenset("0123456789")
_GROUPED = re.compile(r"(?<![\d,])\d{1,3}(?:(?:,|\{,\})\d{3})+(?![\d,])")
_SAME_COMMANDS = {
    "\\dfrac": "\\frac",
    "\\tfrac": "\\frac",
    "\\cfrac": "\\frac",
    "\\times": "\\cdot",
    "\\ast": "\\cdot",
    "\\le": "\\leq",
    "\\ge": "\\geq",
    "\\ne": "\\neq",
    "\\lbrace": "\\{",
    "\\rbrace": "\\}",
    "\\degree": "\\circ",
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
# Not after a digit: `2½` is a sum, and would become a product.
_VULGAR_FRACTION = re.compile(r"(?<![\d\s])[\u00bc-\u00be\u2150-\u215e]")
_FUNCTIONS = word_set(
    """
    sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp pi
    """
)
_CONSTANTS = frozenset(("\\pi", "\\infty", "e", "i"))
_OPERATORS = {f"\\{name}" for name in _FUNCTIONS} | word_set(
    r"\frac \cdot \div \pm \mp \leq \geq \neq \lt \gt \cup \cap \in \circ \{ \} \% \infty"
)
_PLAIN_TOKENS = frozenset("+-/^_(){}[]=<>,!|.;")
# What math-verify overlooks or reads freely; both sides must have as many of each.
_COUNTED: tuple[str, ...] = (
    "\\%",
    "\\circ",
    "\\pm",
    "\\mp",
    ",",
    ";",
    "\\cup",
    "\\cap",
    "\\in",
    "\\neq",
)
_COUNTED_UNLESS_EVALUATED = ("|", "_")
_MAX_TOKENS_UNLESS_EVALUATED = 80
_RELATIONS = frozenset(("=", "<", ">", "\\leq", "\\geq", "\\lt", "\\gt"))
_OPENING = {"(": ")", "[": "]", "{": "}", "\\{": "\\}"}


@dataclass(frozen=True, slots=True)
class Expression:
    """Tokens as written and, apart from them, the variable it is said to equal (`x = 5`)."""

    tokens: tuple[str, ...]
    subject: str | None = None

    @property
    def latex(self) -> str:
        """With spaces only where two tokens would become another one."""
        parts: list[str] = []
        for token in self.tokens:
            if parts and parts[-1][-1].isalnum() and token[0].isalnum():
                parts.append(" ")
            parts.append(token)
        return "".join(parts)


@lru_cache(maxsize=8192)
def read_expression(text: str) -> Expression | None:
    """The tokens of an expression in one spelling, or None when it is empty or far too long."""
    if len(text) > 4 * MAX_LENGTH:
        return None
    text = _VULGAR_FRACTION.sub(_as_fraction, text)
    text = _SUPERSCRIPT_RUN.sub(lambda m: f"^{{{m[0].translate(_SUPERSCRIPTS)}}}", unwrap(text))
    text = _GROUPED.sub(lambda m: re.sub(r"\D", "", m[0]), text.replace("**", "^"))
    found = [token for raw in _TOKEN.findall(text) for token in _respelt(raw)]
    found = _with_braces(_with_braces(_without_degree_power(found), "^"), "\\sqrt")
    while found and found[-1] in (".", ",", ";"):
        found.pop()
    if not found:
        return None
    if found.count("=") == 1:
        at = found.index("=")
        if at + 1 < len(found) and _is_subject(found[:at]):
            return Expression(
                tuple(found[at + 1 :]), "".join(found[:at]).strip("}").replace("{", "")
            )
    return Expression(tuple(found))


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


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)

    def judge(answer: str) -> Reason:
        found = read_expression(answer)
        if found is None:
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if same(wanted, found) else Reason.WRONG_VALUE

    return judge


def same(wanted: Expression, found: Expression) -> bool:
    """Whether two expressions are equal; False whenever that cannot be found out safely."""
    if None not in (wanted.subject, found.subject) and wanted.subject != found.subject:
        return False
    if wanted.tokens == found.tokens:
        return True
    if _squeezed(wanted.tokens) == _squeezed(found.tokens):
        return True
    if not (is_harmless(wanted) and is_harmless(found) and _looks_comparable(wanted, found)):
        return False
    if evaluation.differ(wanted.tokens, found.tokens):
        return False
    is_likely = None not in (evaluation.evaluate(wanted.tokens), evaluation.evaluate(found.tokens))
    limit_s = math_process.LIMIT_IF_LIKELY_S if is_likely else math_process.LIMIT_S
    return math_process.are_equal(wanted.latex, found.latex, limit_s)


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


def _looks_comparable(wanted: Expression, found: Expression) -> bool:
    ours, theirs = Counter(wanted.tokens), Counter(found.tokens)
    marks = _COUNTED
    if None in (evaluation.evaluate(wanted.tokens), evaluation.evaluate(found.tokens)):
        marks += _COUNTED_UNLESS_EVALUATED
        if len(wanted.tokens) + len(found.tokens) > _MAX_TOKENS_UNLESS_EVALUATED:
            return False
    if any(ours[mark] != theirs[mark] for mark in marks):
        return False
    if sum(ours[r] for r in _RELATIONS) != sum(theirs[r] for r in _RELATIONS):
        return False
    if _bracket(wanted.tokens) != _bracket(found.tokens):
        return False
    return _letters(theirs) <= _letters(ours) | _CONSTANTS


def _bracket(tokens: tuple[str, ...]) -> str:
    """The brackets around a list of things: an interval, a pair and a set are not the same."""
    if "," not in tokens:
        return ""
    return " ".join(token for token in tokens if token in ("(", ")", "[", "]"))


def _letters(tokens: Counter[str]) -> set[str]:
    return {t for t in tokens if is_variable(t) or t in _CONSTANTS}


def is_harmless(expression: Expression) -> bool:
    """Whether an algebra system can be given this without fear for time or memory."""
    tokens = expression.tokens
    if len(tokens) > MAX_LENGTH or not all(_is_known(token) for token in tokens):
        return False
    return _nesting_is_shallow(tokens) and _powers_are_small(tokens) and _factorials_small(tokens)


def _is_known(token: str) -> bool:
    if token[0] in _DIGITS or (token[0] == "." and len(token) > 1):
        return len(token) <= _MAX_DIGITS
    return token in _PLAIN_TOKENS or token in _OPERATORS or is_variable(token)


def _nesting_is_shallow(tokens: tuple[str, ...]) -> bool:
    depth = 0
    for token in tokens:
        if token in _OPENING:
            depth += 1
        elif token in (")", "]", "}", "\\}"):
            depth -= 1
        if not 0 <= depth <= _MAX_DEPTH:
            return False
    return depth == 0


def _powers_are_small(tokens: tuple[str, ...]) -> bool:
    """No power in an exponent, and powers of powers bounded by their product."""
    product = 1.0
    for at, token in enumerate(tokens):
        if token != "^":
            continue
        exponent = _argument(tokens, at + 1)
        if "^" in exponent or "!" in exponent:
            return False
        for number in (float(part) for part in exponent if part[0] in _DIGITS):
            product *= max(number, 1.0)
            if number > _MAX_POWER:
                return False
    return product <= _MAX_POWER_PRODUCT


def _argument(tokens: tuple[str, ...], start: int) -> tuple[str, ...]:
    if tokens[start : start + 1] != ("{",):
        return tokens[start : start + 1]
    depth = 0
    for at in range(start, len(tokens)):
        depth += (tokens[at] == "{") - (tokens[at] == "}")
        if depth == 0:
            return tokens[start : at + 1]
    return tokens[start:]


def _factorials_small(tokens: tuple[str, ...]) -> bool:
    for at, token in enumerate(tokens):
        if token == "!" and not (at and len(tokens[at - 1]) <= 2 and tokens[at - 1].isalnum()):
            return False
    return True


def _read_gold(value: str) -> Expression:
    found = read_expression(value)
    if found is None:
        why = f"it is empty or longer than {4 * MAX_LENGTH} characters"
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
