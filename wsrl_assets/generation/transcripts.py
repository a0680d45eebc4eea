"""Transcripts of Python's prompt in a document, and what is shown there, worked out once more.

An expression is taken with the statements before it that it depends on, alone: what is asked can
then be answered from the question. Only what comes out as the document shows it is taken.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from wsrl_assets.text.python_values import (
    MAX_RESULT_CHARS,
    MAX_SOURCE_CHARS,
    Session,
    evaluate_all,
)

MAX_ENTERED = 4
MAX_TRANSCRIPTS = 64
# A quote that is found again has some words.
_QUOTED_WORDS = 8
# Further back nothing is looked for; the work is linear in the document.
_MAX_ENTRIES_BEFORE = 64
_PROMPT, _CONTINUED = ">>> ", "..."
_NO_CODE = (SyntaxError, ValueError, RecursionError, MemoryError)
_CHANGES = re.compile(r"\.(?:pop|popitem|setdefault)\(")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*) = (.+)\Z")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a document shows for an expression.

    Attributes:
        session: the expression, and the statements before it that it depends on.
        output: one line.
        start, end: where expression and output stand, with lines before them where they are
            short; characters, end exclusive.
    """

    session: Session
    output: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is entered at one prompt, and the lines below it."""

    source: str
    output: tuple[str, ...]
    start: int
    end: int


def executed(document: str) -> list[Transcript]:
    """The transcripts whose output is what Python's rules give, in order; 64 at most are tried."""
    if _PROMPT not in document:
        return []
    found = list(islice(_transcripts(document, list(_entries(document))), MAX_TRANSCRIPTS))
    values = evaluate_all([one.session for one in found])
    return [one for one, value in zip(found, values, strict=True) if value == one.output]


def _entries(document: str) -> Iterator[_Entry]:
    lines = document.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    at = 0
    while at < len(lines):
        prompt = lines[at].lstrip(" \t")
        if not prompt.startswith(_PROMPT):
            at += 1
            continue
        margin = len(lines[at]) - len(prompt)
        source, end = [_without_comment(prompt[len(_PROMPT) :].strip())], at + 1
        while end < len(lines) and lines[end].lstrip(" \t").startswith(_CONTINUED):
            source.append(lines[end].strip()[len(_CONTINUED) :])
            end += 1
        first = end
        while end < len(lines) and _is_output(lines[end], margin):
            end += 1
        output = tuple(line.strip() for line in lines[first:end])
        last = starts[end] - len(lines[end - 1]) + len(lines[end - 1].rstrip())
        yield _Entry("\n".join(source), output, starts[at] + margin, last)
        at = end


def _is_output(line: str, margin: int) -> bool:
    shown = line.strip()
    is_inside = len(line) - len(line.lstrip(" \t")) >= margin
    return bool(shown) and is_inside and not shown.startswith((_PROMPT.strip(), "```", "~~~"))


def _transcripts(document: str, entries: Sequence[_Entry]) -> Iterator[Transcript]:
    for at, entry in enumerate(entries):
        if not _can_be_asked(entry):
            continue
        before = _depends_on(entries[max(0, at - _MAX_ENTRIES_BEFORE) : at], entry.source)
        if len(before) <= MAX_ENTERED and not any(map(_is_awkward, before)):
            session = Session(tuple(before), entry.source)
            start = _start_of_quote(document, entry)
            yield Transcript(session, entry.output[0], start, entry.end)


def _start_of_quote(document: str, entry: _Entry) -> int:
    """Where a quote of some words begins that ends with an entry: lines before it, if need be."""
    start = entry.start
    while start > 0 and len(document[start : entry.end].split()) < _QUOTED_WORDS:
        start = document.rfind("\n", 0, start - 1) + 1
    return start


def _can_be_asked(entry: _Entry) -> bool:
    """Whether an entry is an expression with work in it and shows one line."""
    if len(entry.output) != 1 or len(entry.output[0]) > MAX_RESULT_CHARS:
        return False
    if entry.output[0] in ("True", "False"):  # half of all guesses are right
        return False
    if _is_awkward(entry.source):
        return False
    try:
        tree = ast.parse(entry.source, mode="eval").body
    except _NO_CODE:
        return False
    return not isinstance(tree, ast.Name | ast.Constant)


def _is_awkward(source: str) -> bool:
    """Whether code cannot stand in a question of one line, in backticks."""
    return "\n" in source or "`" in source or len(source) > MAX_SOURCE_CHARS


def _depends_on(entries: Sequence[_Entry], source: str) -> list[str]:
    """The entries that set or change what an expression names, or what those name; in order."""
    needed = _names(source)
    found: list[str] = []
    for entry in reversed(entries):
        names = _names(entry.source)
        if len(found) > MAX_ENTERED or needed.isdisjoint(names) or not _may_change(entry):
            continue
        found.insert(0, entry.source)
        needed = (needed - _set_anew(entry.source)) | (names - _set_anew(entry.source))
    return found


def _may_change(entry: _Entry) -> bool:
    """Whether an entry may set or change a value: what shows a value seldom does."""
    is_shown = bool(entry.output) and "\n" not in entry.source
    return not is_shown or _CHANGES.search(entry.source) is not None


def _set_anew(source: str) -> set[str]:
    """The name that an entry sets without regard to what it was: `x = 3`, not `x = x + 1`."""
    found = _ASSIGNMENT.match(source)
    return {found[1]} - _names(found[2]) if found else set()


@lru_cache(maxsize=1024)
def _names(source: str) -> frozenset[str]:
    """The names in code; all its words where it is no statement."""
    try:
        tree = ast.parse(source)
    except _NO_CODE:
        return frozenset(_WORD.findall(source))
    named = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    return frozenset(named | {one.name for one in ast.walk(tree) if isinstance(one, ast.alias)})


def _without_comment(line: str) -> str:
    """A line of code without the comment at its end."""
    if "#" not in line:
        return line
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return line
    comments = [one.start[1] for one in tokens if one.type == tokenize.COMMENT]
    return line[: comments[0]].rstrip() if comments else line
