"""The thresholds of the judge by probability: calibrated once for a recipe, kept in the home."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from filelock import AsyncFileLock

from wsrl_assets.errors import UserError
from wsrl_assets.generation.library import LibraryFile
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline.job import Job
from wsrl_assets.release.folder import write_whole
from wsrl_assets.storage import Store
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.verification.probability import (
    CRITERIA,
    ONE_IN,
    Answers,
    QuotedPair,
    Thresholds,
    answers_on,
    thresholds_of,
)

_FOLDER = "judges"
_SHOWN_AS = "judge_on_known_pairs"


def known_pairs(library: Sequence[LibraryFile]) -> list[QuotedPair]:
    """The pairs of demonstrations, each once, in an order of their own.

    Choices are left out: their options hold the answer.
    """
    found = {}
    for example in (one for file in library for one in file.demonstrations if not one.choices):
        content = (example.question, example.answer, example.evidence)
        found[stable_hash(*content)] = QuotedPair(stable_hash(*content), *content)
    return [found[key] for key in sorted(found)]


def recipe_of(library: Sequence[LibraryFile]) -> dict[str, object]:
    """What decides the thresholds of a model, for the recipe."""
    known = stable_hash(*(pair.pair_id for pair in known_pairs(library)))
    return {"failing_one_in": ONE_IN, "known": known}


class Calibration:
    """The thresholds of a judge, calibrated when the first pair needs them.

    `HOME/judges` has what the judge answered about the demonstrations, also where that ended
    early. It is asked for the rest, and the calls stand in the ledger of the partition at work.

    Args:
        job: of the run.
        library: whose pairs are known to be good.
        model: the judge, whose recipe names the file.
    """

    def __init__(self, job: Job, library: Sequence[LibraryFile], model: StageModel) -> None:
        self._job = job
        self._library = library
        self._model = model
        self._turn = asyncio.Lock()
        self._found: Thresholds | None = None

    async def __call__(self) -> Thresholds:
        """The least probability with which a pair passes, by criterion.

        Raises:
            EndpointError: the judge cannot be asked, or cannot judge by probability.
            UserError: there are no demonstrations.
        """
        async with self._turn:
            if self._found is None:
                self._found = await self._known()
        return self._found

    async def _known(self) -> Thresholds:
        known = known_pairs(self._library)
        if not known:
            raise UserError(
                "a judge by probability is calibrated on demonstrations, and there are none: "
                "add some to the folder of WSRL_DEMONSTRATIONS, or set WSRL_JUDGE_BY=words."
            )
        store = self._job.store
        path = store.home / _FOLDER / f"{self._model.provenance.recipe.hash}.json"
        path.parent.mkdir(exist_ok=True)
        # Domains begin at the same time; the others wait for the first.
        async with AsyncFileLock(path.with_suffix(".lock")):
            if store.shared is not None and not path.exists():
                await asyncio.to_thread(store.shared.fetch, store.home, path)
            answers = _read(path)
            if lacking := len(known) * len(CRITERIA) - _count(answers, known):
                await self._ask(known, answers, path, lacking)
        return thresholds_of(known, answers)

    async def _ask(
        self, known: Sequence[QuotedPair], answers: Answers, path: Path, lacking: int
    ) -> None:
        store, progress = self._job.store, self._job.progress
        progress.expect(_SHOWN_AS, lacking)
        try:
            await answers_on(known, answers, self._model, lambda: progress.advance(_SHOWN_AS))
        finally:
            write_whole(path, json.dumps(answers, indent=1))
        if store.shared is not None:
            await asyncio.to_thread(store.shared.put, store.home, path)


def take_over(source: Store, target: Store) -> None:
    """Gives a home what judges of another have answered, and it lacks: it cost calls."""
    for path in (source.home / _FOLDER).glob("*.json"):
        own = target.home / _FOLDER / path.name
        if not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            write_whole(own, path.read_text("utf-8"))


def _read(path: Path) -> Answers:
    """What the judge answered in earlier runs; nothing if the file cannot be read."""
    answers: Answers = {criterion: {} for criterion in CRITERIA}
    try:
        found = json.loads(path.read_text("utf-8"))
        for criterion, of in answers.items():
            of |= {key: p for key, p in found[criterion].items() if 0 <= float(p) <= 1}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {criterion: {} for criterion in CRITERIA}
    return answers


def _count(answers: Answers, known: Sequence[QuotedPair]) -> int:
    return sum(pair.pair_id in of for of in answers.values() for pair in known)
