"""`wsrl sql`: read-only SQL over everything."""

import json
import sys
from typing import Annotated

import typer

from wsrl_assets.cli import show
from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.settings import SettingsError
from wsrl_assets.storage import catalog, typed_query


def sql(
    query: Annotated[str, typer.Argument(help="A query, such as: FROM verified_pairs LIMIT 5")],
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV and nothing else.")] = False,
    home: HomeOption = None,
) -> None:
    """Runs read-only SQL over everything: one view per table, over all partitions.

    Views: shards, source_documents, triaged_documents, filtered_documents, personas, qa_drafts,
    verified_pairs, rollouts, pass_rates, final_splits, sft_warmup, released_pairs, llm_calls,
    recipes, demonstrations, benchmark_ngrams, tested_golds, domains, review_labels, review_samples;
    and, with verdict, the stage where it left, and why: pairs, every draft, and documents, every
    passage. Each has a column `partition`. It reads published snapshots, so it never stands in the
    way of a run.

    Rows that are wider than the terminal are printed as records, one under another.
    """
    if as_json and as_csv:
        raise SettingsError("--json and --csv exclude each other")
    _, store = open_home(home)
    with catalog(store) as connection:
        columns, rows = typed_query(connection, query)
    if as_json:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str))
    elif as_csv:
        show.write_csv(sys.stdout, columns, rows)
    else:
        show.print_rows(console, columns, rows)
