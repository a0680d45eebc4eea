"""Text of strangers inside a prompt: it can be read, and can be nothing but text.

Servers look for the special tokens of a chat template in the whole rendered prompt, so a document
that spells `<|im_end|>` would end the user's turn. An invisible mark inside such a token, or
inside a tag that looks like the end of the document, leaves text that reads the same and is
neither. Replies lose the mark again, so a quote of such a text stands in its document.
"""

import re

# A word joiner: shows nothing, allows no line break, and is removed from documents when they are
# read (`normalise_document`), so whatever mark is found in a reply is ours.
MARK = "\u2060"
# As the mark stands in a reply that is still JSON.
_MARKS_IN_JSON = re.compile(r"\u2060|(?<!\\)((?:\\\\)*)\\u2060")

_UNSEEN = "[\u00ad\u034f\u200b-\u200f]*"


def _wide(word: str) -> str:
    """A pattern for a word in ASCII or full-width letters, with unseen characters between them."""
    return _UNSEEN.join(f"[{letter}{chr(ord(letter) + 0xFEE0)}]" for letter in word)


_OPENS = "<\u2039\u27e8\u3008\ufe64\uff1c"  # and what looks like it
_TURNS = (
    "s|bos|eos|pad|unk|mask|sep|cls|sop|eop|system|user|assistant|human|model|tools?|think"
    "|reserved|unused\\d*|img|image"
)
_TOKENS = re.compile(
    rf"[{_OPENS}](?="
    rf"[\s/\\|\uff5c\uff0f\u00ad\u034f\u200b-\u200f]*{_wide('document')}"  # our own tag
    r"|[|\uff5c]"  # <|im_start|>, <|eot_id|>, <｜User｜>
    rf"|/?(?:{_TURNS})>"  # </s>, <bos>, <think>
    r"|/?[a-z]+_[a-z0-9_]+>"  # <start_of_turn>, <tool_call>, <extra_id_0>
    r"|<?/?<?SYS>>"  # <<SYS>>
    r"|0x[0-9a-f]{2}>)"  # <0x0A>, a byte
    r"|\[(?=/?(?-i:[A-Z_]{3,}|[gs]MASK)\])",  # [INST], [/SYSTEM_PROMPT], [gMASK]
    re.IGNORECASE,
)


def as_text(text: str) -> str:
    """The text with a mark inside all that a chat template or our own prompt gives a meaning."""
    return _TOKENS.sub(lambda found: f"{found.group()}{MARK}", text)


def without_marks(reply: str) -> str:
    """A reply, also one in JSON, without the marks that it copied from a prompt."""
    if MARK not in reply and "\\u2060" not in reply:
        return reply
    return _MARKS_IN_JSON.sub(lambda found: found.group(1) or "", reply)
