"""The columns of each format, as the trainer's own code reads them.

Each format's page names the files and versions that were read; `integration/trainers` runs them.
"""

import ast
import json
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pytest

from wsrl_assets.release.export import FORMATS
from wsrl_assets.release.splits import Split
from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.reward import Gold
from wsrl_assets.reward.instruction import prompt_of
from wsrl_assets_tests.release.trainers.exported import PAIRS, Pair, exported

TRAINERS = [name for name, form in FORMATS.items() if isinstance(form, TrainerFormat)]


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The training rows as they lie in the file."""
    form = FORMATS[name]
    assert isinstance(form, TrainerFormat)
    path = folder / form.data_path(Split.TRAIN)
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dicts()
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def chat(pair: Pair) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt_of(pair.question)}]


def expected(name: str, pair: Pair) -> dict[str, Any]:
    """A row as the trainer's reader wants it, written out."""
    gold = pair.gold.to_json()
    row = pair.row(Split.TRAIN)
    domain, answer = row["domain"], row["answer"]
    about = {
        "index": pair.index,
        "pair_id": pair.pair_id,
        "split": "train",
        "domain": domain,
        "form": "open",
        "answer": answer,
        "answer_type": str(pair.gold.type),
        "pass_rate": None,
    }
    forms: dict[str, dict[str, Any]] = {
        "webscale": {
            "pretrain_text": row["pretrain_text"],
            "domain": domain,
            "persona": "a pilot",
            "question": pair.question,
            "answer": answer,
        },
        "verl": {
            "data_source": "wsrl-assets",
            "prompt": chat(pair),
            "ability": domain,
            "reward_model": {"style": "rule", "ground_truth": gold},
            "extra_info": about,
        },
        "trl": {
            "prompt": chat(pair),
            "gold": gold,
            "answer": answer,
            "answer_type": str(pair.gold.type),
            "domain": domain,
            "pair_id": pair.pair_id,
            "pass_rate": None,
        },
        "openrlhf": {
            "input": chat(pair),
            "label": gold,
            "datasource": domain,
            "pair_id": pair.pair_id,
        },
        "skyrl": {
            "data_source": "wsrl-assets",
            "prompt": chat(pair),
            "env_class": "wsrl",
            "reward_spec": {"method": "rule", "ground_truth": gold},
            "extra_info": about,
        },
        "slime": {"prompt": chat(pair), "label": gold, "metadata": about},
        "nemo_rl": {
            "input": prompt_of(pair.question),
            "output": gold,
            "pair_id": pair.pair_id,
            "domain": domain,
        },
        "nemo_gym": {
            "responses_create_params": {"input": chat(pair)},
            "gold": gold,
            "pair_id": pair.pair_id,
            "domain": domain,
            "agent_ref": {"type": "responses_api_agents", "name": "wsrl_simple_agent"},
        },
        "verifiers": {
            "id": pair.pair_id,
            "prompt": prompt_of(pair.question),
            "gold": gold,
            "answer": answer,
            "domain": domain,
        },
    }
    return forms[name]


@pytest.mark.parametrize("name", TRAINERS)
def test_rows_are_what_the_trainer_reads(tmp_path: Path, name: str) -> None:
    written = rows(exported(tmp_path, name), name)
    assert written == [expected(name, pair) for pair in PAIRS]
    assert list(written[0]) == list(expected(name, PAIRS[0])), "in this order"


@pytest.mark.parametrize("name", TRAINERS)
def test_every_split_has_a_file_though_it_be_empty(tmp_path: Path, name: str) -> None:
    folder = exported(tmp_path, name)
    form = FORMATS[name]
    assert isinstance(form, TrainerFormat)
    assert all((folder / form.data_path(split)).is_file() for split in Split)


@pytest.mark.parametrize("filled", Split)
@pytest.mark.parametrize("name", TRAINERS)
def test_datasets_loads_the_folder_whichever_split_is_empty(
    tmp_path: Path, name: str, filled: Split
) -> None:
    loaded = datasets.load_dataset(
        str(exported(tmp_path, name, filled)), cache_dir=str(tmp_path / "cache")
    )
    assert {split: part.num_rows for split, part in loaded.items()} == {filled: len(PAIRS)}


@pytest.mark.parametrize("name", TRAINERS)
def test_the_readme_names_release_launch_and_install(tmp_path: Path, name: str) -> None:
    text = (exported(tmp_path, name) / "README.md").read_text("utf-8")
    assert "# Release 0123456789ab for " in text
    assert f"{len(PAIRS)} train, 0 validation, 0 test pairs" in text
    assert "split: train" in text
    assert "split: test" not in text, "datasets does not load an empty split"
    assert "pip install --no-deps" in text
    assert text.count("```") == 4, "how to launch, and how to install the reward"
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", TRAINERS)
def test_the_code_beside_it_imports_of_ours_the_reward_alone(tmp_path: Path, name: str) -> None:
    """Its workers have the reward and pint, not Dagster, DuckDB and Polars."""
    files = list(exported(tmp_path, name).rglob("*.py"))
    assert files, "a reward is there"
    imported: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    ours = {module for module in imported if module.split(".")[0] == "wsrl_assets"}
    assert ours == {"wsrl_assets.reward"}
    assert not {module.split(".")[0] for module in imported} & {"dagster", "duckdb", "polars"}


def test_a_gold_survives_the_label() -> None:
    for pair in PAIRS:
        assert Gold.from_json(pair.gold.to_json()) == pair.gold
