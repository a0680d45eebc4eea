"""What of a rollout is said and not thought, without the special tokens of its chat template.

Both are known by their shape, in any case, since every model has names of its own: a tag whose
name speaks of thinking (`<think>`, `[THINK]`, `<|begin_of_thought|>`, a triangle's `think`), and a
token in bars (`<|eot_id|>`), in brackets (`[EOS]`) or of a known short name (`</s>`). What is
thought is no answer, and a thought that never ends has none.
"""

from __future__ import annotations

import re

from .text import SPACES

_NAME = (
    r"[\w:.\u2581-]{0,30}(?:think|thought|reason|reflect|analys|scratch_?pad|monologue)"
    r"[\w:.\u2581-]{0,50}"
)
# `[Reasoning]` is a heading, `[THINK]` a token; a tag in backticks is spoken of.
_THOUGHT = re.compile(
    rf"(?:<\|?|<\uff5c|\u25c1)(?P<end>/|end_of_|end_)?{_NAME}(?: [^<>\n]{{0,80}})?"
    r"(?:\|?>|\uff5c>|\u25b7)"
    r"|\[(?P<end_bracket>/)?think(?:ing)?\]"
    r"|<\|channel>|(?P<end_channel><channel\|>)",
    re.IGNORECASE,
)
_OPENING = re.compile("[<\\[\u25c1]")
_CHANNEL = re.compile(r"<\|channel\|>[ \t]*(\w*)[^<]*<\|message\|>", re.IGNORECASE)
_FINAL_CHANNELS = frozenset(("final", "response", "answer"))
# The same where tokens were dropped and their names left: `analysis6*7?assistantfinal42`.
_BARE_CHANNEL = re.compile(r"(?:assistant)?analysis(?=[^\W_a-z]|[a-z]|\d)")
_BARE_FINAL = "assistantfinal"
_SPOKEN_THOUGHT = re.compile(r"\s*here(?: is|'s) my (?:thought|thinking|reasoning) process:", re.I)
_SPOKEN_RESPONSE = re.compile(r"\bhere(?: is|'s) my (?:final )?response:", re.I)

_TOKEN = re.compile(
    r"<\|[\w/.:\u2581-]{1,60}\|?>|<[\w/.:\u2581-]{1,60}\|>"
    r"|<\uff5c[\w/.:\u2581 ]{1,60}\uff5c>|\[\|[\w/.:-]{1,60}\|\]|\u25c1[\w/.:-]{1,60}\u25b7"
)
_BOX_TOKEN = re.compile(
    r"<\|(begin|start|end)_(?:of_)?(?:box|answer|final_answer)\|>", re.IGNORECASE
)
# At the very end only: within the text `[PAD]` and `<s>` may be anything.
_END_TOKEN = re.compile(
    r"(?:</?s>|<(?:eos|bos|pad|unk|sep|cls|end_of_\w{1,20}|eo[tdms](?:_id)?|SPECIAL_\d{1,4})>"
    r"|\[(?:EOS|BOS|PAD|UNK|SEP|CLS|/INST|INST|END)\]|<\[[^\[\]<>\s]{1,80}\]>|\[e~\[)$",
    re.IGNORECASE,
)


def without_thoughts(response: str) -> str | None:
    """What follows the last thought; None when that one, or the last channel, does not end."""
    if "<|channel|>" in response:
        return _last_channel(response)
    if response.startswith(("analysis", "assistantanalysis")) and _BARE_CHANNEL.match(response):
        _, is_final, final = response.rpartition(_BARE_FINAL)
        return final if is_final else None
    if _SPOKEN_THOUGHT.match(response):
        spoken = list(_SPOKEN_RESPONSE.finditer(response))
        return response[spoken[-1].end() :] if spoken else None
    if "<" not in response and "\u25c1" not in response and "[" not in response:
        return response
    last: re.Match[str] | None = None
    for opening in _OPENING.finditer(response):
        found = _THOUGHT.match(response, opening.start())
        if found is not None and not _is_spoken_of(response, found):
            last = found
    if last is None:
        return response
    is_end = last["end"] or last["end_bracket"] or last["end_channel"]
    return response[last.end() :] if is_end else None


def _is_spoken_of(text: str, tag: re.Match[str]) -> bool:
    return text[tag.start() - 1 : tag.start()] == "`" == text[tag.end() : tag.end() + 1]


def _last_channel(response: str) -> str | None:
    channels = list(_CHANNEL.finditer(response))
    if not channels or channels[-1][1].lower() not in _FINAL_CHANNELS:
        return None
    return response[channels[-1].end() :]


def without_tokens(text: str) -> str:
    """Tokens in bars end a line wherever they stand; a box of tokens becomes an answer's tag."""
    if "|" in text or "\uff5c" in text or "\u25c1" in text:
        text = _BOX_TOKEN.sub(_as_tag, text)
        text = _TOKEN.sub("\n", text)
    text = text.rstrip(SPACES)
    while text.endswith((">", "]", "[")):
        end = _END_TOKEN.search(text, max(0, len(text) - 100))
        if end is None:
            break
        text = text[: end.start()].rstrip(SPACES)
    return text


def _as_tag(found: re.Match[str]) -> str:
    return "</answer>" if found[1].lower() == "end" else "<answer>"
