"""The commands. Each reads settings, calls, prints; what they do is done elsewhere.

Exit codes: 0 done; 1 some rows failed; 2 wrong use, or nothing could run; 130 interrupted.
"""

import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wsrl_assets.cli import show
from wsrl_assets.cli.bars import Watched
from wsrl_assets.cli.common import HomeOption, named, open_home, parse_budget
from wsrl_assets.cli.explore import explore
from wsrl_assets.cli.first_pairs import FirstPairs
from wsrl_assets.cli.interrupts import stops_on_signals
from wsrl_assets.cli.preview import preview
from wsrl_assets.cli.prove import prove
from wsrl_assets.cli.push import push
from wsrl_assets.cli.releases import diff, releases
from wsrl_assets.cli.report import report
from wsrl_assets.cli.review import review
from wsrl_assets.cli.score import score_command
from wsrl_assets.cli.sft import sft
from wsrl_assets.cli.shards import forget, shards
from wsrl_assets.cli.terminal import Terminal, log_to_stderr
from wsrl_assets.generation.library import LibraryError
from wsrl_assets.llm import EndpointError
from wsrl_assets.pipeline.domains import retired_domains
from wsrl_assets.pipeline.goal import accepted_pairs
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.regeneration import stale_rows, under_way
from wsrl_assets.pipeline.takedowns import read_again, take_in
from wsrl_assets.release.dataset import ReleaseError, current_release
from wsrl_assets.release.export import FORMATS, export, formats_named
from wsrl_assets.release.spec import SpecError, load_spec
from wsrl_assets.review.files import LabelFileError
from wsrl_assets.serving import ServedEndpoint, ServerEngine, ServingError, serve
from wsrl_assets.settings import Settings, SettingsError, load_domains, load_roles
from wsrl_assets.sources.ingest import Registered, register
from wsrl_assets.sources.readers import SourceError, matching
from wsrl_assets.storage import (
    PartitionKind,
    QueryError,
    Store,
    StoreBusyError,
    StoreError,
    catalog,
    typed_query,
)
from wsrl_assets.storage.accounting import (
    Account,
    CallTotals,
    accounts,
    call_totals,
    spending,
)
from wsrl_assets.storage.domains import movable_documents
from wsrl_assets.storage.pass_rates import RateHistogram, rate_histograms
from wsrl_assets.storage.store import frame
from wsrl_assets.storage.trace import around_pair, recipes_and_calls
from wsrl_assets.taxonomy.domain_files import DomainsError
from wsrl_assets.taxonomy.domains import Domain, are_chosen, use_domains
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.stages import LAST_STAGE, REGENERABLE, Stage, stages_up_to
from wsrl_assets.training.errors import ProofError

USER_ERRORS = (
    SettingsError,
    SourceError,
    ServingError,
    EndpointError,
    StoreError,
    StoreBusyError,
    QueryError,
    ReleaseError,
    SpecError,
    LibraryError,
    DomainsError,
    LabelFileError,
    ProofError,
)

# Documents of which the demo asks open questions, about: each costs the small model a quarter of a
# minute.
_DEMO_OPEN_DOCUMENTS = 4
_SHORT_DEMO_OPEN_DOCUMENTS = 1

INTERRUPTED = 130
_FIGURES = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


