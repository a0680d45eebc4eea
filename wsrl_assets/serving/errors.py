"""What a user sees when a server cannot be had."""

from wsrl_assets.errors import UserError


class ServingError(UserError, RuntimeError):
    """A model server could not be started. The message says what is wrong and the way out."""
