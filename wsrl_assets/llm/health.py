"""When to stop believing in an endpoint."""

import time
from collections.abc import Callable

# An endpoint may restart within this time; after it, the run stops with one clear error.
PATIENCE_S = 12.0
_ROWS_TO_BLAME_SERVER = 3
_CONNECTION_KINDS = frozenset({"connection", "timeout"})


class Health:
    """Tells a dead endpoint from a faulty row.

    A streak is the time since the last success in which every call failed. It condemns the
    endpoint once it has lasted `patience_s`, if nobody answers at all, or if at least three
    different rows met it: a single row may be the server's poison, three are not.
    """

    def __init__(
        self, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._since: float | None = None
        self._rows: set[str] = set()
        self._kinds: set[str] = set()
        self.last_sign_of_life = clock()

    def success(self) -> None:
        self._since = None
        self._rows.clear()
        self._kinds.clear()
        self.last_sign_of_life = self._clock()

    def failure(self, row_id: str, kind: str) -> None:
        """Notes a transient fault. Being rate limited is no failure: the server is alive."""
        if kind == "rate_limited":
            self.last_sign_of_life = self._clock()
            return
        if self._since is None:
            self._since = self._clock()
        self._rows.add(row_id)
        self._kinds.add(kind)

    def verdict(self) -> str | None:
        """Why the endpoint is given up, or none if it is not."""
        if self._since is None or self._clock() - self._since < self._patience_s:
            return None
        unreachable = self._kinds <= _CONNECTION_KINDS
        if not unreachable and len(self._rows) < _ROWS_TO_BLAME_SERVER:
            return None
        kinds = ", ".join(sorted(self._kinds))
        return f"no call has succeeded for {self._clock() - self._since:.0f} s ({kinds})"
