"""`wsrl export`: the current release in a trainer's format."""

from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.release.dataset import current_release
from wsrl_assets.release.export import FORMATS, export, formats_named, left_out


def export_command(
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMATS)}, or all.")] = "all",
    output: Annotated[Path, typer.Option(help="Folder; each format gets one inside.")] = Path(
        "exports"
    ),
    in_context: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=1,
            help="Put each pair's passage into its prompt, among K passages of other documents.",
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Writes the current release in a trainer's format, one folder a format.

    Each folder has the splits in the trainer's columns, the reward in the trainer's signature, and
    a README with the launch settings. `parquet` is the release itself, `webscale` the columns of
    the published data set. Where pairs are left out, it says how many: those of the form `rubric`
    go to trainers whose reward can ask a judge.
    """
    names = formats_named(format)
    _, store = open_home(home)
    for name, folder in export(current_release(store), names, output, in_context).items():
        console.print(f"{name}: {folder}", highlight=False, soft_wrap=True)
        for form, pairs in left_out(folder).items():
            console.print(f"  left out: {pairs:,} pairs of the form {form}", highlight=False)
