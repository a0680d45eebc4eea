"""Charts are well-formed, in scale, and safe to hold any label."""

import base64
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsrl_assets.reporting import charts
from wsrl_assets.reporting.charts import COLOURS, QUALITATIVE, Dot, Stack
from wsrl_assets.storage.accounting import Account
from wsrl_assets.taxonomy.stages import STAGES

SVG = "{http://www.w3.org/2000/svg}"
LABEL = st.text(max_size=40)


def account(stage: str, kept: int, rejected: int, partition: str = "math") -> Account:
    return Account(stage, partition, kept + rejected, kept, rejected, 0, 0)


def drawn(markdown: str) -> ElementTree.Element:
    """The image in a piece of markdown."""
    found = re.fullmatch(r"!\[[\w ]+\]\(data:image/svg\+xml;base64,([\w+/=]+)\)", markdown)
    assert found is not None
    return ElementTree.fromstring(base64.b64decode(found[1]))


@given(st.lists(st.tuples(LABEL, st.integers(0, 10**9)), max_size=5))
def test_any_label_makes_a_well_formed_chart(values: list[tuple[str, float]]) -> None:
    tree = ElementTree.fromstring(charts.bars("Title <&\"'>", values, share_of=10))
    assert {node.tag for node in tree.iter()} <= {
        f"{SVG}{n}" for n in "svg rect text title".split()
    }
    stacks = [Stack(label, {"kept": int(value)}) for label, value in values]
    assert len(drawn(charts.image(stacks, COLOURS, "any")).findall(f"{SVG}text")) == len(values)


def test_bars_are_in_scale() -> None:
    tree = ElementTree.fromstring(charts.bars("t", [("a", 10), ("b", 5), ("c", 0)]))
    widths = [float(rect.attrib["width"]) for rect in tree.findall(f"{SVG}rect")]
    assert widths == [pytest.approx(2 * widths[1]), widths[1]]


def test_the_funnel_sums_partitions_by_stage() -> None:
    found = [
        account("qa_drafts", 3, 1),
        account("qa_drafts", 2, 2, "coding"),
        account("verified_pairs", 1, 4),
    ]
    stacks = charts.funnel_stacks(found)
    assert [(stack.label, stack.total) for stack in stacks] == [
        ("qa drafts", 8),
        ("verified pairs", 5),
    ]
    assert dict(stacks[0].parts) == {"kept": 5, "rejected": 3, "failed": 0, "pending": 0}


def test_the_funnel_of_all_stages_is_small_enough_to_be_drawn_in_place() -> None:
    """Dagster's page draws markdown of fewer than 1,000 characters, and links the rest."""
    of_a_domain = [account(stage, 123_456, 78_901) for stage in tuple(STAGES)[2:-1]]
    image = charts.image(charts.funnel_stacks(of_a_domain), COLOURS, "rows by outcome")
    assert len(image) < 1000


PLACE = st.floats(-1e6, 1e6)
DOTS = st.lists(st.builds(Dot, PLACE, PLACE, st.integers(0, 9), LABEL), max_size=6)
NAMES = [f"<group {n}>" for n in range(10)]


def marks(svg: str) -> list[ElementTree.Element]:
    (group,) = [g for g in ElementTree.fromstring(svg) if g.attrib.get("class") == "dots"]
    return list(group)


def at(mark: ElementTree.Element) -> tuple[float, float]:
    found = re.match(r"M([\d.-]+) ([\d.-]+)m", mark.attrib["d"])
    assert found is not None
    return float(found[1]), float(found[2])


@given(DOTS)
@example([Dot(0, 0, 0, ""), Dot(5e-324, 0, 0, "")])
def test_any_dots_make_a_well_formed_map_and_lie_on_it(dots: list[Dot]) -> None:
    svg = charts.scatter("Title <&\"'>", dots, NAMES, ("across <", "up >"))
    tree = ElementTree.fromstring(svg)
    assert {node.tag for node in tree.iter()} <= {
        f"{SVG}{n}" for n in "svg g rect path text tspan title".split()
    }
    assert len(marks(svg)) == len(dots)
    for mark in marks(svg):
        x, y = at(mark)
        assert 0 < x < float(tree.attrib["width"])
        assert 0 < y < float(tree.attrib["height"])


