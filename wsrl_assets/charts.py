"""Bar charts as SVG text: no browser, no font, no drawing library. Pure functions.

Colours and type are attributes, so that a chart stands alone as an image; each shape also has a
class, so that a page that embeds it can restyle it.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from wsrl_assets.highlight import printable
from wsrl_assets.storage.accounting import STAGES, Account

WIDTH = 470
_ROW = 24
_BAR = 14
_LABELS = 176
_VALUES = 80
_CHARS = 24
_LENGTHS = (5, 10, 20, 40, 80)
_INK = "#3a4256"
_SOFT = "#6a7388"
# The image stands on a light or a dark page.
_IMAGE_INK = "#78839a"
_IMAGE_LABELS = 170
_IMAGE_BARS = 300
_IMAGE_ROW = 16
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"
ACCENT = "#3257c9"
COLOURS = {
    "kept": "#2f8f5b",
    "rejected": "#d0684f",
    "failed": "#8a3b2c",
    "pending": "#c9ced9",
}
"""Colours of the outcomes of a row."""
_NAMED = {"kept": "green", "rejected": "red", "failed": "brown", "pending": "grey"}


@dataclass(frozen=True, slots=True)
class Stack:
    """A bar of several parts, in order, by the name of the part."""

    label: str
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def bars(title: str, values: Sequence[tuple[str, float]], *, share_of: float | None = None) -> str:
    """A horizontal bar for each label, in the order given.

    Args:
        title: what the chart shows, for those who do not see it.
        values: labels with their values, none negative.
        share_of: where given, each value is also shown as a share of this.
    """
    top = max((value for _, value in values), default=0) or 1
    rows = []
    for number, (label, value) in enumerate(values):
        said = _figure(value) + (f" · {value / share_of:.0%}" if share_of else "")
        width = _room() * value / top
        shapes = [_rect(number, 0, width, "accent", ACCENT)] if value else []
        rows.append(_row(number, label, said, shapes))
    return _svg(title, rows, len(values) * _ROW + 4)


def stacks(title: str, values: Sequence[Stack], colours: Mapping[str, str]) -> str:
    """A horizontal bar of coloured parts for each stack, all on one scale, with a legend."""
    top = max((stack.total for stack in values), default=0) or 1
    rows = []
    for number, stack in enumerate(values):
        at, parts = 0.0, []
        for name, value in stack.parts.items():
            width = _room() * value / top
            if value:
                parts.append(_rect(number, at, width, name, colours[name], f"{name}: {value:,}"))
            at += width
        rows.append(_row(number, stack.label, _figure(stack.total), parts))
    height = len(values) * _ROW + 4
    used = [name for name in colours if any(stack.parts.get(name) for stack in values)]
    return _svg(title, [*rows, _legend(used, colours, height + 6)], height + 26)


def funnel(found: Sequence[Account]) -> str:
    """Rows by outcome at each stage, over all partitions given."""
    return stacks("Rows by stage and outcome", funnel_stacks(found), COLOURS)


def funnel_stacks(found: Sequence[Account]) -> list[Stack]:
    """A stack of outcomes for each stage that has rows, over all partitions given."""
    drawn = []
    for stage in STAGES:
        same = [account for account in found if account.stage == stage and account.rows_in]
        if same:
            parts = {name: sum(getattr(account, name) for account in same) for name in COLOURS}
            drawn.append(Stack(stage.replace("_", " "), parts))
    return drawn


def by_length(shapes: pl.DataFrame) -> list[tuple[str, float]]:
    """Answers by length. `shapes`: columns `characters`, `pairs`."""
    names = [f"up to {most} characters" for most in _LENGTHS] + [f"over {_LENGTHS[-1]}"]
    counts = [0] * len(names)
    for characters, pairs in shapes.select("characters", "pairs").iter_rows():
        place = next((n for n, most in enumerate(_LENGTHS) if characters <= most), len(_LENGTHS))
        counts[place] += pairs
    return list(zip(names, counts, strict=True))


def by_type(shapes: pl.DataFrame) -> list[tuple[str, float]]:
    """Answers by type, most frequent first. `shapes`: columns `answer_type`, `pairs`."""
    counted = shapes.group_by("answer_type").agg(pl.col("pairs").sum())
    ordered = counted.sort("pairs", "answer_type", descending=[True, False])
    return [(kind or "none", float(pairs)) for kind, pairs in ordered.iter_rows()]


def image(values: Sequence[Stack], colours: Mapping[str, str], alt: str) -> str:
    """Stacks as a small image in markdown, with a line below that says which outcome is which.

    Dagster's page shows markdown of up to 1,000 characters in its place, and anything longer behind
    a link; hence one path for all bars of a colour, and the label as the only text.
    """
    top = max((stack.total for stack in values), default=0) or 1
    paths: dict[str, str] = {}
    texts = []
    for number, stack in enumerate(values):
        at, middle = _IMAGE_LABELS, number * _IMAGE_ROW + 8
        label = printable(" ".join(stack.label.split()))[:24]
        texts.append(f"<text y='{middle + 4}'>{escape(label)} {stack.total:,}</text>")
        for name, value in stack.parts.items():
            width = round(_IMAGE_BARS * value / top)
            if value:
                paths[name] = paths.get(name, "") + f"M{at} {middle}h{max(width, 1)}"
            at += width
    lines = "".join(f"<path stroke='{colours[name]}' d='{d}'/>" for name, d in paths.items())
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_IMAGE_LABELS + _IMAGE_BARS}' "
        f"height='{len(values) * _IMAGE_ROW}' font-family='Arial' font-size='12' "
        f"fill='{_IMAGE_INK}'><g stroke-width='10'>{lines}</g>{''.join(texts)}</svg>"
    )
    data = base64.b64encode(svg.encode()).decode()
    legend = ", ".join(f"{name}: {_NAMED[name]}" for name in paths if name in _NAMED)
    return f"![{alt}](data:image/svg+xml;base64,{data})" + (f"\n\n{legend}" if legend else "")


def _room() -> float:
    return WIDTH - _LABELS - _VALUES


def _row(number: int, label: str, said: str, shapes: Sequence[str]) -> str:
    middle = number * _ROW + _ROW / 2 + 4.5
    label = printable(" ".join(label.split()))
    short = label if len(label) <= _CHARS else label[: _CHARS - 1] + "…"
    return (
        f'<text class="label" x="{_LABELS - 10}" y="{middle}" text-anchor="end" fill="{_INK}">'
        f"<title>{escape(label)}</title>{escape(short)}</text>{''.join(shapes)}"
        f'<text class="value" x="{WIDTH}" y="{middle}" text-anchor="end" fill="{_SOFT}">'
        f"{escape(said)}</text>"
    )


def _rect(number: int, at: float, width: float, name: str, colour: str, says: str = "") -> str:
    top = number * _ROW + (_ROW - _BAR) / 2
    title = f"<title>{escape(says)}</title>" if says else ""
    return (
        f'<rect class={quoteattr(name)} x="{_LABELS + at:.1f}" y="{top}" '
        f'width="{max(width, 1.5):.1f}" height="{_BAR}" rx="2" fill="{colour}">{title}</rect>'
    )


def _legend(names: Sequence[str], colours: Mapping[str, str], top: float) -> str:
    parts = []
    for number, name in enumerate(names):
        x = _LABELS + number * 88
        parts.append(
            f'<rect class={quoteattr(name)} x="{x}" y="{top}" width="11" height="11" rx="2" '
            f'fill="{colours[name]}"/><text class="value" x="{x + 17}" y="{top + 10}" '
            f'fill="{_SOFT}">{escape(name)}</text>'
        )
    return "".join(parts)


def _svg(title: str, body: Sequence[str], height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label={quoteattr(title)} '
        f'font-family="{_FONT}" font-size="12">{"".join(body)}</svg>'
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
