"""What a response says, without what it thinks and without the tokens of a chat template.

Models mark these in many ways, and new ones come with every release, so they are known by shape and
not from a list: a mark is a word in `<>`, `<| |>`, `[ ]`, `[| |]` or `◁ ▷`, in any case. A word for
thinking or for a tool (`think`, `seed:think`, `begin_of_thought`, `tool_response`) begins or, with
a slash or `end`, ends what is not said. What is thought or called and never ends says nothing.
"""

from __future__ import annotations

import re
from collections import deque

from .text import SPACES

_WORD = r"[\w:.\-\u2581]{1,60}"
_MARK = re.compile(
    rf"<(?P<tag>/?[A-Za-z]{_WORD})(?:\s[^<>]{{0,80}})?>"
    rf"|<[|\uff5c](?P<bars>/?{_WORD})[|\uff5c]>"
    rf"|<\|(?P<opening>\w{{1,40}})>|<(?P<closing>\w{{1,40}})\|>"
    rf"|\[\|?(?P<bracket>/?[A-Za-z]{_WORD})\|?\](?!\()"
    rf"|\u25c1(?P<triangle>/?{_WORD})\u25b7"
)
_NOT_SAID = re.compile(
    r"think|thought|reason|reflect|scratch|monolog|deliberat|rationale|analysis|(?:\b|_)cot(?:\b|_)"
    r"|(?:\b|_)tools?(?:\b|_)|function_|observation|^/?information$|^/?search$|^/?interpreter$",
    re.IGNORECASE,
)
_SEPARATORS = str.maketrans(":.-\u2581", "____")
_ENDS = re.compile(r"^/|(?:^|_)end(?:_|$)|^endof", re.IGNORECASE)

# Where a turn begins: <|im_start|>assistant, <|start_header_id|>tool, <start_of_turn>model,
# <|user|>
_TURN = re.compile(
    r"(?:<\|(?:im_start|start_header_id|start)\|>|<start_of_turn>)\s{0,2}(?P<named>\w+)"
    r"|<\|(?P<role>user|assistant|system|tool|observation|model)\|>",
    re.IGNORECASE,
)
_SPEAKERS = frozenset(("assistant", "model"))
# A channel with its name; where special tokens are left out, only the words are there.
_CHANNEL = re.compile(r"<\|channel\|>\s{0,2}(?P<name>\w+)[^<]{0,80}(?:<\|message\|>)?")
_BARE_CHANNEL = re.compile(
    r"(?P<name>analysis|commentary)(?=[^\s,.:;')\u2019-])|(?P<final>final)(?=[^\sa-z,.:;'-])"
)
_NEXT_CHANNEL = re.compile(r"assistant(?:(?P<name>analysis|commentary)|(?P<final>final))")
_HEADINGS = (("here is my thought process:", "here is my response:"),)

_ANSWER_WORD = r"(?:final[ _-]?)?(?:solution|response|output|result|answer)"
_WRAPPER = re.compile(rf"\A\s*<({_ANSWER_WORD})>(.*)</\1>\s*\Z", re.DOTALL | re.IGNORECASE)
_OTHER_TAG = re.compile(r"<(/?)(?:final[ _-]?answer|(?:final[ _-]?)?solution)>", re.IGNORECASE)
_IS_MARKED = re.compile(r"answer[*_]*(?:\s*:| is\b)|\\boxed|####", re.IGNORECASE)

_LONGEST_TOKEN = 120
_TOKEN = (
    r"<[|\uff5c][^<>\n]{1,80}[|\uff5c]>|<\|\w{1,40}>|<\w{1,40}\|>|<\[[^<>\n]{1,100}\]>"
    r"|\[\|[^\[\]\n]{1,60}\|\]|\u25c1[^\u25c1\u25b7\n]{1,60}\u25b7|\]~!?\w{1,8}[\[\]]|\[\w~\["
    r"|\[/?(?:[BE]OS|PAD|UNK|SEP|CLS|MASK|EO[DTM]|END\w*|INST|/\w+)\]"
    r"|</s>|</?(?:[be]os|pad|unk|sep|cls|mask|eo[dtm]|end_?of_?\w+|start_of_turn"
    r"|(?:special|extra_id|reserved|unused)_?\w*)>"
)
_IS_PART = re.compile(_NOT_SAID.pattern + "|_of_box", re.IGNORECASE)
_ONE_TOKEN = re.compile(_TOKEN, re.IGNORECASE)
_FIRST_TOKEN = re.compile(rf"\s*(?:{_TOKEN})", re.IGNORECASE)


