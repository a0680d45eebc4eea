"""What our users do in the Dagster UI, by clicking: materialize a partition, read the lineage."""

import json
import re
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from wsrl_assets.samples import corpus_dir
from wsrl_assets.storage import catalog
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import plant_domain
from wsrl_assets_tests.integration.ui.browser import new_page, picture
from wsrl_assets_tests.integration.ui.live import Live, live_dagster, until

# A run begins as a process of its own, on a machine that does other things.
PATIENCE_S = 180.0
DOMAIN = Domain.NATURAL_SCIENCE
CHAIN = ("personas", "qa_drafts", "verified_pairs")
DOCUMENTS = 8


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A Dagster whose domain has real documents, and nothing made of them."""
    with live_dagster(tmp_path_factory.mktemp("live"), WSRL_FORMS="cloze") as live:
        plant_domain(live.store, sample_texts()[:DOCUMENTS], DOMAIN)
        yield live


@pytest.fixture
def page(live: Live) -> Iterator[Any]:
    with new_page(1600, 1000) as page:
        page.set_default_timeout(60_000)
        page.goto(live.address)
        yield page


def sample_texts() -> list[str]:
    lines = (corpus_dir() / "encyclopedia.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def verdicts(live: Live) -> dict[str, int]:
    """Rows of `verified_pairs` by status."""
    with catalog(live.store) as connection:
        sql = "SELECT status, count(*) FROM verified_pairs WHERE partition = ? GROUP BY ALL"
        return dict(connection.execute(sql, [str(DOMAIN)]).fetchall())


def open_lineage(page: Any) -> None:
    """The graph of all assets, each group opened, in a page that has not been there."""
    page.click("a:has-text('Lineage')")
    page.get_by_text("verification").last.wait_for()
    page.keyboard.press("Alt+e")
    page.locator("svg").get_by_text("verified_pairs", exact=True).wait_for()


def is_name(label: str, asset: str) -> bool:
    """Whether a node's label is an asset's name, which the graph shortens in its middle."""
    head, shortened, tail = label.partition("…")
    return asset.startswith(head) and asset.endswith(tail) if shortened else label == asset


def test_the_lineage_graph_has_every_asset(live: Live, page: Any) -> None:
    asked = live.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
    assets = {"/".join(node["assetKey"]["path"]) for node in asked}
    assert {*CHAIN, "source_documents", "rl_dataset", "dataset_report"} <= assets
    open_lineage(page)
    picture(page, "lineage")
    nodes = page.locator("svg [class*=assetName]").all_inner_texts()
    assert {asset for asset in assets if not any(is_name(node, asset) for node in nodes)} == set()
    assert len(nodes) == len(assets)


def test_the_launchpad_shows_defaults_and_what_is_paid_for(live: Live, page: Any) -> None:
    page.goto(f"{live.address}/assets/qa_drafts?view=overview")
    page.get_by_role("button", name="Materialize").first.click(modifiers=["Shift"])
    page.get_by_role("button", name="Confirm").click()  # the documents were planted, not made
    page.locator(".CodeMirror").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("ops:\n  question_chain:\n  config:\n  ")
    page.get_by_text("PAID in calls to the model, default open (WSRL_FORMS)").first.wait_for()
    page.get_by_text("Default none (WSRL_BUDGET_TOKENS)").first.wait_for()
    picture(page, "launchpad")


def test_what_is_grey_says_that_it_is_optional(live: Live, page: Any) -> None:
    page.goto(f"{live.address}/assets/pass_rates?view=lineage")
    page.locator("svg").get_by_text("pass_rates", exact=True).first.wait_for()
    page.get_by_text("optional", exact=True).first.wait_for()
    picture(page, "optional")
    page.goto(f"{live.address}/assets/pass_rates?view=overview")
    page.get_by_text("Optional: while").first.wait_for()


def test_a_partition_is_materialized_by_clicking(live: Live, page: Any) -> None:
    open_lineage(page)
    graph = page.locator("svg")
    graph.get_by_text(CHAIN[0], exact=True).click()
    for asset in CHAIN[1:]:
        graph.get_by_text(asset, exact=True).click(modifiers=["Shift"])
    page.get_by_role("button", name=re.compile(r"Materialize selected \(3\)")).click()
    page.get_by_role("button", name="Confirm").click()  # the documents were planted, not made
    page.get_by_text("Select a partition or create one").click()
    page.get_by_text(str(DOMAIN), exact=True).filter(visible=True).last.click()
    page.keyboard.press("Escape")
    picture(page, "launch")
    page.get_by_role("button", name="Launch 1 run").click()
    found = until(lambda: verdicts(live), PATIENCE_S, lambda: live.log.read_text()[-4000:])
    assert found.get("kept", 0) > 0
    (run,) = until(
        lambda: live.runs(statuses=[dg.DagsterRunStatus.SUCCESS]), PATIENCE_S, live.log.read_text
    )
    assert run.tags["dagster/partition"] == str(DOMAIN)

    _shows_what_was_made(live, page)


def _shows_what_was_made(live: Live, page: Any) -> None:
    page.goto(f"{live.address}/assets/verified_pairs?view=partitions&partition={DOMAIN}")
    page.get_by_text("sample_rows").wait_for()
    for name in ("funnel", "answer_types", "answer_lengths"):
        image = page.locator("tr", has_text=name).locator("img")
        image.wait_for()  # Dagster loads what draws Markdown when it is first needed
    picture(page, "materialization")
    page.goto(f"{live.address}/assets/verified_pairs?view=checks")
    page.get_by_text("row_accounting").first.wait_for()
    page.get_by_text(str(DOMAIN), exact=True).wait_for()  # the result is of this partition
    picture(page, "checks")
    page.get_by_role("tab", name="Partitions").or_(page.get_by_text("Partitions")).last.click()
    page.get_by_text("Passed (1)").wait_for()  # each domain has a result of its own
    page.get_by_text(f"Missing ({len(Domain) - 1})").wait_for()
    picture(page, "checks-by-partition")
