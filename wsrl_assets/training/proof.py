"""A proof on disk: a folder named by its release and its spec, and what is done in it, arm by arm.

`HOME/proofs/<release>-<key>/` holds `spec.json` (what was asked for and expected, before anything
is trained), `data/`, `code/`, and `arms/<arm>/seed-<n>/` for each run. A run is finished once its
`result.json` is there; others are made again from the start.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsrl_assets.release.folder import sha256_of, write_whole
from wsrl_assets.storage import Store
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.training.arms.task import RESULT, TASK, ArmTask
from wsrl_assets.training.environment import share_code
from wsrl_assets.training.plan import PLANS, phases_of, seeds_of
from wsrl_assets.training.preparation import DATA, prepare
from wsrl_assets.training.spec import Arm, ProofSpec

VERSION = "1"
"""Bump when arms train or score otherwise: finished arms of another version are not reused."""

SPEC = "spec.json"
CODE = "code"
_KEY_CHARS = 12


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof of one release, with one model.

    Attributes:
        release: folder of the release.
        model: folder of weights, or a name on the Hub.
        folder: of the proof.
    """

    release: Path
    spec: ProofSpec
    model: str
    folder: Path

    @classmethod
    def of(
        cls, store: Store, release: Path, spec: ProofSpec, model: str, output: Path | None = None
    ) -> "Proof":
        """The proof with this content, whether it is begun or not."""
        key = stable_hash(VERSION, release.name, spec.model_dump_json(), _identity(model))
        parent = output or store.home / "proofs"
        return cls(release, spec, model, parent.resolve() / f"{release.name}-{key[:_KEY_CHARS]}")

    @property
    def is_local(self) -> bool:
        """Whether the model is a folder."""
        return Path(self.model).is_dir()

    def begin(self, store: Store) -> None:
        """Writes down what is asked and expected, the data, and the code of the arms.

        Raises:
            ProofError: see `prepare`.
            ReleaseError: the release cannot be read.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        prepare(store, self.release, self.spec, self.folder)
        if not (self.folder / SPEC).exists():
            write_whole(self.folder / SPEC, json.dumps(self._description(), indent=2) + "\n")
        if not (self.folder / CODE).exists():
            share_code(self.folder / CODE)

    def run_folder(self, arm: Arm, seed: int) -> Path:
        """Where an arm with one seed is made."""
        return self.folder / "arms" / arm / f"seed-{seed}"

    def is_finished(self, arm: Arm, seed: int) -> bool:
        """Whether its figures are there."""
        return (self.run_folder(arm, seed) / RESULT).exists()

    def pending_seeds(self, arm: Arm) -> tuple[int, ...]:
        """The seeds of an arm that have no figures."""
        return tuple(s for s in seeds_of(arm, self.spec) if not self.is_finished(arm, s))

    def write_task(self, arm: Arm, seed: int) -> Path:
        """Writes what an arm is asked to do; returns its folder."""
        folder = self.run_folder(arm, seed)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / TASK, self._task(arm, seed).to_json())
        return folder

    def _task(self, arm: Arm, seed: int) -> ArmTask:
        return ArmTask(
            arm=str(arm),
            seed=seed,
            model=self.model,
            data=str(self.folder / DATA),
            phases=phases_of(arm, self.spec),
            shots=PLANS[arm].shots,
            answer_tokens=self.spec.answer_tokens,
            question_batch=self.spec.device_batch,
            text_tokens=self.spec.text_tokens,
            scores_cut_off=self.spec.scores_cut_off,
            benchmarks=self.spec.benchmarks,
        )

    def _description(self) -> Mapping[str, Any]:
        return {
            "release": self.release.name,
            "model": Path(self.model).name if self.is_local else self.model,
            "version": VERSION,
            "spec": self.spec.model_dump(mode="json"),
        }


def _identity(model: str) -> str:
    """What names a model: the hashes of its files, or its name on the Hub."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    known = [
        f"{path.name} {sha256_of(path)}" for path in sorted(folder.iterdir()) if path.is_file()
    ]
    return stable_hash(*known)
