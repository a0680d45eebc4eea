"""What a format is: rows in a trainer's columns, and the files that ship beside them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol

import jinja2
import polars as pl

from wsrl_assets.release.dataset import DESCRIPTION
from wsrl_assets.release.splits import Split


class Format(Protocol):
    """One way to hand out a release."""

    @property
    def name(self) -> str:
        """The name of the format and of its folder."""
        ...

    def write(self, release: Path, pairs: pl.DataFrame, folder: Path) -> None:
        """Fills an empty folder from a release's folder and the pairs that it holds."""
        ...


@dataclass(frozen=True, slots=True)
class AsIs:
    """The release's own files."""

    name: str

    def write(self, release: Path, pairs: pl.DataFrame, folder: Path) -> None:
        shutil.copytree(release, folder, dirs_exist_ok=True)


@dataclass(frozen=True, slots=True)
class TrainerFormat:
    """A trainer's columns, its reward and its launch settings.

    Attributes:
        name: names the format, its folder, and the folder under `shipped/` with the files that go
            along: the reward in the trainer's signature, and the body of the README.
        trainer: the trainer and the version whose code was read.
        rows: from one split of a release to the trainer's columns.
        data: path of a split's file in the folder; the suffix says how it is written.
        in_order: how the trainer is made to take rows in their order, for a curriculum.
    """

    name: str
    trainer: str
    rows: Callable[[pl.DataFrame], pl.DataFrame]
    data: str = "{split}.parquet"
    in_order: str = "Read the rows in the order of the file."

    def write(self, release: Path, pairs: pl.DataFrame, folder: Path) -> None:
        """Writes every split, also one without pairs: trainers want a file."""
        copy_tree(resources.files(__package__).joinpath("shipped", self.name), folder)
        counts: dict[str, int] = {}
        for split in Split:
            part = self.rows(pairs.filter(pl.col("split") == split))
            _write_rows(part, folder / self.data_path(split))
            counts[split] = part.height
        body = (folder / "README.md").read_text("utf-8")
        (folder / "README.md").write_text(self._readme(release, counts, body), "utf-8")

    def data_path(self, split: str) -> str:
        """Path of a split's file in the folder."""
        return self.data.format(split=split)

    def _readme(self, release: Path, counts: dict[str, int], body: str) -> str:
        """The header names only splits with pairs: `datasets` refuses to load an empty one."""
        named = [split for split, rows in counts.items() if rows] or list(counts)
        source = resources.files(__package__).joinpath("README.md.j2").read_text("utf-8")
        environment = jinja2.Environment(
            trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
        )
        return environment.from_string(source).render(
            trainer=self.trainer,
            release=release.name,
            in_order=self.in_order if has_curriculum(release) else None,
            counts=counts,
            files={split: self.data_path(split) for split in named},
            body=body.strip(),
        )


def has_curriculum(release: Path) -> bool:
    """Whether the rows of a release stand in the order of a curriculum."""
    try:
        described = json.loads((release / DESCRIPTION).read_text("utf-8"))
    except FileNotFoundError:
        return False
    return "curriculum" in described.get("spec", {})


def copy_tree(source: Traversable, folder: Path) -> None:
    """Copies a folder of the package, which may be in a zip file."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                copy_tree(entry, folder / entry.name)
        else:
            (folder / entry.name).write_bytes(entry.read_bytes())


def _write_rows(rows: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        rows.write_ndjson(path)
    else:
        rows.write_parquet(path, compression="zstd")
