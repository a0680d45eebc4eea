"""`wsrl domains`: which domains could be made of what is crowded."""

import json
from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.reporting.coverage import (
    FILE,
    Coverage,
    Proposal,
    cover_domains,
    folder_of,
    is_edited,
    write_proposals,
)
from wsrl_assets.reporting.topics import LEAST
from wsrl_assets.storage import Store
from wsrl_assets.taxonomy.domains import Domain

domains = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Proposes domains for what is crowded in `other` and in the largest ones: "
    "`wsrl domains propose`.",
)


@domains.callback()
def group() -> None:
    """Keeps `propose` a command of its own while it is the only one."""


@domains.command()
def propose(
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the file of domains here, if nothing is there."),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Finds topics that are crowded in `other` and in the largest domains, and writes them down.

    Documents are compared by their embeddings where WSRL_EMBEDDING_MODEL is set, and by their words
    otherwise; a sample of up to 1,000 sources a domain, the same for the same home. No model is
    asked, and no row changes.

    The file has the domains in use, and each proposal as a comment with the words and documents
    that it rests on. Edit it and set WSRL_DOMAINS to it: `wsrl run` then sorts again what could
    move to the added domains, and nothing else.
    """
    settings, store = open_home(home)
    found = cover_domains(store, settings.embedding_model)
    if output is not None:
        write_proposals(found, output)
    if as_json:
        print(json.dumps(found.model_dump(mode="json", by_alias=True), ensure_ascii=False))
        return
    _print(_searched(found))
    for proposal in found.proposals:
        _print(_said(proposal, found))
    _print(_next(store, found, output))


def _searched(found: Coverage) -> str:
    read = [domain for domain in found.domains if domain.is_searched]
    if not read:
        largest = max((domain.sources for domain in found.domains), default=0)
        return (
            f"Nothing to look at yet: it takes {LEAST} sources in a domain to tell a topic, and "
            f"the largest has {largest:,}."
        )
    names = ", ".join(f"{Domain(domain.domain).label} ({domain.sampled:,})" for domain in read)
    by = f"the embeddings of {found.compared_by}" if found.compared_by else "their words"
    return f"Compared by {by}: {names}.\nCrowded topics: {len(found.proposals) or 'none'}."


def _said(proposal: Proposal, found: Coverage) -> str:
    sampled = next(one.sampled for one in found.domains if one.domain == proposal.source)
    source = Domain(proposal.source).label
    lines = [
        f"\n{proposal.facts.label}: {proposal.documents:,} documents, "
        f"{proposal.documents / sampled:.0%} of {source}",
        f"  {', '.join(proposal.words)}",
        *(f"  - {example.title[:74]}" for example in proposal.examples),
    ]
    return "\n".join(lines)


def _next(store: Store, found: Coverage, output: Path | None) -> str:
    path = output or folder_of(store) / FILE
    if output is None and is_edited(store, found):
        return f"\n{path} was edited and stays as it is; write them elsewhere with --output FILE."
    if not found.proposals:
        return f"\nDomains in use: {path}"
    return (
        f'\nProposals: {path}\nEdit them there, remove the "# " of those that you take, and set '
        f"WSRL_DOMAINS={path}"
    )


def _print(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
