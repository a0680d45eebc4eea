"""Reviewing in a real browser, by keyboard alone, on a narrow and on a wide screen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.review.sampling import take_sample
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import all_labels
from wsrl_assets.storage.tables import VerifiedPair
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets_tests.explore.home import pair, pair_id, plant
from wsrl_assets_tests.factories import document_text
from wsrl_assets_tests.integration.ui.browser import AXE, faults_of, new_page, picture
from wsrl_assets_tests.integration.ui.live import serving_explore

WIDTHS = [390, 1440]
# The evidence stands far below what a screen shows.
TEXTS = [f"{document_text(n)}\n\n" * 30 for n in range(6)]


def far_down(number: int) -> list[Any]:
    """A pair whose evidence is near the end of its document."""
    text = TEXTS[number % len(TEXTS)]
    start = len(text) - len(text) // 20
    reason = "leaked" if number % 2 else None
    evidence = text[start : start + 60]
    question = (
        f'Fill in the blank in this statement about railways: "Station number {number} was opened '
        'in ____ by two engineers of the valley." Which year belongs in the blank?'
    )
    draft, verified, *rest = pair(
        number, text, reason, persona_index=number, evidence=evidence, question=question
    )
    assert isinstance(verified, VerifiedPair)
    moved = {**vars(verified), "evidence_start": start, "evidence_end": start + 60}
    return [draft, VerifiedPair(**moved), *rest]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Twelve pairs, six kept and six rejected, and a sample of eight."""
    store = plant(tmp_path, TEXTS, [row for number in range(12) for row in far_down(number)])
    take_sample(store, 8, 0)
    return store


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with serving_explore(store.home) as found:
        yield found


def watch(page: Any) -> list[str]:
    """What goes wrong on a page from now on."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text))
    return wrong


def begin(page: Any, address: str, name: str = "Ada") -> None:
    """From the list of the sample to its first pair, and the name given; keys alone."""
    page.goto(f"{address}/?sample=8-seed-0")
    page.keyboard.press("j")
    page.wait_for_url("**/pairs/*")
    tab_to(page, lambda: page.locator("#reviewer:focus").count() == 1)
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Not reviewed by you")


def tab_to(page: Any, reached: Callable[[], bool]) -> None:
    for _ in range(60):
        if reached():
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")


def press_and_move(page: Any, *keys: str) -> None:
    """Presses keys, the last of which leads to another page."""
    before = page.url
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function("before => location.href !== before", arg=before)
    page.wait_for_load_state()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_sample_is_reviewed_by_keyboard_alone(address: str, store: Store, width: int) -> None:
    with new_page(width, 900) as page:
        wrong = watch(page)
        begin(page, address)
        picture(page, f"review-{width}")
        seen = [page.url]
        press_and_move(page, "a")
        seen.append(page.url)
        page.keyboard.press("r")
        picture(page, f"reject-{width}")
        press_and_move(page, "4")
        page.keyboard.press("n")
        page.keyboard.type("ask again: j a r are only letters here")
        page.keyboard.press("Escape")
        press_and_move(page, "a")
        for _ in range(5):
            press_and_move(page, "a")
        page.wait_for_selector("text=All 8 are reviewed by you.")
        picture(page, f"reviewed-{width}")
        assert wrong == []
    labels = all_labels(store)
    assert len(labels) == 8
    assert {label.reviewer for label in labels} == {"Ada"}
    by_pair = {label.pair_id: label for label in labels}
    first, second = (by_pair[url.split("/pairs/")[1].split("?")[0]] for url in seen)
    assert first.verdict is Opinion.ACCEPT
    assert (second.verdict, second.reason) == (Opinion.REJECT, Fault.NOT_SELF_CONTAINED)
    assert [label.note for label in labels if label.note] == [
        "ask again: j a r are only letters here"
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_pair_opens_at_its_evidence_with_the_choice_in_sight(address: str, width: int) -> None:
    with new_page(width, 900) as page:
        begin(page, address)
        box = page.locator(".document").bounding_box()
        mark = page.locator(".document mark").bounding_box()
        assert box["y"] <= mark["y"]
        assert mark["y"] + mark["height"] <= box["y"] + box["height"]
        quote = page.locator(".reading blockquote").bounding_box()
        assert quote["y"] + quote["height"] <= box["y"]
        for shown in (".question h1", ".answer", ".reading blockquote", "mark", "button.accept"):
            assert page.locator(shown).first.bounding_box()["y"] < 900, shown
        if width < 900:  # where the choice lies over the foot of the page
            choice = page.locator(".review").bounding_box()
            assert mark["y"] + mark["height"] <= choice["y"]
        assert page.evaluate("window.scrollY") == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_next_and_previous_stay_within_the_filter(address: str) -> None:
    with new_page() as page:
        page.goto(f"{address}/?verdict=rejected")
        page.keyboard.press("j")
        page.wait_for_url("**/pairs/*")
        seen = [page.url]
        for _ in range(5):
            press_and_move(page, "j")
            seen.append(page.url)
        assert "6 of 6" in page.inner_text(".walk")
        assert page.locator("a[rel=next]").count() == 0
        odd = {f"{address}/pairs/{pair_id(n)}?verdict=rejected" for n in range(12) if n % 2}
        assert set(seen) == odd
        press_and_move(page, "k")
        assert page.url == seen[4]


def test_two_reviewers_at_once_keep_their_own_labels(address: str, store: Store) -> None:
    with new_page() as one:
        other = one.context.browser.new_page()  # with cookies of its own
        begin(one, address, "Ada")
        begin(other, address, "Grace")
        press_and_move(one, "a")
        other.keyboard.press("r")
        press_and_move(other, "1")
        press_and_move(one, "k")
        assert "Grace: rejected, wrong answer" in one.inner_text(".review")
    assert {(label.reviewer, label.verdict) for label in all_labels(store)} == {
        ("Ada", Opinion.ACCEPT),
        ("Grace", Opinion.REJECT),
    }


def test_a_page_from_elsewhere_writes_nothing(address: str, store: Store, tmp_path: Path) -> None:
    with new_page() as page:
        begin(page, address)
        target = f"{address}/pairs/{pair_id(0)}/label"
        stranger = f'<form method="post" action="{target}"><input name="accept" value="yes"></form>'
        page.set_content(stranger)
        page.evaluate("document.forms[0].submit()")
        page.wait_for_selector("text=Nothing was stored")
    assert all_labels(store) == []


@pytest.mark.skipif(AXE is None, reason="axe-core is not here")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(address: str, width: int, scheme: str) -> None:
    with new_page(width, 900) as page:
        page.emulate_media(color_scheme=scheme)
        begin(page, address)
        faults = {"pair": faults_of(page)}
        page.keyboard.press("r")
        faults["reject"] = faults_of(page)
        press_and_move(page, "2")
        press_and_move(page, "a")
        press_and_move(page, "k")
        faults["reviewed pair"] = faults_of(page)
        for path in ("", "?sample=8-seed-0", "documents", "alike", "agreement", "pairs/nothing"):
            page.goto(f"{address}/{path}")
            faults[path] = faults_of(page)
        page.goto(f"{address}/agreement")
        picture(page, f"agreement-{width}-{scheme}")
    assert {name: found for name, found in faults.items() if found} == {}
