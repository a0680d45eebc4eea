"""The final answer of a rollout.

In order of place, the *last* of these wins: `\\boxed{}`, `<answer>` tags, `#### 42`, `Answer:`,
`The answer is`, an `Answer` heading. Without any of them, the last line. What is thought
(`<think>`) is no answer, and a thought that never ends has none.

Guessing does not pay: several different answers in one line, more than three in all, an answer
that is denied, doubted or taken back, and a last line that ends a list of guesses are all found
here and marked as hedged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise, takewhile

from .outcome import Reason
from .text import SPACES, unwrap

TAIL_LENGTH = 8_000
"""How much of a response's end is looked at; a final answer stands at the end."""
MAX_ANSWER_LENGTH = 2_000
MAX_MARKED_ANSWERS = 3
"""A model may correct itself; with more different answers than this it is guessing."""
_MAX_MARKS = 40

_END_TOKENS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<|end|>", "<eos>")
_THOUGHT_ENDS = ("</think>", "</thinking>", "</thought>", "</reasoning>")
_THOUGHT_STARTS = ("<think>", "<thinking>", "<thought>", "<reasoning>")

_BOX = re.compile(r"\\(?:boxed|fbox) ?\{")
_TAG = re.compile(r"<answer>", re.IGNORECASE)
_TAG_END = re.compile(r"</answer>", re.IGNORECASE)
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
_LIST_LINE = re.compile(r"[ \t]*(?:[-*\u2022][ \t]|\(?(?:\d{1,2}|[A-Za-z])[.)][ \t])")
_FENCE = re.compile(r"[ \t]*```")
_NO_CONTENT = re.compile(r"(?:\\[\[\]()]|[\s:;.,!?\u2026*_#`'\"\u201c\u201d$|<>/~\\-])*")
_DOUBT = re.compile(
    r"\b(?:not|never|cannot|neither|nor|might|may|maybe|perhaps|possibly|could|would be|wrong"
    r"|incorrect|false|mistaken|unlikely|doubt|either|guess(?:es)?|tempting|unsure)\b"
    r"|n't\b|n\u2019t\b|\b(?:if|whether|unless|suppose|assuming)(?: that)? *$",
    re.IGNORECASE,
)
_LEADS_ON = re.compile(
    r"(?:=|:|\b(?:is|are|equals|therefore|thus|simply|just|approximately|about)|\\approx)"
    r"[\s$*_(\\\[]*$",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:so|therefore|thus|hence|but|instead|rather|which means|because)\b|=|\u21d2", re.I
)
_SENTENCE_END = re.compile(r"[.!?;](?=\s)|\n")
_TAKEN_BACK = re.compile(
    r"\b(?:wait|hmm+|actually|alternatively|on second thoughts?|correction|scratch that|or maybe"
    r"|or perhaps|or possibly|not sure|unsure|could also|might (?:also )?be|may (?:also )?be"
    r"|another (?:possible )?answer|i was wrong|mistaken|is wrong|is incorrect|is not correct"
    r"|isn't (?:right|correct)|let me re|or it (?:is|could)|just kidding|ignore that)\b",
    re.IGNORECASE,
)
_EXPLAINS = re.compile(
    r"(?:is (?:the|our|my|correct|as|because|right|what)|as|because|since|which|where|by|from|using"
    r"|so|with|that is|i\.e\.|this|that|the|it|we|i|here|note|hope|and (?:this|that|we|so))\b",
    re.IGNORECASE,
)
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

    @classmethod
    def of(cls, raw: str, fault: Reason | None = None, block: str | None = None) -> Final:
        raw = raw.strip(SPACES).removesuffix("</answer>").strip(SPACES)
        if _NO_CONTENT.fullmatch(raw) and not _is_code(raw):
            return _NOTHING
        if len(raw) > MAX_ANSWER_LENGTH:
            return cls(None, Reason.TOO_LONG)
        return cls(_unwrapped(raw), fault, raw, block)


@dataclass(frozen=True, slots=True)
class _Mark:
    start: int
    end: int
    text: str
    is_line: bool = False
    """The answer runs to the end of its line, and is not closed by a brace or a tag."""


_NOTHING = Final(None, Reason.NO_ANSWER)


def extract_answer(response: str) -> str | None:
    """The final answer of a response, or None when it gives none.

    What comes back has lost its marker and decoration around the whole (`**Paris**.` is `Paris`),
    nothing else. An answer that `score` would hold for hedged comes back too. Never raises.
    """
    return find_final(response).text


def find_final(response: str) -> Final:
    """The final answer with what is wrong with it; see the module."""
    text = _after_thought(response)
    if text is None:
        return _NOTHING
    text = _without_end_tokens(text[-TAIL_LENGTH:].replace("\r\n", "\n").replace("\r", "\n"))
    marks = _find_marks(text)
    return _from_marks(text, marks) if marks else _from_last_line(text)


def _is_code(text: str) -> bool:
    """Marks alone are no answer, except in backticks, where they may be code: `[]`."""
    return len(text) > 2 and text[0] == text[-1] == "`" and text[1] != "`"


