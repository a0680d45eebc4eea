"""Options that many commands have. It imports nothing heavy, for commands that need no store."""

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder of all data, or s3://bucket/prefix of one that hosts share. "
        "Default: WSRL_HOME, or .wsrl.",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
