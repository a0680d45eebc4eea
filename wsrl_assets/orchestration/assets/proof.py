"""The assets of a proof by training: arms, each trained in a process of its own, and one page.

Nothing asks for them but a person: they have no automation condition and are part of no other job.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterPipesExecutionError
from filelock import FileLock, Timeout
from pydantic import Field

from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import OWNERS
from wsrl_assets.orchestration.resources import StoreResource
from wsrl_assets.release.dataset import STAGE
from wsrl_assets.release.lookup import find_release
from wsrl_assets.storage import Store
from wsrl_assets.training.arms.task import LOG
from wsrl_assets.training.environment import find_trainers_python, variables
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.models import model_named
from wsrl_assets.training.page import write_page
from wsrl_assets.training.proof import CODE, Proof
from wsrl_assets.training.results import read_results
from wsrl_assets.training.spec import Arm, Preset, load_proof_spec

_log = logging.getLogger(__name__)
ARMS_ASSET, REPORT_ASSET = "training_arms", "training_report"
ARMS = dg.StaticPartitionsDefinition([str(arm) for arm in Arm])
_LAST_LINES = 3


class ProofConfig(dg.Config):
    """What is proven; the same for the arms and their page."""

    release: str = Field("current", description="A release: its name, the beginning of it, a path.")
    preset: str | None = Field(
        None,
        description=f"Sizes: {', '.join(Preset)}. Neither this nor a spec: nothing is done, so "
        "that materializing all assets trains nothing.",
    )
    spec: str | None = Field(None, description="A YAML file over the preset.")
    model: str | None = Field(None, description="A folder of weights, or a name on the Hub.")
    output: str | None = Field(None, description="Folder of proofs. If not set: HOME/proofs.")

    @property
    def asks(self) -> bool:
        """Whether anything is to be done."""
        return self.preset is not None or self.spec is not None

    def proof(self, store: Store) -> Proof:
        """The proof that is asked for.

        Raises:
            ProofError: the spec or the model cannot be used.
            ReleaseError: there is no such release.
        """
        preset = self.preset or Preset.SMOKE
        if preset not in list(Preset):
            raise ProofError(f"there is no preset {preset!r}; there are {', '.join(Preset)}")
        spec = load_proof_spec(Preset(preset), Path(self.spec) if self.spec else None)
        if spec.trainer != "trl":
            raise ProofError(
                "this spec is for verl on many GPUs: `wsrl prove` writes its configuration out, "
                "and nothing here runs it"
            )
        release = find_release(store, self.release)
        output = Path(self.output) if self.output else None
        return Proof.of(store, release, spec, model_named(store, self.model), output)


@dg.asset(
    name=ARMS_ASSET,
    partitions_def=ARMS,
    deps=[STAGE.value],
    group_name="proof",
    kinds={"pytorch", "huggingface", "optional"},
    owners=OWNERS,
)
def training_arms(
    context: dg.AssetExecutionContext,
    config: ProofConfig,
    store: StoreResource,
    trainers: dg.ResourceParam[dg.PipesSubprocessClient],
) -> dg.MaterializeResult:
    """A model trained one way on a release, and what it then knows of held-out documents.

    Optional: `wsrl prove` makes all arms and their page. A seed that is finished is not run again.
    """
    if not config.asks:
        return _nothing(context)
    database = store.open()
    with as_failures():
        proof = config.proof(database)
        python = find_trainers_python(proof.spec.benchmarks)
    arm = Arm(context.partition_key)
    metadata: dict[str, Any] = {"proof": dg.MetadataValue.path(str(proof.folder))}
    with _device(context, proof.folder.parent):
        with as_failures():
            proof.begin(database)
        for seed in proof.pending_seeds(arm):
            with as_failures():
                found = _train(context, proof, arm, seed, python, trainers)
            metadata |= {f"seed_{seed}.{name}": value for name, value in found.items()}
    return dg.MaterializeResult(metadata=metadata)


def _nothing(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    context.log.info("no proof was asked for: name a preset in the launchpad, or use `wsrl prove`")
    return dg.MaterializeResult(metadata={"proof": "none"})


@contextmanager
def _device(context: dg.AssetExecutionContext, folder: Path) -> Iterator[None]:
    """One arm at a time, also where several runs are asked for: they share the device."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".training.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        said = f"waiting for the device: another arm is being trained in {folder}"
        context.log.info(said)
        _log.warning("%s", said)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _train(
    context: dg.AssetExecutionContext,
    proof: Proof,
    arm: Arm,
    seed: int,
    python: Path,
    trainers: dg.PipesSubprocessClient,
) -> dict[str, Any]:
    """Runs an arm with one seed in the trainers' environment; returns the figures it reported."""
    folder = proof.write_task(arm, seed)
    try:
        done = trainers.run(
            context=context,
            # Without `-P` the folder where `wsrl` was called would come first on the path.
            command=[str(python), "-P", "-m", "wsrl_assets.training.arms", str(folder)],
            env=variables(
                proof.folder / CODE,
                is_complete=proof.is_local and not proof.spec.benchmarks,
            ),
        )
    except DagsterPipesExecutionError:
        raise ProofError(
            f"the arm {arm}, seed {seed}, failed: {_last_lines(folder / LOG)} (log: {folder / LOG})"
        ) from None
    return dict(done.get_materialize_result().metadata or {})


def _last_lines(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").split("\n")
    except OSError:
        return "the process ended before it wrote anything"
    return " / ".join([line.strip() for line in lines if line.strip()][-_LAST_LINES:])


@dg.asset(
    name=REPORT_ASSET,
    deps=[dg.AssetDep(ARMS_ASSET, partition_mapping=dg.AllPartitionMapping())],
    group_name="proof",
    kinds={"html", "optional"},
    owners=OWNERS,
)
def training_report(
    context: dg.AssetExecutionContext, config: ProofConfig, store: StoreResource
) -> dg.MaterializeResult:
    """The arms of a proof on one page: figures, differences with their intervals, curves.

    Optional, as its arms are. One HTML file that needs nothing else, beside the JSON of every
    figure.
    """
    if not config.asks:
        return _nothing(context)
    with as_failures():
        proof = config.proof(store.open())
        if not proof.folder.is_dir():
            raise ProofError("no arm of this proof has run yet: materialize training_arms first")
        page = write_page(proof)
    results = read_results(proof)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(str(page)),
            "missing": [str(arm) for arm in results.missing],
            "control_gains": list(results.control_gains()),
        }
    )
