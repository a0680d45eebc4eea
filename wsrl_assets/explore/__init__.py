"""`wsrl explore`: a local, read-only web page over every pair, from question to document."""

from wsrl_assets.explore.app import create_app

__all__ = ["create_app"]
