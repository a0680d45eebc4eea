"""`wsrl explore` in a real browser: clicked through, by mouse and by keyboard.

Needs Chromium (Debian's package, or WSRL_CHROMIUM) and `playwright`; skipped without them.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.explore.home import embed, pair, pair_id, plant
from wsrl_assets_tests.factories import document_text
from wsrl_assets_tests.integration.ui.browser import new_page, picture
from wsrl_assets_tests.integration.ui.live import serving_explore

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title="taken"</script>'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages of a home of 120 pairs, served by the command as a user starts it."""
    home = tmp_path_factory.mktemp("home")
    texts = [document_text(n) for n in range(40)] + [f"{HOSTILE} {document_text(99)}"]
    rows = [
        row
        for n in range(120)
        for row in pair(n, texts[n // 3], "leaked" if n % 2 else None, persona_index=n % 3)
    ]
    rows += pair(120, texts[40], "leaked", question=HOSTILE, persona=HOSTILE)
    store = plant(home, texts, rows)
    embed(store, {n: (float(n < 100), float(n >= 100), n / 1000) for n in range(121)})
    with serving_explore(home) as found:
        yield found


class Watched:
    """A page with what went wrong on it: errors, and requests to anywhere else."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text))
        page.on("request", lambda asked: self._look(asked.url, address))

    def _look(self, url: str, address: str) -> None:
        if not url.startswith(address):
            self.wrong.append(url)


@pytest.fixture
def seen(address: str) -> Iterator[Watched]:
    with new_page() as page:
        watched = Watched(page, address)
        page.goto(address)
        yield watched
    assert watched.wrong == []


def test_filters_pair_document_and_back(seen: Watched) -> None:
    page = seen.page
    assert page.inner_text("h1") == "121 pairs"
    page.click("aside >> text=rejected")
    assert page.inner_text("h1") == "61 of 121 pairs"
    assert page.url.endswith("/?verdict=rejected")
    page.fill("input[type=search]", "number 11")
    page.press("input[type=search]", "Enter")
    filtered = page.url
    assert "verdict=rejected" in filtered  # a search keeps the filter
    shown = page.locator(".pairs li").count()
    assert shown == 6  # 11, and 111 to 119
    page.locator(".pairs a").first.click()
    assert page.locator("mark").count() == 1
    picture(page, "pair")
    page.click("text=All pairs of this document")
    assert page.locator(".pairs li").count() == 3  # the kept ones too
    page.go_back()
    page.click("text=Back to the results")
    assert page.url == filtered
    page.reload()
    assert page.locator(".pairs li").count() == shown  # the address alone holds it


def test_like_questions_lead_to_their_pairs(seen: Watched) -> None:
    page = seen.page
    page.click("text=Alike")
    assert page.inner_text("h1") == "2 groups of like questions"
    page.click("summary >> text=90 more")
    assert page.locator(".group").first.locator("li:visible").count() == 100
    picture(page, "alike")
    page.locator(".group a").first.click()
    assert "/pairs/" in page.url


def test_pages_turn(seen: Watched) -> None:
    page = seen.page
    page.click("a[rel=next]")
    page.click("a[rel=next]")
    assert page.locator(".pairs li").count() == 21
    assert page.locator("a[rel=next]").count() == 0


def test_markup_of_strangers_is_seen_as_text(seen: Watched, address: str) -> None:
    page = seen.page
    text = f"{HOSTILE} {document_text(99)}"
    for path in ("?text=onerror", f"pairs/{pair_id(120)}", f"documents/{content_id(text)}"):
        page.goto(f"{address}/{path}")
        assert HOSTILE in page.inner_text("main")
        assert "taken" not in page.title()
        assert page.locator("main img, main script").count() == 0


def test_the_keyboard_reaches_everything(seen: Watched) -> None:
    page = seen.page
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('aside') !== null")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?verdict=kept")


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_over_the_side(seen: Watched, address: str, width: int, scheme: str) -> None:
    page = seen.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    document = f"documents/{content_id(document_text(0))}"
    for path in ("", f"pairs/{pair_id(1)}", "documents", document, "alike", "agreement"):
        page.goto(f"{address}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = sum(int(part) for part in re.findall(r"\d+", ground)[:3]) < 3 * 128
    assert is_dark is (scheme == "dark")
