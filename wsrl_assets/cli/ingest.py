"""`wsrl ingest`: registers documents as shards."""

from collections.abc import Sequence
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.orchestration.runs import register_shards
from wsrl_assets.pipeline.takedowns import read_again, take_in
from wsrl_assets.sources.ingest import Registered
from wsrl_assets.sources.readers import matching


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files or folders; local, s3:// or hf://.")],
    text_column: Annotated[
        str | None,
        typer.Option(help="Column that holds the text. Default: WSRL_TEXT_COLUMN, or guessed."),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Read known shards again, for example with another --text-column; a changed file "
            "replaces the shard that had its path.",
        ),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Registers documents as shards; `wsrl run` then reads them.

    A path that is not there and has `*`, `?` or `[` in it is a pattern, here and in a store:
    's3://bucket/part-*.parquet'.

    Parquet, JSON lines, CSV and TSV files, plain or compressed (.gz, .zst), are a shard each. The
    .txt and .md files of a folder are one shard together, and so are data files of up to 16 MiB
    where there are more than 100. Links to folders are followed.
    A shard is named by its content, so registering a file twice changes nothing, and a changed file
    becomes a new shard. Files that a folder has gained become shards beside those that it has.
    """
    settings, store = open_home(home)
    column = text_column or settings.text_column
    found = [path for typed in paths for path in matching(typed)]
    take = read_again if again else take_in
    registered = take(store, found, column)
    register_shards(store.home, [shard.key for shard in registered])
    say_registered(registered, again=again)


def say_registered(registered: Sequence[Registered], *, again: bool = False) -> None:
    """Prints each shard, and whether it was known before."""
    known = "will be read again" if again else "known already; --again has it read again"
    for shard in registered:
        state = "registered" if shard.is_new else known
        console.print(f"shard {shard.key}: {state}", highlight=False, markup=False)