class _Commands(TyperGroup):
    """Ends a command in order: a user's mistake is one sentence and code 2, Ctrl-C code 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            use_domains(load_domains())
            return super().invoke(ctx)
        except USER_ERRORS as error:
            _say_error(str(error))
            sys.exit(2)
        except KeyboardInterrupt:
            # Not `sys.exit`, which waits for threads; every transaction is whole or not there.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)


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
console = Terminal()
errors = Terminal(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    log_to_stderr()
    app(args=arguments)


def _say_error(message: str) -> None:
    """Prints an error unbroken, so that paths and setting names in it can be copied."""
    errors.print(f"error: {message}", style="bold red", highlight=False, soft_wrap=True)


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


@app.command()
def demo(
    engine: Annotated[
        ServerEngine,
        typer.Option(help="Model server: embedded llama.cpp, or real vLLM."),
    ] = ServerEngine.EMBEDDED,
    corpus: Annotated[
        str, typer.Option(help="sample (bundled documents) or pydoc (CPython's own help topics).")
    ] = "sample",
    whole: Annotated[
        bool, typer.Option("--all", help="All 69 sample documents: five minutes and more.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Where to export. Default: HOME/exports.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Runs the whole job on sample documents, with a model server of its own.

    Starts the server, ingests the corpus, materializes every asset, prints the first pairs as they
    are verified and then the funnel, exports the release, and stops the server. Takes 15 of the 69
    sample documents, unless --all is given.

    The embedded model has 135M parameters: it can choose what to blank out, so cloze questions
    pass; its open questions, in one domain, show the checks at work.
    """
    if corpus not in ("sample", "pydoc"):
        raise SettingsError(f"--corpus is {corpus!r}; it may be sample or pydoc")
    settings, store = open_home(home, {"forms": (Form.CLOZE,), "judge": False, "personas": 2})
    began = time.monotonic()
    steps: dict[str, float] = {}
    batches = _demo_corpus(store, corpus, whole=whole)
    open_documents = _DEMO_OPEN_DOCUMENTS if len(batches) == 1 else _SHORT_DEMO_OPEN_DOCUMENTS
    with (
        _served(store, engine, None, steps) as endpoint,
        FirstPairs(store, errors if errors.is_terminal else console, began),
    ):
        failures = _demo_runs(store, settings, endpoint, steps, batches, open_documents)
    with _timed(steps, "export"):
        folders = export(current_release(store), list(FORMATS), output or store.home / "exports")
    _say_funnel(store, settings)
    for name, seconds in steps.items():
        console.print(f"  {name:32} {seconds:7.1f} s", highlight=False)
    console.print(f"  {'in all':32} {time.monotonic() - began:7.1f} s\n", highlight=False)
    for name, path in folders.items():
        console.print(f"{name}: {path}", highlight=False, soft_wrap=True)
    _say_where_to_look(store)
    # A row that a tiny model failed at is part of the show: the demo is done all the same.
    _exit_for(failures, {})


def _demo_corpus(store: Store, corpus: str, *, whole: bool) -> list[list[Path]]:
    """The paths of the demo's documents, in batches: the first is small, for pairs soon."""
    from wsrl_assets.samples import corpus_dir, write_pydoc_corpus, write_short_corpus

    folder = store.home / "corpus"
    if corpus == "pydoc":
        write_pydoc_corpus(folder)
        return [[folder]]
    if whole:
        return [[corpus_dir()]]
    first, *others = write_short_corpus(folder)
    return [[first], others]


def _demo_runs(
    store: Store,
    settings: Settings,
    endpoint: ServedEndpoint,
    steps: dict[str, float],
    batches: Sequence[Sequence[Path]],
    open_documents: int,
) -> list[Any]:
    """Cloze questions everywhere, batch by batch, then open ones in one small domain, then release.

    A small model takes a hundred tokens to write an open question and one choice to pick a cloze,
    so on a few cores the open form is shown on a part.
    """
    # The server says which model it has. If it were named here, all rows would look stale in the
    # UI, where nobody names it.
    url = endpoint.base_url
    for number, batch in enumerate(batches):
        _say_registered([shard for path in batch for shard in register(store, path)])
        done = _materialize(
            store,
            settings,
            (),
            Stage.FINAL_SPLITS,
            base_url=url,
            load_libraries=number == 0,
        )
        for name, seconds in done.steps.items():
            steps[name] = steps.get(name, 0.0) + seconds
        if done.failures:
            return list(done.failures)
    with catalog(store) as connection:
        found = accounts(connection, settings.wanted)
    sizes = {a.partition: a.kept for a in found if a.stage == "filtered_documents" and a.kept}
    if not sizes:
        return []
    shown = min(sizes, key=lambda domain: (abs(sizes[domain] - open_documents), domain))
    both = settings.model_copy(update={"forms": (Form.OPEN, Form.CLOZE)})
    second = _materialize(
        store, both, (Domain(shown),), LAST_STAGE, base_url=url, load_libraries=False
    )
    steps[f"open questions, {shown}"] = second.steps.get("questions and checks", 0.0)
    steps["release"] = second.steps.get("release", 0.0)
    return list(second.failures)