def _after_thought(response: str) -> str | None:
    if "<" not in response:
        return response
    end = max((response.rfind(tag) + len(tag) if tag in response else 0) for tag in _THOUGHT_ENDS)
    text = response[end:]
    return None if any(tag in text for tag in _THOUGHT_STARTS) else text


def _without_end_tokens(text: str) -> str:
    text = text.rstrip(SPACES)
    while text.endswith(_END_TOKENS):
        text = text[: text.rindex("<")].rstrip(SPACES)
    return text


# Marked answers


def _find_marks(text: str) -> list[_Mark]:
    """All marked answers in their order. A mark inside another's answer is the one that counts."""
    closed = [*_boxes(text), *_tags(text)] if "\\" in text or "<" in text else []
    closed = [mark for mark in closed if not _holds_other(mark, closed)]
    lines = [mark for mark in _line_marks(text) if not _is_inside(mark, closed)]
    marks = sorted([*closed, *lines], key=lambda mark: mark.start)
    return [_cut_before(mark, following) for mark, following in pairwise([*marks, None]) if mark]


def _holds_other(mark: _Mark, others: list[_Mark]) -> bool:
    return any(mark.start < other.start and other.end <= mark.end for other in others)


def _is_inside(mark: _Mark, closed: list[_Mark]) -> bool:
    return any(other.start < mark.start < other.end for other in closed)


def _cut_before(mark: _Mark, following: _Mark | None) -> _Mark:
    """`The answer is x = \\boxed{5}`: up to the box there is only a lead, and no answer."""
    if following is None or following.start >= mark.end or not mark.is_line:
        return mark
    text = mark.text[: max(0, len(mark.text) - (mark.end - following.start))]
    return replace(mark, end=following.start, text="" if _LEADS_ON.search(text) else text)


def _boxes(text: str) -> Iterator[_Mark]:
    for count, found in enumerate(_BOX.finditer(text)):
        if count >= _MAX_MARKS:
            return
        end = _closing_brace(text, found.end())
        # A box that is never closed was cut off: it is there, and holds nothing.
        inside = "" if end is None else text[found.end() : end]
        yield _Mark(found.start(), len(text) if end is None else end + 1, inside)


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


def _tags(text: str) -> Iterator[_Mark]:
    for count, found in enumerate(_TAG.finditer(text)):
        if count >= _MAX_MARKS:
            return
        end = _TAG_END.search(text, found.end())
        if end is None:
            yield _Mark(found.start(), len(text), "")
        else:
            yield _Mark(found.start(), end.end(), text[found.end() : end.start()])


def _line_marks(text: str) -> Iterator[_Mark]:
    for start, end_of_mark in _worded_marks(text):
        end, answer = _rest_of_line(text, end_of_mark)
        # "... is what the answer is." marks nothing; "Answer:" at the very end does.
        if not answer or not _NO_CONTENT.fullmatch(answer) or "$" in answer:
            yield _Mark(start, end, answer, is_line=True)
    if "####" in text:
        for found in list(_HASHES.finditer(text))[-_MAX_MARKS:]:
            end = _line_end(text, found.end())
            yield _Mark(found.start(), end, text[found.end() : end], is_line=True)


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


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _rest_of_line(text: str, start: int) -> tuple[int, str]:
    """The rest of the line; when that is empty, the next line, or a block of list lines or code."""
    end = _line_end(text, start)
    if text[start:end].strip(SPACES + "*_"):
        return end, text[start:end]
    start = end
    while start < len(text) and text[start] in SPACES:
        start += 1
    start = text.rfind("\n", 0, start) + 1 if start < len(text) else start
    end = _block_end(text, start)
    return end, text[start:end]


def _block_end(text: str, start: int) -> int:
    end = _line_end(text, start)
    if _FENCE.match(text, start):
        closing = text.find("```", end)
        return len(text) if closing < 0 else _line_end(text, closing)
    if text[start : start + 2] in ("$$", "\\["):
        closing = text.find("$$" if text[start] == "$" else "\\]", start + 2)
        return end if closing < 0 else closing + 2
    while _LIST_LINE.match(text, start) and end < len(text) and _LIST_LINE.match(text, end + 1):
        end = _line_end(text, end + 1)
    return end


def _from_marks(text: str, marks: list[_Mark]) -> Final:
    last = marks[-1]
    answer = _line_answer(last) if last.is_line else _closed_answer(text, last)
    if _is_guessing(text, marks) or _is_doubted(text, last) or _is_taken_back(text, last):
        return Final.of(answer, Reason.HEDGED)
    further = _bare_lines(text[last.end :].split("\n")[1:])
    if further:
        return Final.of(answer, Reason.HEDGED, "\n".join([answer, *further]))
    return Final.of(answer)


def _line_answer(mark: _Mark) -> str:
    answer = mark.text.strip(SPACES)
    return answer if "\n" in answer else _without_next_sentence(answer)


def _unwrapped(text: str) -> str:
    """Decoration off; code in backticks keeps them, since they say where it ends."""
    return text if text.startswith("`") or text.endswith(("`", "`.")) else unwrap(text)


