"""Model servers for the pipeline: started, watched, and gone afterwards."""

from wsrl_assets.serving.endpoint import ServedEndpoint, ServerEngine, serve
from wsrl_assets.serving.errors import ServingError

__all__ = ["ServedEndpoint", "ServerEngine", "ServingError", "serve"]
