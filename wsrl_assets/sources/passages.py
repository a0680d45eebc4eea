"""Long documents are cut into passages that fit a token budget."""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from wsrl_assets.text.normalisation import estimate_tokens, estimate_tokens_of_parts

MIN_PASSAGE_TOKENS = 16

CountTokens = Callable[[str], int]
# The tokens of parts that make up a text, by their ends.
_CountParts = Callable[[str, Sequence[int]], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document: `text` is ``document[start:end]``, in characters."""

    text: str
    start: int
    end: int


class _Span(NamedTuple):
    start: int
    end: int


def split_passages(
    text: str, max_tokens: int, count_tokens: CountTokens = estimate_tokens
) -> list[Passage]:
    """Cuts a document into passages of at most `max_tokens`.

    Cuts are made between paragraphs; inside a paragraph only where it is too long by itself,
    between its sentences, then its lines, then its words, and last between characters. A markdown
    code fence counts as one paragraph, and a heading belongs to the paragraph below it. The last
    two passages share their text evenly, where a tiny tail would be left. What is left out is
    whitespace at the ends of passages. Time is linear in the length of the text.

    Args:
        text: The document, normalised by `wsrl_assets.text.normalisation.normalise_document`.
        max_tokens: At least `MIN_PASSAGE_TOKENS`.
        count_tokens: How tokens are counted; any counter, its figures need not add up.

    Returns:
        Passages in order; one when the text fits, none when it is blank.

    Raises:
        ValueError: `max_tokens` is too small, or one character has more tokens than that.
    """
    if count_tokens is estimate_tokens:
        return _split(text, max_tokens, count_tokens, estimate_tokens_of_parts)

    def count_parts(whole: str, ends: Sequence[int]) -> list[int]:
        return [count_tokens(whole[start:end]) for start, end in pairwise([0, *ends])]

    return _split(text, max_tokens, count_tokens, count_parts)


def _split(
    text: str, max_tokens: int, count_tokens: CountTokens, count_parts: _CountParts
) -> list[Passage]:
    if max_tokens < MIN_PASSAGE_TOKENS:
        raise ValueError(f"max_tokens must be {MIN_PASSAGE_TOKENS} or more, got {max_tokens}")
    whole = _stripped(text, _Span(0, len(text)))
    if not whole.text:
        return []
    may_fit = len(whole.text) <= max_tokens * _CHARS_WORTH_A_TRY
    if may_fit and count_tokens(whole.text) <= max_tokens:
        return [whole]
    return list(_Splitter(text, max_tokens, count_tokens, count_parts).passages())


def split_for_model(
    text: str, max_tokens: int, count_tokens: CountTokens, estimate: int | None = None
) -> list[Passage]:
    """`split_passages` by a model's own tokenizer, which is asked as seldom as possible.

    The estimate of `estimate_tokens` is nearly always too high, so what it lets through needs no
    count. Of a longer text a sample is counted, and the text is cut by the estimate in proportion;
    then each passage that might be too long is counted itself, and cut again by the bare estimate
    if it is.

    Args:
        text: The document, normalised.
        max_tokens: At least `MIN_PASSAGE_TOKENS`.
        count_tokens: The model's count; each use may be a request.
        estimate: `estimate_tokens` of the text, if it is known.
    """
    if (estimate_tokens(text) if estimate is None else estimate) <= max_tokens:
        whole = _stripped(text, _Span(0, len(text)))
        return [whole] if whole.text else []
    sample = text[:_SAMPLE_CHARS]
    counted = count_tokens(sample)
    if len(sample) == len(text) and counted <= max_tokens:
        return [_stripped(text, _Span(0, len(text)))]
    share = min(1.0, counted / max(1, estimate_tokens(sample)) * _SAMPLE_MARGIN)

    def scaled(part: str) -> int:
        return math.ceil(estimate_tokens(part) * share)

    def scaled_parts(whole: str, ends: Sequence[int]) -> list[int]:
        return [math.ceil(tokens * share) for tokens in estimate_tokens_of_parts(whole, ends)]

    found = []
    for passage in _split(text, max_tokens, scaled, scaled_parts):
        fits = estimate_tokens(passage.text) <= max_tokens
        if fits or count_tokens(passage.text) <= max_tokens:
            found.append(passage)
            continue
        parts = split_passages(passage.text, max_tokens)
        shift = passage.start
        found += [Passage(part.text, part.start + shift, part.end + shift) for part in parts]
    return found


# Enough text to tell how far the estimate is off, and little enough for one request.
_SAMPLE_CHARS = 100_000
_SAMPLE_MARGIN = 1.05
# A token of more characters than this is rare: longer texts need no count to know they are long.
_CHARS_WORTH_A_TRY = 16


class _Splitter:
    """One document in `split_passages`."""

    def __init__(
        self, text: str, max_tokens: int, count_tokens: CountTokens, count_parts: _CountParts
    ) -> None:
        self._text = text
        self._max_tokens = max_tokens
        self._count = count_tokens
        self._count_parts = count_parts
        # Pieces lie end to end. Arrays, since a long document has millions of them.
        self._ends = array("q")
        self._tokens = array("q")

    def passages(self) -> Iterator[Passage]:
        self._add(_Span(0, len(self._text)), _blocks(self._text), 0)
        for first, end in self._evened(self._packed()):
            yield from self._fitting(first, end)

    def _add(self, whole: _Span, parts: Iterable[_Span], level: int) -> None:
        """Adds the parts of a span as pieces; those too long as parts of the next level."""
        ends = array("q", (part.end - whole.start for part in parts))
        counts = self._count_parts(self._text[whole.start : whole.end], ends)
        start = whole.start
        for end, tokens in zip(ends, counts, strict=True):
            part = _Span(start, end + whole.start)
            start = part.end
            if tokens <= self._max_tokens:
                self._ends.append(part.end)
                self._tokens.append(tokens)
            elif level < len(_BREAKS):
                self._add(part, _cut_after(_BREAKS[level], self._text, part), level + 1)
            else:
                self._add(part, self._windows(part), level)

    def _windows(self, span: _Span) -> Iterator[_Span]:
        """Parts of a span that has no better bounds, each cut at its last space where it has one.

        A part has half as many characters as a passage may have tokens, which nearly always fits;
        where it does not, the part comes here again and is halved.
        """
        length = span.end - span.start
        if length <= 1:
            raise ValueError(
                f"one character counts more than max_tokens={self._max_tokens}: "
                f"{self._text[span.start : span.end]!r}"
            )
        size = min(max(1, self._max_tokens // 2), -(-length // 2))
        start = span.start
        while start < span.end:
            end = _word_end(self._text, start, min(start + size, span.end), span.end)
            yield _Span(start, end)
            start = end

    def _packed(self) -> list[tuple[int, int]]:
        """Groups of pieces, as first and end index, each filled as far as it goes."""
        groups: list[tuple[int, int]] = []
        first = tokens = 0
        for index, piece_tokens in enumerate(self._tokens):
            if index > first and tokens + piece_tokens > self._max_tokens:
                groups.append((first, index))
                first, tokens = index, 0
            tokens += piece_tokens
        if self._tokens:
            groups.append((first, len(self._tokens)))
        return groups

    def _evened(self, groups: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The groups, the last two divided again so that the larger of them is smallest."""
        if len(groups) < 2:
            return groups
        (first, _), (_, end) = groups[-2:]
        total = sum(self._tokens[first:end])
        before, best, best_size = 0, groups[-1][0], self._max_tokens + 1
        for cut in range(first + 1, end):
            before += self._tokens[cut - 1]
            size = max(before, total - before)
            if size < best_size:
                best, best_size = cut, size
        return [*groups[:-2], (first, best), (best, end)]

    def _fitting(self, first: int, end: int) -> Iterator[Passage]:
        """The passage of a group; several, where tokens of the whole exceed those of its pieces."""
        span = _Span(self._ends[first - 1] if first else 0, self._ends[end - 1])
        passage = _stripped(self._text, span)
        if not passage.text:
            return
        if self._count(passage.text) <= self._max_tokens:
            yield passage
        elif end - first > 1:
            middle = (first + end) // 2
            yield from self._fitting(first, middle)
            yield from self._fitting(middle, end)
        else:
            yield from self._halved(_Span(passage.start, passage.end))

    def _halved(self, span: _Span) -> Iterator[Passage]:
        for part in self._windows(span):
            passage = _stripped(self._text, part)
            if not passage.text:
                continue
            if self._count(passage.text) <= self._max_tokens:
                yield passage
            else:
                yield from self._halved(part)


# Each pattern starts at one place per run only, or a long run would cost its length squared.
_PARAGRAPH_END = re.compile(r"\n(?:[^\S\n]*+\n)++")
_SENTENCE_END = re.compile(
    r"""(?<![.!?…])[.!?…]++["'”’»)\]]*+\s++|(?<![。！？])[。！？]++[」』”’）]*+\s*+|।\s*+"""
)
_LINE_END = re.compile(r"\n++")
_BREAKS = (_PARAGRAPH_END, _SENTENCE_END, _LINE_END)


def _cut_after(pattern: re.Pattern[str], text: str, span: _Span) -> Iterator[_Span]:
    start = span.start
    for match in pattern.finditer(text, span.start, span.end):
        yield _Span(start, match.end())
        start = match.end()
    if start < span.end:
        yield _Span(start, span.end)


def _word_end(text: str, start: int, end: int, limit: int) -> int:
    """The place after the last space before `end`, or `end` where there is none."""
    if end >= limit:
        return end
    space = max(text.rfind(character, start, end) for character in " \n\t\u3000")
    return space + 1 if space > start else end


# A longer run is a rule, not a fence. The limit also bounds how often `_Fences` may look through
# the whole text in vain: once for each length.
_FENCE = re.compile(r" {0,3}(?:(`{3,20}+)(?=[^`\n]*+$)|(~{3,20}+)(?!~))")
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*+\n)*+")


