"""What can be wrong with a proof and be mended by its user."""

from wsrl_assets.errors import UserError


class ProofError(UserError, ValueError):
    """A proof cannot be made as it is asked for; the message says what to do."""
