"""Exports: every format by name, whole or not at all, and nothing of anybody else's is touched."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.release import row_groups
from wsrl_assets.release.dataset import ReleaseError, build_release, read_release
from wsrl_assets.release.export import FORMATS, export, formats_named
from wsrl_assets.release.splits import Split
from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.reward.instruction import prompt_of
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.release.pairs import Pair
from wsrl_assets_tests.release.test_dataset import fill, some
from wsrl_assets_tests.release.test_finalise import question


@pytest.fixture
def release(tmp_path: Path) -> Path:
    store = Store(tmp_path / "home [x]")
    fill(store, [*some(7), Pair(question(8) + ' {} {0} "quoted"', answer="1901")], Domain.CODING)
    return build_release(store, "run").folder


def read(folder: Path) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(folder / f"{split}.parquet", glob=False) for split in Split)


class TestNames:
    def test_all_is_every_format(self) -> None:
        assert formats_named("all") == list(FORMATS)
        assert {"parquet", "webscale", "verl", "trl", "openrlhf"} < set(FORMATS)

    def test_a_format_is_called_by_its_name(self) -> None:
        assert formats_named("verl") == ["verl"]

    def test_an_unknown_one_is_answered_with_those_there_are(self) -> None:
        with pytest.raises(ReleaseError) as raised:
            formats_named("trlx")
        assert "'trlx'" in str(raised.value)
        assert all(name in str(raised.value) for name in [*FORMATS, "all"])


class TestWhatIsWritten:
    def test_parquet_is_the_release_itself(self, release: Path, tmp_path: Path) -> None:
        folder = export(release, ["parquet"], tmp_path / "out")["parquet"]
        assert read(folder).equals(read_release(release))
        for path in release.iterdir():
            assert (folder / path.name).read_bytes() == path.read_bytes()

    def test_each_folder_says_which_release_it_holds(self, release: Path, tmp_path: Path) -> None:
        for name, folder in export(release, list(FORMATS), tmp_path / "out").items():
            mark = json.loads((folder / "export.json").read_text())
            assert mark == {"release": release.name, "format": name}
            assert release.name in (folder / "README.md").read_text("utf-8")

    def test_an_empty_release_is_written_with_its_columns(self, tmp_path: Path) -> None:
        empty = build_release(Store(tmp_path / "home [x]"), "run").folder
        folders = export(empty, list(FORMATS), tmp_path / "out")
        for split in Split:
            part = pl.read_parquet(folders["verl"] / f"{split}.parquet", glob=False)
            assert part.height == 0
            assert part.columns == [
                "data_source",
                "prompt",
                "ability",
                "reward_model",
                "extra_info",
            ]
            assert (folders["slime"] / f"{split}.jsonl").read_bytes() == b""

    def test_the_index_counts_the_rows_of_a_split(self, release: Path, tmp_path: Path) -> None:
        folder = export(release, ["verl"], tmp_path / "out")["verl"]
        for split in Split:
            infos = pl.read_parquet(folder / f"{split}.parquet", glob=False)["extra_info"].to_list()
            assert [info["index"] for info in infos] == list(range(len(infos)))
            assert {info["split"] for info in infos} <= {split.value}

    def test_each_prompt_asks_the_question_and_says_how_to_answer(
        self, release: Path, tmp_path: Path
    ) -> None:
        table = read(export(release, ["verl"], tmp_path / "out")["verl"])
        asked = {
            row["extra_info"]["pair_id"]: row["prompt"][0]["content"] for row in table.to_dicts()
        }
        for pair in read_release(release).to_dicts():
            assert asked[pair["pair_id"]] == prompt_of(pair["question"])

    def test_the_same_release_makes_the_same_bytes(self, release: Path, tmp_path: Path) -> None:
        one = export(release, list(FORMATS), tmp_path / "one")
        other = export(release, list(FORMATS), tmp_path / "other")
        for name, folder in one.items():
            for path in folder.rglob("*"):
                if path.is_file():
                    twin = other[name] / path.relative_to(folder)
                    assert path.read_bytes() == twin.read_bytes(), path

    def test_a_pass_rate_goes_along_where_the_release_has_one(
        self, release: Path, tmp_path: Path
    ) -> None:
        for split in Split:
            path = release / f"{split}.parquet"
            table = pl.read_parquet(path, glob=False)
            table.with_columns(pass_rate=pl.lit(0.25, pl.Float64)).write_parquet(path)
        folders = export(release, ["trl", "verl"], tmp_path / "out")
        assert set(read(folders["trl"])["pass_rate"]) == {0.25}
        assert {info["pass_rate"] for info in read(folders["verl"])["extra_info"]} == {0.25}


class TestWhatWasThere:
    def test_an_earlier_export_is_replaced_as_a_whole(self, release: Path, tmp_path: Path) -> None:
        output = tmp_path / "out"
        folder = export(release, ["verl"], output)["verl"]
        (folder / "stale.parquet").write_bytes(b"old")
        export(release, ["verl"], output)
        assert not (folder / "stale.parquet").exists()
        assert [path.name for path in output.iterdir()] == ["verl"]

    @pytest.mark.parametrize(
        "make", [lambda p: (p.mkdir(), (p / "setup.py").touch()), lambda p: p.touch()]
    )
    def test_a_checkout_of_a_trainer_with_that_name_is_left_alone(
        self, release: Path, tmp_path: Path, make: Callable[[Path], object]
    ) -> None:
        mine = tmp_path / "verl"
        make(mine)
        with pytest.raises(ReleaseError, match="no export of ours"):
            export(release, ["trl", "verl"], tmp_path)
        assert mine.exists()
        assert not (tmp_path / "trl").exists(), "nothing is written when one is in the way"

    def test_what_fails_half_way_leaves_the_earlier_export(
        self, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        output = tmp_path / "out"
        folder = export(release, ["trl"], output)["trl"]
        before = {path.name: path.read_bytes() for path in folder.iterdir()}

        def fail(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(TrainerFormat, "_readme", fail)
        with pytest.raises(ReleaseError, match=r"trl: No space left.*--output"):
            export(release, ["trl"], output)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert [path.name for path in output.iterdir()] == ["trl"]

    def test_an_output_that_is_a_file_is_one_sentence(self, release: Path, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        with pytest.raises(ReleaseError, match="choose another --output"):
            export(release, ["verl"], tmp_path / "out")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_a_release_that_is_read_in_parts_is_exported_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(20))
    monkeypatch.setattr(row_groups, "ROWS", 3)
    release = build_release(store, "run").folder
    folder = export(release, [name], tmp_path / "out")[name]
    chosen = FORMATS[name]
    assert isinstance(chosen, TrainerFormat)
    train = read_release(release).filter(pl.col("split") == "train")
    written = folder / chosen.data_path("train")
    wanted = chosen.rows(train)
    if written.suffix == ".jsonl":
        assert written.read_text("utf-8") == wanted.write_ndjson()
    else:
        assert pl.read_parquet(written, glob=False).equals(wanted)


@pytest.mark.parametrize("name", FORMATS)
def test_datasets_loads_the_folder_as_it_is(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = export(release, [name], tmp_path / "out")[name]
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    pairs = read_release(release)
    counts = dict(pairs.group_by("split").len().iter_rows())
    assert {split: part.num_rows for split, part in loaded.items()} == counts
