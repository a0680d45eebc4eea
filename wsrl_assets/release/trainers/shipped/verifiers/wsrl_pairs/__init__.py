"""The taskset `wsrl-pairs`."""

from .taskset import WsrlPairsTaskset

__all__ = ["WsrlPairsTaskset"]
