"""The data of a proof: nothing of a held-out document is trained on, and all arms are alike."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from wsrl_assets.release.dataset import Release, read_release
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Store
from wsrl_assets.training.arms.task import read_lines
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.held_out import hold_out
from wsrl_assets.training.plan import Rows
from wsrl_assets.training.preparation import facts_of, prepare
from wsrl_assets.training.spec import Preset, load_proof_spec
from wsrl_assets_tests.training.homes import proof_home

SPEC = load_proof_spec(Preset.SMOKE).model_copy(
    update={"grpo": load_proof_spec(Preset.HOUR).grpo, "seed": 3}
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Release, Path]:
    folder = tmp_path_factory.mktemp("proof")
    store, release = proof_home(folder / "home")
    prepare(store, release.folder, SPEC, folder / "proof")
    return store, release, folder / "proof"


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return read_lines(folder / "data" / name)


def test_nothing_of_a_held_out_document_is_trained_on(made: tuple[Store, Release, Path]) -> None:
    _, release, folder = made
    asked = {row["parent_id"] for row in rows(folder, "questions.jsonl")}
    pairs = read_release(release.folder)
    held_out = set(pairs.filter(pairs["parent_id"].is_in(list(asked)))["doc_id"])
    assert held_out
    trained = {row["doc_id"] for name in Rows for row in rows(folder, name)}
    assert trained
    assert not held_out & trained


def test_arms_of_pairs_have_as_many_rows_and_drafts_hold_unverified_ones(
    made: tuple[Store, Release, Path],
) -> None:
    _, release, folder = made
    pairs, drafts = rows(folder, Rows.PAIRS), rows(folder, Rows.DRAFTS)
    assert len(pairs) == len(drafts) == len(rows(folder, Rows.SHUFFLED))
    released = set(read_release(release.folder)["pair_id"])
    assert {row["pair_id"] for row in pairs} <= released
    assert not {row["pair_id"] for row in drafts} <= released


def test_the_warm_up_has_none_of_the_pairs(made: tuple[Store, Release, Path]) -> None:
    _, _, folder = made
    warmup = {row["pair_id"] for row in rows(folder, Rows.WARMUP)}
    assert warmup
    assert not warmup & {row["pair_id"] for row in rows(folder, Rows.PAIRS)}


def test_prompts_hold_the_passage_as_the_spec_says(made: tuple[Store, Release, Path]) -> None:
    _, _, folder = made
    for row in rows(folder, Rows.PAIRS):
        assert row["prompt"][0]["content"].startswith("Passage:\n")
        assert row["completion"][0]["content"].startswith("Answer: ")
    for item in rows(folder, "questions.jsonl"):
        assert "Passage" not in item["prompts"]["closed_book"][0]["content"]


def test_a_release_without_a_test_split_says_so(made: tuple[Store, Release, Path]) -> None:
    _, _, folder = made
    facts = facts_of(folder)
    assert facts["is_test_split"] is False
    assert facts["questions"] == facts["question_documents"] > 0


def test_a_test_split_is_what_is_asked(tmp_path: Path) -> None:
    store, release = proof_home(tmp_path / "home", SplitSettings(0.2, 0.4))
    prepare(store, release.folder, SPEC, tmp_path / "proof")
    assert facts_of(tmp_path / "proof")["is_test_split"] is True
    pairs = read_release(release.folder)
    by_split = {str(split): set(some["pair_id"]) for (split,), some in pairs.group_by("split")}
    asked = {row["pair_id"] for row in rows(tmp_path / "proof", "questions.jsonl")}
    assert asked
    assert asked <= by_split["test"]
    trained = {row["pair_id"] for row in rows(tmp_path / "proof", Rows.PAIRS)}
    assert trained <= by_split["train"]


def test_data_that_is_there_is_left_alone(made: tuple[Store, Release, Path]) -> None:
    store, release, folder = made
    path = folder / "data" / "facts.json"
    before = path.stat().st_mtime_ns
    prepare(store, release.folder, SPEC, folder)
    assert path.stat().st_mtime_ns == before
    assert json.loads(path.read_text())


def test_a_release_that_is_too_small_says_what_it_needs(made: tuple[Store, Release, Path]) -> None:
    _, release, _ = made
    with pytest.raises(ProofError, match="at least two documents"):
        hold_out(read_release(release.folder).head(1), questions=8, seed=0)


def test_a_home_without_the_documents_names_the_remedy(
    made: tuple[Store, Release, Path], tmp_path: Path
) -> None:
    _, release, _ = made
    with pytest.raises(ProofError, match="see --home"):
        prepare(Store(tmp_path / "empty"), release.folder, SPEC, tmp_path / "proof")


def test_nobody_is_asked_about_a_validation_document(made: tuple[Store, Release, Path]) -> None:
    _, release, _ = made
    pairs = read_release(release.folder)
    chosen = sorted(pairs["parent_id"].unique())[:4]
    split = pl.when(pl.col("parent_id").is_in(chosen)).then(pl.lit("validation"))
    parts = hold_out(pairs.with_columns(split=split.otherwise("split")), 100, 0)
    assert not set(chosen) & set(parts.asked["parent_id"])
    assert not set(chosen) & set(parts.trained["parent_id"])


def test_lines_end_where_json_ends_them(tmp_path: Path) -> None:
    rows = [{"text": "one\u2028two\x85three\x0cfour"}, {"text": "five"}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    assert read_lines(path) == rows
