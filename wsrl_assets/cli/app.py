"""The commands, each imported as it is used, and how all of them end.

Exit codes: 0 done; 1 some rows failed; 2 wrong use, or nothing could run; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from wsrl_assets.cli.terminal import log_to_stderr, say_error
from wsrl_assets.errors import UserError

INTERRUPTED = 130


class _Command(NamedTuple):
    """Where a command is, and its line in the list of commands."""

    function: str
    summary: str


COMMANDS = {
    "demo": _Command(
        "demo:demo",
        "Runs the whole job on sample documents, with a model server of its own.",
    ),
    "ingest": _Command(
        "ingest:ingest",
        "Registers documents as shards; `wsrl run` then reads them.",
    ),
    "run": _Command(
        "run:run",
        "Materializes everything that is pending, and prints the funnel.",
    ),
    "status": _Command(
        "status:status",
        "Shows rows by stage, why rows were rejected, pass rates, tokens and cost a pair.",
    ),
    "trace": _Command(
        "trace:trace",
        "Walks one pair back to its document: persona, prompts, model, evidence and each verdict.",
    ),
    "sql": _Command(
        "sql:sql",
        "Runs read-only SQL over everything: one view per table, over all partitions.",
    ),
    "preview": _Command(
        "preview:preview",
        "Drafts from a sample of the documents, checks the drafts and shows them.",
    ),
    "trial": _Command(
        "trial:trial",
        "Compares recipes on a sample: `wsrl trial a.yaml b.yaml --documents 200`, then "
        "`wsrl trial adopt b`. Compares rewards on the same rollouts: `wsrl trial rewards`.",
    ),
    "domains": _Command(
        "domains:domains",
        "Proposes domains for what is crowded in `other` and in the largest ones: "
        "`wsrl domains propose`.",
    ),
    "demonstrations": _Command(
        "demonstrations:demonstrations",
        "Checks few-shot examples, and drafts some from verified pairs: "
        "`wsrl demonstrations check`, `wsrl demonstrations draft --domain D`.",
    ),
    "shards": _Command(
        "shards:shards",
        "Lists the shards: state, rows, file, and the licences that their rows state.",
    ),
    "forget": _Command(
        "shards:forget",
        "Withdraws shards or documents: no later release has a pair of theirs.",
    ),
    "releases": _Command(
        "releases:releases",
        "Lists the releases, the newest first.",
    ),
    "diff": _Command(
        "releases:diff",
        "Says what changed from one release to another: pairs, recipes, and what was asked for.",
    ),
    "push": _Command(
        "push:push",
        "Uploads a release, with its card, to the Hugging Face Hub, as a private data set.",
    ),
    "sft": _Command(
        "sft:sft",
        "Writes the warm-up set: chat messages for supervised training before GRPO.",
    ),
    "explore": _Command(
        "explore:explore",
        "Shows every pair in the browser: filter, read, review, and walk back to the document.",
    ),
    "review": _Command(
        "review:review",
        "Draws pairs for people to review, and tells how far the checks agree with them.",
    ),
    "report": _Command(
        "report:report",
        "Prints the path of the current release's report. Writes it if it is not there, or if "
        "somebody has reviewed pairs since.",
    ),
    "prove": _Command(
        "prove:prove",
        "Trains a model in eight ways on the release's documents, and compares what each learnt.",
    ),
    "serve": _Command(
        "serve:serve_command",
        "Serves a model until Ctrl-C, and prints the settings that use it.",
    ),
    "export": _Command(
        "export:export_command",
        "Writes the current release in a trainer's format, one folder a format.",
    ),
    "score": _Command(
        "score:score_command",
        "Scores responses against typed golds, with the reward that a trainer imports.",
    ),
}


def load_command(name: str) -> Any:
    """A command of `COMMANDS`, ready to be invoked; its module is imported."""
    module, _, function = COMMANDS[name].function.partition(":")
    found = getattr(import_module(f"wsrl_assets.cli.{module}"), function)
    alone = typer.Typer(rich_markup_mode="markdown", add_completion=False)
    if isinstance(found, typer.Typer):  # it has commands of its own
        alone = found
    else:
        alone.command(name)(found)
    command = typer.main.get_command(alone)
    command.name = name
    return command


class _Commands(TyperGroup):
    """Ends a command in order: a user's mistake is one sentence and code 2, Ctrl-C code 130."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Names and summaries are enough for the list and for a mistyped name.
        self.commands = {
            name: TyperCommand(name, help=command.summary) for name, command in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that is asked for, which takes seconds to import, and what follows it."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else None, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            _use_domains()
            return super().invoke(ctx)
        except UserError as error:
            say_error(str(error))
            sys.exit(2)
        except KeyboardInterrupt:
            # Not `sys.exit`, which waits for threads; every transaction is whole or not there.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)


def _use_domains() -> None:
    """Before a command is imported, since some name the domains in their options.

    Imported here, as settings take four tenths of a second and the list of commands needs none.
    """
    from wsrl_assets.settings import load_domains
    from wsrl_assets.taxonomy.domains import use_domains

    use_domains(load_domains())


app = typer.Typer(
    name="wsrl",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "Turns documents into verifiable question-answer pairs for reinforcement learning.\n\n"
        "Begin with `wsrl demo`. For your own data: `wsrl ingest PATH`, then `wsrl run`, then "
        "`wsrl export`.\n\n"
        "Settings come from the environment: WSRL_HOME (default .wsrl), WSRL_LLM_BASE_URL, "
        "WSRL_LLM_MODEL, WSRL_LLM_API_KEY, and the same with _TRIAGE, _GENERATOR, _JUDGE or "
        "_POLICY after LLM for one role."
    ),
    epilog="Exit codes: 0 done; 1 some rows failed; 2 wrong use, or nothing could run.",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    log_to_stderr()
    app(args=arguments)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        print(f"wsrl-assets {version('wsrl-assets')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """Options of no command."""
