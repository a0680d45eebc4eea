"""The card, the Croissant metadata and the licences: what a stranger, and the Hub, read."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.llm.recipes import StageRecipe, rule_recipe
from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline.questions import domain_recipes
from wsrl_assets.release.card import header
from wsrl_assets.release.dataset import COLUMNS, build_release, read_release
from wsrl_assets.release.licences import hub_licences, with_licences
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import Personas
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import WHEN, job, source_document
from wsrl_assets_tests.release.test_dataset import fill, some


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home [x]")
    fill(store, some(8))
    return store


def state(store: Store, metadata: str, where: str = "true") -> None:
    """Gives documents of the domain other metadata."""
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.connection.execute(
            f"UPDATE filtered_documents SET metadata = ? WHERE {where}", [metadata]
        )


def card(store: Store) -> str:
    return (build_release(store, "run").folder / "README.md").read_text("utf-8")


def front(text: str) -> dict[str, object]:
    return dict(yaml.safe_load(text.split("---\n")[1]))


# --- the Hub's header ---------------------------------------------------------------------------


def test_the_hub_reads_the_header(store: Store) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.DatasetCard(card(store)).data
    assert isinstance(data, hub.DatasetCardData)
    assert data.license == "cc0-1.0"
    assert data.task_categories == ["question-answering"]
    assert data.size_categories == ["n<1K"]
    assert {entry["path"] for entry in data.configs[0]["data_files"]} == {
        "train.parquet",
        "validation.parquet",
        "test.parquet",
    }


@pytest.mark.parametrize(
    ("rows", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**5, "100K<n<1M"), (10**6, "1M<n<10M")]
)
def test_sizes_are_the_hubs(rows: int, size: str) -> None:
    pairs = pl.DataFrame({"split": ["train"] * rows, "license": [None] * rows})
    assert header("name", pairs)["size_categories"] == [size]


def test_nothing_in_the_card_tells_when_or_where_it_was_made(store: Store) -> None:
    release = build_release(store, "run-77")
    files = [p.read_text("utf-8") for p in release.folder.iterdir() if p.suffix in (".md", ".json")]
    assert len(files) == 3
    for text in files:
        assert str(store.home) not in text
        assert "run-77" not in text
        assert "2026-" not in text


# --- licences -----------------------------------------------------------------------------------


def test_each_row_carries_the_licence_and_source_that_its_source_row_states(store: Store) -> None:
    state(store, json.dumps({"Licence": ["MIT", "CC-BY-4.0"], "url": "https://e.org/1"}))
    state(store, "{}", "title = 'About source 0'")
    table = read_release(build_release(store, "run").folder)
    by_title = {row["title"]: (row["license"], row["source"]) for row in table.to_dicts()}
    assert by_title["About source 1"] == ("MIT, CC-BY-4.0", "https://e.org/1")
    assert by_title["About source 0"] == (None, None)


def test_rows_that_state_no_licence_are_counted_in_the_card(store: Store) -> None:
    state(store, "{}", "title = 'About source 0'")
    text = card(store)
    assert "**1 of 8 pairs come from rows that state no licence**" in text
    assert "| CC0 | 7 |" in text
    assert "| not stated | 1 |" in text
    assert front(text)["license"] == ["cc0-1.0", "unknown"]


@pytest.mark.parametrize(
    ("stated", "ids"),
    [
        (["CC-BY-SA 4.0"], ["cc-by-sa-4.0"]),
        (["MIT License", "Apache License, Version 2.0"], ["apache-2.0", "mit"]),
        (["ask Bob", None], ["other", "unknown"]),
        (["The Unlicense", "Unlicense"], ["other", "unlicense"]),
    ],
)
def test_licences_go_by_the_hubs_ids(stated: list[str | None], ids: list[str]) -> None:
    assert hub_licences(stated) == ids


@given(
    st.one_of(
        st.none(),
        st.text(),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["license", "x"]), inner)
            ),
        ).map(json.dumps),
    )
)
def test_whatever_metadata_holds_a_licence_is_short_text_or_none(metadata: str | None) -> None:
    frame = with_licences(pl.DataFrame({"metadata": [metadata]}, schema={"metadata": pl.String}))
    for value in frame.select("license", "source").row(0):
        assert value is None or (0 < len(value) <= 200 and value == " ".join(value.split()))


def test_hostile_metadata_cannot_break_out_of_its_cell(store: Store) -> None:
    evil = "x | <script>alert(1)</script>\n# Owned\n---\nlicense: mit"
    state(store, json.dumps({"license": evil, "source": evil}))
    text = card(store)
    assert "<script" not in text
    assert "\n# Owned" not in text
    assert front(text)["license"] == "other"
    assert "| x \\| &lt;script>" in text


# --- how it was made ----------------------------------------------------------------------------


def test_the_card_names_models_prompts_and_checks_that_were_off(store: Store) -> None:
    recipe = rule_recipe(
        "verified_pairs",
        "1",
        model="org/judge-9b",
        prompts={"judge": {"version": "3", "digest": "d"}},
        judge=False,
        round_trip=True,
    )
    checked_by(store, recipe)
    text = card(store)
    assert f"| verified_pairs | {recipe.hash} | org/judge-9b | judge v3 |" in text
    assert "4. no judge was asked" in text
    assert "(org/judge-9b)" in text


def checked_by(store: Store, recipe: StageRecipe, where: str = "true") -> None:
    """Has pairs verified under a recipe."""
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge([recipe.row()])
        transaction.connection.execute(
            f"UPDATE verified_pairs SET recipe = ? WHERE {where}", [recipe.hash]
        )


def as_a_run_checks(home: Path, **settings: Any) -> StageRecipe:
    """The recipe of `verified_pairs` that a run with these settings writes."""
    work = job(home, "http://127.0.0.1:9/v1", **settings)
    return domain_recipes(work, dict.fromkeys(Role, "m"), Domain.MATH)["verified_pairs"]


JUDGED = "a judge, a model, found it supported"
TRIED = "another call answered the question"


@pytest.mark.parametrize("judge", [True, False])
@pytest.mark.parametrize("round_trip", [True, False])
def test_the_card_claims_the_checks_that_a_run_made_and_no_others(
    store: Store, judge: bool, round_trip: bool
) -> None:
    checked_by(store, as_a_run_checks(store.home, judge=judge, round_trip=round_trip))
    text = " ".join(card(store).split())
    assert (f"4. {JUDGED}, not leaked and self-contained; 5." in text) is judge
    assert ("4. no judge was asked; 5." in text) is not judge
    assert ("stands alone is left to the judge." in text) is judge
    assert ("without one such a pair is rejected" in text) is not judge
    assert (f"5. {TRIED} with the document open" in text) is round_trip
    assert ("5. no round trip was asked for." in text) is not round_trip
    assert ("checked by rules and models, not by people" in text) is (judge or round_trip)
    assert ("checked by rules, not by people" in text) is not (judge or round_trip)
    assert "pairs)" not in text


def test_the_card_counts_the_pairs_that_a_check_saw(store: Store) -> None:
    checked_by(store, as_a_run_checks(store.home, judge=False))
    some_pairs = "pair_id IN (SELECT pair_id FROM verified_pairs ORDER BY pair_id LIMIT 3)"
    checked_by(store, as_a_run_checks(store.home, judge=True), some_pairs)
    text = " ".join(card(store).split())
    assert f"4. {JUDGED}, not leaked and self-contained (3 of 8 pairs); 5. {TRIED}" in text
    assert "and without one such a pair is rejected" in text


def test_the_card_claims_nothing_of_a_recipe_that_is_not_known(store: Store) -> None:
    text = " ".join(card(store).split())
    assert "4. it is not known whether a judge was asked;" in text
    assert "5. it is not known whether a round trip was made." in text
    assert JUDGED not in text
    assert TRIED not in text


def test_the_card_tells_of_the_forms_that_it_has(store: Store) -> None:
    assert "wrote a question and a short answer" in card(store)
    assert "blank out" not in card(store)
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.connection.execute("UPDATE qa_drafts SET form = 'cloze'")
    assert "A model chose what to blank out of a sentence." in card(store)
    assert "wrote a question" not in card(store)


@pytest.mark.parametrize(
    ("source", "said", "not_said"),
    [
        (
            "none",
            ["No question was asked for a persona.", "Questions and domains were written"],
            "Questions were asked for a persona",
        ),
        (
            "file",
            ["Questions were asked for a persona.", "personas of 8 pairs were drawn from a list"],
            "Questions, personas and",
        ),
        (
            None,
            ["Questions were asked for a persona.", "Questions, personas and domains"],
            "from a list",
        ),
    ],
)
def test_the_card_says_where_personas_came_from(
    store: Store, source: str | None, said: Sequence[str], not_said: str
) -> None:
    recipe = rule_recipe("personas", "1", **({} if source is None else {"source": source}))
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        found = transaction.connection.execute("SELECT doc_id FROM filtered_documents").fetchall()
        rows = [
            Personas(doc_id=d, personas=("",), recipe=recipe.hash, run_id="run", created_at=WHEN)
            for (d,) in found
        ]
        transaction.merge([recipe.row(), *rows])
    text = " ".join(card(store).split())
    assert [part for part in said if part not in text] == []
    assert not_said not in text


def test_the_card_says_of_how_many_pairs_the_persona_was_hidden(store: Store) -> None:
    work = job(store.home, "http://127.0.0.1:9/v1", personas_shown=False)
    recipe = domain_recipes(work, dict.fromkeys(Role, "m"), Domain.MATH)["open"]
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        transaction.merge([recipe.row()])
        transaction.connection.execute("UPDATE qa_drafts SET recipe = ?", [recipe.hash])
    assert "The prompts of 8 pairs did not name it." in card(store)


# --- Croissant ----------------------------------------------------------------------------------


# In a process of its own, not even imported here: absl, which mlcroissant logs by, takes hold of
# the streams of the process that imports it.
VALIDATE = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
print(json.dumps({
    "errors": sorted(dataset.metadata.issues.errors),
    "rows": {split: [sorted(row) for row in dataset.records(split)] for split in sys.argv[2:]},
}))
"""


