"""Charts as SVG text: no browser, no font, no drawing library. Pure functions.

Colours and type are attributes, so that a chart stands alone as an image; each shape also has a
class, so that a page that embeds it can restyle it.
"""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from wsrl_assets.storage.accounting import Account
from wsrl_assets.taxonomy.stages import STAGES
from wsrl_assets.text.highlight import printable
from wsrl_assets.text.normalisation import one_line, shortened

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
_IMAGE_CHARS = 1000
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"
ACCENT = "#3257c9"
COLOURS = {
    "kept": "#2f8f5b",
    "rejected": "#d0684f",
    "failed": "#8a3b2c",
    "pending": "#c9ced9",
}
"""Colours of the outcomes of a row."""
QUALITATIVE = (
    "#332288", "#88ccee", "#117733", "#cc6677", "#44aa99",
    "#ddcc77", "#882255", "#999933", "#aa4499", "#bcc0c8",
)  # fmt: skip
"""Ten colours that colour-blind readers tell apart: Paul Tol's muted scheme, its grey a little
darker. In this order, what still looks alike to some of them has another shape on a map."""
_MAP_WIDTH = 680
_MAP_HEIGHT = 440
_MAP_MARGIN = 14
_DOT = 3.4
_LARGE_DOT = 5.0
_FEW_DOTS = 300
_KEY_DOT = 4.2
_NO_SPAN = 1e-12
_SAYS = 240
_LEGEND_COLUMNS = 3
_LEGEND_ROW = 20
_LINES_WIDTH = 470
_LINES_HEIGHT = 150
_LINES_LEFT = 64
_DASHES = ("", "6 3", "2 3")


