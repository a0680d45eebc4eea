"""What runs on all hosts of a shared home come to while they are at work, as of a moment ago.

The ledgers say it, too, but to read those of other hosts costs what they hold. Each process adds
up its own, and says its sums in a `HostTable`, once in `period_s` while they change.
"""

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from wsrl_assets.storage.host_table import HostTable, TableRow
from wsrl_assets.storage.objects import ObjectsError


@dataclass(frozen=True, slots=True)
class Totals:
    """Pairs that passed every check, and what was spent."""

    pairs: int = 0
    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(self.pairs + other.pairs, self.tokens + other.tokens, self.cost + other.cost)


@dataclass(frozen=True, slots=True)
class Limits:
    """Totals at which runs are to begin nothing more; none where there is no limit."""

    pairs: int | None = None
    tokens: int | None = None
    cost: float | None = None

    def are_reached(self, totals: Totals) -> bool:
        return (
            (self.pairs is not None and totals.pairs >= self.pairs)
            or (self.tokens is not None and totals.tokens >= self.tokens)
            or (self.cost is not None and totals.cost >= self.cost)
        )


class RunningTotals:
    """The totals of one process and of all others of the home.

    Args:
        table: has a row for each process.
    """

    def __init__(self, table: HostTable) -> None:
        self._table = table
        self._own = self._said = Totals()
        # Rows expire, and what they said was done all the same.
        self._others: dict[str, Totals] = {}
        self._limits: Limits | None = None
        self._mutex = threading.Lock()
        self._renewing = threading.Lock()
        self._renewer: threading.Thread | None = None

    def add(self, totals: Totals) -> None:
        """Counts what this process has done."""
        with self._mutex:
            self._own += totals
        self._keep_renewing()

    def look(self) -> Totals:
        """The totals of all, as they are now. Only differences between two of them mean something.

        Raises:
            ObjectsError: the store cannot be used.
        """
        self._renew()
        return self._all()

    def limit(self, limits: Limits | None) -> None:
        """Sets at which totals the runs of this process are to begin nothing more."""
        self._limits = limits
        self._keep_renewing()

    @property
    def are_enough(self) -> bool:
        """Whether a limit is reached, by the totals of others as of a moment ago."""
        return self._limits is not None and self._limits.are_reached(self._all())

    def _all(self) -> Totals:
        with self._mutex:
            return sum(self._others.values(), self._own)

    def _renew(self) -> None:
        with self._renewing:
            said = self._own

            def row(others: Mapping[str, TableRow]) -> TableRow:
                found = {
                    name: Totals(other["pairs"], other["tokens"], other["cost"])
                    for name, other in others.items()
                }
                with self._mutex:
                    self._others.update(found)
                return asdict(said)

            if self._table.renew(row):
                self._said = said

    def _keep_renewing(self) -> None:
        with self._mutex:
            if self._renewer is None or not self._renewer.is_alive():
                self._renewer = threading.Thread(target=self._renew_often, daemon=True)
                self._renewer.start()

    def _renew_often(self) -> None:
        while True:
            time.sleep(self._table.period_s)
            if self._own != self._said or self._limits is not None:
                with contextlib.suppress(ObjectsError):  # the next try comes soon
                    self._renew()
