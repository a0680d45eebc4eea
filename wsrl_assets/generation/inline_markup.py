"""What a reader sees of a line of markdown or reStructuredText: the words without their marks."""

import re

_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    # "[3]" and "[citation needed]" after a word
    (re.compile(r"(?<=\S)\[(?:\d{1,3}|[a-z]|note \d{1,3}|citation needed)\]"), ""),
    (re.compile(r"!?\[([^\[\]\n]{1,200})\]\([^()\s]{0,500}(?: \"[^\"]{0,200}\")?\)"), r"\1"),
    (re.compile(r":[a-z][a-z:+-]{0,30}:`[~!.]?([^`<>]{1,200}?)(?: ?<[^`<>]{1,200}>)?`"), r"`\1`"),
    (re.compile(r"``([^`]{1,200})``"), r"`\1`"),
    (re.compile(r"`([^`<>]{1,200}?) ?<[^`<>\s]{1,300}>`__?"), r"\1"),
    (re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]{1,200}?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r" {2,}"), " "),
)


def as_read(text: str) -> str:
    """A line without footnote marks, links and emphasis; code stays in single backticks."""
    for mark, plain in _MARKS:
        text = mark.sub(plain, text)
    return text.strip()
