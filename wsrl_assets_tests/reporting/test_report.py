"""The report tells of a release what is so, needs nothing else, and runs nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from wsrl_assets.release.dataset import (
    ReleaseError,
    build_release,
    current_release,
    pairs_of_release,
    read_release,
)
from wsrl_assets.reporting import report
from wsrl_assets.reporting.coverage import Coverage, DomainCover, Example, Proposal, cover_domains
from wsrl_assets.reporting.meaning import Embedded
from wsrl_assets.reporting.personas import persona_findings
from wsrl_assets.reporting.topic_losses import TopicLine, TopicLosses
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.claims import QUESTION_INDEX
from wsrl_assets.storage.tables import Signature, Status, utc_now
from wsrl_assets.taxonomy.domain_files import DomainFacts
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import call_row
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_finalise import question

HOSTILE = "<script>alert(1)</script><img src=http://evil.example onerror=alert(1)> \x00 {{ 7*7 }}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Seven pairs in Math and three in Other that pass, two that leak, and what they cost."""
    store = Store(tmp_path / "home [x]")
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
    assert "cost per released pair; 0.1000 per accepted pair; 1.00 in all" in text
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


def test_crowded_topics_stand_on_the_page_as_text(store: Store) -> None:
    nothing = report.render(replace(report.gather(store), coverage=None))
    assert "Crowded topics" not in nothing
    facts = DomainFacts(slug="law", label=f"Law {HOSTILE[:40]}", definition="courts")
    law = Proposal(
        facts=facts,
        source="other",
        documents=40,
        silhouette=0.61,
        words=("court", HOSTILE),
        examples=(Example(doc_id="d", title=f"A title {HOSTILE}"),),
    )
    other = DomainCover(domain="other", sources=1_200, sampled=100, is_searched=True)
    found = Coverage(
        made_at=utc_now(), compared_by=HOSTILE, basis="", domains=(other,), proposals=(law,)
    )
    html = report.render(replace(report.gather(store), coverage=found))
    page = Page(html)
    assert page.loads == []
    assert "\x00" not in html
    assert "Sampled: 100 of 1,200 sources of Other" in page.text
    assert "Other 40 40.0% 0.61 court, <script>alert(1)</script>" in page.text
    assert "A title <script>alert(1)</script>" in page.text
    assert "coverage/domains.yaml" in page.text
    assert str(store.home) not in page.text, "a report is sent to others"
    empty = found.model_copy(update={"proposals": ()})
    assert "Nothing is crowded enough" in report.render(
        replace(report.gather(store), coverage=empty)
    )
    small = empty.model_copy(update={"domains": ()})
    assert "No domain has the 40 sources" in report.render(
        replace(report.gather(store), coverage=small)
    )


def test_the_report_shows_what_was_found_last(store: Store) -> None:
    assert report.gather(store).coverage is None
    found = cover_domains(store, None)
    assert report.gather(store).coverage == found
    assert "Crowded topics" in report.write_report(store).read_text("utf-8")


def test_what_personas_did_stands_on_the_page_as_text(store: Store) -> None:
    row = {
        "domain": "math", "doc_id": "d", "source": "generated", "pair_id": "p", "persona_index": 0,
        "persona": f"a nurse {HOSTILE} who wants to know", "form": "open", "question": "How long?",
        "answer": "5", "answer_type": "integer", "is_accepted": True, "pass_rate": 0.25,
        "tokens": 300.0,
    }  # fmt: skip
    other = {**row, "persona_index": 1, "persona": "", "source": "none", "question": "How wide?"}
    lost = {**row, "persona_index": 2, "is_accepted": False, "pass_rate": None, "tokens": 100.0}
    found = persona_findings(pl.DataFrame([row, other, lost], infer_schema_length=None))
    page = Page(report.render(replace(report.gather(store), personas=found)))
    assert page.loads == []
    assert "generated 2 1 50.0% 400 1.00 0.25 integer 100.0% 1 100%" in page.text
    assert f"nurse {HOSTILE.casefold()[:20]}" in page.text
    assert "no persona (none) 1 1" in page.text


def test_the_vendi_score_of_a_kind_stands_beside_it_where_enough_have_embeddings() -> None:
    row = {
        "domain": "math", "doc_id": "d", "source": "generated", "persona_index": 0,
        "form": "open", "question": "How long?", "answer": "5", "answer_type": "integer",
        "is_accepted": True, "pass_rate": None, "tokens": 1.0,
    }  # fmt: skip
    kinds = {"a nurse": 20, "a cook": 20, "a pilot": 9}
    drafts = [
        {**row, "persona": kind, "pair_id": f"{kind} {n}"}
        for kind, count in kinds.items()
        for n in range(count)
    ]
    alike, apart = np.tile(np.eye(1, 10), (20, 1)), np.tile(np.eye(10), (2, 1))
    vectors = np.concatenate([alike, apart, np.eye(9, 10)]).astype(np.float32)
    questions = Embedded("m", [str(draft["pair_id"]) for draft in drafts], vectors)
    found = persona_findings(pl.DataFrame(drafts, infer_schema_length=None), questions)
    assert found is not None
    by_kind = {line.kind: line.effective for line in found.kinds}
    assert by_kind["nurse"] == pytest.approx(1)
    assert 5 < (by_kind["cook"] or 0) <= 10
    assert by_kind["pilot"] is None, "too few to compare"
    without = persona_findings(pl.DataFrame(drafts, infer_schema_length=None))
    assert without is not None
    assert {line.effective for line in without.kinds} == {None}


