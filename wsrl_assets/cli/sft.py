"""`wsrl sft`: the warm-up set as chat."""

from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.release.warmup import write_warmup


def sft(
    output: Annotated[
        Path | None, typer.Option(help="JSON lines. Default: HOME/exports/sft/train.jsonl.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Writes the warm-up set: chat messages for supervised training before GRPO.

    With WSRL_SFT_PAIRS=N, `wsrl run` holds out N pairs of each domain (a quarter of its train split
    at most), and a model that knows the answer writes a short chain of thought to each. Only those
    that the reward scores 1 are written. None of these pairs is in any release after that.
    """
    _, store = open_home(home)
    path = output or store.home / "exports" / "sft" / "train.jsonl"
    rows = write_warmup(store, path)
    console.print(f"{rows} conversations: {path}", highlight=False, soft_wrap=True)
