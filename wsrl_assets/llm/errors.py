"""The faults of calling a model, sorted by who has to act."""

from wsrl_assets.errors import UserError


class TransientError(Exception):
    """The endpoint stumbled: the same request may succeed in a moment.

    Attributes:
        kind: one word, for the ledger.
        retry_after_s: what the server asked to wait, if it did.
    """

    def __init__(self, kind: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def is_answer(self) -> bool:
        """Whether the server answered, so that `detail` is what it said."""
        return self.kind == "rate_limited" or self.kind.startswith("http_")


class RowError(Exception):
    """The request itself cannot succeed: its row fails with this reason, others go on."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class EndpointError(UserError):
    """No call can succeed (wrong key, wrong model, nobody there): the run stops early.

    The message is a sentence or two that say what to fix. It never holds a key.

    Attributes:
        problem: what is wrong, without the remedy; the whole message where it is not told apart.
    """

    def __init__(self, message: str, problem: str | None = None) -> None:
        super().__init__(message)
        self.problem = problem or message
