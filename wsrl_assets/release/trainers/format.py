"""What a format is: rows in a trainer's columns, and the files that ship beside them."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol

import jinja2
import polars as pl

from wsrl_assets.release.dataset import DESCRIPTION, SCHEMA, read_release
from wsrl_assets.release.row_groups import RowGroups
from wsrl_assets.release.splits import Split
from wsrl_assets.taxonomy.forms import Form

Pairs = Callable[[str], Iterable[pl.DataFrame]]
"""The pairs of a split in frames that fit in memory."""


class Format(Protocol):
    """One way to hand out a release."""

    @property
    def name(self) -> str:
        """The name of the format and of its folder."""
        ...

    @property
    def takes_rubrics(self) -> bool:
        """Whether pairs are handed out that a judge has to score."""
        ...

    def write(
        self, release: Path, pairs: Pairs, folder: Path, left_out: Mapping[str, int] | None = None
    ) -> None:
        """Fills an empty folder from a release's folder and the pairs that it holds.

        `left_out`: how many pairs of each form are not among them.
        """
        ...


@dataclass(frozen=True, slots=True)
class AsIs:
    """The release's own files."""

    name: str
    takes_rubrics: bool = True

    def write(
        self, release: Path, pairs: Pairs, folder: Path, left_out: Mapping[str, int] | None = None
    ) -> None:
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
        judge: path in the folder at which the judge of explanations is put, beside the reward that
            asks it; none where the trainer calls a reward in a place that cannot wait for a judge,
            and pairs of the form `rubric` are left out.
    """

    name: str
    trainer: str
    rows: Callable[[pl.DataFrame], pl.DataFrame]
    data: str = "{split}.parquet"
    in_order: str = "Read the rows in the order of the file."
    judge: str | None = None

    @property
    def takes_rubrics(self) -> bool:
        """Whether its reward can ask a judge."""
        return self.judge is not None

    def write(
        self, release: Path, pairs: Pairs, folder: Path, left_out: Mapping[str, int] | None = None
    ) -> None:
        """Writes every split, also one without pairs: trainers want a file."""
        shipped = resources.files(__package__)
        copy_tree(shipped.joinpath("shipped", self.name), folder)
        if self.judge is not None:
            (folder / self.judge).write_bytes(shipped.joinpath("shipped_judge.py").read_bytes())
        counts: dict[str, int] = {
            split: self._write_split(pairs(split), folder / self.data_path(split))
            for split in Split
        }
        body = (folder / "README.md").read_text("utf-8")
        (folder / "README.md").write_text(
            self._readme(release, counts, body, left_out or {}), "utf-8"
        )

    def _write_split(self, pairs: Iterable[pl.DataFrame], path: Path) -> int:
        """Writes the file of a split; returns its rows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        nothing = self.rows(pl.DataFrame(schema=SCHEMA))
        rows = 0
        with _opened(path, nothing.schema) as add:
            for some in pairs:
                numbered = some.with_row_index("index", rows)
                add(self.rows(numbered).cast(nothing.schema))
                rows += some.height
        return rows

    def data_path(self, split: str) -> str:
        """Path of a split's file in the folder."""
        return self.data.format(split=split)

    def _readme(
        self, release: Path, counts: dict[str, int], body: str, left_out: Mapping[str, int]
    ) -> str:
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
            left_out=left_out,
            judge=self.judge if has_rubrics(release) else None,
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


def has_rubrics(release: Path) -> bool:
    """Whether pairs of a release take a judge."""
    return Form.RUBRIC in read_release(release, ["form"])["form"]


def copy_tree(source: Traversable, folder: Path) -> None:
    """Copies a folder of the package, which may be in a zip file."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                copy_tree(entry, folder / entry.name)
        else:
            (folder / entry.name).write_bytes(entry.read_bytes())


@contextmanager
def _opened(path: Path, schema: pl.Schema) -> Iterator[Callable[[pl.DataFrame], None]]:
    """What adds rows to a file, which is JSON lines or parquet by its name."""
    if path.suffix == ".jsonl":
        with path.open("wb") as file:
            yield lambda rows: rows.write_ndjson(file)
        return
    with RowGroups(path, schema) as groups:
        yield groups.add
