"""The final answer of a rollout.

In order of place, the *last* of these wins: `\\boxed{}`, `<answer>` tags, `#### 42`, `Answer:`,
`The answer is`, an `Answer` heading. Without any of them, the last line. What is thought is
no answer, and a thought that never ends has none (see `transcripts`).

Guessing does not pay: several different answers in one line, more than three in all, an answer
that is denied, doubted or taken back, and a last line that ends a list of guesses are all found
here and marked as hedged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .guessing import (
    bare_lines,
    ends_a_list_of_guesses,
    is_bare,
    is_doubted,
    is_guessing,
    is_taken_back,
    side_guesses,
    turns,
)
from .marks import MAX_ANSWER_LENGTH, Mark, find_marks, line_end
from .outcome import Reason
from .text import SPACES, has_content, unwrap
from .transcripts import said

TAIL_LENGTH = 8_000
"""How much of a response's end is looked at; a final answer stands at the end."""

_EXPLAINS = re.compile(
    r"(?:is (?:the|our|my|correct|as|because|right|what)|as|because|since|which|where|by|from|using"
    r"|so|with|that is|i\.e\.|this|that|the|it|we|i|here|note|hope|and (?:this|that|we|so))\b",
    re.IGNORECASE,
)
_NEXT_SENTENCE = re.compile(
    r"(?<=[\w)$%}>`*\"'\]\u201d\u2019\u00bb])\.(?:\*\*)? "
    r"(?=(?:This|That|These|It|Because|Since|The|We|Here|I|As|In|So"
    r"|Therefore|Explanation|Note)\b:? ?[a-z])"
)
_OBJECT = re.compile(r"(?:```(?:json)?\s*)?(\{\s*\".*\})\s*(?:```)?", re.DOTALL | re.IGNORECASE)
_MAX_LINES_AFTER = 40
_ANSWER_KEYS = frozenset(("answer", "final_answer", "final answer"))
_REASONING_KEYS = frozenset(("reasoning", "explanation", "thought", "thoughts", "rationale"))
_AFTER_BOX = re.compile(
    r"(?:\$\$?|\\\)|\\\]|\*\*|[ \t]|</answer>|`|\}|\\text\{ ?\})*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Final:
    """The final answer's text, and why it is none or not to be trusted, if so."""

    text: str | None
    fault: Reason | None = None
    raw: str = ""
    """The same with its decoration, which in code may be code."""
    block: str | None = None
    """The lines of which this is one: several guesses, unless a list was asked for."""
    rivals: tuple[str, ...] = ()
    """What else might be meant for an answer: it has to be the same one by the type's rule."""
    turns: tuple[str, ...] = ()
    """Sentences that follow and begin as a correction does."""
    after: tuple[str, ...] = ()
    """The lines that follow, of which none may be another number."""

    @classmethod
    def of(
        cls,
        raw: str,
        fault: Reason | None = None,
        block: str | None = None,
        rivals: tuple[str, ...] = (),
        turns: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
    ) -> Final:
        raw = raw.strip(SPACES).removesuffix("</answer>").strip(SPACES)
        if not has_content(raw) and not _is_code(raw):
            return _NOTHING
        if len(raw) > MAX_ANSWER_LENGTH:
            return cls(None, Reason.TOO_LONG)
        return cls(_unwrapped(raw), fault, raw, block, rivals, turns, after)


_NOTHING = Final(None, Reason.NO_ANSWER)


def extract_answer(response: str) -> str | None:
    """The final answer of a response, or None when it gives none.

    What comes back has lost its marker and decoration around the whole (`**Paris**.` is `Paris`),
    nothing else. An answer that `score` would hold for hedged comes back too. Never raises.
    """
    return find_final(response).text


def find_final(response: str) -> Final:
    """The final answer with what is wrong with it; see the module."""
    text = said(response)
    if text is None:
        return _NOTHING
    tail = text.rstrip(SPACES)[-TAIL_LENGTH:].replace("\r\n", "\n").replace("\r", "\n")
    return _find_in(tail)


def _find_in(text: str) -> Final:
    marks = find_marks(text)
    return _from_marks(text, marks) if marks else _from_last_line(text)


def _is_code(text: str) -> bool:
    """Marks alone are no answer, except in backticks, where they may be code: `[]`."""
    return len(text) > 2 and text[0] == text[-1] == "`" and text[1] != "`"


def _from_marks(text: str, marks: list[Mark]) -> Final:
    last = marks[-1]
    if last.is_tag and (inner := find_marks(last.text)) and inner[0].start:
        # A tag around the whole reply: what is marked in it counts.
        return _from_marks(last.text, inner)
    answer = _line_answer(last) if last.is_line else _closed_answer(text, last)
    turned = turns(text, last)
    if is_guessing(marks) or is_doubted(text, last) or is_taken_back(text, last, turned):
        return Final.of(answer, Reason.HEDGED)
    lines = text[last.end :].split("\n", _MAX_LINES_AFTER)[1:]
    further = bare_lines(lines)
    block = "\n".join([answer, *further]) if further else None
    rivals = (*further, *side_guesses(text, marks))
    after = tuple(line for line in lines[len(further) :] if line.strip(SPACES))
    return Final.of(answer, None, block, rivals, tuple(turned), after)


def _line_answer(mark: Mark) -> str:
    answer = mark.text.strip(SPACES)
    return answer if "\n" in answer else _without_next_sentence(answer)


def _unwrapped(text: str) -> str:
    """Decoration off; code in backticks keeps them, since they say where it ends."""
    if "{" in text:
        text = _from_object(text) or _without_group(text)
    return text if text.startswith("`") or text.endswith(("`", "`.")) else unwrap(text)


def _without_group(text: str) -> str:
    """`{12}`, from a template whose braces were doubled, is 12; `{1, 2}` is a set."""
    inner = text[1:-1]
    is_group = text[0] == "{" and text[-1] == "}" and not re.search(r"[{},;:]", inner)
    return inner if is_group and has_content(inner) else text


def _from_object(text: str) -> str | None:
    """The answer in `{"reasoning": "...", "answer": "12"}`, fenced or not; None for all else."""
    found = _OBJECT.fullmatch(text)
    if found is None:
        return None
    try:
        pairs = json.loads(found[1], object_pairs_hook=list, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    answers = [value for key, value in pairs if key.casefold() in _ANSWER_KEYS]
    others = {key.casefold() for key, _ in pairs} - _ANSWER_KEYS
    if len(answers) != 1 or not others <= _REASONING_KEYS:
        return None
    answer = answers[0]
    if isinstance(answer, list) and all(isinstance(item, str) for item in answer):
        return json.dumps(answer, ensure_ascii=False)
    return answer if isinstance(answer, str) else None


def _without_next_sentence(answer: str) -> str:
    """`12. This follows from ...` is 12; `Paris. London. Rome.` stays whole, and so is wrong."""
    found = _NEXT_SENTENCE.search(answer)
    return answer[: found.start()] if found else answer


def _closed_answer(text: str, mark: Mark) -> str:
    """A box with what belongs to it from the rest of its line: `\\boxed{12}` km, or 13."""
    inside = mark.text.strip(SPACES)
    if text[mark.start : mark.start + 1] == "<":
        return inside
    gap = _AFTER_BOX.match(text, mark.end)
    start = gap.end() if gap else mark.end
    rest = text[start : line_end(text, start)].strip(SPACES)
    rest = rest.removesuffix("</answer>").strip(SPACES)
    if not rest or _EXPLAINS.match(rest.lstrip(",:;-\u2013\u2014 (")):
        return inside
    if rest[0] in ".!)" and not is_bare(rest[1:].split(". ")[0]):
        return inside
    return f"{inside} {_without_next_sentence(rest).rstrip(SPACES + '$.')}"


def _from_last_line(text: str) -> Final:
    fenced = _last_fence(text)
    if fenced is not None:
        return Final.of(fenced)
    lines = [line for line in text[-2 * MAX_ANSWER_LENGTH :].split("\n") if line.strip(SPACES)]
    lines = [line for line in lines if has_content(line) or len(lines) == 1]
    if not lines:
        return _NOTHING
    last = lines[-1].strip(SPACES)
    if last.endswith(":") and len(last) > 1:
        return _NOTHING
    if len(lines) > 1 and ends_a_list_of_guesses(lines[-2], last):
        guesses = bare_lines(lines[::-1])[::-1]
        return Final.of(last, Reason.HEDGED, "\n".join(guesses))
    return Final.of(last)


def _last_fence(text: str) -> str | None:
    """A response that ends with a block of code ends with that."""
    if not text.endswith("```"):
        return None
    start = text.rfind("```", 0, len(text) - 3)
    return text[start:] if start >= 0 and "\n" in text[start:] else None
