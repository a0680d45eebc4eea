"""`wsrl prove`: what training on a release teaches, against what it is compared with."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from wsrl_assets.cli.common import named, open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.show import plain, say
from wsrl_assets.cli.terminal import console, errors
from wsrl_assets.release.lookup import find_release
from wsrl_assets.storage import Store
from wsrl_assets.training.environment import find_trainers_python
from wsrl_assets.training.page import FIGURES, PAGE, summary_table
from wsrl_assets.training.results import read_results
from wsrl_assets.training.spec import Arm, Preset, ProofSpec, load_proof_spec
from wsrl_assets.training.verl import write_verl

_PAPER_MODEL = "Qwen/Qwen2.5-3B"
_SHOWN = {
    0: "read, strict",
    1: "read, lenient",
    4: "closed, strict",
    5: "closed, lenient",
    8: "choice",
}


def prove(
    release: Annotated[
        str, typer.Option(help="Name of a release, the beginning of it, `current`, or a folder.")
    ] = "current",
    preset: Annotated[
        Preset,
        typer.Option(
            parser=named(Preset, "preset"),
            metavar="PRESET",
            help="Sizes: smoke (CPU, minutes, claims nothing), hour (one GPU), or paper (writes a "
            "verl configuration for many GPUs).",
        ),
    ] = Preset.SMOKE,
    spec: Annotated[
        Path | None,
        typer.Option(help="YAML file over the preset; see docs/proof.md."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Folder of weights, or a name on the Hub. Default: the bundled model."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of proofs. Default: HOME/proofs.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Trains a model in eight ways on the release's documents, and compares what each learnt.

    The arms: the model as it is, continual pretraining on the documents, raw and filtered, SFT on
    the pairs, GRPO on them with and without a warm-up, on unverified drafts, and on shuffled golds.
    All are asked questions on held-out documents. One page shows every figure, with what was
    expected beforehand, and which differences are beyond chance.

    It needs the trainers' environment (`make trainers-env`, or WSRL_TRAINERS_PYTHON). What is
    finished is not run again; another spec, release or model is another proof.
    """
    _, store = open_home(home)
    asked = load_proof_spec(preset, spec)
    folder = find_release(store, release)
    if asked.trainer == "verl":
        _write_out(store, folder, asked, model, output, as_json=as_json)
        return
    find_trainers_python(asked.benchmarks)
    # Here, since Dagster takes seconds to import.
    from wsrl_assets.orchestration.proof import Asked
    from wsrl_assets.orchestration.proof import prove as run

    failures: dict[str, str] = {}

    def on_arm(arm: Arm, failed: str | None) -> None:
        if failed is not None:
            failures[arm] = failed
        errors.print(plain(f"{arm}: {failed or 'done'}"), soft_wrap=True)

    options = Asked(
        str(folder),
        str(preset),
        str(spec.resolve()) if spec else None,
        model,
        str(output.resolve()) if output else None,
    )
    proof = run(store, options, on_arm)
    results = read_results(proof)
    if as_json:
        print(json.dumps(results.to_dict()))
    else:
        say(console, _table(summary_table(results)))
        print(f"{proof.folder / PAGE}\n{proof.folder / FIGURES}")
    if failures:
        raise typer.Exit(1)


def _write_out(
    store: Store,
    release: Path,
    spec: ProofSpec,
    model: str | None,
    output: Path | None,
    *,
    as_json: bool,
) -> None:
    folder = (output or store.home / "proofs") / f"{release.name}-verl"
    named_model = model or _PAPER_MODEL
    if Path(named_model).is_dir():  # verl is run from elsewhere
        named_model = str(Path(named_model).resolve())
    written = write_verl(release, spec, named_model, folder)
    if as_json:
        print(json.dumps({"verl": str(written)}))
    else:
        print(f"verl's configuration, which is not run here: {written}")


def _table(rows: list[tuple[str, int, list[float | None]]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("arm", no_wrap=True)
    table.add_column("seeds", justify="right")
    for name in _SHOWN.values():
        table.add_column(name, justify="right")
    for name, seeds, values in rows:
        shown = (values[place] for place in _SHOWN)
        table.add_row(plain(name), str(seeds), *("–" if v is None else f"{v:.1%}" for v in shown))
    return table
