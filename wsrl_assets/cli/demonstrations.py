"""`wsrl demonstrations`: few-shot examples, checked and drafted."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from wsrl_assets.cli.common import named, open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.terminal import console
from wsrl_assets.generation.library import library_sources
from wsrl_assets.pipeline.demonstrations import (
    SUFFIX,
    Checked,
    DraftError,
    check_sources,
    draft_demonstrations,
    drafted_file,
    sources_at,
)
from wsrl_assets.settings import load_settings
from wsrl_assets.taxonomy.domains import Domain

demonstrations = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help=(
        "Checks few-shot examples, and drafts some from verified pairs: "
        "`wsrl demonstrations check`, `wsrl demonstrations draft --domain D`."
    ),
)


@demonstrations.command()
def check(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of files DOMAIN.yaml, or one file. Default: those that drafts use now.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Runs demonstrations through the checks that drafts go through, all but those of a model.

    Names file, row and remedy of each fault, and exits with 1 if there is any. Without a folder:
    the demonstrations of WSRL_DEMONSTRATIONS and of the file of domains, and the packaged ones of
    all other domains.
    """
    sources = sources_at(path) if path else library_sources(load_settings().demonstrations)
    found = check_sources(sources)
    if as_json:
        findings = [{**asdict(one), "remedy": one.remedy} for one in found.findings]
        print(json.dumps({"rows": found.rows, "findings": findings}, ensure_ascii=False))
    else:
        _say_checked(found)
    if found.findings:
        raise typer.Exit(1)


@demonstrations.command()
def draft(
    domain: Annotated[
        Domain,
        typer.Option(metavar="DOMAIN", help="Domain, by its slug.", parser=named(Domain, "domain")),
    ],
    count: Annotated[int, typer.Option(metavar="N", min=1, max=40, help="How many.")] = 6,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=f"Where to write. Default: HOME/demonstrations/DOMAIN{SUFFIX}."
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Proposes demonstrations from verified pairs of a domain, for a person to accept.

    Open questions in the train split that passed every check, of as many answer types as there are,
    one a document; pairs that somebody accepted in `wsrl review` come first, and those that
    somebody rejected are left out. Each stands on the sentences around its evidence and is checked
    again. No run reads the file as long as it has its name: read it, mend it, check it, and then
    rename it. No model is asked.
    """
    _, store = open_home(home)
    drafted = draft_demonstrations(store, domain, count)
    path = output or store.home / "demonstrations" / f"{domain}{SUFFIX}"
    _write(path, drafted_file(drafted))
    for one, is_accepted in drafted.rows:
        reviewed = ", accepted in a review" if is_accepted else ""
        _print(f"{one.id}: {one.answer_type}{reviewed}\n  {one.question}\n  -> {one.answer}")
    left = f"; {drafted.left_out} more were left out by the checks" if drafted.left_out else ""
    _print(f"\n{_rows(len(drafted.rows))} proposed{left}: {path}")
    _print(f"Read and mend them, then: wsrl demonstrations check {path}")


def _say_checked(found: Checked) -> None:
    for name, rows in found.rows.items():
        faults = [one for one in found.findings if one.file == name]
        if not faults:
            continue
        _print(f"{name}: {_rows(rows)}, {len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
        for one in faults:
            place = f"{one.row}, " if one.row else ""
            _print(f"  {place}{one.check.replace('_', ' ')}: {one.said}\n    {one.remedy}")
    files = "1 file" if len(found.rows) == 1 else f"{len(found.rows)} files"
    faults_in_all = len(found.findings) or "no"
    plural = "" if len(found.findings) == 1 else "s"
    _print(f"{files}, {_rows(sum(found.rows.values()))}: {faults_in_all} fault{plural}")


def _rows(count: int) -> str:
    return "1 demonstration" if count == 1 else f"{count} demonstrations"


def _write(path: Path, text: str) -> None:
    try:
        if path.exists() and path.read_text("utf-8") != text:
            raise DraftError(
                f'"{path}" is there already, and is another; move it, or name a file with --output'
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DraftError(f'"{path}" cannot be written ({error}); name another file') from None


def _print(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
