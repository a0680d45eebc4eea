"""`wsrl review`: what it prints, and how labels leave a home and come back."""

from pathlib import Path

import pytest

from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import all_labels, save_labels
from wsrl_assets.storage.tables import ReviewLabel
from wsrl_assets.taxonomy.opinions import Opinion
from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.explore.home import pair, pair_id, plant
from wsrl_assets_tests.factories import WHEN, document_text


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three kept pairs and three rejected ones, of which Ada has read one of each."""
    text = document_text(0)
    rows = [
        row for n in range(6) for row in pair(n, text, "leaked" if n % 2 else None, persona_index=n)
    ]
    store = plant(tmp_path / "home", [text], rows)
    save_labels(
        store,
        [
            ReviewLabel(pair_id=pair_id(n), reviewer="Ada", verdict=Opinion.ACCEPT, created_at=WHEN)
            for n in (0, 1)
        ],
    )
    return store.home


def test_a_sample_is_drawn_once_and_its_address_is_printed(home: Path) -> None:
    first = wsrl(home, "review", "--sample", "4", "--seed", "7")
    assert first.stdout.startswith("drew the sample 4-seed-7: 4 pairs")
    assert "/?sample=4-seed-7" in first.stdout
    assert wsrl(home, "review", "--sample", "4", "--seed", "7").stdout.startswith("found")
    assert "sample 4-seed-7: " in wsrl(home, "review").stdout


def test_without_options_it_tells_the_agreement(home: Path) -> None:
    said = " ".join(wsrl(home, "review").stdout.split())
    assert "2 pairs reviewed by 1; 0 disputed" in said
    assert "kept accept 1 100% 21% to 100%" in said
    assert "rejected by leak reject 1 0% 0% to 79%" in said
    assert "rejected as leaked accept 1 100% 21% to 100%" in said


def test_labels_move_to_another_home(home: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "labels.jsonl", tmp_path / "other"
    assert "2 labels written" in wsrl(home, "review", "--export", str(file)).stdout
    assert "2 of 2 labels taken" in wsrl(other, "review", "--import", str(file)).stdout
    assert "0 of 2 labels taken" in wsrl(other, "review", "--import", str(file)).stdout
    assert all_labels(Store(other)) == all_labels(Store(home))


def test_an_empty_home_says_how_to_begin(tmp_path: Path) -> None:
    done = wsrl(tmp_path, "review", "--sample", "5")
    assert done.returncode == 2
    assert "no pair was verified" in done.stdout
    assert "wsrl review --sample 200" in wsrl(tmp_path, "review").stdout


def test_a_wrong_file_is_one_sentence(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("{}\n", "utf-8")
    done = wsrl(home, "review", "--import", str(file))
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert wsrl(home, "review", "--import", str(tmp_path / "none")).returncode == 2
