"""Where the files of a home lie."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SAFE_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class PartitionKind(StrEnum):
    """The folders of partition files under a home."""

    SHARD = "shards"
    DOMAIN = "domains"
    LIBRARY = "library"
    # A domain's regenerated documents until they are whole, and the documents they replaced.
    NEXT = "next"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One DuckDB file's worth of data: a shard, a domain, or a library."""

    kind: PartitionKind
    key: str

    def __post_init__(self) -> None:
        if not _SAFE_KEY.fullmatch(self.key):
            raise ValueError(
                f"partition key {self.key!r} is not usable as a file name: "
                "letters, digits, dot, dash and underscore only"
            )

    @classmethod
    def shard(cls, key: str) -> "Partition":
        return cls(PartitionKind.SHARD, key)

    @classmethod
    def domain(cls, key: str) -> "Partition":
        return cls(PartitionKind.DOMAIN, key)

    @classmethod
    def library(cls, key: str) -> "Partition":
        return cls(PartitionKind.LIBRARY, key)

    @classmethod
    def next(cls, domain: str) -> "Partition":
        return cls(PartitionKind.NEXT, domain)

    @classmethod
    def superseded(cls, domain: str) -> "Partition":
        return cls(PartitionKind.SUPERSEDED, domain)

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"


@dataclass(frozen=True, slots=True)
class PartitionFiles:
    """The files of one partition under `home`.

    Attributes:
        live: the database that writers open, one at a time.
        initial: where a new database is written until its first commit, so that `live` is whole
            from the moment it is there, wherever a process is killed.
        snapshot: the published copy that readers open.
        lock: held while the live file is open.
        owner: names the process that holds the lock, for messages.
        run_lock: held by the run that works on the partition, however long that takes.
    """

    live: Path
    initial: Path
    snapshot: Path
    lock: Path
    owner: Path
    run_lock: Path

    @classmethod
    def of(cls, home: Path, partition: Partition) -> "PartitionFiles":
        folder = home / partition.kind
        locks = home / "locks" / partition.kind
        return cls(
            live=folder / f"{partition.key}.duckdb",
            initial=folder / f".{partition.key}.initial",
            snapshot=folder / "snapshots" / f"{partition.key}.duckdb",
            lock=locks / f"{partition.key}.lock",
            owner=locks / f"{partition.key}.owner",
            run_lock=locks / f"{partition.key}.run",
        )