def said(response: str) -> str | None:
    """What a response says at its end; None where it is still thinking or waiting for a tool.

    The text keeps its lines and its decoration. Never raises; linear in the response.
    """
    text = _without_last_tokens(response)
    if text.startswith(("analysis", "commentary", "final")) or "<|channel|>" in text:
        channel = _final_channel(text)
        if channel is None:
            return None
        text = channel
    heard = _after_headings(text)
    if heard is None or not ("<" in heard or "[" in heard or "\u25c1" in heard):
        return heard
    return _after_marks(heard)


def _after_marks(text: str) -> str | None:
    turn = _last(_TURN, text)
    if turn is not None:
        if (turn["named"] or turn["role"]).lower() not in _SPEAKERS:
            return None
        text = text[turn.end() :]
    rest = _after_thought(text)
    return None if rest is None else _unwrapped(_without_first_tokens(rest))


def _after_thought(text: str) -> str | None:
    end, is_open = 0, False
    for mark in _MARK.finditer(text):
        word = next(word for word in mark.groups() if word is not None)
        name = word.translate(_SEPARATORS)
        is_channel = name.lower() == "channel"
        if not (is_channel or _NOT_SAID.search(name)):
            continue
        is_open = mark["closing"] is None and not _ENDS.search(name)
        end = mark.end()
    return None if is_open else text[end:]


def _final_channel(text: str) -> str | None:
    """Of a response in channels the final one; None where that never begins."""
    last = _last(_CHANNEL, text)
    if last is not None:
        return text[last.end() :] if last["name"].lower() == "final" else None
    # Without its special tokens a channel begins where the role and its name run together.
    last = _last(_NEXT_CHANNEL, text) or _BARE_CHANNEL.match(text)
    if last is None:
        return text
    return text[last.end() :] if last["final"] else None


def _after_headings(text: str) -> str | None:
    for thought, answer in _HEADINGS:
        if text[:200].lstrip(SPACES).lower().startswith(thought):
            at = text.lower().rfind(answer)
            return None if at < 0 else text[at + len(answer) :]
    return text


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _unwrapped(text: str) -> str:
    """`<solution>` and `<|begin_of_box|>` in the words of everybody else."""
    text = text.replace("<|begin_of_box|>", "\\boxed{").replace("<|end_of_box|>", "}")
    wrapped = _WRAPPER.match(text)
    if wrapped and (wrapped[1].lower() != "answer" or _IS_MARKED.search(wrapped[2].strip(), 1)):
        return _without_last_tokens(wrapped[2])
    return _OTHER_TAG.sub(r"<\1answer>", text) if "<" in text else text


def _without_last_tokens(text: str) -> str:
    end = _end_of(text, len(text))
    while end and text[end - 1] in ">]\u25b7[":
        start = _start_of_token(text, end)
        if start is None or _IS_PART.search(text, start, end):
            break
        end = _end_of(text, start)
    return text[:end]


def _start_of_token(text: str, end: int) -> int | None:
    for sign in "<[\u25c1]":
        start = text.rfind(sign, max(0, end - _LONGEST_TOKEN), end - 1)
        if start >= 0 and _ONE_TOKEN.fullmatch(text, start, end):
            return start
    return None


def _end_of(text: str, end: int) -> int:
    while end and text[end - 1] in SPACES:
        end -= 1
    return end


def _without_first_tokens(text: str) -> str:
    while (found := _FIRST_TOKEN.match(text)) and not _IS_PART.search(found[0]):
        text = text[found.end() :]
    return text