def _blocks(text: str) -> Iterator[_Span]:
    """The paragraphs of a text, each with the blank lines after it; end to end.

    A fenced code block is not cut at its blank lines, unless nothing closes it; and a heading
    goes with what is below it.
    """
    is_fenced = "```" in text or "~~~" in text
    return _blocks_with_fences(text) if is_fenced else _blocks_without_fences(text)


def _blocks_without_fences(text: str) -> Iterator[_Span]:
    start = 0
    has_headings = "#" in text
    for gap in _PARAGRAPH_END.finditer(text):
        if not has_headings or not _is_heading(text, gap.start()):
            yield _Span(start, gap.end())
            start = gap.end()
    if start < len(text):
        yield _Span(start, len(text))


def _is_heading(text: str, line_end: int) -> bool:
    line_start = text.rfind("\n", 0, line_end) + 1
    return _HEADING.match(text, line_start, line_end + 1) is not None


def _blocks_with_fences(text: str) -> Iterator[_Span]:
    start = position = 0
    fences = _Fences(text)
    while position < len(text):
        line_end = _line_end(text, position)
        fence_end = fences.end(position, line_end)
        is_heading = fence_end is None and _HEADING.match(text, position, line_end) is not None
        position = fence_end or line_end
        blank_end = _blank_lines_end(text, position)
        if blank_end > position and not is_heading:
            yield _Span(start, blank_end)
            start = blank_end
        position = blank_end
    if start < len(text):
        yield _Span(start, len(text))


