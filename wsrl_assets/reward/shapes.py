"""What an expression is from the outside in: a value, a listing, a union or a relation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .evaluation import Point, Value, difference, evaluate

Tokens = tuple[str, ...]

_MAX_ITEMS = 12
_MAX_RELATIONS = 4

_OPENING = frozenset(("(", "[", "{", "\\{"))
_ENDING = frozenset((")", "]", "}", "\\}"))
_BRACKETS = {"(": (")", "]"), "[": (")", "]"), "\\{": ("\\}",), "{": ("}",)}
_MIRRORED = {"<": ">", "\\leq": "\\geq", ">": "<", "\\geq": "\\leq", "=": "=", "\\neq": "\\neq"}
_SIGNS = {"\\pm": ("+", "-"), "\\mp": ("-", "+")}
INFINITE = {("\\infty",): 1, ("+", "\\infty"): 1, ("-", "\\infty"): -1}


@dataclass(frozen=True, slots=True)
class Scalar:
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Listing:
    """Items in brackets; without any, or in braces, their order does not count."""

    opening: str
    items: tuple[Shape, ...]
    closing: str

    @property
    def is_set(self) -> bool:
        return self.opening in ("", "{", "\\{")

    @property
    def may_be_interval(self) -> bool:
        return not self.is_set and len(self.items) == 2


@dataclass(frozen=True, slots=True)
class Union:
    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides of a relation."""

    sign: str
    left: Tokens
    right: Tokens

    @property
    def is_symmetric(self) -> bool:
        return self.sign in ("=", "\\neq")

    @property
    def tokens(self) -> Tokens:
        return self.left + self.right

    def gap(self, point: Point) -> Value | None:
        """The left side less the right one."""
        left, right = evaluate(self.left, point), evaluate(self.right, point)
        return None if left is None or right is None else difference(left, right)


@dataclass(frozen=True, slots=True)
class Relation:
    """Sides in a row and what stands between them: `1 < x \\leq 4`."""

    sides: tuple[Tokens, ...]
    signs: tuple[str, ...]

    @property
    def pairs(self) -> list[Pair]:
        """Neighbours with the sign between them, which never points to the right."""
        found = []
        for at, sign in enumerate(self.signs):
            left, right = self.sides[at], self.sides[at + 1]
            if sign in ("<", "\\leq"):
                sign, left, right = _MIRRORED[sign], right, left
            found.append(Pair(sign, left, right))
        return found


Shape = Scalar | Listing | Union | Relation


@lru_cache(maxsize=8192)
def read_shape(tokens: Tokens) -> Shape | None:
    """What the tokens are from the outside in; None where they are nothing of these."""
    if not tokens or not _is_balanced(tokens):
        return None
    if "\\cup" in tokens:
        parts = _shapes(_split(tokens, ("\\cup",))[0])
        return Union(parts) if parts and len(parts) > 1 else None
    items, commas = _split(tokens, (",",) if "," in tokens else (";",))
    if commas:
        return _listing("", items, "")
    sides, signs = _split(tokens, tuple(_MIRRORED))
    if signs:
        is_whole = all(sides) and len(signs) <= _MAX_RELATIONS
        return Relation(tuple(sides), tuple(signs)) if is_whole else None
    inside = _inside(tokens)
    if inside is not None:
        items, commas = _split(inside, (",",) if "," in inside else (";",))
        if commas or tokens[0] == "\\{":
            return _listing(tokens[0], items, tokens[-1])
    return _scalar(tokens)


def _scalar(tokens: Tokens) -> Shape:
    if not any(sign in tokens for sign in _SIGNS):
        return Scalar(tokens)
    both = (tuple(_SIGNS[t][way] if t in _SIGNS else t for t in tokens) for way in (0, 1))
    return Listing("", tuple(Scalar(one) for one in both), "")


def _listing(opening: str, items: Sequence[Tokens], closing: str) -> Listing | None:
    shapes = _shapes(items)
    if shapes is None or len(shapes) > _MAX_ITEMS:
        return None
    if not opening and len(shapes) == 1:
        return None
    return Listing(opening, shapes, closing)


def _shapes(pieces: Sequence[Tokens]) -> tuple[Shape, ...] | None:
    read = [read_shape(piece) for piece in pieces]
    found = tuple(shape for shape in read if shape is not None)
    return found if len(found) == len(read) else None


def _depths(tokens: Tokens) -> Iterator[tuple[int, str]]:
    depth = 0
    for token in tokens:
        depth -= token in _ENDING
        yield depth, token
        depth += token in _OPENING


def _is_balanced(tokens: Tokens) -> bool:
    depths = [depth for depth, _ in _depths(tokens)]
    ends = sum(t in _OPENING for t in tokens) == sum(t in _ENDING for t in tokens)
    return ends and min(depths) >= 0


def _split(tokens: Tokens, separators: tuple[str, ...]) -> tuple[list[Tokens], list[str]]:
    """Cut at separators outside all brackets."""
    pieces: list[list[str]] = [[]]
    found: list[str] = []
    for depth, token in _depths(tokens):
        if depth == 0 and token in separators:
            pieces.append([])
            found.append(token)
        else:
            pieces[-1].append(token)
    return [tuple(piece) for piece in pieces], found


def _inside(tokens: Tokens) -> Tokens | None:
    """What stands in the brackets around the whole."""
    if len(tokens) < 3 or tokens[-1] not in _BRACKETS.get(tokens[0], ()):
        return None
    is_one = all(depth > 0 for depth, _ in list(_depths(tokens))[1:-1])
    return tokens[1:-1] if is_one else None