_NEXT_SENTENCE = re.compile(
    r"(?<=[\w)$%}`*\"'])\.(?:\*\*)? (?=(?:This|That|These|It|Because|Since|The|We|Here|I|As|In|So"
    r"|Therefore|Explanation|Note)\b:? ?[a-z])"
)


def _without_next_sentence(answer: str) -> str:
    """`12. This follows from ...` is 12; `Paris. London. Rome.` stays whole, and so is wrong."""
    found = _NEXT_SENTENCE.search(answer)
    return answer[: found.start()] if found else answer


def _closed_answer(text: str, mark: _Mark) -> str:
    """A box with what belongs to it from the rest of its line: `\\boxed{12}` km, or 13."""
    inside = mark.text.strip(SPACES)
    if text[mark.start : mark.start + 1] == "<":
        return inside
    gap = _AFTER_BOX.match(text, mark.end)
    start = gap.end() if gap else mark.end
    rest = text[start : _line_end(text, start)].strip(SPACES)
    rest = rest.removesuffix("</answer>").strip(SPACES)
    if not rest or _EXPLAINS.match(rest.lstrip(",:;-\u2013\u2014 (")):
        return inside
    if rest[0] in ".!)" and not is_bare(rest[1:].split(". ")[0]):
        return inside
    return f"{inside} {_without_next_sentence(rest).rstrip(SPACES + '$.')}"


def _is_guessing(text: str, marks: list[_Mark]) -> bool:
    last = marks[-1]
    answers = {_guess_key(mark.text) for mark in marks} - {""}
    if len(answers) > MAX_MARKED_ANSWERS:
        return True
    same_line = [m for m in marks if "\n" not in text[m.end : last.start] and m is not last]
    return any(_guess_key(mark.text) not in ("", _guess_key(last.text)) for mark in same_line)


def _guess_key(text: str) -> str:
    return "" if _NO_CONTENT.fullmatch(text) else unwrap(text).casefold()


def _is_doubted(text: str, mark: _Mark) -> bool:
    """Whether the clause that leads to the answer denies or doubts it."""
    before = text[max(0, mark.start - 300) : mark.start]
    sentence = _SENTENCE_END.split(before)[-1]
    clause = _TURN.split(sentence)[-1]
    if text[mark.end : mark.end + 1] == "?":
        return True
    return _DOUBT.search(clause) is not None


def _is_taken_back(text: str, mark: _Mark) -> bool:
    return _TAKEN_BACK.search(text, mark.end, mark.end + 1_000) is not None


# Lines that could each be an answer

_BARE_WORDS = 3
_LAST_BARE_WORDS = 8
_STATES = re.compile(r"\b(?:is|are|was|were|equals)\b")
_BARE_LENGTH = 60
_MAX_BARE_LINES = 64


def _bare_lines(lines: list[str]) -> list[str]:
    """The first lines, as far as each could be an answer: 13, 14 and 15 under `Answer: 12`."""
    filled = (line for line in lines if not _NO_CONTENT.fullmatch(line))
    return list(islice(takewhile(is_bare, filled), _MAX_BARE_LINES))


def is_bare(line: str) -> bool:
    """Whether a line looks like an answer all by itself rather than a step or a heading."""
    return "=" not in line and _is_short(line, _BARE_WORDS)


def _is_short(line: str, max_words: int) -> bool:
    line = line.strip(SPACES)
    if line.startswith("#") or (line.startswith("**") and line.endswith("**")):
        return False
    mark = _LIST_LINE.match(line)
    words = unwrap(line[mark.end() :] if mark else line)
    if not words or words.startswith(("</", "```", "\\]", "$$", "\\end", "---")):
        return False
    if words[-1] in ":?" or ": " in words or len(words) > _BARE_LENGTH:
        return False
    return mark is not None or len(words.split()) < max_words + (not line.endswith("."))


# No mark: the last line


def _from_last_line(text: str) -> Final:
    fenced = _last_fence(text)
    if fenced is not None:
        return Final.of(fenced)
    lines = [line for line in text[-2 * MAX_ANSWER_LENGTH :].split("\n") if line.strip(SPACES)]
    lines = [line for line in lines if not _NO_CONTENT.fullmatch(line) or len(lines) == 1]
    if not lines:
        return _NOTHING
    last = lines[-1].strip(SPACES)
    if last.endswith(":") and len(last) > 1:
        return _NOTHING
    if len(lines) > 1 and _ends_a_list_of_guesses(lines[-2], last):
        guesses = _bare_lines(lines[::-1])[::-1]
        return Final.of(last, Reason.HEDGED, "\n".join(guesses))
    return Final.of(last)


def _ends_a_list_of_guesses(previous: str, last: str) -> bool:
    if _LIST_LINE.match(last) and _LIST_LINE.match(previous):
        return True
    if not is_bare(previous) or _STATES.search(last):
        return False
    return _is_short(last, _LAST_BARE_WORDS)


def _last_fence(text: str) -> str | None:
    """A response that ends with a block of code ends with that."""
    if not text.endswith("```"):
        return None
    start = text.rfind("```", 0, len(text) - 3)
    return text[start:] if start >= 0 and "\n" in text[start:] else None
