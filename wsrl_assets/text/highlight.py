"""A document with marked passages, in pieces that a template can print. Pure functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Of the terminal, and of direction: those show another text than there is.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
# A user's name and password in a web address.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]{1,200}@")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text.

    Attributes:
        text: what it says, printable.
        marks: the numbers of the spans that it lies in, in order; none outside all of them.
    """

    text: str
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Marked:
    """A document, or the part of it that is shown.

    Attributes:
        pieces: the text, cut where a span begins or ends.
        start, end: what is shown, as offsets in the document, in characters.
        total: length of the document, in characters.
    """

    pieces: tuple[Piece, ...]
    start: int
    end: int
    total: int

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.end == self.total


def printable(text: str) -> str:
    """The text with what a page or terminal obeys, and does not show, as U+FFFD. Offsets stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def without_credentials(text: str) -> str:
    """The text with names and passwords in web addresses as ***: for errors, which name servers."""
    return _CREDENTIALS.sub("***@", text)


def marked(
    text: str, spans: Sequence[tuple[int | None, int | None]], *, max_chars: int = 60_000
) -> Marked:
    """The document with spans marked by their place in `spans`.

    A span without an offset, or beyond the text, marks nothing. A document of more than
    `max_chars` is shown around its first marked span.
    """
    found = [
        (max(0, start), min(end, len(text)), number)
        for number, (start, end) in enumerate(spans)
        if start is not None and end is not None and max(0, start) < min(end, len(text))
    ]
    first, last = _window(len(text), min((start for start, _, _ in found), default=0), max_chars)
    cuts = {first, last}
    for start, end, _ in found:
        cuts.update(cut for cut in (start, end) if first < cut < last)
    borders = sorted(cuts)
    pieces = tuple(
        Piece(
            printable(text[low:high]),
            tuple(number for start, end, number in found if start <= low and high <= end),
        )
        for low, high in pairwise(borders)
    )
    return Marked(pieces, first, last, len(text))


def excerpt(text: str, start: int | None, end: int | None, *, around: int = 160) -> Marked:
    """The span with up to `around` characters at each side of it; the beginning if there is none.

    A span of more than four times `around` is cut to that.
    """
    if start is None or end is None or not 0 <= start < end <= len(text):
        whole = marked(text[: 2 * around], [])
        return Marked(whole.pieces, 0, whole.end, len(text))
    end = min(end, start + 4 * around)
    low, high = _at_words(text, max(0, start - around), min(len(text), end + around), start, end)
    part = marked(text[low:high], [(start - low, end - low)])
    return Marked(part.pieces, low, high, len(text))


def _at_words(text: str, low: int, high: int, start: int, end: int) -> tuple[int, int]:
    """The borders moved inwards to the next space, where there is one before the span."""
    if low > 0:
        space = text.find(" ", low - 1, start)
        low = space + 1 if space >= 0 else low
    if high < len(text):
        space = text.rfind(" ", end, high + 1)
        high = space if space >= 0 else high
    return low, high


def _window(length: int, focus: int, max_chars: int) -> tuple[int, int]:
    if length <= max_chars:
        return 0, length
    first = min(max(0, focus - max_chars // 2), length - max_chars)
    return first, first + max_chars
