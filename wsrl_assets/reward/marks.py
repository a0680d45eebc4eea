"""Where a response says what its answer is: boxes, tags, hashes and the word "answer"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from .text import SPACES, has_content

MAX_ANSWER_LENGTH = 2_000
_MAX_MARKS = 40

_BOX = re.compile(r"\\(?:boxed|fbox) ?\{")
_WRAPPER = re.compile(r"\\(?:text|textbf|mathbf|mathrm|displaystyle|left|right|quad|[,;! ])|[{}]")
# `<answer>` may be cut off, and then holds nothing; the others count where they are closed.
_TAG = re.compile(
    r"(?<!`)<(answer|(?:final|my)[_ -]?answer|solution|final|response|result|output)>",
    re.IGNORECASE,
)
# The same label in other languages, tried where nothing else marks an answer.
_FOREIGN = re.compile(
    r"^[#*_> \t]{0,6}(?:(?:la|el|il|die|das|der|a|o|de|het) )?(?:\w{4,12} )?(?:r\u00e9ponse"
    r"|antwort|respuesta"
    r"|resposta|risposta|antwoord|svar|vastaus|odpowied\u017a|odpov\u011b\u010f|v\u00e1lasz"
    r"|r\u0103spuns|cevap|yan\u0131t"
    r"|jawaban|\u043e\u0442\u0432\u0435\u0442"
    r"|\u0432\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c"
    r"|\u03b1\u03c0\u03ac\u03bd\u03c4\u03b7\u03c3\u03b7"
    r"|[^\x00-\u2fff\s]{0,4}(?:\u7b54\u6848|\u56de\u7b54|\u7b54\u3048|\u6b63\u89e3|\u7b54"
    r"|\uc815\ub2f5|\ub2f5)"
    r"|\u0627\u0644\u062c\u0648\u0627\u0628|\u0627\u0644\u0625\u062c\u0627\u0628\u0629"
    r"|\u05ea\u05e9\u05d5\u05d1\u05d4|\u0909\u0924\u094d\u0924\u0930)"
    r"(?: \w{4,12})?[*_]{0,3}[ \u00a0\u202f]?[:\uff1a](?:[*_]{2,3}(?=\s))?",
    re.IGNORECASE | re.MULTILINE,
)
_FOREIGN_REACH = 1_000
_HASHES = re.compile(r"####(?!#)[ \t]*(?=[^\s#])")
# Tried only where "answer" stands, since a search over a whole rollout costs more than all else.
_MARK = re.compile(
    # "Answer:", "**Final answer**:", "The answer is", "the final answer to the question is:"
    r"answer[*_]{0,2}(?:[ \t]*[:=\uff1a][*_]{0,2}"
    r"|(?P<sentence>(?: (?:to|for) [^\n.:=?]{1,120}?)? (?:is|are)"
    r"(?: simply| therefore| thus| then)?\b(?:[*_]{0,2}[ \t]*:)?)"
    # "### Answer" over the answer
    r"|(?P<heading>[*_ \t]{0,4}(?=\n|$)))",
    re.IGNORECASE,
)
_BEFORE_MARK = re.compile(
    r"(?:^|(?<=[\s*_#(>.,!:;]))(?P<word>(?:the|my|our|final|correct|right|best) )?$", re.IGNORECASE
)
_BEFORE_HEADING = re.compile(r"(?:^|\n)[#* \t]{0,8}(?:final )?$", re.IGNORECASE)
_LONGEST_BEFORE = 16
LIST_LINE = re.compile(r"[ \t]*(?:[-*\u2022][ \t]|\(?(?:\d{1,2}|[A-Za-z])[.)][ \t])")
_FENCE = re.compile(r"[ \t]*```")
_LEADS_ON = re.compile(
    r"(?:=|:|\b(?:is|are|equals|therefore|thus|simply|just|approximately|about)|\\approx)"
    r"[\s$*_(\\\[]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One marked answer: its place with its mark, and what it says."""

    start: int
    end: int
    text: str
    is_line: bool = False
    """The answer runs to the end of its line, and is not closed by a brace or a tag."""
    is_box: bool = False
    is_tag: bool = False


def find_marks(text: str) -> list[Mark]:
    """All marked answers in their order. A mark inside another's answer is the one that counts."""
    closed = [*_boxes(text), *_tags(text)] if "\\" in text or "<" in text else []
    closed = _without_wrappers(closed)
    lines = [mark for mark in _line_marks(text) if not _is_inside(mark, closed)]
    if not (closed or lines) and (":" in text or "\uff1a" in text):
        lines = list(_foreign_marks(text))
    marks = sorted([*closed, *lines], key=lambda mark: mark.start)
    return [_cut_before(mark, following) for mark, following in pairwise([*marks, None]) if mark]


def _without_wrappers(marks: list[Mark]) -> list[Mark]:
    """Of a mark in another the inner one counts, unless a box has more in it than that box."""
    full = [mark for mark in marks if mark.is_box and _has_more_than_a_box(mark.text)]
    outer = [mark for mark in marks if not any(_holds(box, mark) for box in full)]
    return [m for m in outer if m in full or not any(_holds(m, other) for other in outer)]


def _holds(mark: Mark, other: Mark) -> bool:
    return mark.start < other.start and other.end <= mark.end


