"""A whole proof from a command: each arm as a Dagster run, one after another, and then the page."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from wsrl_assets.orchestration.assets.proof import ARMS_ASSET, REPORT_ASSET, ProofConfig
from wsrl_assets.orchestration.automation.jobs import REPORT_TRAINING, TRAIN_ARM
from wsrl_assets.orchestration.definitions import build_definitions
from wsrl_assets.orchestration.runs import dagster_home, instance_for_threads, why_failed
from wsrl_assets.storage import Store
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.proof import Proof
from wsrl_assets.training.spec import Arm

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
OnArm = Callable[[Arm, str | None], None]
"""Receives each arm, with the reason if it failed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is proven, as the assets are configured with it; see `ProofConfig`."""

    release: str
    preset: str
    spec: str | None
    model: str | None
    output: str | None

    @property
    def config(self) -> ProofConfig:
        """The configuration of both assets."""
        return ProofConfig(
            release=self.release,
            preset=self.preset,
            spec=self.spec,
            model=self.model,
            output=self.output,
        )


def prove(store: Store, asked: Asked, on_arm: OnArm) -> Proof:
    """Runs all arms that are not finished, and writes the page; an arm that fails is left out.

    Raises:
        ProofError, ReleaseError, ServingError: the proof cannot be made as it is asked for.
    """
    proof = asked.config.proof(store)
    proof.begin(store)  # what cannot be proven is said once, and not by each arm
    built = build_definitions()
    with instance_for_threads(dagster_home(store.home)) as instance:
        for arm in Arm:
            if proof.pending_seeds(arm):
                on_arm(arm, _run(built, instance, store, asked, TRAIN_ARM, arm))
            else:
                on_arm(arm, None)
        failed = _run(built, instance, store, asked, REPORT_TRAINING, None)
    if failed is not None:
        raise ProofError(failed)
    return proof


def _run(
    built: dg.Definitions,
    instance: dg.DagsterInstance,
    store: Store,
    asked: Asked,
    job: str,
    arm: Arm | None,
) -> str | None:
    """One Dagster run; the reason if it fails."""
    asset = ARMS_ASSET if arm else REPORT_ASSET
    config: dict[str, Any] = {
        **_QUIET,
        "ops": {asset: {"config": asked.config.model_dump(exclude_none=True)}},
        "resources": {"store": {"config": {"home": str(store.home)}}},
    }
    # In this process, whatever the executor of other jobs: the arm has one of its own.
    with warnings.catch_warnings():
        # Dagster warns of what it does itself.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        result = built.resolve_job_def(job).execute_in_process(
            config, instance, arm and str(arm), raise_on_error=False
        )
    if _is_interrupted(result):
        raise KeyboardInterrupt
    return None if result.success else why_failed(result, job).message


def _is_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether a step was stopped by Ctrl-C, which Dagster reports as a failure of the step."""
    failed = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return any(
        DagsterExecutionInterruptedError.__name__ in (error.cls_name or "")
        for first in failed
        if first is not None
        for error in (first, first.cause)
        if error is not None
    )
