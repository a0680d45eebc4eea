"""When to stop believing in an endpoint."""

import time
from collections.abc import Callable

# An endpoint may restart within this time; after it, the run stops with one clear error.
PATIENCE_S = 12.0
# A request to wait is no failure, but an endpoint that sends nothing else for so long is out of
# quota.
RATE_LIMIT_PATIENCE_S = 600.0
# So many different rows are not all poison to a server that works.
_ROWS_TO_BLAME_SERVER = 12


class Health:
    """Tells a dead server from a faulty row.

    A streak is the time since the last success in which every call failed. Once it has lasted
    `patience_s` the endpoint is given up, if many different rows met it. If few did, they may be
    what the server cannot bear: then only somebody who looks whether it answers anything else can
    tell.
    """

    def __init__(
        self, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._since: float | None = None
        self._limited_since: float | None = None
        self._rows: set[str] = set()
        self._kinds: set[str] = set()
        self._last_sign_of_life = clock()

    def success(self) -> None:
        """A call succeeded."""
        self._since = self._limited_since = None
        self._rows.clear()
        self._kinds.clear()
        self.sign_of_life()

    def failure(self, row_id: str, kind: str) -> None:
        """Notes a transient fault of a call."""
        if kind == "rate_limited":
            if self._limited_since is None:
                self._limited_since = self._clock()
            self.sign_of_life()
            return
        if self._since is None:
            self._since = self._clock()
        self._rows.add(row_id)
        self._kinds.add(kind)

    def sign_of_life(self) -> None:
        """The server answered something."""
        self._last_sign_of_life = self._clock()

    @property
    def silent_s(self) -> float:
        """Seconds since the server answered anything."""
        return self._clock() - self._last_sign_of_life

    @property
    def failing(self) -> bool:
        """Whether every call since the last success failed, and at least one did."""
        return self._since is not None

    @property
    def met_by_many(self) -> bool:
        """Whether too many rows met the streak for all of them to be at fault."""
        return len(self._rows) >= _ROWS_TO_BLAME_SERVER

    def suspicion(self) -> str | None:
        """What speaks against the endpoint, once it has for long enough."""
        if self._since is None or self._clock() - self._since < self.patience_s:
            return None
        kinds = ", ".join(sorted(self._kinds))
        return f"no call has succeeded for {self.patience_s:.0f} s ({kinds})"

    def verdict(self) -> str | None:
        """Why the endpoint is given up without a further look, or none if it is not."""
        since = self._limited_since
        if since is not None and self._clock() - since >= RATE_LIMIT_PATIENCE_S:
            return f"it has told every call for {RATE_LIMIT_PATIENCE_S:.0f} s to wait (429)"
        return self.suspicion() if self.met_by_many else None