@app.command()
def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files or folders; local, s3:// or hf://.")],
    text_column: Annotated[
        str | None,
        typer.Option(help="Column that holds the text. Default: WSRL_TEXT_COLUMN, or guessed."),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Read known shards again, for example with another --text-column; a changed file "
            "replaces the shard that had its path.",
        ),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Registers documents as shards; `wsrl run` then reads them.

    A path that is not there and has `*`, `?` or `[` in it is a pattern, here and in a store:
    's3://bucket/part-*.parquet'.

    Parquet, JSON lines, CSV and TSV files, plain or compressed (.gz, .zst), are a shard each. The
    .txt and .md files of a folder are one shard together. Links to folders are followed.
    A shard is named by its content, so registering a file twice changes nothing, and a changed file
    becomes a new shard.
    """
    settings, store = open_home(home)
    column = text_column or settings.text_column
    found = [path for typed in paths for path in matching(typed)]
    take = read_again if again else take_in
    registered = [shard for path in found for shard in take(store, path, column)]
    _register_in_dagster(store, registered)
    _say_registered(registered, again=again)


@app.command()
def run(
    domain: Annotated[
        list[Domain] | None,
        typer.Option(
            parser=named(Domain, "domain"),
            metavar="DOMAIN",
            help="Only this domain. Can be given several times.",
        ),
    ] = None,
    to: Annotated[
        Stage,
        typer.Option(
            parser=named(Stage, "stage"), metavar="STAGE", help="Last stage to bring up to date."
        ),
    ] = LAST_STAGE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try rows again that failed earlier.")
    ] = False,
    regenerate: Annotated[
        Stage | None,
        typer.Option(
            parser=named(Stage, "stage"),
            metavar="STAGE",
            help=f"Replace rows of older recipes, from this stage on: {', '.join(REGENERABLE)}.",
        ),
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Fixed number of concurrent calls. Default: adaptive.", min=1
        ),
    ] = None,
    rollouts: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Rollouts per pair for its pass rate. Default: WSRL_PASS_RATE_ROLLOUTS.",
            min=0,
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="Release spec, a YAML file: what the release takes. Default: WSRL_RELEASE_SPEC."
        ),
    ] = None,
    until_pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Stop when N pairs are accepted, all domains together.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TOKENS|COST",
            help="Stop when this is spent: tokens, such as 2M, or a price, such as cost=5.",
        ),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Materializes everything that is pending, and prints the funnel.

    With --until-pairs or --budget it stops before, and leaves the rest pending.

    Running it twice costs nothing the second time. A run that was stopped goes on where it
    stopped. With --rollouts, a policy (WSRL_LLM_POLICY_BASE_URL) also answers each verified pair
    closed-book, to show how hard it is.

    After a change of prompt, model or judge, `wsrl status` says how many rows use an older recipe.
    --regenerate replaces those; the old rows stay until the new ones are verified.
    """
    if regenerate is not None and regenerate not in stages_up_to(to):
        raise SettingsError(f"--to {to} ends before --regenerate {regenerate} begins")
    settings, store = open_home(
        home,
        {
            "pass_rate_rollouts": rollouts,
            "regenerate": regenerate,
            "retry_failed": retry_failed or None,
            "max_in_flight": max_in_flight,
            "release_spec": spec,
            "until_pairs": until_pairs,
            **parse_budget(budget),
        },
    )
    load_spec(settings.release_spec)  # a mistake in it is said before hours of work, not after
    if to is Stage.PASS_RATES and not settings.rates_pairs:
        raise SettingsError(
            "pass rates are switched off: set WSRL_PASS_RATE_ROLLOUTS, or --rollouts, to the "
            "number of rollouts a pair, such as 8"
        )
    if to is Stage.SFT_WARMUP and not settings.warms_up:
        raise SettingsError(
            "the warm-up set is switched off: set WSRL_SFT_PAIRS to a number of pairs per domain, "
            "such as 50"
        )
    if not _read_status(store, settings)[0]:
        raise SettingsError(_empty(store))
    before = _totals(store, settings)
    before["source_documents"] = 0  # a failed shard is read again by each run
    outcome = _materialize(store, settings, domain or (), to, quiet=as_json)
    if as_json:
        print(json.dumps(_status(store, settings)))
    else:
        _say_funnel(store, settings)
        _say_goal(store, settings)
    _exit_for(_without_shards(store, outcome.failures), _totals(store, settings), before)


