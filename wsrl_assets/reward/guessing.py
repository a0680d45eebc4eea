"""The signs of guessing: several answers, and answers denied, doubted or taken back.

Precision before yield: a final answer that its own context calls into question scores
0, though now and then that loses a right one.
"""

from __future__ import annotations

import re
from itertools import islice, takewhile

from .marks import LIST_LINE, Mark
from .text import SPACES, has_content, unwrap
from .vocabulary import word_set

MAX_MARKED_ANSWERS = 3
"""A model may correct itself; with more different answers than this it is guessing."""
_LOOK_BACK = 300
_LOOK_AHEAD = 1_000

_DOUBT = re.compile(
    r"\b(?:not|never|cannot|neither|nor|might|may|maybe|perhaps|possibly|could|would be|wrong"
    r"|incorrect|false|mistaken|unlikely|doubt|either|guess(?:es)?|tempting|unsure)\b"
    r"|n't\b|n\u2019t\b|\b(?:if|whether|unless|suppose|assuming)(?: that)? *$",
    re.IGNORECASE,
)
_ONE_OF_SEVERAL = re.compile(
    r"\b(?:second|third|fourth|fifth|next|other|another|alternative|possible|potential)[\s*_]*$",
    re.I,
)
_TURN = re.compile(
    r"\b(?:so|therefore|thus|hence|but|instead|rather|which means|because)\b|=|\u21d2", re.I
)
_SENTENCE_END = re.compile(r"[.!?;](?=\s)|\n")
_TAKEN_BACK = re.compile(
    # At the start of a sentence; inside one these words do not take anything back.
    r"(?:^|[.!?;\n(\u2014\u2013]|\bbut|\bno,)[\s*_]*"
    r"(?:(?:up)?on (?:further |closer |second )?(?:reflection|inspection|thoughts?)"
    r"|(?:scratch|strike) that|ignore (?:that|this|the above|my)|just kidding"
    r"|alternative(?: answer)?:|in fact,? (?:it|the answer)\b)"
    r"|\b(?:it|answer) (?:might|may|could) (?:instead )?be\b(?! (?:noted|added|said|checked"
    r"|verified"
    r"|seen|shown|remarked|mentioned|useful|helpful|worth|written|expressed|of interest"
    r"|confirmed))|\bi (?:was|may be|might be) wrong\b"
    r"|\bi(?: am|'m|\u2019m) (?:not (?:sure|certain)|unsure|guessing|mistaken|only \d+ ?% sure)\b"
    r"|\bi take (?:that|it|this) back\b|\blet me re(?!iterate)"
    r"|\b(?:it|that|this|which|answer|above)(?: is|'s|\u2019s| was)"
    r" (?:wrong|incorrect|not (?:right|correct)"
    r"|(?:only |just )?an? (?:mistake|joke|decoy|guess))\b",
    re.IGNORECASE,
)
# These often only go on: "However, the crater is younger", "Sorry for the long derivation".
_TURNS = re.compile(
    r"(?:^|(?<=[.!?;\n(\u2014\u2013]))[^.!?;\n(\u2014\u2013]*?"
    r"(?:(?:^|(?<=[.!?;\n(\u2014\u2013]))[\s*_]*(?:no,|wait|hmm+|actually|alternatively|however"
    r"|in fact"
    r"|correction|sorry|oops|edit:|update:|rather,|i mean)"
    r"|\bbut (?:no,|wait|actually|rather)|\bor (?:maybe|perhaps|possibly)\b|\bcould also\b"
    r"|\banother (?:possible )?answer\b)[^\n]*",
    re.IGNORECASE,
)
_WITHDRAWS = re.compile(
    r"\b(?:not?|never|none|depends?|wrong\w*|incorrect|mistak\w+|errors?|let(?:'s| me)|checking"
    r"|re-?(?:check|calculat|consider"
    r"|comput|count)\w*|instead|should|unsure|doubt\w*|guess\w*|maybe|perhaps|possibly|might|may"
    r"|correct(?:ed|ion)|different|else|other|another)\b|n't\b|n\u2019t\b|\?",
    re.IGNORECASE,
)
_SHORTEST_REMARK = 4
_WORDS = re.compile(r"[^\W_]+")
_FUNCTION_WORDS = word_set(
    """
    the a an is are was be so thus hence therefore then and that this it its my our your i we you
    which as to of in for with by final answer solution result finally here
    """
)
_FLOURISH = re.compile(
    r"(?:(?:and )?(?:i |we )?(?:really |sincerely )?hope\b.{0,60}|(?:many )?thank(?:s"
    r"| you)\b.{0,40}"
    r"|q\W*e\W*d|done|cheers|enjoy|good luck.{0,20}|(?:problem |all )?solved|the end|finis"
    r"|voil\w|ta-?da"
    r"|end of (?:the )?(?:answer|proof|solution|response)|(?:please )?let me know\b.{0,80}"
    r"|that(?:'s| is) (?:it|all|the answer|my answer|correct)|have a (?:nice|great|good) \w+"
    r"|(?:best|kind) (?:regards|wishes)|(?:this|which|and this|that) is correct"
    r"|happy to help.{0,20}|you(?:'re| are) welcome)?\W*",
    re.IGNORECASE,
)
_BARE_WORDS = 3
_LAST_BARE_WORDS = 8
_STATES = re.compile(r"\b(?:is|are|was|were|equals)\b")
_BARE_LENGTH = 60
_MAX_BARE_LINES = 64


