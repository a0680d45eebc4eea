"""`wsrl explore`: local web pages over every pair, from question to document, and to review it."""

from wsrl_assets.explore.app import create_app

__all__ = ["create_app"]
