"""`wsrl trial`: two recipes or more on one sample, what they differ in, and taking one over."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.table import Table
from typer.core import TyperGroup

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.terminal import console, errors
from wsrl_assets.cli.trial_rewards import rewards
from wsrl_assets.trials.arms import TrialError, as_environment, load_arms, merged_environment
from wsrl_assets.trials.comparison import Comparison
from wsrl_assets.trials.page import said_difference, said_value
from wsrl_assets.trials.trial import Trial, find_arm
from wsrl_assets.trials.trial import run as run_arms

_RUN = "run"


class _Trials(TyperGroup):
    """Files may stand right behind `trial`: what is no subcommand is an argument of `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_named = bool(args) and (args[0] in self.commands or args[0] in ("--help", "-h"))
        found: list[str] = super().parse_args(ctx, args if is_named or not args else [_RUN, *args])
        return found


trial = typer.Typer(
    cls=_Trials,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help=(
        "Compares recipes on a sample: `wsrl trial a.yaml b.yaml --documents 200`, then "
        "`wsrl trial adopt b`. Compares rewards on the same rollouts: `wsrl trial rewards`."
    ),
)


@trial.command(_RUN)
def run(
    arms: Annotated[
        list[Path], typer.Argument(metavar="ARM.yaml...", help="Files of settings, two or more.")
    ],
    documents: Annotated[
        int, typer.Option(metavar="N", min=1, help="Documents of the sample.")
    ] = 200,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Runs each arm on the same sample and compares them with the first; `run` may be left out.

    An arm is a YAML file of settings by their names, such as WSRL_PERSONAS: 1, over those of the
    environment. The sample is of the documents that were read, in proportion to the domains, and
    follows from WSRL_SEED. Arms run one after another in homes of their own, HOME/trials/NAME/ARM:
    a trial that was stopped goes on when it is run again, and the tables of the home are not
    touched. Calls that arms would make alike are made once. Goals and budgets do not hold here.

    Exit codes: 0 done; 1 rows of an arm failed, so that the comparison lacks them (they are tried
    again with WSRL_RETRY_FAILED=true); 2 wrong use, or nothing could run.
    """
    settings, store = open_home(home)
    loaded = load_arms(arms, {"home": settings.home})
    found = asyncio.run(
        run_arms(
            store,
            loaded,
            documents,
            run_id=f"trial-{uuid4().hex[:8]}",
            warn=_say,
            told=_say,
        )
    )
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        console.print(_measures(found.comparison))
        console.print(_counts(found.comparison))
        console.print(_summary(found), highlight=False, soft_wrap=True)
    _exit_for(found.comparison)


trial.command()(rewards)


@trial.command()
def adopt(
    arm: Annotated[str, typer.Argument(help="Name of the arm.")],
    trial_name: Annotated[
        str | None,
        typer.Option("--trial", metavar="NAME", help="Which trial. Default: the newest with it."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Environment file to write them into."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Prints the settings of an arm as lines NAME=value, or writes them into an environment file.

    Settings come from the environment: source the file in a shell (`set -a; . FILE; set +a`), or
    name it in systemd (EnvironmentFile) or Docker Compose (env_file). Lines of the file that set
    something else stay. Rows that were made before stay too: `wsrl status` counts those of an older
    recipe, and `wsrl run --regenerate` replaces them.
    """
    _, store = open_home(home)
    record, values = find_arm(store, arm, trial_name)
    if not values:
        errors.print(f"arm {arm} of trial {record.name} sets nothing", soft_wrap=True)
        return
    if output is None:
        print(as_environment(values), end="")
        return
    _write(output, values)
    lines = "1 setting" if len(values) == 1 else f"{len(values)} settings"
    errors.print(f"{lines} of arm {arm} of trial {record.name} in {output}", soft_wrap=True)


def _write(path: Path, values: Any) -> None:
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        path.write_text(merged_environment(before, values), "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrialError(
            f'"{path}" cannot be written ({error}); name another file with --output'
        ) from None


def _say(text: str) -> None:
    errors.print(text, highlight=False, soft_wrap=True)


def _exit_for(found: Comparison) -> None:
    """Ends the command with code 1 if rows of an arm failed, and says which."""
    for arm, failed in found.failed.items():
        if failed:
            said = ", ".join(f"{rows:,} at {stage}" for stage, rows in failed.items())
            errors.print(
                f"rows failed in arm {arm}: {said}; the table above says why", style="yellow"
            )
    if any(found.failed.values()):
        raise typer.Exit(1)


def _measures(found: Comparison) -> Table:
    table = Table(title="Measures, with 95 % intervals by source document", title_justify="left")
    table.add_column("measure")
    for number, arm in enumerate(found.arms):
        table.add_column(arm, justify="right")
        if number:
            table.add_column(f"less {found.arms[0]}", justify="right")
    for measured in found.measures:
        cells = [measured.name, said_value(measured, measured.values[0])]
        for value, difference in zip(measured.values[1:], measured.differences, strict=True):
            mark = " *" if difference.is_clear else ""
            cells += [said_value(measured, value), said_difference(measured, difference) + mark]
        table.add_row(*cells)
    return table


def _counts(found: Comparison) -> Table:
    table = Table(title="Rows by stage and outcome", title_justify="left")
    table.add_column("stage")
    table.add_column("outcome")
    for arm in found.arms:
        table.add_column(arm, justify="right")
    for counted in found.counts:
        table.add_row(counted.stage, counted.outcome, *(f"{rows:,}" for rows in counted.rows))
    return table


def _summary(found: Trial) -> str:
    shown = found.comparison
    cost = f", cost {found.paid_cost:,.4g}" if found.paid_cost else ""
    return (
        f"{shown.documents:,} documents of {shown.sources:,} sources; {found.paid_tokens:,} tokens "
        f"paid in all{cost}. Differences of shares are in points; * where the interval leaves out "
        f"0.\nPairs side by side: {found.page}\nTake one over: wsrl trial adopt {shown.arms[-1]}"
    )
