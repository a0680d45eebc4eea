"""Complex numbers with a bound on their error: what can be said of a value for certain.

A `Ball` is a value and the distance from it within which the true value lies. Arithmetic is that of
`decimal` at a fixed precision, so a result is the same on every machine and takes the same work
for every operand: large numbers lose digits, and the bound says how many, but no time. A number of
more than ten thousand digits has no value. Where two balls do not overlap the values differ; where
they overlap in a tiny place, they are taken as equal.

`decimal` has exponential, logarithm and square root. The rest is made of these: sine and cosine by
their series, the inverse functions by complex logarithms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    Underflow,
    localcontext,
)
from fractions import Fraction

DIGITS = 50
_LARGEST_EXPONENT = 10_000
PRECISION = Context(
    prec=DIGITS,
    Emax=_LARGEST_EXPONENT,
    Emin=-_LARGEST_EXPONENT,
    traps=[DivisionByZero, InvalidOperation, Overflow, Underflow],
)
"""The context in which all of this has to be called (`decimal.localcontext`)."""
_ROUNDING = Decimal(10) ** (3 - DIGITS)
_CERTAIN = Decimal("1e-20")
_LARGEST_ERROR_OF_EXPONENT = Decimal("0.1")
_ZERO, _ONE = Decimal(0), Decimal(1)


class NoValueError(Exception):
    """An expression has no value here, or none that is known well enough."""


@dataclass(frozen=True, slots=True)
class Ball:
    """A complex number `re + i im`, known to `error`."""

    re: Decimal
    im: Decimal = _ZERO
    error: Decimal = _ZERO

    @classmethod
    def of(cls, value: Fraction) -> Ball:
        quotient = Decimal(value.numerator) / Decimal(value.denominator)
        return cls(quotient, _ZERO, abs(quotient) * _ROUNDING)

    @property
    def size(self) -> Decimal:
        """An upper bound of the modulus of the centre, at most 1.5 times it."""
        return abs(self.re) + abs(self.im)

    @property
    def is_real(self) -> bool:
        return not self.im

    @property
    def may_be_zero(self) -> bool:
        return self.size <= 2 * self.error

    def __add__(self, other: Ball) -> Ball:
        return _ball(self.re + other.re, self.im + other.im, self.error + other.error)

    def __neg__(self) -> Ball:
        return Ball(self.re.copy_negate(), self.im.copy_negate(), self.error)

    def __sub__(self, other: Ball) -> Ball:
        return self + -other

    def __mul__(self, other: Ball) -> Ball:
        error = self.size * other.error + other.size * self.error + self.error * other.error
        if self.is_real and other.is_real:
            return _ball(self.re * other.re, _ZERO, error)
        re = self.re * other.re - self.im * other.im
        im = self.re * other.im + self.im * other.re
        return _ball(re, im, error + self.size * other.size * _ROUNDING)

    def __truediv__(self, other: Ball) -> Ball:
        return self * other.inverse()

    def inverse(self) -> Ball:
        if self.may_be_zero:
            raise NoValueError
        square = self.re * self.re + self.im * self.im
        re, im = self.re / square, -self.im / square
        return _ball(re, im, 4 * self.error / square)


def _ball(re: Decimal, im: Decimal, error: Decimal) -> Ball:
    """With the error of rounding, and with parts that may be zero set to it: on the real line
    stays what is real."""
    error += (abs(re) + abs(im)) * _ROUNDING
    if im and abs(im) <= error:
        im, error = _ZERO, 2 * error
    if re and abs(re) <= error:
        re, error = _ZERO, 2 * error
    return Ball(re, im, error)


def agree(one: Ball, other: Ball) -> bool | None:
    """Whether two values are equal; None where neither is certain."""
    error = one.error + other.error
    if max(abs(one.re - other.re), abs(one.im - other.im)) > error:
        return False
    return True if error <= _CERTAIN * max(_ONE, one.size, other.size) else None


# Functions


def _sine_and_cosine(angle: Decimal) -> tuple[Decimal, Decimal]:
    """Both for an angle, turned into the first eighth of the circle."""
    quarters = (angle / (PI / 2)).to_integral_value()
    rest = angle - quarters * (PI / 2)
    sine, cosine = _series(rest, rest, 1), _series(rest, _ONE, 0)
    turned = ((sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine))
    return turned[int(quarters % 4)]


def _series(angle: Decimal, first: Decimal, power: int) -> Decimal:
    total, term, square = first, first, angle * angle
    while term and abs(term) > _ROUNDING * _ROUNDING and power < 2 * DIGITS:
        term *= -square / ((power + 1) * (power + 2))
        total += term
        power += 2
    return total


def _circle_number() -> Decimal:
    """Pi: the zero of the sine next to 3.14, by three steps that each treble the digits."""
    value = Decimal("3.14159265358979")
    for _ in range(3):
        value += _series(value, value, 1)
    return value


def _angle(re: Decimal, im: Decimal) -> Decimal:
    """The argument of a number, by two steps from the one that floats have."""
    length = (re * re + im * im).sqrt()
    x, y = re / length, im / length
    angle = Decimal(math.atan2(y, x))
    for _ in range(2):
        sine, cosine = _sine_and_cosine(angle)
        angle += y * cosine - x * sine
    return angle


def exponential(z: Ball) -> Ball:
    if z.error > _LARGEST_ERROR_OF_EXPONENT:
        raise NoValueError
    length = z.re.exp()
    error = length * (2 * z.error + (1 + z.size) * _ROUNDING)
    if z.is_real:
        return _ball(length, _ZERO, error)
    sine, cosine = _sine_and_cosine(z.im)
    return _ball(length * cosine, length * sine, error)


def logarithm(z: Ball) -> Ball:
    """The principal value; its imaginary part is above -pi and at most pi."""
    if z.may_be_zero:
        raise NoValueError
    error = 4 * z.error / z.size
    if z.is_real and z.re > 0:
        return _ball(z.re.ln(), _ZERO, error + _ROUNDING)
    if z.is_real:
        return _ball((-z.re).ln(), PI, error + _ROUNDING)
    length = (z.re * z.re + z.im * z.im).sqrt()
    return _ball(length.ln(), _angle(z.re, z.im), error + 4 * _ROUNDING)


def power(z: Ball, exponent: Ball) -> Ball:
    if z.may_be_zero:
        if exponent.re <= exponent.error or not exponent.is_real:
            raise NoValueError
        largest = z.size + z.error
        return Ball(_ZERO, _ZERO, largest**exponent.re if largest else _ZERO)
    return exponential(exponent * logarithm(z))


def square_root(z: Ball) -> Ball:
    if z.is_real and z.re > 4 * z.error:
        root = z.re.sqrt()
        return _ball(root, _ZERO, z.error / root)
    return power(z, HALF)


def absolute(z: Ball) -> Ball:
    if z.is_real:
        return Ball(abs(z.re), _ZERO, z.error)
    return _ball((z.re * z.re + z.im * z.im).sqrt(), _ZERO, z.error)


def sine(z: Ball) -> Ball:
    if z.is_real:
        return _ball(_sine_and_cosine(z.re)[0], _ZERO, z.error + (1 + z.size) * _ROUNDING)
    return (exponential(UNIT_I * z) - exponential(-(UNIT_I * z))) / (UNIT_I + UNIT_I)


def cosine(z: Ball) -> Ball:
    if z.is_real:
        return _ball(_sine_and_cosine(z.re)[1], _ZERO, z.error + (1 + z.size) * _ROUNDING)
    return (exponential(UNIT_I * z) + exponential(-(UNIT_I * z))) * HALF


def tangent(z: Ball) -> Ball:
    return sine(z) / cosine(z)


def arc_sine(z: Ball) -> Ball:
    return -UNIT_I * logarithm(UNIT_I * z + square_root(ONE - z * z))


def arc_cosine(z: Ball) -> Ball:
    return HALF * CIRCLE - arc_sine(z)


def arc_tangent(z: Ball) -> Ball:
    if z.is_real:
        return _ball(_angle(_ONE, z.re), _ZERO, z.error + 4 * _ROUNDING)
    return HALF * UNIT_I * (logarithm(ONE - UNIT_I * z) - logarithm(ONE + UNIT_I * z))


def hyperbolic_sine(z: Ball) -> Ball:
    return HALF * (exponential(z) - exponential(-z))


def hyperbolic_cosine(z: Ball) -> Ball:
    return HALF * (exponential(z) + exponential(-z))


def hyperbolic_tangent(z: Ball) -> Ball:
    return hyperbolic_sine(z) / hyperbolic_cosine(z)


ONE, HALF, UNIT_I = Ball(_ONE), Ball(Decimal("0.5")), Ball(_ZERO, _ONE)

with localcontext(PRECISION):
    PI = _circle_number()
    CIRCLE = Ball(PI, _ZERO, 4 * _ROUNDING)
    EULER = exponential(ONE)
