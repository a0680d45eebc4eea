"""`wsrl preview`: what settings and models make of a sample, without touching the tables."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.table import Table

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.show import plain
from wsrl_assets.cli.terminal import console
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.preview import Preview
from wsrl_assets.pipeline.preview import preview as run_preview
from wsrl_assets.settings import SettingsError, load_roles


def preview(
    documents: Annotated[
        int, typer.Option(metavar="N", min=1, help="Documents of the sample.")
    ] = 20,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Drafts from a sample of the documents, checks the drafts and shows them.

    Settings, models and demonstrations are those of a run, and the calls cost what they cost there;
    no table is written. Documents must have been read: wsrl run --to source_documents asks no
    model. The sample follows from WSRL_SEED.
    """
    settings, store = open_home(home)
    job = Job(store, settings, load_roles(), f"preview-{uuid4().hex[:8]}")
    found = asyncio.run(run_preview(job, documents))
    if not found.documents:
        raise SettingsError(
            "no document has been read yet: `wsrl ingest PATH`, then "
            "`wsrl run --to source_documents`, which asks no model"
        )
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    for draft in found.drafts:
        console.print(_draft(draft))
    console.print(_summary(found), highlight=False, soft_wrap=True)


def _draft(draft: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("question", plain(draft["question"] or "none"))
    grid.add_row("answer", plain(f"{draft['answer']} ({draft['answer_type']})"))
    grid.add_row("evidence", plain(draft["evidence"]))
    persona = draft["persona"] or "no persona"
    grid.add_row("for", plain(f"{persona}, {draft['form']}, {draft['domain']}"))
    said = [draft["pair_status"], draft["pair_reason"], draft["pair_detail"]]
    grid.add_row("verdict", plain(": ".join(str(part) for part in said if part)))
    grid.add_row("", "")
    return grid


def _summary(found: Preview) -> str:
    spent = found.spending
    each = f"{spent.tokens // spent.accepted:,} a pair" if spent.accepted else "no pair"
    cost = f", cost {spent.cost:,.4g}" if spent.cost else ""
    left_out = ", ".join(f"{reason} {n}" for reason, n in found.left_out.items())
    dropped = f" (dropped: {left_out})" if left_out else ""
    return (
        f"{found.documents} documents{dropped}, {len(found.drafts)} drafts, "
        f"{spent.accepted} accepted; {spent.tokens:,} tokens, {each}{cost}"
    )
