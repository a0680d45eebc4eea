"""Trainer files: verl gets its columns, and its reward function says 1.0 for the gold alone."""

import importlib.util
from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.domains import Domain
from wsrl_assets.release.dataset import build_release, read_release
from wsrl_assets.release.export import Format, export
from wsrl_assets.release.splits import Split
from wsrl_assets.release.trainers import verl
from wsrl_assets.rollout import INSTRUCTION
from wsrl_assets.storage import Store
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_finalise import question


@pytest.fixture
def release(tmp_path: Path) -> Path:
    store = Store(tmp_path / "home")
    fill(store, [*some(7), Pair(question(8) + ' {} {0} "quoted"', answer="1901")], Domain.CODING)
    return build_release(store, "run").folder


def read(folder: Path) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(folder / f"{split}.parquet") for split in Split)


def test_verl_rows_have_verls_columns(release: Path, tmp_path: Path) -> None:
    """As verl's documentation of its data preparation lists them."""
    folder = export(release, [Format.VERL], tmp_path / "out")[Format.VERL]
    table = read(folder)
    assert table.columns == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    row = table.to_dicts()[0]
    assert isinstance(row["data_source"], str)
    assert [set(message) for message in row["prompt"]] == [{"role", "content"}]
    assert row["prompt"][0]["role"] == "user"
    assert row["ability"] == "Coding"
    assert row["reward_model"]["style"] == "rule"
    assert set(row["extra_info"]) >= {"index", "split"}


def test_each_prompt_asks_the_question_and_says_how_to_answer(
    release: Path, tmp_path: Path
) -> None:
    table = read(export(release, [Format.VERL], tmp_path / "out")[Format.VERL])
    asked = {row["extra_info"]["pair_id"]: row["prompt"][0]["content"] for row in table.to_dicts()}
    for pair in read_release(release).to_dicts():
        assert asked[pair["pair_id"]] == f"{pair['question']}\n\n{INSTRUCTION}"


def test_the_index_counts_the_rows_of_a_split(release: Path, tmp_path: Path) -> None:
    folder = export(release, [Format.VERL], tmp_path / "out")[Format.VERL]
    for split in Split:
        infos = pl.read_parquet(folder / f"{split}.parquet")["extra_info"].to_list()
        assert [info["index"] for info in infos] == list(range(len(infos)))
        assert {info["split"] for info in infos} <= {split.value}


def test_the_reward_function_says_one_for_the_gold_and_zero_for_anything_else(
    release: Path, tmp_path: Path
) -> None:
    table = read(export(release, [Format.VERL], tmp_path / "out")[Format.VERL])
    for row in table.to_dicts():
        gold = row["reward_model"]["ground_truth"]
        right = row["extra_info"]["answer"]

        def compute(said: str, gold: str = gold, row: dict[str, object] = row) -> float:
            return verl.compute_score(str(row["data_source"]), said, gold, row["extra_info"])

        assert compute(f"It was dug for ten years.\nAnswer: {right}") == 1.0
        assert compute("It was dug for ten years.\nAnswer: 1066") == 0.0
        assert compute("") == 0.0
        assert compute(f"{right} or 1066") == 0.0


def test_verl_can_load_the_reward_function_by_path() -> None:
    """As verl does with `custom_reward_function.path` and `name`."""
    spec = importlib.util.spec_from_file_location("custom_module", verl.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    gold = '{"type": "integer", "value": "4"}'
    kwargs = {"data_source": verl.DATA_SOURCE, "ground_truth": gold, "extra_info": {"a": 1}}
    assert module.compute_score(solution_str="Answer: 4", **kwargs) == 1.0
    assert module.compute_score(solution_str="Answer: 5", sandbox=None, **kwargs) == 0.0


def test_parquet_is_the_release_itself(release: Path, tmp_path: Path) -> None:
    folder = export(release, [Format.PARQUET], tmp_path / "out")[Format.PARQUET]
    assert read(folder).equals(read_release(release))
    assert (folder / "README.md").read_text() == (release / "README.md").read_text()


def test_an_export_replaces_an_earlier_one_as_a_whole(release: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    stale = output / "verl" / "stale.parquet"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"old")
    folders = export(release, list(Format), output)
    assert set(folders) == set(Format)
    assert sorted(path.name for path in output.iterdir()) == ["parquet", "verl"]
    assert not stale.exists()


def test_an_empty_split_has_a_file_with_the_columns(tmp_path: Path) -> None:
    release = build_release(Store(tmp_path / "home"), "run").folder
    folder = export(release, [Format.VERL], tmp_path / "out")[Format.VERL]
    for split in Split:
        part = pl.read_parquet(folder / f"{split}.parquet")
        assert part.height == 0
        assert part.columns == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
