"""Text of strangers in markdown: a cell that holds it shows it, and renders nothing."""

import re
from collections.abc import Sequence

from wsrl_assets.text.highlight import printable
from wsrl_assets.text.normalisation import one_line, shortened

# Emphasis, code, links and images, formulas, cells.
_ACTIVE = re.compile(r"[\\`*\[\]~$|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
MAX_CHARS = 300


def cell(value: object) -> str:
    """A value as the cell of a table, on one line, cut where it is longer than `MAX_CHARS`.

    What would begin a tag, a link, an image or a cell is escaped. A bare address stays one: it
    says where it leads.
    """
    line = shortened(printable(one_line(str(value))), MAX_CHARS)
    return _ACTIVE.sub(r"\\\g<0>", _ENTITY.sub("&amp;", line)).replace("<", "&lt;")


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; every cell is as `cell` writes it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)
