"""The value of an expression at a point, to tell most different expressions apart at once.

An algebra system takes long over exactly those pairs that are not equal, and a hostile answer is
one of them. So two expressions are first put to the same few points: if they differ there, they
differ. If they agree, or if one cannot be evaluated (a set, an inequality), nothing is decided.

The grammar is that of short answers in LaTeX: numbers, variables with an index, the four
operations, powers, fractions, roots, the usual functions, factorials and absolute values.
"""

from __future__ import annotations

import cmath
import math
import zlib
from collections.abc import Callable, Sequence

from .vocabulary import words

_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "\\sin": cmath.sin,
    "\\cos": cmath.cos,
    "\\tan": cmath.tan,
    "\\cot": lambda z: 1 / cmath.tan(z),
    "\\sec": lambda z: 1 / cmath.cos(z),
    "\\csc": lambda z: 1 / cmath.sin(z),
    "\\arcsin": cmath.asin,
    "\\arccos": cmath.acos,
    "\\arctan": cmath.atan,
    "\\sinh": cmath.sinh,
    "\\cosh": cmath.cosh,
    "\\tanh": cmath.tanh,
    "\\ln": cmath.log,
    "\\log": cmath.log10,
    "\\exp": cmath.exp,
}
_LETTER_COMMANDS = frozenset(
    "\\" + name
    for name in words(
        """
        alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau
        upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega varphi ell
        """
    )
)
_INVERSES = {"\\sin": "\\arcsin", "\\cos": "\\arccos", "\\tan": "\\arctan"}
_CONSTANTS: dict[str, complex] = {"\\pi": math.pi, "e": math.e, "i": 1j}
_LARGEST_FACTORIAL = 60
_POINTS = 3
_TOLERANCE = 1e-9
_NUMBER_STARTS = frozenset("0123456789.")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class _CannotEvaluateError(Exception):
    pass


