"""The data set card of a release."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import jinja2
import polars as pl

from wsrl_assets.release.splits import Split


def write_card(
    folder: Path,
    name: str,
    pairs: pl.DataFrame,
    columns: Mapping[str, str],
    contamination: pl.DataFrame,
) -> None:
    """Writes `README.md` with the Hub's YAML header, counts and the schema.

    The header names only the splits that have pairs: `datasets` refuses to load an empty one.

    Args:
        contamination: `benchmark`, `items` in it and `pairs` that were left out because of it.
    """
    source = resources.files("wsrl_assets.release").joinpath("card.md.j2").read_text("utf-8")
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(source).render(
        name=name,
        total=pairs.height,
        documents=pairs["parent_id"].n_unique(),
        splits=[
            {"name": str(split), "rows": pairs.filter(pl.col("split") == split).height}
            for split in Split
        ],
        domains=_counts(pairs, "domain"),
        types=_counts(pairs, "answer_type"),
        forms=_counts(pairs, "form"),
        columns=columns,
        benchmarks=contamination.to_dicts(),
    )
    (folder / "README.md").write_text(text, "utf-8")


def _counts(pairs: pl.DataFrame, column: str) -> list[dict[str, object]]:
    return pairs.group_by(column).len().sort("len", column, descending=[True, False]).to_dicts()
