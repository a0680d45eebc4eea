"""What is behind a pair besides its rows: recipes and model calls."""

import json
from collections.abc import Mapping
from typing import Any

from wsrl_assets.storage.store import Connection, frame
from wsrl_assets.taxonomy.stages import RECIPE_COLUMNS

Record = dict[str, Any]


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
