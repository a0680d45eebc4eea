"""The thresholds of the judge by probability: found once for a recipe, and kept in the home."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import AsyncFileLock

from wsrl_assets.errors import UserError
from wsrl_assets.generation.library import LibraryFile, library_digest
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline.job import Job
from wsrl_assets.release.folder import write_whole
from wsrl_assets.storage import Store
from wsrl_assets.verification.judge import Criterion
from wsrl_assets.verification.probability import (
    CRITERIA,
    PASSING,
    QuotedPair,
    Thresholds,
    calibrated,
)

_FOLDER = "judges"
_SHOWN_AS = "judge_on_known_pairs"


def recipe_of(library: Sequence[LibraryFile]) -> dict[str, object]:
    """What decides the thresholds of a model, for the recipe."""
    return {"passing": PASSING, "known": library_digest(library)}


async def thresholds(job: Job, library: Sequence[LibraryFile], model: StageModel) -> Thresholds:
    """The thresholds of a judge, from the folder `judges` of the home.

    Where they are not there yet, it is asked about all demonstrations; the calls stand in the
    ledger of the partition at work.

    Args:
        library: whose pairs are known to be good.
        model: the judge, whose recipe names the file.

    Raises:
        EndpointError: the judge cannot be asked, or cannot judge by probability.
        UserError: there are no demonstrations.
    """
    path = job.store.home / _FOLDER / f"{model.provenance.recipe.hash}.json"
    path.parent.mkdir(exist_ok=True)
    # Domains begin at the same time; the others wait for the first.
    async with AsyncFileLock(path.with_suffix(".lock")):
        kept = _read(path)
        if kept is None:
            known = known_pairs(library)
            if not known:
                raise UserError(
                    "a judge by probability draws its lines from demonstrations, and there are "
                    "none: add some to the folder of WSRL_DEMONSTRATIONS, or set "
                    "WSRL_JUDGE_BY=words."
                )
            job.progress.expect(_SHOWN_AS, len(known) * len(CRITERIA))
            kept = await calibrated(known, model, lambda: job.progress.advance(_SHOWN_AS))
            write_whole(path, json.dumps(kept, indent=2))
    return kept


def take_over(source: Store, target: Store) -> None:
    """Gives a home that is made for a sample the thresholds that are known, which cost calls."""
    if (source.home / _FOLDER).is_dir():
        shutil.copytree(source.home / _FOLDER, target.home / _FOLDER, dirs_exist_ok=True)


def _read(path: Path) -> dict[Criterion, float] | None:
    """What an earlier run found; none if there is nothing that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
        kept = {Criterion(name): float(least) for name, least in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    is_whole = kept.keys() == CRITERIA and all(0 < least <= 1 for least in kept.values())
    return kept if is_whole else None


def known_pairs(library: Sequence[LibraryFile]) -> list[QuotedPair]:
    """The demonstrations, each once, but choices: the options hold the answer."""
    examples = {one.id: one for file in library for one in file.demonstrations if not one.choices}
    return [QuotedPair(one.id, one.question, one.answer, one.evidence) for one in examples.values()]
