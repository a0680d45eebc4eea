"""Whether two expressions are equal: values, pairs, sets, intervals, equations and inequalities.

Two values are equal when they are at every point of a few where both are real. Of what only adds,
multiplies and divides the values are exact, so that this is a proof but for one chance in billions
of billions (Schwartz and Zippel's lemma on polynomials); the points are fixed, and a verdict is the
same whenever and wherever it is asked for. What differs at a point differs, for certain.

A pair or an interval is equal item by item and in its brackets, a set in any order, a union of
intervals as a part of the real line, an equation up to a factor and an
inequality up to a positive one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import permutations

from . import regions
from .evaluation import Point, Value, agree, evaluate, is_free, is_in_grammar, ratio, sign
from .shapes import INFINITE, Listing, Pair, Relation, Scalar, Shape, Tokens, Union

_POINTS = (
    Point(1, 1),
    Point(0, 1),
    Point(6, 34),
    Point(0, 1, "half"),
    Point(1, 9, "others"),
    Point(2, 30, "all"),
)
_COMPLEX_POINTS = tuple(Point(p.low, p.span, p.below, is_real=False) for p in _POINTS)
_WHOLE_POINTS = tuple(Point(2 + 3 * step, 3, is_whole=True) for step in range(6))
_ENOUGH_POINTS = 2

# Verdicts: True, False, or None where the bounds do not allow to say.


def equal(wanted: Shape, found: Shape) -> bool | None:
    """Whether two shapes are equal; None where the bounds do not allow to say."""
    if isinstance(wanted, Relation) and isinstance(found, Relation):
        if _equal_relations(wanted, found):
            return True
        return regions.is_same(wanted, found)
    if isinstance(wanted, Scalar) and isinstance(found, Scalar):
        return _equal_values(wanted.tokens, found.tokens)
    if isinstance(wanted, Listing) and isinstance(found, Listing):
        return _equal_listings(wanted, found)
    if isinstance(wanted, Scalar) or isinstance(found, Scalar):
        return False
    if isinstance(wanted, Union) and isinstance(found, Union):
        matched = _match(wanted.parts, found.parts)
        return matched or regions.is_same(wanted, found)
    return regions.is_same(wanted, found)


def _equal_listings(wanted: Listing, found: Listing) -> bool | None:
    if wanted.is_set and found.is_set:
        return _match(_distinct(wanted.items), _distinct(found.items))
    if (wanted.opening, wanted.closing) != (found.opening, found.closing):
        return False
    if len(wanted.items) != len(found.items):
        return False
    return _all(equal(a, b) for a, b in zip(wanted.items, found.items, strict=True))


def _all(verdicts: Iterator[bool | None]) -> bool | None:
    certain = True
    for verdict in verdicts:
        if verdict is False:
            return False
        certain &= verdict is True
    return True if certain else None


def _distinct(items: Sequence[Shape]) -> list[Shape]:
    kept: list[Shape] = []
    for item in items:
        if all(equal(item, other) is not True for other in kept):
            kept.append(item)
    return kept


def _match(wanted: Sequence[Shape], found: Sequence[Shape]) -> bool | None:
    """Whether each has a partner; equality is transitive, so the first that fits will do."""
    if len(wanted) != len(found):
        return False
    left, is_certain = list(found), True
    for item in wanted:
        verdicts = [equal(item, other) for other in left]
        if True not in verdicts:
            if None not in verdicts:
                return False
            is_certain = False
        else:
            del left[verdicts.index(True)]
    return True if is_certain else None


# Values


def _equal_values(wanted: Tokens, found: Tokens) -> bool | None:
    if wanted in INFINITE or found in INFINITE:
        return INFINITE.get(wanted) == INFINITE.get(found)
    for points in _rounds(wanted, found):
        verdict = _equal_at(points, wanted, found)
        if verdict is not None:
            return verdict
    # An answer that cannot be distinguished from a gold that is known is a wrong one: its writer
    # could have written it another way, and must not escape a 0 by being obscure.
    is_answerable = is_in_grammar(wanted) and not _is_known(wanted)
    return None if is_answerable and _has_value(found) else False


def _is_known(tokens: Tokens) -> bool:
    """Whether values are certain enough to be compared."""
    values = [evaluate(tokens, point) for point in _POINTS + _COMPLEX_POINTS]
    return any(value is not None and agree(value, value) for value in values)


def _has_value(tokens: Tokens) -> bool:
    return any(evaluate(tokens, point) is not None for point in _COMPLEX_POINTS)


def _rounds(*sides: Tokens) -> tuple[tuple[Point, ...], ...]:
    """Real values first; whole numbers where a factorial is of a variable."""
    is_whole = any(token in side for side in sides for token in ("!", "\\binom"))
    if not any(is_free(token) for side in sides for token in side):
        return _POINTS[:1], _COMPLEX_POINTS[:1]
    return ((_WHOLE_POINTS,) if is_whole else ()) + (_POINTS, _COMPLEX_POINTS)


def _equal_at(points: tuple[Point, ...], wanted: Tokens, found: Tokens) -> bool | None:
    """Equal at every point where both have a value; None where these are too few.

    With absolute values the sign of a variable counts, and so does where the answer has a value.
    """
    enough, agreed = min(_ENOUGH_POINTS, len(points)), 0
    for point in points:
        one, other = evaluate(wanted, point), evaluate(found, point)
        if one is None or other is None:
            if one is not None and "|" in wanted and "|" not in found and point.is_real:
                return False
            continue
        verdict = agree(one, other)
        if verdict is False:
            return False
        agreed += verdict is True
    return True if agreed >= enough else None


# Relations


def _equal_relations(wanted: Relation, found: Relation) -> bool:
    ours, theirs = wanted.pairs, found.pairs
    if len(ours) != len(theirs):
        return False
    return any(
        all(_is_multiple(a, b) for a, b in zip(ours, order, strict=True))
        for order in permutations(theirs)
    )


def _is_multiple(wanted: Pair, found: Pair) -> bool:
    """Whether one equation is the other times a number, and an inequality times a positive one."""
    if wanted.sign != found.sign:
        return False
    if _are_sides_equal(wanted, found.left, found.right):
        return True
    if not any(is_free(token) for token in wanted.tokens):
        return wanted.is_symmetric and _are_sides_equal(wanted, found.right, found.left)
    factors = list(_factors(wanted, found))
    if len(factors) < _ENOUGH_POINTS:
        return False
    signs = {sign(factor) for factor in factors}
    is_one_factor = all(agree(factors[0], other) is True for other in factors[1:])
    return is_one_factor and signs <= ({1, -1} if wanted.is_symmetric else {1})


def _factors(wanted: Pair, found: Pair) -> Iterator[Value]:
    """Between the gaps of two relations, point by point; 0 where there is none."""
    for point in _rounds(wanted.tokens, found.tokens)[0]:
        ours, theirs = wanted.gap(point), found.gap(point)
        if ours is not None and theirs is not None:
            yield ratio(ours, theirs) or Fraction(0)


def _are_sides_equal(wanted: Pair, left: Tokens, right: Tokens) -> bool:
    return _equal_values(wanted.left, left) is True and _equal_values(wanted.right, right) is True
