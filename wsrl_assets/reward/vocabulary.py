"""Word lists as running text, which is how people read and extend them."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a text, in their order."""
    return tuple(text.split())


def word_set(text: str) -> frozenset[str]:
    """The words of a text, to look one up."""
    return frozenset(text.split())
