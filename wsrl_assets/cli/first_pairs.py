"""The first pairs of a run on the screen, as they pass their checks."""

import threading
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.table import Table

from wsrl_assets.cli.show import plain
from wsrl_assets.storage import PartitionKind, Store, catalog
from wsrl_assets.storage.transaction import frame

_LOOK_EVERY_S = 1.0


class FirstPairs:
    """Prints the first pairs that are verified while the block runs, and when they were.

    It reads published snapshots, so it stands in no run's way. Pairs that were there before are not
    printed.

    Args:
        store: the databases.
        console: where to print; that of the progress bars, if there are any.
        began: when the command began, by `time.monotonic`.
        most: how many pairs.
    """

    def __init__(self, store: Store, console: Console, began: float, most: int = 5) -> None:
        self._store = store
        self._console = console
        self._began = began
        self._left = most
        self._seen: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="wsrl-first-pairs", daemon=True)

    def __enter__(self) -> "FirstPairs":
        self._seen = {row["pair_id"] for row in self._verified()}
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._left > 0 and not self._ended.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for row in self._verified():
            if self._left > 0 and row["pair_id"] not in self._seen:
                self._seen.add(row["pair_id"])
                self._left -= 1
                self._say(row)

    def _verified(self) -> list[dict[str, Any]]:
        domains = self._store.partitions(PartitionKind.DOMAIN)
        if not domains:
            return []
        with catalog(self._store, domains) as connection:
            return frame(connection, "first_pairs").to_dicts()

    def _say(self, row: dict[str, Any]) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row("question", plain(row["question"]))
        grid.add_row("answer", plain(row["answer"]))
        seconds = time.monotonic() - self._began
        self._console.print(f"\nverified after {seconds:.0f} s:", highlight=False)
        self._console.print(grid)