class _Fences:
    """Finds where fenced code blocks end, in linear time over a whole text."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Once nothing closes a fence, nothing closes a later one that is as long or longer.
        self._unclosed_length: dict[str, int] = {}

    def end(self, line_start: int, line_end: int) -> int | None:
        """The end of the block that this line opens, or None when it opens none."""
        match = _FENCE.match(self._text, line_start, line_end)
        if match is None:
            return None
        fence = match[1] or match[2]
        character, length = fence[0], len(fence)
        if length >= self._unclosed_length.get(character, length + 1):
            return None
        closing = re.compile(rf"^ {{0,3}}{character}{{{length},}}+[ \t]*+$", re.MULTILINE)
        closed = closing.search(self._text, line_end)
        if closed is None:
            self._unclosed_length[character] = length
            return None
        return _line_end(self._text, closed.end())


def _line_end(text: str, position: int) -> int:
    newline = text.find("\n", position)
    return len(text) if newline < 0 else newline + 1


def _blank_lines_end(text: str, position: int) -> int:
    match = _BLANK_LINES.match(text, position)
    return match.end() if match else position


def _stripped(text: str, span: _Span) -> Passage:
    """A span without whitespace at its ends; a first line keeps its indentation."""
    start = span.start
    end = start + len(text[start : span.end].rstrip())
    if start == 0 or text[start - 1] == "\n":
        match = _BLANK_LINES.match(text, start, end)
        start = match.end() if match else start
    else:
        start = end - len(text[start:end].lstrip())
    return Passage(text[start:end], start, end) if start < end else Passage("", start, start)
