"""What is behind a pair besides its rows: recipes and model calls."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from wsrl_assets.storage.catalog import catalog
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.layout import Partition, PartitionKind
from wsrl_assets.storage.store import Store
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.stages import RECIPE_COLUMNS

Record = dict[str, Any]


@contextmanager
def around_pair(store: Store, prefix: str, *, superseded: bool = False) -> Iterator[Connection]:
    """A catalog of what pairs whose ids begin so are made of: their domains, shards and release.

    However many shards there are, it opens those few files.

    Args:
        superseded: whether rows that were replaced, or withdrawn, stand among those of their
            domain.
    """
    kinds = [PartitionKind.DOMAIN, *([PartitionKind.SUPERSEDED] if superseded else [])]
    domains = [partition for kind in kinds for partition in store.partitions(kind)]
    with catalog(store, domains, superseded=superseded) as connection:
        places = frame(connection, "trace_places", prefix=f"{prefix}%")
    keys, shards = set(places["domain"]), set(places["shard"].drop_nulls())
    only = [partition for partition in domains if partition.key in keys]
    only += [Partition.shard(shard) for shard in shards]
    only.append(Partition.library("release"))
    with catalog(store, only, superseded=superseded) as connection:
        yield connection


def recipes_and_calls(
    connection: Connection, pair: Mapping[str, Any]
) -> tuple[dict[str, Record], list[Record]]:
    """The recipes of a row of `trace_pair.sql`, by hash, and its calls, on a catalog connection.

    A recipe has `recipe`, `stage` and `body`, the last as an object.
    """
    hashes = [pair[key] for key in RECIPE_COLUMNS.values() if pair[key]]
    recipes = frame(connection, "trace_recipes", recipes=hashes).to_dicts()
    names = {"draft_id": pair["draft_id"], "doc_id": pair["doc_id"]}
    calls = frame(connection, "trace_calls", **names).to_dicts()
    by_hash = {row["recipe"]: {**row, "body": json.loads(row["body"])} for row in recipes}
    return by_hash, calls
