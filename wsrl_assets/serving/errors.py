"""What a user sees when a server cannot be had."""


class ServingError(RuntimeError):
    """A model server could not be started. The message says what is wrong and the way out."""