def test_topics_that_lose_questions_stand_on_the_page_as_text(store: Store) -> None:
    line = TopicLine("math", ("rennet", HOSTILE), 30, 90, 8, 0.09, 0.8, -0.8, -0.6)
    fair = replace(line, words=("violin",), share=0.8, low=-0.1, high=0.1)
    found = TopicLosses(60, 3, [line, fair])
    page = Page(report.render(replace(report.gather(store), topics=found)))
    assert page.loads == []
    assert f"rennet, {HOSTILE[:8]}" in page.text
    assert "30 90 8 9% 80% loses -71 (-80 to -60)" in page.text
    assert page.text.count("loses -") == 1
    assert "60 documents with drafts were looked at" in page.text
    nothing = TopicLosses(60, 2, [])
    assert "which all were" in report.render(replace(report.gather(store), topics=nothing))


def test_an_empty_release_has_a_report_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    build_release(store, "run")
    assert "An empty release" in report.write_report(store).read_text("utf-8")


def test_without_a_release_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="there is no release"):
        report.write_report(Store(tmp_path))


def test_samples_are_the_same_ones_and_spread_over_domains(store: Store) -> None:
    pairs = read_release(current_release(store))
    chosen = report.chosen(pairs, 4)
    assert chosen == report.chosen(pairs.sample(fraction=1, shuffle=True, seed=3), 4)
    samples = report._samples(pairs_of_release(current_release(store), chosen))
    assert [s.pair["pair_id"] for s in samples] == chosen
    assert [s.pair["domain"] for s in samples] == ["Math", "Math", "Other", "Other"]
    for one in samples:
        marked = "".join(piece.text for piece in one.evidence.pieces if piece.marks)
        assert marked == one.pair["evidence"]


def test_a_report_lies_beside_the_releases_and_not_inside(store: Store) -> None:
    path = report.write_report(store)
    assert path.parent == store.home / "reports"
    assert re.fullmatch(r"[0-9a-f]{12}\.html", path.name)
    assert [p for p in path.parent.iterdir() if p != path] == []


def embed(store: Store, count: int, model: str = "some/model", width: int = 6) -> None:
    """Gives embeddings to so many of the questions in the index."""
    random = np.random.default_rng(0)
    with store.transaction(QUESTION_INDEX) as transaction:
        kept = transaction.frame(Signature).sort("item_id").head(count)
        vectors = random.normal(size=(kept.height, width)).astype("<f2")
        transaction.merge_frame(
            Signature,
            kept.with_columns(
                vector=pl.Series([row.tobytes() for row in vectors], dtype=pl.Binary),
                vector_model=pl.lit(model),
            ),
        )


def test_without_embeddings_there_is_no_map(store: Store) -> None:
    page = Page(report.write_report(store).read_text("utf-8"))
    assert "Diversity" in page.text
    assert "Map by meaning" not in page.text


def test_nine_embeddings_are_too_few_for_a_map(store: Store) -> None:
    embed(store, 9)
    assert "Map by meaning" not in report.write_report(store).read_text("utf-8")


def test_embeddings_in_the_index_make_a_map_with_its_measures(store: Store) -> None:
    embed(store, 10)
    html = report.write_report(store).read_text("utf-8")
    page = Page(html)
    assert "Map by meaning 10 questions, by domain" in page.text
    assert len(re.findall(r'<path class="g\d"[^>]*><title>', html)) == 10
    assert f"Math: {question(0)}" in page.text
    assert "Math 7" in page.text
    assert "Other 3" in page.text
    assert "effective questions" in page.text
    assert "Embeddings by some/model ." in page.text
    assert "nan" not in page.text.lower().split()
    assert page.loads == []


def test_the_map_is_of_the_model_that_most_questions_have(store: Store) -> None:
    fill(store, some(5, first=30))
    build_release(store, "run")
    embed(store, 15, "rare/model", width=9)
    embed(store, 10, "common/model")
    page = Page(report.write_report(store).read_text("utf-8"))
    assert "Embeddings by common/model , which 10 of 15 pairs have." in page.text


def test_only_questions_of_the_release_are_on_the_map(store: Store) -> None:
    fill(store, some(5, first=30))
    embed(store, 99)
    found = report.gather(store)
    assert found.embedded is not None
    assert set(found.embedded.pair_ids) == set(found.pairs["pair_id"])


def test_the_same_release_makes_the_same_page(store: Store) -> None:
    embed(store, 10)
    gathered = report.gather(store)
    assert report.render(gathered) == report.render(gathered)
    again = replace(report.gather(store), made_at=gathered.made_at)
    assert report.render(again) == report.render(gathered)


def test_a_hostile_question_shows_as_text_on_the_map(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, [*some(9), Pair("</title></svg>" + HOSTILE + question(99), source="strange")])
    build_release(store, "run")
    embed(store, 10)
    html = report.write_report(store).read_text("utf-8")
    assert "Map by meaning" in html
    assert "<title>Math: &lt;/title&gt;&lt;/svg&gt;&lt;script&gt;alert(1)" in html
    assert Page(html).loads == []
    assert "\x00" not in html
