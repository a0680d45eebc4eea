"""The report in a real browser: on screens, and as it is printed."""

import re
from typing import Any

import pytest

from wsrl_assets.release.dataset import build_release
from wsrl_assets.reporting.report import write_report
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import save_labels
from wsrl_assets.storage.tables import ReviewLabel, utc_now
from wsrl_assets.taxonomy.opinions import Opinion
from wsrl_assets_tests.integration.ui.browser import AXE, faults_of, new_page, picture
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.reporting.test_report import embed

PAPER = [600, 740]
"""Widths of a page, in pixels of CSS: a small one, and Letter within a browser's margins."""

# What is cut off at its right edge, or squeezed until a line holds a letter or two.
_CUT_OFF = """() => [...document.querySelectorAll('main *')].filter(e =>
  e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1
  && getComputedStyle(e).overflowX !== 'visible'
  || e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
  || e.matches('p, dd, dt, td, li') && e.textContent.trim().length > 20 && e.clientWidth < 60
).map(e => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report with all its sections: embeddings and labels too."""
    store = Store(tmp_path_factory.mktemp("home"))
    pairs = some(24)
    fill(store, pairs)
    build_release(store, "run")
    embed(store, 24)
    label = ReviewLabel(
        pair_id=pairs[0].pair_id, reviewer="Ada", verdict=Opinion.ACCEPT, created_at=utc_now()
    )
    save_labels(store, [label])
    return write_report(store).as_uri()


@pytest.mark.parametrize("width", PAPER)
def test_nothing_is_cut_off_on_paper(address: str, width: int) -> None:
    with new_page(width, 1000) as page:
        page.goto(address)
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(_CUT_OFF) == []
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", PAPER)
def test_headings_stay_with_what_they_head_on_paper(address: str, width: int) -> None:
    with new_page(width, 1000) as page:
        page.goto(address)
        page.emulate_media(media="print")
        kept = "e => getComputedStyle(e).breakAfter === 'avoid'"
        for heading in page.locator("h2, h3").all():
            assert heading.evaluate(kept), heading.inner_text()
        for chart in page.locator("main .card svg").all():
            assert chart.evaluate(
                "e => e.getBoundingClientRect().height < 900"
                " && getComputedStyle(e.closest('.card')).breakInside === 'avoid'"
            )


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_shows_it_without_running_over(address: str, width: int, scheme: str) -> None:
    with new_page(width, 900) as page:
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        picture(page, f"report-{width}-{scheme}")
        assert is_dark(page) is (scheme == "dark")


@pytest.mark.skipif(AXE is None, reason="axe-core is not here")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(address: str, scheme: str) -> None:
    with new_page(1440, 900) as page:
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        assert faults_of(page) == []


def is_dark(page: Any) -> bool:
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in re.findall(r"\d+", ground)[:3]) < 3 * 128