def validated(folder: Path, *splits: str) -> dict[str, Any]:
    if importlib.util.find_spec("mlcroissant") is None:
        pytest.skip("mlcroissant is not installed")
    command = [sys.executable, "-c", VALIDATE, str(folder / "croissant.json"), *splits]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_mlcroissant_validates_the_metadata_and_reads_the_rows(store: Store) -> None:
    release = build_release(store, "run")
    found = validated(release.folder, *release.rows)
    assert found["errors"] == []
    for split, count in release.rows.items():
        assert found["rows"][split] == [sorted(f"{split}/{c}" for c in COLUMNS)] * count


def test_so_it_does_for_an_empty_release(tmp_path: Path) -> None:
    folder = build_release(Store(tmp_path / "home [x]"), "run").folder
    assert validated(folder)["errors"] == []


def test_the_card_counts_documents_and_pairs_by_language(store: Store) -> None:
    pairs = read_release(build_release(store, "run").folder)
    documents = pairs["doc_id"].unique().sort()
    rows = [
        source_document(number, f"text {number}", doc_id=doc_id, language=language)
        for number, (doc_id, language) in enumerate(
            zip(documents, "de en en".split(), strict=False)
        )
    ]
    with store.transaction(Partition.shard("languages")) as transaction:
        transaction.merge(rows)
    text = card(store)
    assert "| en | 2 | 2 |\n| de | 1 | 1 |" in text
    assert f"| not known | {len(documents) - 3} | {pairs.height - 3} |" in text