@app.command()
def status(
    as_json: JsonOption = False,
    partitions: Annotated[
        bool, typer.Option("--partitions", help="A line for every partition.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Shows rows by stage, why rows were rejected, pass rates, tokens, and cost per accepted pair.

    Prices are settings: WSRL_LLM_PROMPT_PRICE, WSRL_LLM_CACHED_PRICE and
    WSRL_LLM_COMPLETION_PRICE, per million tokens, or per role as in
    WSRL_LLM_JUDGE_PROMPT_PRICE.
    """
    settings, store = open_home(home)
    if as_json:
        print(json.dumps(_status(store, settings)))
        return
    found, totals = _read_status(store, settings)
    if not found:
        console.print(_empty(store), highlight=False, soft_wrap=True)
        return
    show.say(console, show.by_partition(found) if partitions else show.funnel(found))
    _say_more_drafts(store, settings, found)
    _say_pass_rates(store)
    show.say(console, show.calls(totals, spending(totals, found)))
    _say_stale(store, settings)


def _empty(store: Store) -> str:
    return f"there is nothing in {store.home} yet: begin with `wsrl ingest PATH` or `wsrl demo`"


def _say_more_drafts(store: Store, settings: Settings, found: Sequence[Account]) -> None:
    """Drafts that the settings ask for beyond the forms that the domains have."""
    with catalog(store) as connection:
        asked = accounts(connection, settings.wanted)
    drafts = Stage.QA_DRAFTS
    more = sum(a.pending for a in asked if a.stage == drafts)
    more -= sum(a.pending for a in found if a.stage == drafts)
    if more > 0:
        console.print(
            f"`wsrl run` with the settings now asks for {more:,} more drafts: forms "
            f"{', '.join(settings.forms)} (WSRL_FORMS)",
            highlight=False,
            soft_wrap=True,
        )


def _say_stale(store: Store, settings: Settings) -> None:
    """Rows of older recipes, documents that may move, and domains that are not as others."""
    for stage, rows in _stale(store, settings).items():
        console.print(
            f"{rows:,} rows of {stage} use an older recipe; "
            f"`wsrl run --regenerate {stage}` replaces them",
            highlight=False,
            soft_wrap=True,
        )
    with catalog(store) as connection:
        moving = sum(movable_documents(connection, list(Domain)).values())
    if moving:
        console.print(
            f"{moving:,} documents may belong to a domain that was added since; `wsrl run` triages "
            "them again",
            highlight=False,
            soft_wrap=True,
        )
    if others := ", ".join(retired_domains(store)):
        said = f"retired domains, whose rows stay and get no more work: {others}"
        unset = f"the file of this home's domains is not set (WSRL_DOMAINS); it has {others}"
        console.print(said if are_chosen() else unset, highlight=False, soft_wrap=True)
    for domain in under_way(store):
        console.print(f"{domain} is being regenerated; the next run resumes", highlight=False)


@app.command()
def trace(
    pair_id: Annotated[str, typer.Argument(help="Id of a pair, or the beginning of it.")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Walks one pair back to its document: persona, prompts, model, evidence and each verdict.

    Rejected pairs can be traced too, and those that were replaced since. Find ids with
    `wsrl sql "SELECT pair_id, status, reason FROM verified_pairs"`.
    """
    _, store = open_home(home)
    pair, recipes, ledger = _find_pair(store, pair_id)
    if as_json:
        print(json.dumps({**pair, "recipes": recipes, "calls": ledger}, default=str))
    else:
        console.print(show.trace(pair, recipes, ledger))


@app.command()
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


app.command()(preview)
app.command()(shards)
app.command()(forget)
app.command()(releases)
app.command()(diff)
app.command()(push)
app.command()(sft)
app.command()(explore)
app.command()(review)
app.command()(report)
app.command()(prove)


@app.command(name="serve")
def serve_command(
    engine: Annotated[
        ServerEngine, typer.Option(help="embedded llama.cpp, or real vLLM in its own environment.")
    ] = ServerEngine.EMBEDDED,
    model: Annotated[
        str | None, typer.Option(help="Model to serve. Default: the bundled SmolLM2-135M-Instruct.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    home: HomeOption = None,
) -> None:
    """Serves a model until Ctrl-C, and prints the settings that use it."""
    _, store = open_home(home)
    options: dict[str, Any] = {"host": host, "port": port, "model": model}
    with _served(store, engine, options, {}) as endpoint:
        console.print(f"export WSRL_LLM_BASE_URL={endpoint.base_url}", highlight=False)
        console.print(f"export WSRL_LLM_MODEL={endpoint.model}", highlight=False)
        console.print("serving; stop with Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            while endpoint.is_running():
                time.sleep(0.5)
            raise ServingError(f"the server ended by itself; its log is {endpoint.log}")


@app.command(name="export")
def export_command(
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMATS)}, or all.")] = "all",
    output: Annotated[Path, typer.Option(help="Folder; each format gets one inside.")] = Path(
        "exports"
    ),
    in_context: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=1,
            help="Put each pair's passage into its prompt, among K passages of other documents.",
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Writes the current release in a trainer's format, one folder a format.

    Each folder has the splits in the trainer's columns, the reward in the trainer's signature, and
    a README with the launch settings. `parquet` is the release itself, `webscale` the columns of
    the published data set.
    """
    names = formats_named(format)
    _, store = open_home(home)
    for name, folder in export(current_release(store), names, output, in_context).items():
        console.print(f"{name}: {folder}", highlight=False, soft_wrap=True)


app.command(name="score")(score_command)


@contextlib.contextmanager
def _timed(steps: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    steps[name] = time.monotonic() - began


@contextlib.contextmanager
def _served(
    store: Store, engine: ServerEngine, options: dict[str, Any] | None, steps: dict[str, float]
) -> Iterator[ServedEndpoint]:
    began = time.monotonic()
    with (
        errors.status(f"starting the {engine} server") as line,
        contextlib.ExitStack() as stack,
    ):
        endpoint = stack.enter_context(
            serve(
                engine,
                home=store.home / "endpoint",
                on_progress=lambda text: line.update(show.plain(text)),
                **(options or {}),
            )
        )
        line.stop()
        steps["start the endpoint"] = time.monotonic() - began
        console.print(
            f"{endpoint.model} on {endpoint.base_url} ({engine}), ready after "
            f"{steps['start the endpoint']:.0f} s",
            highlight=False,
        )
        yield endpoint


def _materialize(
    store: Store,
    settings: Settings,
    domains: Sequence[Domain],
    to: Stage,
    *,
    quiet: bool = False,
    base_url: str | None = None,
    load_libraries: bool = True,
) -> Any:
    """Runs what is pending, with bars unless `quiet`; all roles at `base_url` if one is given."""
    # Dagster takes a second to import; commands that only read do without.
    from wsrl_assets.orchestration.resources import EndpointResource
    from wsrl_assets.orchestration.runs import materialize_pending

    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    endpoint = EndpointResource(base_url=base_url, use_environment=False) if base_url else None
    watched = Watched(None if quiet else errors)
    try:
        with stops_on_signals(), watched:
            return materialize_pending(
                store,
                settings,
                domains=domains,
                to=to,
                endpoint=endpoint,
                progress=watched,
                load_libraries=load_libraries,
            )
    except KeyboardInterrupt:
        _say_interrupted(watched)
        raise


def _say_interrupted(watched: Watched) -> None:
    kept = ", ".join(f"{rows:,} {stage}" for stage, rows in watched.done.items())
    errors.print(
        f"interrupted; rows of this run that are kept: {kept or 'none'}. Run the same command "
        "again to continue.",
        highlight=False,
        soft_wrap=True,
    )


def _register_in_dagster(store: Store, registered: Sequence[Registered]) -> None:
    from wsrl_assets.orchestration.runs import register_shards

    register_shards(store.home, [shard.key for shard in registered])


def _say_registered(registered: Sequence[Registered], *, again: bool = False) -> None:
    known = "will be read again" if again else "known already; --again has it read again"
    for shard in registered:
        state = "registered" if shard.is_new else known
        console.print(f"shard {shard.key}: {state}", highlight=False, markup=False)


def _read_status(store: Store, settings: Settings) -> tuple[list[Account], list[CallTotals]]:
    # Where no setting names forms, the domains' own count: what the demo drafted is complete.
    in_use = "forms" not in settings.model_fields_set
    with catalog(store) as connection:
        found = accounts(connection, replace(settings.wanted, forms_in_use=in_use))
        return [a for a in found if a.rows_in or a.stage != LAST_STAGE], call_totals(connection)


def _status(store: Store, settings: Settings) -> dict[str, Any]:
    found, totals = _read_status(store, settings)
    return show.status_json(found, totals, _pass_rates(store), _stale(store, settings))


def _stale(store: Store, settings: Settings) -> dict[str, int]:
    with catalog(store) as connection:
        return stale_rows(connection, Job(store, settings, load_roles(), "status"))


def _pass_rates(store: Store) -> list[RateHistogram]:
    with catalog(store) as connection:
        return rate_histograms(connection)


def _say_pass_rates(store: Store) -> None:
    found = _pass_rates(store)
    if found:
        show.say(console, show.pass_rates(found))


def _totals(store: Store, settings: Settings) -> dict[str, int]:
    """Failed rows by stage."""
    failed: dict[str, int] = {}
    for account in _read_status(store, settings)[0]:
        failed[account.stage] = failed.get(account.stage, 0) + account.failed
    return failed


def _say_funnel(store: Store, settings: Settings) -> None:
    found, totals = _read_status(store, settings)
    show.say(console, show.funnel(found))
    _say_pass_rates(store)
    if totals:
        show.say(console, show.calls(totals, spending(totals, found)))


def _say_goal(store: Store, settings: Settings) -> None:
    """Whether the pairs that were asked for are there."""
    if settings.until_pairs is None:
        return
    accepted = sum(accepted_pairs(store).values())
    short = "" if accepted >= settings.until_pairs else "; nothing more is left, or the budget is"
    text = f"{accepted:,} pairs accepted of {settings.until_pairs:,} asked for{short}"
    console.print(text, highlight=False, soft_wrap=True)


def _say_where_to_look(store: Store) -> None:
    with catalog(store, store.partitions(PartitionKind.DOMAIN)) as connection:
        row = connection.execute(
            "SELECT pair_id FROM verified_pairs WHERE status = 'kept' ORDER BY pair_id LIMIT 1"
        ).fetchone()
    console.print("\nLook further:", style="bold")
    if row:
        console.print(f"  wsrl trace {row[0]}", highlight=False)
    console.print(
        '  wsrl sql "SELECT reason, count(*) FROM verified_pairs GROUP BY reason"', highlight=False
    )
    console.print("  wsrl explore   every pair in the browser, rejected ones too", highlight=False)
    console.print("  wsrl report    the release on one page", highlight=False)
    console.print("  make ui        the Dagster UI on the same data", highlight=False)


def _find_pair(
    store: Store, pair_id: str
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    if not pair_id.isalnum():
        raise SettingsError(f"{pair_id!r} is no pair id: those are 32 letters a-f and digits")
    for superseded in (False, True):
        with around_pair(store, pair_id, superseded=superseded) as connection:
            found = frame(connection, "trace_pair", prefix=f"{pair_id}%").to_dicts()
            if len(found) == 1:
                pair = {**found[0], "superseded": superseded}
                return pair, *recipes_and_calls(connection, pair)
        if found:
            break
    many = "several pairs begin with" if found else "there is no pair"
    raise SettingsError(
        f'{many} {pair_id}; list them with `wsrl sql "SELECT pair_id FROM verified_pairs"`'
    )


def _without_shards(store: Store, failures: Sequence[Any]) -> list[Any]:
    """Prints why shards were not read to their end; returns the failures of other things."""
    with catalog(store, store.partitions(PartitionKind.SHARD)) as connection:
        faults = frame(connection, "failed_shards")["fault_detail"].to_list()
    for fault in faults:
        _say_error(f"{fault} The next run reads the shard again.")
    return [failure for failure in failures if failure.message not in faults]


def _say_failures(failures: Sequence[Any]) -> None:
    """Prints why runs failed, each cause once, with the jobs and partitions that it hit.

    What no partition can survive is one cause, though a server's words may differ in an id.
    """
    by_cause: dict[str, list[Any]] = {}
    for failure in failures:
        cause = _FIGURES.sub("#", failure.message) if failure.is_fatal else failure.message
        by_cause.setdefault(cause, []).append(failure)
    for same in by_cause.values():
        jobs: dict[str, list[str]] = {}
        for failure in same:
            jobs.setdefault(failure.job, []).append(failure.partition or "")
        hit = [
            f"{job} ({', '.join(sorted(where))})" if any(where) else job
            for job, where in jobs.items()
        ]
        _say_error(f"{', '.join(hit)}: {same[0].message}")


def _exit_for(
    failures: Sequence[Any], failed: dict[str, int], before: dict[str, int] | None = None
) -> None:
    _say_failures(failures)
    if failures:
        raise typer.Exit(2)
    new = {stage: rows - (before or {}).get(stage, 0) for stage, rows in failed.items()}
    new = {stage: rows for stage, rows in new.items() if rows > 0}
    if new:
        said = ", ".join(f"{rows} at {stage}" for stage, rows in new.items())
        errors.print(f"rows failed: {said}; the table above says why", style="yellow")
        raise typer.Exit(1)
