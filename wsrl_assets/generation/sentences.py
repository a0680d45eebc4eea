"""Sentences of a document, as offsets, with what a question should not be made of left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_NOT_PROSE = re.compile(r"^\s*(#|[-*+>|]\s|\d+[.)]\s|=+\s*$|-+\s*$|\.\. )")
_INDENTED = re.compile(r"^(\t| {4,})")
_BREAK = re.compile(r"[.!?][\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|vs|etc|cf|Fig|No|Vol|approx|ca|Jr|Sr|Inc|Ltd|Co|e\.g|i\.e)"
    r"|(?<!\d )\b[A-Z])\.$"  # an initial, but "5 V." ends a sentence
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence by its offsets in the document; `text` has its line breaks as spaces."""

    start: int
    end: int
    text: str


def prose_sentences(document: str) -> Iterator[Sentence]:
    """The sentences of the prose paragraphs: no headings, lists, tables, quotes or code."""
    for start, end in _paragraphs(document):
        yield from _sentences(document, start, end)


def _paragraphs(document: str) -> Iterator[tuple[int, int]]:
    begin: int | None = None
    fenced = False
    offset = 0
    for line in document.splitlines(keepends=True):
        fence = bool(_FENCE.match(line))
        prose = not fence and not fenced and _is_prose(line)
        fenced ^= fence
        if prose and begin is None:
            begin = offset
        if not prose and begin is not None:
            yield begin, offset
            begin = None
        offset += len(line)
    if begin is not None:
        yield begin, offset


def _is_prose(line: str) -> bool:
    return bool(line.strip()) and not _NOT_PROSE.match(line) and not _INDENTED.match(line)


def _sentences(document: str, start: int, end: int) -> Iterator[Sentence]:
    begin = start
    for match in _BREAK.finditer(document, start, end):
        stop = match.start() + len(match.group().rstrip())
        if _ABBREVIATION.search(document, max(begin, match.start() - 8), match.start() + 1):
            continue
        yield _sentence(document, begin, stop)
        begin = match.end()
    if document[begin:end].strip():
        yield _sentence(document, begin, end)


def _sentence(document: str, start: int, end: int) -> Sentence:
    raw = document[start:end]
    stop = start + len(raw.rstrip())
    return Sentence(start, stop, " ".join(raw.split()))
