"""Parts of the real line: intervals, their unions, finite sets, and linear inequalities."""

from __future__ import annotations

from fractions import Fraction
from functools import cmp_to_key
from itertools import chain

from .evaluation import Point, Value, agree, difference, evaluate, is_free, ratio, sign
from .shapes import INFINITE, Listing, Pair, Relation, Scalar, Shape, Union

_ANYWHERE = Point(1, 1)
"""For constants, which have one value at all points."""

Bound = tuple[Value | float, bool]
"""A place, or plus or minus infinity, and whether it belongs to the interval."""
Interval = tuple[Bound, Bound]


def is_same(wanted: Shape, found: Shape) -> bool:
    """Whether two shapes are the same part of the real line; False where one of them is none."""
    if isinstance(wanted, Relation) and isinstance(found, Relation):
        is_about_one = _letters(wanted) == _letters(found)
        if not is_about_one:
            return False
    ours, theirs = region(wanted), region(found)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    return all(
        _is_same_bound(a, b)
        for one, other in zip(ours, theirs, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def _is_same_bound(one: Bound, other: Bound) -> bool:
    return one[1] == other[1] and _order(one[0], other[0]) == 0


def _letters(relation: Relation) -> frozenset[str]:
    return frozenset(token for side in relation.sides for token in side if is_free(token))


def region(shape: Shape) -> list[Interval] | None:
    """Disjoint intervals in their order; None for what is no part of the real line."""
    pieces = _intervals(shape)
    if pieces is None:
        return None
    pieces = [piece for piece in pieces if not _is_empty(piece)]
    pieces.sort(key=cmp_to_key(_by_start))
    merged: list[Interval] = []
    for low, high in pieces:
        if merged and _touches(merged[-1][1], low):
            merged[-1] = (merged[-1][0], _later(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _by_start(one: Interval, other: Interval) -> int:
    """A closed interval begins before an open one at the same place."""
    (place, is_in), (other_place, is_other_in) = one[0], other[0]
    return _order(place, other_place) or is_other_in - is_in


def _order(one: Value | float, other: Value | float) -> int:
    if isinstance(one, float) or isinstance(other, float):
        left = one if isinstance(one, float) else 0.0
        right = other if isinstance(other, float) else 0.0
        return (left > right) - (left < right)
    return sign(difference(one, other)) or 0


def _is_empty(piece: Interval) -> bool:
    order = _order(piece[0][0], piece[1][0])
    return order > 0 or (order == 0 and not (piece[0][1] and piece[1][1]))


def _touches(end: Bound, start: Bound) -> bool:
    order = _order(end[0], start[0])
    return order > 0 or (order == 0 and (end[1] or start[1]))


def _later(one: Bound, other: Bound) -> Bound:
    order = _order(one[0], other[0])
    if order == 0:
        return one[0], one[1] or other[1]
    return one if order > 0 else other


def _intervals(shape: Shape) -> list[Interval] | None:
    if isinstance(shape, Union):
        parts = [_intervals(part) for part in shape.parts]
        known = [part for part in parts if part is not None]
        return list(chain.from_iterable(known)) if len(known) == len(parts) else None
    if isinstance(shape, Relation):
        return _solved(shape)
    if isinstance(shape, Listing) and (shape.is_set or shape.may_be_interval):
        places = [_place(item) for item in shape.items]
        known_places = [place for place in places if place is not None]
        if len(known_places) != len(places):
            return None
        if shape.is_set:
            return [((place, True), (place, True)) for place in known_places]
        low, high = known_places
        return [((low, shape.opening == "["), (high, shape.closing == "]"))]
    return None


def _place(item: Shape) -> Value | float | None:
    if not isinstance(item, Scalar) or any(is_free(token) for token in item.tokens):
        return None
    if item.tokens in INFINITE:
        return INFINITE[item.tokens] * float("inf")
    return evaluate(item.tokens, _ANYWHERE)


def _solved(relation: Relation) -> list[Interval] | None:
    """Where inequalities that are linear in one variable hold, all at once."""
    letters = _letters(relation)
    if len(letters) != 1 or any(pair.is_symmetric for pair in relation.pairs):
        return None
    low: Bound = (float("-inf"), False)
    high: Bound = (float("inf"), False)
    for pair in relation.pairs:
        root = _root(pair, next(iter(letters)))
        if root is None:
            return None
        place, is_below = root
        bound = (place, pair.sign == "\\geq")
        if is_below:
            low = _narrower(low, bound, 1)
        else:
            high = _narrower(high, bound, -1)
    return [(low, high)]


def _narrower(one: Bound, other: Bound, direction: int) -> Bound:
    order = direction * _order(one[0], other[0])
    if order == 0:
        return one[0], one[1] and other[1]
    return one if order > 0 else other


def _root(pair: Pair, letter: str) -> tuple[Value, bool] | None:
    """Where a linear gap is zero, and whether it is positive above that."""
    steps = [pair.gap(Point(1, 1, chosen=(letter, Fraction(x)))) for x in (0, 1, 2, -5)]
    at_zero, at_one, at_two, beyond = steps
    if at_zero is None or at_one is None or at_two is None or beyond is None:
        return None
    slope = difference(at_one, at_zero)
    for places, value in ((2, at_two), (-5, beyond)):
        expected = ratio(difference(value, at_zero), slope)
        if expected is None or agree(expected, Fraction(places)) is not True:
            return None
    shift = ratio(at_zero, slope)
    return None if shift is None else (-shift, sign(slope) == 1)
