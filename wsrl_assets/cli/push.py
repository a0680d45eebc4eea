"""`wsrl push`: a release to the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.release.hub import push as push_release
from wsrl_assets.release.lookup import find_release
from wsrl_assets.training.card import with_proof


def push(
    repo: Annotated[str, typer.Argument(help="Data set repository: OWNER/NAME.")],
    release: Annotated[
        str,
        typer.Argument(help="Name of a release, the beginning of it, `current`, or a folder."),
    ] = "current",
    public: Annotated[
        bool, typer.Option("--public", help="Everyone may see it. Default: only you may.")
    ] = False,
    proof: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a proof of this release, as `wsrl prove` prints it: its table is added "
            "to the card, and its page and figures go along."
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Uploads a release, with its card, to the Hugging Face Hub, as a private data set.

    The token comes from HF_TOKEN or `hf auth login`, and must be one that may write. The commit
    is tagged with the release's name: pin it with load_dataset(REPO, revision=NAME).
    """
    _, store = open_home(home)
    folder = find_release(store, release)
    added = with_proof(folder, proof) if proof else None
    done = push_release(folder, repo, public=public, added=added)
    seen = "private" if done.private else "public"
    console.print(f"{folder.name}: {done.url} ({seen})", highlight=False, soft_wrap=True)
    console.print(
        f'load_dataset("{repo}", revision="{folder.name}")', highlight=False, soft_wrap=True
    )