def differ(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two expressions, as tokens, certainly have different values somewhere."""
    return any(_differ_at(first, second, point) for point in range(_POINTS))


def _differ_at(first: Sequence[str], second: Sequence[str], point: int) -> bool:
    one, other = evaluate(first, point), evaluate(second, point)
    if one is None or other is None or (cmath.isinf(one) and cmath.isinf(other)):
        return False
    if cmath.isinf(one) or cmath.isinf(other):
        return True
    return abs(one - other) > _TOLERANCE * max(1.0, abs(one), abs(other))


def evaluate(tokens: Sequence[str], point: int = 0) -> complex | None:
    """The value with every variable at its own fixed place, or None when there is none.

    A value too large for a float is infinite.
    """
    try:
        reader = _Reader(tokens, point)
        value = reader.sum()
        if reader.at != len(tokens):
            return None
    except OverflowError:
        return complex(math.inf)
    except (_CannotEvaluateError, ArithmeticError, ValueError, RecursionError):
        return None
    return None if cmath.isnan(value) else value


class _Reader:
    """Recursive descent over the tokens, evaluating on the way."""

    def __init__(self, tokens: Sequence[str], point: int) -> None:
        self.tokens = tokens
        self.point = point
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.next
        if not token or (expected is not None and token != expected):
            raise _CannotEvaluateError
        self.at += 1
        return token

    def sum(self) -> complex:
        total = self.signed_product()
        while self.next in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total += sign * self.signed_product()
        return total

    def signed_product(self) -> complex:
        sign = 1
        while self.next in ("+", "-"):
            sign = -sign if self.take() == "-" else sign
        return sign * self.product()

    def product(self) -> complex:
        value = self.power()
        while True:
            if self.next == "\\cdot":
                self.take()
                value *= self.signed_power()
            elif self.next in ("/", "\\div"):
                self.take()
                value /= self.signed_power()
            elif self._begins_factor():
                value *= self.power()
            else:
                return value

    def signed_power(self) -> complex:
        if self.next == "-":
            self.take()
            return -self.power()
        return self.power()

    def _begins_factor(self) -> bool:
        token = self.next
        if _is_number(token):
            return not _is_number(self.tokens[self.at - 1])
        is_operator = token in _FUNCTIONS or token in ("\\frac", "\\sqrt", "(", "{")
        return is_operator or _is_name(token)

    def power(self) -> complex:
        value = self.with_suffixes(self.atom())
        if self.next == "^":
            self.take()
            return self.with_suffixes(_raise(value, self.argument()))
        return value

    def with_suffixes(self, value: complex) -> complex:
        while self.next in ("!", "\\%", "\\circ"):
            suffix = self.take()
            if suffix == "!":
                value = _factorial(value)
            else:
                value *= 0.01 if suffix == "\\%" else math.pi / 180
        return value

    def argument(self) -> complex:
        """What a power or a root applies to: a group in braces, or one sign."""
        return self.group() if self.next in _CLOSING else self.atom()

    def group(self) -> complex:
        closing = _CLOSING.get(self.take())
        if closing is None:
            raise _CannotEvaluateError
        value = self.sum()
        self.take(closing)
        return value

    def atom(self) -> complex:
        token = self.next
        if _is_number(token):
            return float(self.take())
        if token in ("(", "[", "{"):
            return self.group()
        if token in _FUNCTIONS:
            return self.function()
        if token == "\\frac":
            self.take()
            top = self.argument()
            return top / self.argument()
        if token == "\\sqrt":
            return self.root()
        if token == "|":
            return self.absolute()
        return self.name()

    def root(self) -> complex:
        self.take("\\sqrt")
        degree = self.group() if self.next == "[" else 2
        return _raise(self.argument(), 1 / degree)

    def absolute(self) -> complex:
        self.take("|")
        value = abs(self.sum())
        self.take("|")
        return value

    def function(self) -> complex:
        name = self.take()
        power: complex = 1
        if name == "\\log" and self.next == "_":
            self.take()
            base = self.argument()
            return cmath.log(self.function_argument()) / cmath.log(base)
        if self.next == "^":
            self.take()
            power = self.argument()
        if power == -1 and name in _INVERSES:
            name, power = _INVERSES[name], 1
        return _raise(_FUNCTIONS[name](self.function_argument()), power)

    def function_argument(self) -> complex:
        """In brackets, or like `2x` in `\\sin 2x`: plain factors up to the next sign."""
        if self.next in _CLOSING:
            return self.group()
        value = self.power()
        while self.next not in _FUNCTIONS and self.next not in _CLOSING and self._begins_factor():
            value *= self.power()
        return value

    def name(self) -> complex:
        token = self.take()
        if not _is_name(token):
            raise _CannotEvaluateError
        if self.next == "_":
            self.take()
            token += "_" + self.index()
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        # Somewhere between 0.5 and 2.5, the same for a name wherever it stands.
        return 0.5 + zlib.crc32(f"{self.point}:{token}".encode()) % 1_999_993 / 1_000_003

    def index(self) -> str:
        if self.next != "{":
            return self.take()
        parts = []
        self.take("{")
        while self.next != "}":
            parts.append(self.take())
        self.take("}")
        return "".join(parts)


def is_variable(token: str) -> bool:
    """Whether a token is one letter, Latin, Greek or other."""
    return (len(token) == 1 and token.isalpha()) or token in _LETTER_COMMANDS


def _is_name(token: str) -> bool:
    return is_variable(token) or token in _CONSTANTS


def _is_number(token: str) -> bool:
    return token[:1] in _NUMBER_STARTS and token != "."


def _raise(base: complex, exponent: complex) -> complex:
    if base == 0 and exponent.real <= 0:
        raise _CannotEvaluateError
    value: complex = base**exponent
    return value


def _factorial(value: complex) -> complex:
    whole = round(value.real)
    if value.imag or abs(value.real - whole) > _TOLERANCE or not 0 <= whole <= _LARGEST_FACTORIAL:
        raise _CannotEvaluateError
    return math.factorial(whole)
