"""The report tells of a release what is so, needs nothing else, and runs nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from wsrl_assets.domains import Domain
from wsrl_assets.release import report
from wsrl_assets.release.dataset import (
    ReleaseError,
    build_release,
    current_release,
    read_release,
)
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import Status
from wsrl_assets_tests.factories import call_row
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_finalise import question

HOSTILE = "<script>alert(1)</script><img src=http://evil.example onerror=alert(1)> \x00 {{ 7*7 }}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Seven pairs in Math and three in Other that pass, two that leak, and what they cost."""
    store = Store(tmp_path / "home")
    rejected = [Pair(question(n), source=f"source {n}", status=Status.REJECTED) for n in (20, 21)]
    fill(store, [*some(7), *rejected])
    fill(store, some(3, first=7), Domain.OTHER)
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge(
            [
                call_row(n, stage="qa_drafts", step="open", prompt_tokens=1000, cost=0.25)
                for n in range(4)
            ]
        )
    build_release(store, "run")
    return store


class Page(HTMLParser):
    """The text of a page, and what it would load or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[tuple[str, str]] = []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "base", "form", "a"):
            self.loads.append((tag, str(attrs)))
        self.loads += [(tag, name) for name, _ in attrs if name.startswith("on") or name == "src"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_report_tells_counts_reasons_and_cost(store: Store) -> None:
    path = report.write_report(store)
    text = Page(path.read_text("utf-8")).text
    assert "10 pairs" in text
    assert "83.3% of 12 drafts released" in text
    assert "verified pairs leaked 2" in text
    assert "qa drafts open 4 0 0 4,000 0.0% 20 0.0 1.0000" in text
    assert "cost per released pair, 1.00 in all" in text
    assert "Math 9 9 9 7 7 7 77.8%" in text


def test_figures_by_domain_add_up_to_the_release(store: Store) -> None:
    gathered = report.gather(store)
    assert sum(row["released"] for row in gathered.domains) == gathered.pairs.height
    for row in gathered.domains:
        steps = [row[n] for n in ("drafts", "drafted", "verified", "placed", "released")]
        assert steps == sorted(steps, reverse=True)


def test_every_recipe_of_the_released_rows_is_named(store: Store) -> None:
    found = report.gather(store).recipes
    assert [(row["stage"], row["rows"]) for row in found] == [("final_splits", 10)]
    assert found[0]["body"]["seed"] == 0


def test_the_report_loads_nothing_and_runs_nothing(store: Store) -> None:
    html = report.write_report(store).read_text("utf-8")
    assert Page(html).loads == []
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html


def test_strangers_texts_show_as_text(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, [Pair(HOSTILE + question(1), source=HOSTILE)])
    build_release(store, "run")
    html = report.write_report(store).read_text("utf-8")
    page = Page(html)
    assert page.loads == []
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\x00" not in html


def test_an_empty_release_has_a_report_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    build_release(store, "run")
    assert "An empty release" in report.write_report(store).read_text("utf-8")


def test_without_a_release_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="there is no release"):
        report.write_report(Store(tmp_path))


def test_samples_are_the_same_ones_and_spread_over_domains(store: Store) -> None:
    pairs = read_release(current_release(store))
    chosen = report.sample(pairs, 4)
    shuffled = report.sample(pairs.sample(fraction=1, shuffle=True, seed=3), 4)
    assert [s.pair["pair_id"] for s in chosen] == [s.pair["pair_id"] for s in shuffled]
    assert [s.pair["domain"] for s in chosen] == ["Math", "Math", "Other", "Other"]
    for one in chosen:
        marked = "".join(piece.text for piece in one.evidence.pieces if piece.marks)
        assert marked == one.pair["evidence"]


def test_a_report_lies_beside_the_releases_and_not_inside(store: Store) -> None:
    path = report.write_report(store)
    assert path.parent == store.home / "reports"
    assert re.fullmatch(r"[0-9a-f]{12}\.html", path.name)
    assert [p for p in path.parent.iterdir() if p != path] == []