@dataclass(frozen=True, slots=True)
class Stack:
    """A bar of several parts, in order, by the name of the part."""

    label: str
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Dot:
    """A mark on a map: where, the number of its group, and what it says when pointed at."""

    x: float
    y: float
    group: int
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: what it is called, and its points, at least one, in order of the first axis."""

    label: str
    points: Sequence[tuple[float, float]]


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


def scatter(title: str, dots: Sequence[Dot], groups: Sequence[str], axes: tuple[str, str]) -> str:
    """A map of dots, drawn in the order given, both axes on one scale, with a legend.

    Colour *and* shape tell a group, by its number; a dot has the class `g<number>`, and so has the
    entry of its group in the legend.

    Args:
        title: what the map shows, for those who do not see it.
        dots: with finite places.
        groups: the label of each group, by number; those without a dot are not in the legend.
        axes: what the horizontal and the vertical axis are.
    """
    radius = _LARGE_DOT if len(dots) <= _FEW_DOTS else _DOT
    marks = [_dot(dot, x, y, radius) for dot, (x, y) in zip(dots, _placed(dots), strict=True)]
    counts = Counter(dot.group for dot in dots)
    entries = [(number, groups[number], counts[number]) for number in sorted(counts)]
    height = _MAP_HEIGHT + 12 + -(-len(entries) // _LEGEND_COLUMNS) * _LEGEND_ROW
    opening = '<g class="dots" stroke="#fff" stroke-width="0.6" fill-opacity="0.85">'
    body = [_frame(axes), opening, *marks, "</g>", _map_legend(entries)]
    return _svg(title, body, height, _MAP_WIDTH)


def lines(title: str, series: Sequence[Line]) -> str:
    """Curves over the same two axes, in the order given, with a legend.

    Colour *and* dashes tell a curve; a curve of one point is a dot. Both axes say their ends.
    """
    points = [point for line in series for point in line.points]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)

    def place(x: float, y: float) -> str:
        # Shares of the axis first: the pixels of a unit overflow where the axis is very short.
        across, up = (x - left) / ((right - left) or 1), (y - low) / ((high - low) or 1)
        down = _LINES_HEIGHT - 12 - up * (_LINES_HEIGHT - 24)
        return f"{_LINES_LEFT + across * (_LINES_WIDTH - _LINES_LEFT - 10):.1f} {down:.1f}"

    drawn = [_curve(number, line, place) for number, line in enumerate(series)]
    ends = [(f"{high:.3g}", _LINES_LEFT - 8, 16.0), (f"{low:.3g}", _LINES_LEFT - 8, 148.0)]
    ends += [(f"{left:g}", _LINES_LEFT + 4, 166.0), (f"{right:g}", _LINES_WIDTH - 4, 166.0)]
    texts = [
        f'<text class="value" x="{x}" y="{y}" text-anchor="end" fill="{_SOFT}">{text}</text>'
        for text, x, y in ends
    ]
    legend = [_line_legend(number, line.label) for number, line in enumerate(series)]
    height = _LINES_HEIGHT + 22 + -(-len(series) // 2) * _LEGEND_ROW
    return _svg(title, [*drawn, *texts, *legend], height, _LINES_WIDTH)


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
    """Stacks as a small image in markdown, without title.

    Dagster's page shows markdown of up to 1,000 characters in its place, and anything longer behind
    a link; hence one path for all bars of a colour, the label as the only text, and names of the
    parts below only where there are several and they fit.
    """
    several = sum(any(stack.parts.get(name) for stack in values) for name in colours) > 1
    drawn = _image(values, colours, alt, legend=several)
    fits = len(drawn) < _IMAGE_CHARS
    return drawn if fits or not several else _image(values, colours, alt, legend=False)


def _image(values: Sequence[Stack], colours: Mapping[str, str], alt: str, *, legend: bool) -> str:
    top = max((stack.total for stack in values), default=0) or 1
    paths: dict[str, str] = {}
    texts = []
    for number, stack in enumerate(values):
        at, middle = _IMAGE_LABELS, number * _IMAGE_ROW + 8
        label = printable(one_line(stack.label))[:24]
        texts.append(f"<text y='{middle + 4}'>{escape(label)}: {stack.total:,}</text>")
        for name, value in stack.parts.items():
            width = round(_IMAGE_BARS * value / top)
            if value:
                paths[name] = paths.get(name, "") + f"M{at} {middle}h{max(width, 1)}"
            at += width
    if legend:
        names = " ".join(f"<tspan fill='{colours[name]}'>■</tspan>{name}" for name in paths)
        below = len(values) * _IMAGE_ROW + 12
        texts.append(f"<text x='{_IMAGE_LABELS}' y='{below}'>{names}</text>")
    lines = "".join(f"<path stroke='{colours[name]}' d='{d}'/>" for name, d in paths.items())
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_IMAGE_LABELS + _IMAGE_BARS}' "
        f"height='{len(texts) * _IMAGE_ROW}' style='font:12px Arial' fill='{_IMAGE_INK}' "
        f"stroke-width='10'>{lines}{''.join(texts)}</svg>"
    )
    data = base64.b64encode(svg.encode()).decode()
    return f"![{alt}](data:image/svg+xml;base64,{data})"


def _room() -> float:
    return WIDTH - _LABELS - _VALUES


def _row(number: int, label: str, said: str, shapes: Sequence[str]) -> str:
    middle = number * _ROW + _ROW / 2 + 4.5
    label = printable(one_line(label))
    short = shortened(label, _CHARS)
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


def _placed(dots: Sequence[Dot]) -> list[tuple[float, float]]:
    """Where dots are drawn: in the middle of the map, as large as it takes them."""
    if not dots:
        return []
    lows = min(dot.x for dot in dots), min(dot.y for dot in dots)
    highs = max(dot.x for dot in dots), max(dot.y for dot in dots)
    room = _MAP_WIDTH - 2 * _MAP_MARGIN, _MAP_HEIGHT - 2 * _MAP_MARGIN
    spans = [(high - low, most) for low, high, most in zip(lows, highs, room, strict=True)]
    scale = min((most / span for span, most in spans if span > _NO_SPAN), default=0.0)
    middle_x, middle_y = (lows[0] + highs[0]) / 2, (lows[1] + highs[1]) / 2
    return [
        (
            _MAP_WIDTH / 2 + (dot.x - middle_x) * scale,
            _MAP_HEIGHT / 2 - (dot.y - middle_y) * scale,
        )
        for dot in dots
    ]


def _dot(dot: Dot, x: float, y: float, radius: float) -> str:
    says = printable(one_line(dot.says))
    short = shortened(says, _SAYS)
    return f"{_mark(dot.group, x, y, radius)}<title>{escape(short)}</title></path>"


def _mark(group: int, x: float, y: float, radius: float) -> str:
    """The opening of a mark: a circle, a square or a triangle of about one area."""
    r, half, wide, low = (round(radius * part, 1) for part in (1, 0.88, 1.35, 0.88))
    shape = (
        f"m{-r} 0a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0",
        f"m{-half} {-half}h{2 * half}v{2 * half}h{-2 * half}z",
        f"m0 {-wide}l{wide} {wide + low:.1f}h{-2 * wide}z",
    )[group % 3]
    colour = QUALITATIVE[group % len(QUALITATIVE)]
    return f'<path class="g{group}" d="M{x:.1f} {y:.1f}{shape}" fill="{colour}">'


def _frame(axes: tuple[str, str]) -> str:
    across, up = (escape(axis) for axis in axes)
    right, low = _MAP_WIDTH - 10, _MAP_HEIGHT - 8
    return (
        f'<rect class="frame" x="0.5" y="0.5" width="{_MAP_WIDTH - 1}" '
        f'height="{_MAP_HEIGHT - 1}" rx="8" fill="#fafbfc" stroke="#e3e6ec"/>'
        f'<g class="value" fill="{_SOFT}" font-size="11">'
        f'<text x="{right}" y="{low}" text-anchor="end">{across} →</text>'
        f'<text transform="translate(16 10) rotate(-90)" text-anchor="end">{up} →</text></g>'
    )


def _map_legend(entries: Sequence[tuple[int, str, int]]) -> str:
    parts = []
    rows = -(-len(entries) // _LEGEND_COLUMNS)
    for place, (number, label, count) in enumerate(entries):
        column, row = divmod(place, rows)
        x = 8 + column * (_MAP_WIDTH - 8) / _LEGEND_COLUMNS
        y = _MAP_HEIGHT + 20 + row * _LEGEND_ROW
        label = printable(one_line(label))
        short = shortened(label, _CHARS)
        parts.append(
            f'<g class="key g{number}">{_mark(number, x, y - 4, _KEY_DOT)}</path>'
            f'<text class="label" x="{x + 10:.1f}" y="{y}" fill="{_INK}" font-size="11">'
            f'{escape(short)} <tspan class="value" fill="{_SOFT}">{count:,}</tspan></text></g>'
        )
    return "".join(parts)


def _curve(number: int, line: Line, place: Callable[[float, float], str]) -> str:
    path = "L".join(place(x, y) for x, y in line.points)
    colour = QUALITATIVE[number % len(QUALITATIVE)]
    # A path of no length is drawn as a dot by its round ends.
    dot = "h0" if len(line.points) == 1 else ""
    width = 5 if dot else 2
    return (
        f'<path d="M{path}{dot}" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-linecap="round" stroke-dasharray="{_dashes(number)}">'
        f"<title>{escape(printable(one_line(line.label)))}</title></path>"
    )


def _dashes(number: int) -> str:
    return _DASHES[number // len(QUALITATIVE) % len(_DASHES)] or "none"


def _line_legend(number: int, label: str) -> str:
    column, row = number % 2, number // 2
    x, y = 8 + column * _LINES_WIDTH / 2, _LINES_HEIGHT + 32 + row * _LEGEND_ROW
    colour = QUALITATIVE[number % len(QUALITATIVE)]
    label = printable(one_line(label))
    short = shortened(label, _CHARS + 8)
    return (
        f'<path d="M{x:.1f} {y - 4}h18" stroke="{colour}" stroke-width="2" '
        f'stroke-dasharray="{_dashes(number)}"/><text class="label" x="{x + 24:.1f}" y="{y}" '
        f'fill="{_INK}" font-size="11">{escape(short)}</text>'
    )


def _svg(title: str, body: Sequence[str], height: float, width: float = WIDTH) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label={quoteattr(title)} '
        f'font-family="{_FONT}" font-size="12">{"".join(body)}</svg>'
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
