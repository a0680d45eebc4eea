"""The command `wsrl`."""

import gc
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """See `app.main`. The garbage collector stays out of the start and the end of the process.

    It would look through all that is imported, several times, and find nothing: half a second of
    each command.
    """
    gc.disable()
    from wsrl_assets.cli.app import main as run

    gc.freeze()
    gc.enable()
    try:
        run(arguments)
    finally:
        gc.freeze()


__all__ = ["main"]
