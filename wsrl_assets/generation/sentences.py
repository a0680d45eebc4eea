"""Sentences of a document, as offsets, with what a question should not be made of left out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsrl_assets.text.normalisation import one_line

# Capital letters of Latin script, for a class in a pattern.
UPPER = "".join(chr(code) for code in range(0x250) if chr(code).isupper())

_FENCE = re.compile(r" {0,3}(?:```|~~~)")
# A line that stands alone: what follows it may be prose.
_HEADING = re.compile(r"\s*(?:#|\.\. )|\s*(?:=+|-+|\*+|_+|~+)\s*$")
# A line whose block is no prose to its end: list items, quotes, tables, HTML and indented code.
# Lines that carry on a list item look like prose, but begin in the middle of it.
_NOT_PROSE = re.compile(r"\t| {4}|\s*(?:[-*+•|]\s|>|<[A-Za-z/!]|\(?(?:\d{1,3}|[A-Za-z])[.)]\s)")
_TABLE_ROW = re.compile(r"\s[|]\s|\t")
_TITLE_MAX_CHARS = 60

_BREAK = re.compile(r"[.!?][\"'”’)\]]*\s+")
_OPENING = "\"'“‘(["
_ABBREVIATION = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|vs|etc|cf|Figs?|Eqs?|No|Nos|Vol|Ch|Sec|approx|ca|c|Jr|Sr|Inc"
    r"|Ltd|Co|Corp|Gen|Maj|Brig|Sgt|Adm|Col|Capt|Lt|Rev|Sen|Gov|Hon|al|pp?|eds?|e\.g|i\.e|U\.S|U\.K|a\.m|p\.m)\.$"
)
_INITIAL = re.compile(r"(?<!\d )\b[A-Z]\.$")  # "J. Smith", but "5 V." ends a sentence
_OPENER = re.compile(r"(?:The|A|An|In|It|This|That|These|They|He|She|We|If|When|For|At|On|As)\b")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence by its offsets in the document; `text` has its line breaks as spaces."""

    start: int
    end: int
    text: str


def prose_sentences(document: str) -> Iterator[Sentence]:
    """The sentences of the prose paragraphs: no headings, lists, tables, quotes or code."""
    for paragraph in prose_paragraphs(document):
        yield from paragraph


def prose_paragraphs(document: str) -> Iterator[list[Sentence]]:
    """The sentences of each paragraph of prose."""
    for start, end in _paragraphs(document):
        yield list(_sentences(document, start, end))


def all_sentences(document: str) -> list[Sentence]:
    """The sentences of the prose, and each line of all else; in order, and nothing left out."""
    found: list[Sentence] = []
    at = 0
    for start, end in (*_paragraphs(document), (len(document), len(document))):
        found += _lines(document, at, start)
        found += _sentences(document, start, end)
        at = end
    return found


def with_numbers(sentences: Sequence[Sentence]) -> str:
    """Sentences one a line, each after its number from 1, by which a reply names it."""
    return "\n".join(f"[{number}] {one.text}" for number, one in enumerate(sentences, 1))


def _lines(document: str, start: int, end: int) -> Iterator[Sentence]:
    for line in document[start:end].splitlines(keepends=True):
        if line.strip():
            yield _sentence(document, start, start + len(line))
        start += len(line)


def _paragraphs(document: str) -> Iterator[tuple[int, int]]:
    lines = document.splitlines(keepends=True)
    begin: int | None = None
    fenced = spoilt = False
    offset = 0
    for number, line in enumerate(lines):
        blank, fence = not line.strip(), bool(_FENCE.match(line))
        marked = bool(_NOT_PROSE.match(line) or _TABLE_ROW.search(line))
        alone = bool(_HEADING.match(line))
        if blank or fence or alone:
            spoilt = False
        elif marked:
            spoilt = True
        elif begin is None and not spoilt:
            alone = _is_title(lines, number)
        prose = not (blank or fence or fenced or alone or spoilt)
        fenced ^= fence
        if prose and begin is None:
            begin = offset
        if not prose and begin is not None:
            yield begin, offset
            begin = None
        offset += len(line)
    if begin is not None:
        yield begin, offset


def _is_title(lines: list[str], number: int) -> bool:
    """Whether a line is a title in plain text: short, without a stop, over a new sentence."""
    title = lines[number].strip()
    following = lines[number + 1].strip() if number + 1 < len(lines) else ""
    short = len(title) < _TITLE_MAX_CHARS and not title.endswith((".", "!", "?", ",", ";", ":"))
    bold = title.startswith("**") and title.rstrip(":").endswith("**")
    return bold or (short and following[:1].isupper())


def _sentences(document: str, start: int, end: int) -> Iterator[Sentence]:
    begin = start
    for match in _BREAK.finditer(document, start, end):
        if not _opens_sentence(document, match.end(), end):
            continue
        if _is_abbreviation(document, max(begin, match.start() - 8), match):
            continue
        yield _sentence(document, begin, match.start() + len(match.group().rstrip()))
        begin = match.end()
    if document[begin:end].strip():
        yield _sentence(document, begin, end)


def _opens_sentence(document: str, at: int, end: int) -> bool:
    first = document[at : min(at + 3, end)].lstrip(_OPENING)[:1]
    return first.isupper() or first.isdigit()


def _is_abbreviation(document: str, start: int, stop: re.Match[str]) -> bool:
    end = stop.start() + 1
    if _ABBREVIATION.search(document, start, end):
        return True
    initial = _INITIAL.search(document, start, end) is not None
    return initial and not _OPENER.match(document, stop.end())


def _sentence(document: str, start: int, end: int) -> Sentence:
    raw = document[start:end]
    start += len(raw) - len(raw.lstrip())
    stop = start + len(raw.strip())
    return Sentence(start, stop, one_line(raw))
