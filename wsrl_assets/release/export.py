"""Trainer files from a release, one folder a format."""

import os
import shutil
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

import polars as pl

from wsrl_assets.release.dataset import read_release
from wsrl_assets.release.splits import Split
from wsrl_assets.release.trainers import verl


class Format(StrEnum):
    """The formats that `wsrl export` writes."""

    PARQUET = "parquet"
    VERL = "verl"


_ROWS: dict[Format, Callable[[pl.DataFrame], pl.DataFrame]] = {
    Format.PARQUET: lambda pairs: pairs,
    Format.VERL: verl.to_rows,
}


def export(release: Path, formats: Sequence[Format], output: Path) -> dict[Format, Path]:
    """Writes each format to `output/<format>/<split>.parquet`; returns the folders.

    A folder of an earlier export is replaced as a whole. Splits without pairs are written too,
    with their schema, since trainers want a file.
    """
    pairs = read_release(release)
    return {name: _export_one(pairs, name, release, output) for name in formats}


def _export_one(pairs: pl.DataFrame, name: Format, release: Path, output: Path) -> Path:
    folder = output / name
    partial = output / f".{name}.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rows = _ROWS[name]
    for split in Split:
        part = pairs.filter(pl.col("split") == split)
        rows(part).write_parquet(partial / f"{split}.parquet", compression="zstd")
    if name is Format.PARQUET:
        shutil.copy(release / "README.md", partial / "README.md")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder
