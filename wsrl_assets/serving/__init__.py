"""Model servers for the pipeline: started, watched, and gone afterwards."""

from wsrl_assets.serving.endpoint import Engine, ServedEndpoint, serve
from wsrl_assets.serving.errors import ServingError

__all__ = ["Engine", "ServedEndpoint", "ServingError", "serve"]
