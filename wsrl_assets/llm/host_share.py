"""One ceiling on calls in flight for all hosts of a shared home that call an endpoint.

Each host says in a table (`HostTable`) what part of the ceiling it uses and what part it could use,
and takes as much of what the others leave as is fair. A host that is to use less says so only when
its calls have ended; so the parts never sum to more than the ceiling, whatever hosts begin or stop.
Only a host that gets no whole slot goes beyond that, with one call.
"""

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from wsrl_assets.llm.slots import SharedSlots
from wsrl_assets.storage.host_claims import numbered_in
from wsrl_assets.storage.host_table import HostTable, TableRow
from wsrl_assets.storage.objects import ObjectsError
from wsrl_assets.storage.shared_home import SharedHome

# What a host uses of its part is looked at so often, since a look between two calls sees nothing.
LOOK_EVERY_S = 0.25
# A host that could use more than it has, or has just come, looks for it so often.
_HURRIED_EVERY_S = 0.5
_NEW_FOR_S = 5.0
# The part of the time after which its row expires for which a host counts on its part.
_SURE = 0.8
# A host that has nothing waiting keeps so much more than it used.
_HEADROOM = 1.25
_ALL = 1.0
_ROUNDING = 1e-6
_LOOPBACK = ("localhost", "127.", "[::1]", "::1")


class HostShare:
    """This host's part of the ceiling of one endpoint; one a process.

    Args:
        slots: of the endpoint, on this host.
        table: of the endpoint, with a row for each host.

    Attributes:
        learns: whether the ceiling is what the hosts learn of the endpoint; else it is fixed.
    """

    def __init__(self, slots: SharedSlots, table: HostTable) -> None:
        self.learns = True
        self._slots = slots
        self._table = table
        self._began = time.monotonic()
        self._most_used = self._said = 0.0
        self._lacks = False
        self._mutex = threading.Lock()

    @classmethod
    def of(cls, home: SharedHome, base_url: str, path: Path, slots: SharedSlots) -> "HostShare":
        """The share in an endpoint of this host, whose slots are in the file `path`."""
        member = _digest(socket.gethostname(), numbered_in(), str(path))
        return cls(slots, home.table(f"ceilings/{_digest(_as_hosts_name(base_url))}", member))

    def is_due(self) -> bool:
        """Notes what is used now; whether to `renew`, true for one process of the host."""
        self._note_use()
        is_new = time.monotonic() - self._began < _NEW_FOR_S
        is_hurried = is_new or self._lacks or self._most_used > _HEADROOM * self._said
        return self._slots.claim_sharing(
            _HURRIED_EVERY_S if is_hurried else self._table.period_s - LOOK_EVERY_S / 2
        )

    def renew(self) -> None:
        """Says what is used and takes what is fair; where the store is away, nothing changes."""
        self._note_use()
        with self._mutex, contextlib.suppress(ObjectsError):
            wants, self._most_used = self._most_used, 0.0
            self._said = wants
            taken = 0.0

            def row(others: Mapping[str, TableRow]) -> TableRow:
                nonlocal taken
                self._learn(others.values())
                taken = self._fair(others, wants)
                if taken < self._slots.part:
                    self._set(taken)
                in_use = self._slots.occupied / self._slots.ceiling
                return {"part": max(taken, in_use), "wants": wants, **self._learnt()}

            if self._table.renew(row):
                self._set(taken)

    def leave(self) -> None:
        """Leaves the part of a host that makes no calls to the others."""
        with self._mutex, contextlib.suppress(ObjectsError):  # else its row expires
            self._set(0.0)
            self._table.renew(lambda others: None)

    def _note_use(self) -> None:
        used = _HEADROOM * self._slots.occupied / self._slots.ceiling
        self._most_used = max(self._most_used, _ALL if self._slots.has_waiting else min(_ALL, used))

    def _fair(self, others: Mapping[str, TableRow], wants: float) -> float:
        """This host's part: what is fair, in whole slots, of what the others leave."""
        ceiling = self._slots.ceiling
        table = {self._table.member: wants, **{name: row["wants"] for name, row in others.items()}}
        members = sorted(table)
        fair = whole_slots(ceiling, fair_parts([table[name] for name in members]))
        slots = fair[members.index(self._table.member)]
        left = int(ceiling * (1.0 - sum(row["part"] for row in others.values())) + _ROUNDING)
        self._lacks = left < slots
        return max(0, min(slots, left)) / ceiling

    def _set(self, part: float) -> None:
        self._slots.set_part(part, holds_s=_SURE * self._table.expires_s)

    def _learnt(self) -> TableRow:
        slots = self._slots
        return {"ceiling": slots.ceiling, "limit": slots.limit, "settled": slots.settled}

    def _learn(self, others: Iterable[TableRow]) -> None:
        """Believes what the hosts that have met the endpoint's limit believe on average."""
        known = [other for other in others if other["settled"]]
        if not self.learns or not known:
            return
        if self._slots.settled:
            known.append(self._learnt())
        self._slots.ceiling = round(sum(other["ceiling"] for other in known) / len(known))
        self._slots.limit = round(sum(other["limit"] for other in known) / len(known))
        self._slots.settled = True


def fair_parts(wants: Sequence[float]) -> list[float]:
    """The parts of 1 that are fair for those who want so much of it; they sum to 1.

    Who wants less than an equal part gets it, the others share the rest; what nobody wants is
    shared among all, so that each has room for more.
    """
    left = 1.0
    for taken, want in enumerate(sorted(wants)):
        equal = left / (len(wants) - taken)
        if want >= equal:
            return [min(one, equal) for one in wants]
        left -= want
    return [want + left / len(wants) for want in wants]


def whole_slots(ceiling: int, parts: Sequence[float]) -> list[int]:
    """Whole slots in proportion to parts, none of them lost by rounding."""
    ends = [int(ceiling * sum(parts[: place + 1]) + _ROUNDING) for place in range(len(parts))]
    return [end - first for first, end in zip([0, *ends], ends, strict=False)]


def _as_hosts_name(base_url: str) -> str:
    """An address on this machine is another endpoint on each."""
    is_local = (urlsplit(base_url).hostname or "").startswith(_LOOPBACK)
    return f"{_network()} {base_url}" if is_local else base_url


@cache
def _network() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/net').readlink()}"
    except OSError:
        return socket.gethostname()


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
