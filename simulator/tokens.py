"""The simulator's tokenizer: text is rendered flat, and every 4 characters are a token.

Real tokenizers come to about 4 characters of English a token too, and this one costs nothing,
so that the server's CPU goes to serving.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

CHARS_PER_TOKEN = 4
BLOCK_TOKENS = 16
"""vLLM's block of the prefix cache on GPUs."""

_BLOCK_CHARS = CHARS_PER_TOKEN * BLOCK_TOKENS
_VOCABULARY = 50_000


def render(messages: Sequence[dict[str, Any]]) -> str:
    """Messages as the one text that the model would read, generation prompt included."""
    turns = [f"<|{m['role']}|>\n{_text_of(m.get('content'))}\n" for m in messages]
    return "".join(turns) + "<|assistant|>\n"


def _text_of(content: object) -> str:
    """A message's content, given as a string or as a list of text parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


def count_tokens(text: str) -> int:
    """Tokens of a text; the last one may be shorter than the others."""
    return -(-len(text) // CHARS_PER_TOKEN)


def token_ids(text: str) -> list[int]:
    """The same ids for the same text, in any process."""
    pieces = (text[i : i + CHARS_PER_TOKEN] for i in range(0, len(text), CHARS_PER_TOKEN))
    return [zlib.crc32(piece.encode(errors="surrogatepass")) % _VOCABULARY for piece in pieces]


def block_hashes(text: str) -> list[int]:
    """One hash per cacheable block, each standing for the text from the start to that block's end.

    Only full blocks count, and the last token never does: as in vLLM, it must be computed again
    even when all else is cached, since the first output token comes out of it.
    """
    cacheable = (count_tokens(text) - 1) // BLOCK_TOKENS
    hashes: list[int] = []
    chained = 0
    for start in range(0, cacheable * _BLOCK_CHARS, _BLOCK_CHARS):
        chained = hash((chained, text[start : start + _BLOCK_CHARS]))
        hashes.append(chained)
    return hashes
