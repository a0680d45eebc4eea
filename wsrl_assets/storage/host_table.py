"""What the hosts of a shared home say of themselves to one another: a table in one object.

Each member renews its row by a conditional put of the whole table, so it has always seen what it
adds to, and no two members can take the same thing. A row that does not change for `expires_s`, by
the clock of the member that looks, is that of a host that is gone, and is left out of the next put.
"""

import json
import math
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wsrl_assets.storage.host_claims import EXPIRES_S, now_s
from wsrl_assets.storage.objects import Objects

TableRow = dict[str, Any]

_FOLDER = "hosts"
# Puts that meet another member's are tried again at once; so many in a row mean a crowd.
_TRIES = 12
_APART_S = 0.02
_RENEWALS = 12  # in the time after which a row expires, where few hosts are at work
_FEWEST_RENEWALS = 4
# With more members, each renews less often, so that puts seldom meet.
_PUTS_PER_S = 5.0


@dataclass
class HostTable:
    """One table, as one member of it sees it.

    Args:
        objects: of the home.
        name: of the table.
        member: the name of this member's row.
        expires_s: how long a row holds that is not renewed.
    """

    objects: Objects
    name: str
    member: str
    expires_s: float = EXPIRES_S
    others: dict[str, TableRow] = field(default_factory=dict)
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def period_s(self) -> float:
        """How often to renew: longer, the more members there are."""
        least, most = self.expires_s / _RENEWALS, self.expires_s / _FEWEST_RENEWALS
        return min(most, max(least, (1 + len(self.others)) / _PUTS_PER_S))

    def renew(self, row: Callable[[Mapping[str, TableRow]], TableRow | None]) -> bool:
        """Replaces this member's row: two requests, where no other member puts at that moment.

        Args:
            row: makes the row of what the others' rows are, by member, and may be asked again;
                none takes this member out of the table.

        Returns:
            whether it is written; if not, others were faster each time.

        Raises:
            ObjectsError: the store cannot be used.
        """
        for tries in range(_TRIES):
            asked_at = now_s()
            found = self.objects.read(self._object)
            rows = json.loads(found.body) if found is not None else {}
            rows.pop(self.member, None)
            self.others = self._alive(rows, asked_at)
            own = row(self.others)
            table = dict(self.others)
            if own is not None:
                table[self.member] = {**own, "once": secrets.token_hex(8)}
            body = json.dumps(table).encode()
            if found is None:
                put = self.objects.create(self._object, body)
            else:
                put = self.objects.replace(self._object, body, found)
            if put is not None:
                return True
            time.sleep(random.uniform(0.0, _APART_S * math.sqrt(1 + tries)))
        return False

    @property
    def _object(self) -> str:
        return f"{_FOLDER}/{self.name}"

    def _alive(self, rows: Mapping[str, TableRow], at: float) -> dict[str, TableRow]:
        """The rows that have changed lately, as far as this member knows."""
        seen = {name: (str(row["once"]), at) for name, row in rows.items()}
        for name, (once, _) in seen.items():
            before = self._seen.get(name)
            if before is not None and before[0] == once:
                seen[name] = before
        self._seen = seen
        return {name: row for name, row in rows.items() if at - seen[name][1] <= self.expires_s}
