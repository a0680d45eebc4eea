"""Charts are well-formed, in scale, and safe to hold any label."""

import base64
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets import charts
from wsrl_assets.charts import COLOURS, Stack
from wsrl_assets.storage.accounting import STAGES, Account

SVG = "{http://www.w3.org/2000/svg}"
LABEL = st.text(max_size=40)


def account(stage: str, kept: int, rejected: int, partition: str = "math") -> Account:
    return Account(stage, partition, kept + rejected, kept, rejected, 0, 0)


def drawn(markdown: str) -> ElementTree.Element:
    """The image in a piece of markdown."""
    found = re.fullmatch(
        r"!\[[\w ]+\]\(data:image/svg\+xml;base64,([\w+/=]+)\)(\n\n[\w:, ]+)?", markdown
    )
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
    of_a_domain = [account(stage, 123_456, 78_901) for stage in STAGES[2:-1]]
    image = charts.image(charts.funnel_stacks(of_a_domain), COLOURS, "rows by outcome")
    assert len(image) < 1000


def test_a_line_below_names_the_colours_in_use() -> None:
    image = charts.image(charts.funnel_stacks([account("qa_drafts", 3, 1)]), COLOURS, "any")
    assert image.endswith("\n\nkept: green, rejected: red")
    assert "\n" not in charts.image([Stack("date", {"pairs": 1})], {"pairs": "#000"}, "any")