def test_both_axes_of_a_map_are_on_one_scale_and_the_second_points_up() -> None:
    svg = charts.scatter(
        "t", [Dot(0, 0, 0, ""), Dot(2, 0, 0, ""), Dot(0, 1, 0, "")], ["a"], ("", "")
    )
    (x, y), (right, _), (_, up) = map(at, marks(svg))
    assert right - x == pytest.approx(2 * (y - up), abs=0.3)
    assert y > up


def test_a_group_is_told_by_colour_and_shape_and_counted_in_the_legend() -> None:
    svg = charts.scatter("t", [Dot(n, n, n % 10, "") for n in range(11)], NAMES, ("", ""))
    drawn = marks(svg)
    assert [mark.attrib["fill"] for mark in drawn] == [*QUALITATIVE, QUALITATIVE[0]]
    assert len(set(QUALITATIVE)) == len(QUALITATIVE) == 10
    shapes = [mark.attrib["d"].partition("m")[2] for mark in drawn]
    assert len(set(shapes)) == 3
    assert all(one != other for one, other in pairwise(shapes[:10]))
    keys = [g for g in ElementTree.fromstring(svg) if "key" in g.attrib.get("class", "")]
    assert ["".join(key.itertext()) for key in keys][:2] == ["<group 0> 2", "<group 1> 1"]


def test_a_dot_says_its_text_as_text_and_in_short() -> None:
    hostile = "<script>alert(1)</script>\x00 " + "x" * 1000
    (mark,) = marks(charts.scatter("t", [Dot(0, 0, 0, hostile)], ["a"], ("", "")))
    (title,) = mark
    assert title.tag == f"{SVG}title"
    assert str(title.text).startswith("<script>alert(1)</script>\N{REPLACEMENT CHARACTER} x")
    assert len(str(title.text)) == 240


def test_the_names_of_outcomes_stand_below_the_funnel_where_there_are_several() -> None:
    two = [account(stage, 40, 9) for stage in tuple(STAGES)[3:6]]
    texts = drawn(charts.image(charts.funnel_stacks(two), COLOURS, "rows")).itertext()
    assert " ".join("".join(texts).split()).endswith("■kept ■rejected")
    one = [account(stage, 40, 0) for stage in tuple(STAGES)[3:6]]
    texts = drawn(charts.image(charts.funnel_stacks(one), COLOURS, "rows")).itertext()
    assert "■" not in "".join(texts)


def test_a_funnel_with_too_much_in_it_goes_without_the_names() -> None:
    every = [Account(s, "math", 40, 10, 10, 10, 10) for s in STAGES]
    texts = drawn(charts.image(charts.funnel_stacks(every), COLOURS, "rows")).itertext()
    assert "■" not in "".join(texts)


POINTS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=6)


@example([("", [(0.0, 0.0), (0.0, 1.5e-308)])])
@given(st.lists(st.tuples(LABEL, POINTS), min_size=1, max_size=12))
def test_any_curves_lie_within_their_chart(
    series: list[tuple[str, list[tuple[float, float]]]],
) -> None:
    drawing = charts.lines("Loss <&", [charts.Line(label, points) for label, points in series])
    tree = ElementTree.fromstring(drawing)
    curves = [path for path in tree.findall(f"{SVG}path") if path.get("fill") == "none"]
    assert len(curves) == len(series)
    for curve in curves:
        numbers = [float(n) for n in re.findall(r"[-\d.]+", (curve.get("d") or "").split("h")[0])]
        assert all(60 <= x <= 462 for x in numbers[::2])
        assert all(10 <= y <= 140 for y in numbers[1::2])


def test_a_higher_value_is_drawn_higher() -> None:
    tree = ElementTree.fromstring(charts.lines("Reward", [charts.Line("a", [(1, 0.1), (2, 0.9)])]))
    path = next(path.get("d") or "" for path in tree.findall(f"{SVG}path"))
    (_, first), (_, second) = (point.split() for point in path[1:].split("L"))
    assert float(second) < float(first)
