"""Trainer files from a release, one folder a format."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial as bound
from pathlib import Path

import polars as pl

from wsrl_assets.release.dataset import ReleaseError, read_release, release_batches
from wsrl_assets.release.in_context import with_passages
from wsrl_assets.release.splits import Split
from wsrl_assets.release.trainers import (
    nemo_gym,
    nemo_rl,
    openrlhf,
    skyrl,
    slime,
    trl,
    verifiers,
    verl,
    webscale,
)
from wsrl_assets.release.trainers.format import AsIs, Format
from wsrl_assets.taxonomy.forms import Form

_ALL: tuple[Format, ...] = (
    AsIs("parquet"),
    webscale.FORMAT,
    verl.FORMAT,
    trl.FORMAT,
    openrlhf.FORMAT,
    skyrl.FORMAT,
    slime.FORMAT,
    nemo_rl.FORMAT,
    nemo_gym.FORMAT,
    verifiers.FORMAT,
)
FORMATS: dict[str, Format] = {each.name: each for each in _ALL}
"""The formats that `wsrl export` writes, by name."""

EVERY = "all"
MARK = "export.json"


def formats_named(name: str) -> list[str]:
    """One format, or every one for `all`.

    Raises:
        ReleaseError: there is no such format; the message lists those there are.
    """
    if name == EVERY:
        return list(FORMATS)
    if name not in FORMATS:
        raise ReleaseError(f"--format is {name!r}; it may be {', '.join(FORMATS)} or {EVERY}")
    return [name]


def export(
    release: Path, names: Sequence[str], output: Path, distractors: int | None = None
) -> dict[str, Path]:
    """Writes each format to `output/<name>`; returns the folders.

    With `distractors`, prompts hold the pair's passage among so many others (see `in_context`);
    without, pairs that are unanswerable only from their passage are left out. So are pairs of the
    form `rubric` in formats whose reward cannot ask a judge. How many is in the README, and in the
    file `export.json`, see `left_out`. `parquet` is the release as it is. Memory holds a row group
    at a time.

    A folder of an earlier export is replaced as a whole, once the new one is complete. Any other
    folder is left alone: `output` may well hold a checkout of a trainer that is called the same.

    Raises:
        ReleaseError: a folder of that name holds something else, or cannot be written.
    """
    forms = Counter(read_release(release, ["form"])["form"].to_list())
    has_open = forms[Form.UNANSWERABLE] > 0

    def pairs(without: Sequence[str], split: str) -> Iterator[pl.DataFrame]:
        for some in release_batches(release, split):
            kept = some.filter(~pl.col("form").is_in(without).fill_null(value=False))
            if distractors is None:
                yield kept
            else:
                yield with_passages(kept, distractors, has_open=has_open)

    passages = {} if distractors is None else {"distractors": distractors}
    folders = {name: output / name for name in names}
    for folder in folders.values():
        _require_ours(folder)
    for name, folder in folders.items():
        partial = output / f".{name}.{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            without = _without(name, distractors)
            missing = {form: forms[form] for form in without if forms[form]}
            FORMATS[name].write(release, bound(pairs, without), partial, missing)
            said = {"left_out": missing} if missing else {}
            (partial / MARK).write_text(
                json.dumps({"release": release.name, "format": name, **passages, **said}) + "\n"
            )
            _replace(folder, partial)
        except OSError as error:
            raise ReleaseError(
                f"cannot write {folder}: {error.strerror or error}; choose another --output"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folders


def left_out(folder: Path) -> dict[str, int]:
    """How many pairs of each form an export lacks that its release has."""
    mark = json.loads((folder / MARK).read_text())
    return dict(mark.get("left_out", {}))


def _without(name: str, distractors: int | None) -> list[str]:
    """The forms that a format has no place for; the release's own files have all."""
    if FORMATS[name] is FORMATS["parquet"]:
        return []
    unanswerable = [Form.UNANSWERABLE.value] if distractors is None else []
    return unanswerable + ([] if FORMATS[name].takes_rubrics else [Form.RUBRIC.value])


def _require_ours(folder: Path) -> None:
    """Ours has the mark, or, as the first exports had none, nothing but splits and a README."""
    known = {MARK, "README.md", *(f"{split}.parquet" for split in Split)}
    if not folder.exists() or (folder / MARK).is_file():
        return
    if not folder.is_dir() or any(entry.name not in known for entry in folder.iterdir()):
        raise ReleaseError(
            f"{folder} is there and is no export of ours; move it away, or choose another --output"
        )


def _replace(folder: Path, partial: Path) -> None:
    """Puts the new folder in the place of the old one, which comes back if that fails."""
    old = partial.with_name(f"{partial.name}.old")
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
