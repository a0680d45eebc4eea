"""The value of an expression at a point, exactly where it can be and else to 50 digits.

The grammar is that of short answers in LaTeX: numbers, variables with an index, the four
operations, powers, fractions, roots, binomials, the usual functions, factorials, absolute values.

What only adds, multiplies and divides is a fraction, without any error; the rest is a ball (see
`balls`). The work is bounded by the number of tokens, the depth, the functions in an expression and
the size of a fraction, never by a clock: a verdict is the same on every machine.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import DecimalException, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from . import balls
from .balls import Ball, NoValueError
from .vocabulary import word_set, words

Value = Fraction | Ball

MAX_TOKENS = 200
_MAX_DEPTH = 24
_MAX_FUNCTIONS = 16
"""How many values of an expression may be other than fractions made of fractions."""
_MAX_BITS = 8_192
_MAX_FACTORIAL = 200

_FUNCTIONS: dict[str, Callable[[Ball], Ball]] = {
    "\\sin": balls.sine,
    "\\cos": balls.cosine,
    "\\tan": balls.tangent,
    "\\cot": lambda z: balls.cosine(z) / balls.sine(z),
    "\\sec": lambda z: balls.cosine(z).inverse(),
    "\\csc": lambda z: balls.sine(z).inverse(),
    "\\arcsin": balls.arc_sine,
    "\\arccos": balls.arc_cosine,
    "\\arctan": balls.arc_tangent,
    "\\sinh": balls.hyperbolic_sine,
    "\\cosh": balls.hyperbolic_cosine,
    "\\tanh": balls.hyperbolic_tangent,
    "\\ln": balls.logarithm,
    "\\log": lambda z: balls.logarithm(z) / _LN_10,
    "\\exp": balls.exponential,
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
_SIGNS = frozenset("+-/^_!|()[]{}") | word_set(r"\frac \sqrt \binom \cdot \div \% \circ")
_INVERSES = {"\\sin": "\\arcsin", "\\cos": "\\arccos", "\\tan": "\\arctan"}
_NUMBER_STARTS = frozenset("0123456789.")
_CLOSING = {"(": ")", "[": "]", "{": "}"}

with localcontext(balls.PRECISION):
    _LN_10: Ball = balls.logarithm(Ball.of(Fraction(10)))
    _DEGREE = balls.CIRCLE / Ball.of(Fraction(180))
_CONSTANTS = {"\\pi": balls.CIRCLE, "e": balls.EULER, "i": balls.UNIT_I}


@dataclass(frozen=True, slots=True)
class Point:
    """Where the variables are: each at a place of its own that follows from its name.

    Attributes:
        low, span: a variable is somewhere from `low` to `low + span`.
        below: which variables are negative: none, one half, the other half, or all.
        is_whole: variables are whole numbers from `low` on, for factorials.
        is_real: values are real at every step, or there is none.
        chosen: a variable whose place is given, and that place.
    """

    low: int
    span: int
    below: Literal["none", "half", "others", "all"] = "none"
    is_whole: bool = False
    is_real: bool = True
    chosen: tuple[str, Fraction] | None = None

    def place(self, name: str) -> Fraction:
        if self.chosen and self.chosen[0] == name:
            return self.chosen[1]
        draw = zlib.crc32(f"{self.low} {self.span} {name}".encode())
        if self.is_whole:
            return Fraction(self.low + draw % self.span)
        is_half = zlib.crc32(name.encode()) & 1 == 1
        is_below = {"none": False, "half": is_half, "others": not is_half, "all": True}[self.below]
        return (-1 if is_below else 1) * (self.low + self.span * Fraction(draw, 1 << 32))


def is_bounded(tokens: tuple[str, ...]) -> bool:
    """Whether an expression, or a list of several, is short enough to be looked into."""
    costly = sum(token in _FUNCTIONS or token == "\\sqrt" for token in tokens)
    return len(tokens) <= MAX_TOKENS and costly <= _MAX_FUNCTIONS


@lru_cache(maxsize=8192)
def evaluate(tokens: tuple[str, ...], point: Point) -> Value | None:
    """The value at a point, or None where there is none, or none within the bounds."""
    try:
        with localcontext(balls.PRECISION):
            reader = _Reader(tokens, point)
            value = reader.sum()
            return value if reader.at == len(tokens) else None
    except (NoValueError, DecimalException):
        return None


def agree(one: Value, other: Value) -> bool | None:
    """Whether two values are equal; None where it is uncertain."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    with localcontext(balls.PRECISION):
        return balls.agree(_ball(one), _ball(other))


def ratio(one: Value, other: Value) -> Value | None:
    """One through the other; None where the other may be zero."""
    try:
        with localcontext(balls.PRECISION):
            return _quotient(one, other)
    except (NoValueError, DecimalException):
        return None


def difference(one: Value, other: Value) -> Value:
    with localcontext(balls.PRECISION):
        return _sum(one, _negative(other))


def sign(value: Value) -> int | None:
    """Of a real value: 1, 0 or -1; None where it is not real."""
    if isinstance(value, Fraction):
        return (value > 0) - (value < 0)
    if not value.is_real:
        return None
    if value.may_be_zero:
        return 0
    return 1 if value.re > 0 else -1


def _ball(value: Value) -> Ball:
    return value if isinstance(value, Ball) else Ball.of(value)


def _small(value: Fraction) -> Value:
    """A fraction that has grown too long goes on as a ball."""
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    return value if bits <= _MAX_BITS else Ball.of(value)


def _sum(one: Value, other: Value) -> Value:
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return _small(one + other)
    return _ball(one) + _ball(other)


def _negative(value: Value) -> Value:
    return -value


def _product(one: Value, other: Value) -> Value:
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return _small(one * other)
    return _ball(one) * _ball(other)


def _quotient(one: Value, other: Value) -> Value:
    if not other:
        raise NoValueError
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return _small(one / other)
    return _ball(one) / _ball(other)


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None
    bits = base.numerator.bit_length() + base.denominator.bit_length()
    if bits * abs(exponent.numerator) > _MAX_BITS:
        return None
    if not base and exponent <= 0:
        raise NoValueError
    return Fraction(base**exponent.numerator)


def _whole(value: Value) -> int:
    if isinstance(value, Ball) or value.denominator != 1 or not 0 <= value <= _MAX_FACTORIAL:
        raise NoValueError
    return value.numerator