def is_guessing(marks: list[Mark]) -> bool:
    """Whether there are too many different marked answers for any of them to be meant."""
    return len({_guess_key(mark.text) for mark in marks} - {""}) > MAX_MARKED_ANSWERS


def side_guesses(text: str, marks: list[Mark]) -> list[str]:
    """Other answers marked in the line of the last one."""
    last = marks[-1]
    beside = [m for m in marks if m is not last and "\n" not in text[m.end : last.start]]
    keys = ("", _guess_key(last.text))
    return [mark.text for mark in beside if _guess_key(mark.text) not in keys]


def turns(text: str, mark: Mark) -> list[str]:
    """Sentences after the answer that begin as a correction does, and may be none."""
    after = text[mark.end : mark.end + _LOOK_AHEAD]
    return [found[0].strip(SPACES) for found in _TURNS.finditer(after)]


def _guess_key(text: str) -> str:
    return "" if is_idle(text) else unwrap(text).casefold()


def is_idle(text: str) -> bool:
    """Whether a text is no answer of any type: `So the`, `Q.E.D.`, `Hope that helps!`."""
    if not has_content(text) or _FLOURISH.fullmatch(text.strip(SPACES)):
        return True
    words = _WORDS.findall(text.casefold())
    # One letter may be an option or a variable.
    return any(len(word) > 1 for word in words) and _FUNCTION_WORDS.issuperset(words)


def is_doubted(text: str, mark: Mark) -> bool:
    """Whether the clause that leads to the answer denies or doubts it."""
    before = text[max(0, mark.start - _LOOK_BACK) : mark.start]
    sentence = _SENTENCE_END.split(before)[-1]
    clause = _TURN.split(sentence)[-1]
    if text[mark.end : mark.end + 1] == "?" or _ONE_OF_SEVERAL.search(clause):
        return True
    return _DOUBT.search(clause) is not None


def is_taken_back(text: str, mark: Mark, turned: list[str]) -> bool:
    """Whether what follows the answer withdraws it, though it may name no other."""
    if any(len(t.split()) < _SHORTEST_REMARK or _WITHDRAWS.search(t) for t in turned):
        return True
    return _TAKEN_BACK.search(text[mark.end : mark.end + _LOOK_AHEAD]) is not None


def bare_lines(lines: list[str]) -> list[str]:
    """The first lines, as far as each could be an answer: 13, 14 and 15 under `Answer: 12`."""
    filled = [line for line in lines if has_content(line)]
    # Two lines of some length, one below the other, are guesses where one may be a remark.
    pair = filled[:2] if len(lines) > 1 and lines[:2] == filled[:2] else []
    words = _LAST_BARE_WORDS if len(pair) == 2 and all(map(_is_short_line, pair)) else _BARE_WORDS
    bare = takewhile(lambda line: "=" not in line and _is_short(line, words), filled)
    return list(islice(bare, _MAX_BARE_LINES))


def _is_short_line(line: str) -> bool:
    return not line.rstrip(SPACES).endswith((".", "!")) and _is_short(line, _LAST_BARE_WORDS)


def is_bare(line: str) -> bool:
    """Whether a line looks like an answer all by itself rather than a step or a heading."""
    return "=" not in line and _is_short(line, _BARE_WORDS)


def _is_short(line: str, max_words: int) -> bool:
    line = line.strip(SPACES)
    if len(line) > 2 * _BARE_LENGTH:
        return False
    if line.startswith("#") or (line.startswith("**") and line.endswith("**")):
        return False
    mark = LIST_LINE.match(line)
    words = unwrap(line[mark.end() :] if mark else line)
    if not words or words.startswith(("</", "```", "\\]", "$$", "\\end", "---")):
        return False
    if words[-1] in ":?" or ": " in words or len(words) > _BARE_LENGTH:
        return False
    if words[-1] == "!" and " " in words:
        return False
    return mark is not None or len(words.split()) < max_words + (not line.endswith("."))


def ends_a_list_of_guesses(previous: str, last: str) -> bool:
    """Whether the last line is but one more of several lines that could each be the answer."""
    if LIST_LINE.match(last) and LIST_LINE.match(previous):
        return True
    if not is_bare(previous) or _STATES.search(last):
        return False
    return _is_short(last, _LAST_BARE_WORDS)