def _has_more_than_a_box(text: str) -> bool:
    """`13 \\boxed{12}` is two answers, `\\text{\\boxed{12}}` one."""
    inner = _BOX.search(text)
    if inner is None:
        return False
    end = _closing_brace(text, inner.end())
    outside = text[: inner.start()] + ("" if end is None else text[end + 1 :])
    return has_content(_WRAPPER.sub("", outside))


def _is_inside(mark: Mark, closed: list[Mark]) -> bool:
    return any(other.start < mark.start < other.end for other in closed)


def _cut_before(mark: Mark, following: Mark | None) -> Mark:
    """`The answer is x = \\boxed{5}`: up to the box there is only a lead, and no answer."""
    if following is None or following.start >= mark.end or not mark.is_line:
        return mark
    text = mark.text[: max(0, len(mark.text) - (mark.end - following.start))]
    return replace(mark, end=following.start, text="" if _LEADS_ON.search(text) else text)


def _boxes(text: str) -> Iterator[Mark]:
    for found in list(_BOX.finditer(text))[-_MAX_MARKS:]:
        end = _closing_brace(text, found.end())
        # A box that is never closed was cut off: it is there, and holds nothing.
        inside = "" if end is None else text[found.end() : end]
        yield Mark(found.start(), len(text) if end is None else end + 1, inside, is_box=True)


def _closing_brace(text: str, start: int) -> int | None:
    depth = 1
    for at in range(start, min(len(text), start + MAX_ANSWER_LENGTH)):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    return None


def _tags(text: str) -> Iterator[Mark]:
    lowered = text.lower() if text.isascii() else ""
    for found in list(_TAG.finditer(text))[-_MAX_MARKS:]:
        closing = f"</{found[1].lower()}>"
        end = (lowered or text[found.end() :].lower()).find(closing, found.end() if lowered else 0)
        end += 0 if lowered or end < 0 else found.end()
        if end >= 0:
            inside = text[found.end() : end]
            yield Mark(found.start(), end + len(closing), inside, is_tag=True)
        elif closing == "</answer>":
            yield Mark(found.start(), len(text), "", is_tag=True)


def _line_marks(text: str) -> Iterator[Mark]:
    for start, end_of_mark in _worded_marks(text):
        end, answer = _rest_of_line(text, end_of_mark)
        # "... is what the answer is." marks nothing; "Answer:" at the very end does.
        if not answer or has_content(answer) or "$" in answer:
            yield Mark(start, end, answer, is_line=True)
    if "####" in text:
        for found in list(_HASHES.finditer(text))[-_MAX_MARKS:]:
            end = line_end(text, found.end())
            yield Mark(found.start(), end, text[found.end() : end], is_line=True)


def _foreign_marks(text: str) -> Iterator[Mark]:
    start = max(0, len(text) - _FOREIGN_REACH)
    for found in _FOREIGN.finditer(text, text.rfind("\n", 0, start) + 1):
        end, answer = _rest_of_line(text, found.end())
        if has_content(answer):
            yield Mark(found.start(), end, answer, is_line=True)


def _worded_marks(text: str) -> Iterator[tuple[int, int]]:
    lowered = text.lower()
    if len(lowered) != len(text):
        # Some capitals have two small letters; positions would no longer agree.
        lowered = text
    at = lowered.find("answer")
    spots = []
    while at >= 0:
        spots.append(at)
        at = lowered.find("answer", at + 6)
    for spot in spots[-_MAX_MARKS:]:
        found = _MARK.match(text, spot)
        if found is None:
            continue
        before = _before_mark(text, found)
        if before is not None:
            yield spot - before, found.end()


def _before_mark(text: str, mark: re.Match[str]) -> int | None:
    """How far before "answer" the mark begins; None when what stands there makes it no mark."""
    before = text[max(0, mark.start() - _LONGEST_BEFORE) : mark.start()]
    if mark["heading"] is not None:
        return 0 if _BEFORE_HEADING.search(before) else None
    found = _BEFORE_MARK.search(before)
    if found is None or (mark["sentence"] is not None and not found["word"]):
        return None
    return len(found["word"] or "")


def line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _rest_of_line(text: str, start: int) -> tuple[int, str]:
    """The rest of the line; when that is empty, the next line, or a block of list lines or code."""
    end = line_end(text, start)
    fence = _FENCE.match(text, start)
    if fence is not None:
        start = fence.end() - 3
    elif text[start:end].strip(SPACES + "*_"):
        return end, text[start:end]
    else:
        start = end
        while start < len(text) and text[start] in SPACES:
            start += 1
        start = text.rfind("\n", 0, start) + 1 if start < len(text) else start
    end = _block_end(text, start)
    return end, text[start:end]


def _block_end(text: str, start: int) -> int:
    end = line_end(text, start)
    if _FENCE.match(text, start):
        closing = text.find("```", end)
        return len(text) if closing < 0 else line_end(text, closing)
    if text[start : start + 2] in ("$$", "\\["):
        closing = text.find("$$" if text[start] == "$" else "\\]", start + 2)
        return end if closing < 0 else closing + 2
    while LIST_LINE.match(text, start) and end < len(text) and LIST_LINE.match(text, end + 1):
        end = line_end(text, end + 1)
    return end
