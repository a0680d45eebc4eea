"""The command `wsrl`."""

from wsrl_assets.cli.app import main

__all__ = ["main"]