class _Reader:
    """Recursive descent over the tokens, evaluating on the way."""

    def __init__(self, tokens: Sequence[str], point: Point) -> None:
        self.tokens = tokens
        self.point = point
        self.at = 0
        self.depth = 0
        self.functions = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.next
        if not token or (expected is not None and token != expected):
            raise NoValueError
        self.at += 1
        return token

    def apply(self, function: Callable[[Ball], Ball], value: Value) -> Ball:
        self.functions += 1
        if self.functions > _MAX_FUNCTIONS:
            raise NoValueError
        return self.real(function(_ball(value)))

    def real(self, value: Ball) -> Ball:
        if self.point.is_real and not value.is_real:
            raise NoValueError
        return value

    def sum(self) -> Value:
        total = self.signed_product()
        while self.next in ("+", "-"):
            is_plus = self.take() == "+"
            term = self.signed_product()
            total = _sum(total, term if is_plus else _negative(term))
        return total

    def signed_product(self) -> Value:
        is_negative = False
        while self.next in ("+", "-"):
            is_negative ^= self.take() == "-"
        value = self.product()
        return _negative(value) if is_negative else value

    def product(self) -> Value:
        value = self.power()
        while True:
            if self.next == "\\cdot":
                self.take()
                value = _product(value, self.signed_power())
            elif self.next in ("/", "\\div"):
                self.take()
                value = _quotient(value, self.signed_power())
            elif self._begins_factor():
                value = _product(value, self.power())
            else:
                return value

    def signed_power(self) -> Value:
        if self.next == "-":
            self.take()
            return _negative(self.power())
        return self.power()

    def _begins_factor(self) -> bool:
        token = self.next
        if _is_number(token):
            return not _is_number(self.tokens[self.at - 1])
        is_operator = token in _FUNCTIONS or token in ("\\frac", "\\sqrt", "\\binom", "(", "{")
        return is_operator or is_name(token)

    def power(self) -> Value:
        value = self.with_suffixes(self.atom())
        if self.next == "^":
            self.take()
            return self.with_suffixes(self.raised(value, self.argument()))
        return value

    def raised(self, base: Value, exponent: Value) -> Value:
        if isinstance(base, Fraction) and isinstance(exponent, Fraction):
            exact = _exact_power(base, exponent)
            if exact is not None:
                return exact
        return self.apply(lambda z: balls.power(z, _ball(exponent)), base)

    def with_suffixes(self, value: Value) -> Value:
        while self.next in ("!", "\\%", "\\circ"):
            suffix = self.take()
            if suffix == "!":
                value = Fraction(math.factorial(_whole(value)))
            else:
                value = _product(value, Fraction(1, 100) if suffix == "\\%" else _DEGREE)
        return value

    def argument(self) -> Value:
        """What a power or a root applies to: a group in braces, or one sign."""
        return self.group() if self.next in _CLOSING else self.atom()

    def group(self) -> Value:
        closing = _CLOSING.get(self.take())
        if closing is None:
            raise NoValueError
        value = self.deeper(self.sum)
        self.take(closing)
        return value

    def deeper(self, read: Callable[[], Value]) -> Value:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise NoValueError
        value = read()
        self.depth -= 1
        return value

    def atom(self) -> Value:
        token = self.next
        if _is_number(token):
            return _small(Fraction(self.take()))
        if token in _CLOSING:
            return self.group()
        if token in _FUNCTIONS:
            return self.deeper(self.function)
        if token in ("\\frac", "\\binom"):
            return self.deeper(self.stacked)
        if token == "\\sqrt":
            return self.deeper(self.root)
        if token == "|":
            return self.deeper(self.absolute)
        return self.name()

    def stacked(self) -> Value:
        is_fraction = self.take() == "\\frac"
        top, bottom = self.argument(), self.argument()
        if is_fraction:
            return _quotient(top, bottom)
        return Fraction(math.comb(_whole(top), _whole(bottom)))

    def root(self) -> Value:
        self.take("\\sqrt")
        degree = self.group() if self.next == "[" else Fraction(2)
        return self.rooted(self.argument(), degree)

    def rooted(self, value: Value, degree: Value) -> Value:
        """Of odd degree a negative number has a real root."""
        if degree == 2:
            return self.apply(balls.square_root, value)
        is_odd = isinstance(degree, Fraction) and degree.denominator == 1 and degree % 2 == 1
        if is_odd and self.point.is_real and sign(value) == -1:
            return _negative(self.rooted(_negative(value), degree))
        return self.raised(value, _quotient(Fraction(1), degree))

    def absolute(self) -> Value:
        self.take("|")
        value = self.sum()
        self.take("|")
        return abs(value) if isinstance(value, Fraction) else balls.absolute(value)

    def function(self) -> Value:
        name = self.take()
        exponent: Value = Fraction(1)
        if name == "\\log" and self.next == "_":
            self.take()
            base = self.apply(balls.logarithm, self.argument())
            return _quotient(self.apply(balls.logarithm, self.function_argument()), base)
        if self.next == "^":
            self.take()
            exponent = self.argument()
        if exponent == -1 and name in _INVERSES:
            name, exponent = _INVERSES[name], Fraction(1)
        value = self.apply(_FUNCTIONS[name], self.function_argument())
        return value if exponent == 1 else self.raised(value, exponent)

    def function_argument(self) -> Value:
        """In brackets, or like `2x` in `\\sin 2x`: plain factors up to the next sign."""
        if self.next in _CLOSING:
            return self.group()
        value = self.power()
        while self.next not in _FUNCTIONS and self.next not in _CLOSING and self._begins_factor():
            value = _product(value, self.power())
        return value

    def name(self) -> Value:
        name = self.take()
        if not is_name(name):
            raise NoValueError
        if self.next == "_":
            self.take()
            name += "_" + self.index()
        constant = _CONSTANTS.get(name)
        return self.point.place(name) if constant is None else self.real(constant)

    def index(self) -> str:
        if self.next != "{":
            return self.take()
        parts = []
        self.take("{")
        while self.next != "}":
            parts.append(self.take())
        self.take("}")
        return "".join(parts)


def is_in_grammar(tokens: Sequence[str]) -> bool:
    """Whether an expression is made of signs that can have a value, whether it has one or not."""
    return all(
        token in _SIGNS or token in _FUNCTIONS or is_name(token) or _is_number(token)
        for token in tokens
    )


def is_variable(token: str) -> bool:
    """Whether a token is one letter, Latin, Greek or other."""
    return (len(token) == 1 and token.isalpha()) or token in _LETTER_COMMANDS


def is_name(token: str) -> bool:
    """Whether a token is a variable or a constant."""
    return is_variable(token) or token in _CONSTANTS


def is_free(token: str) -> bool:
    """Whether a token is a variable and no constant."""
    return is_variable(token) and token not in _CONSTANTS


def _is_number(token: str) -> bool:
    return token[:1] in _NUMBER_STARTS and token != "."
