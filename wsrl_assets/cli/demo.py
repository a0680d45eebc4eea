"""`wsrl demo`: the whole job on sample documents, with a model server of its own."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from wsrl_assets.cli.common import open_home
from wsrl_assets.cli.first_pairs import FirstPairs
from wsrl_assets.cli.funnel import say_funnel
from wsrl_assets.cli.ingest import say_registered
from wsrl_assets.cli.options import HomeOption
from wsrl_assets.cli.running import exit_for, materialize
from wsrl_assets.cli.serve import served
from wsrl_assets.cli.terminal import console, errors
from wsrl_assets.release.dataset import current_release
from wsrl_assets.release.export import FORMATS, export
from wsrl_assets.samples import corpus_dir, write_pydoc_corpus, write_short_corpus
from wsrl_assets.serving import ServedEndpoint, ServerEngine
from wsrl_assets.settings import Settings, SettingsError
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import PartitionKind, Store, catalog
from wsrl_assets.storage.accounting import accounts
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.stages import LAST_STAGE, Stage

# Documents of which the demo asks open questions, about: each costs the small model a quarter of a
# minute.
_DEMO_OPEN_DOCUMENTS = 4
_SHORT_DEMO_OPEN_DOCUMENTS = 1


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
        served(store, engine, None, steps) as endpoint,
        FirstPairs(store, errors if errors.is_terminal else console, began),
    ):
        failures = _demo_runs(store, settings, endpoint, steps, batches, open_documents)
    with _timed(steps, "export"):
        folders = export(current_release(store), list(FORMATS), output or store.home / "exports")
    say_funnel(store, settings)
    for name, seconds in steps.items():
        console.print(f"  {name:32} {seconds:7.1f} s", highlight=False)
    console.print(f"  {'in all':32} {time.monotonic() - began:7.1f} s\n", highlight=False)
    for name, path in folders.items():
        console.print(f"{name}: {path}", highlight=False, soft_wrap=True)
    _say_where_to_look(store)
    # A row that a tiny model failed at is part of the show: the demo is done all the same.
    exit_for(failures, {})


def _demo_corpus(store: Store, corpus: str, *, whole: bool) -> list[list[Path]]:
    """The paths of the demo's documents, in batches: the first is small, for pairs soon."""
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
        say_registered([shard for path in batch for shard in register(store, path)])
        done = materialize(
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
    second = materialize(
        store, both, (Domain(shown),), LAST_STAGE, base_url=url, load_libraries=False
    )
    steps[f"open questions, {shown}"] = second.steps.get("questions and checks", 0.0)
    steps["release"] = second.steps.get("release", 0.0)
    return list(second.failures)


@contextlib.contextmanager
def _timed(steps: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    steps[name] = time.monotonic() - began


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
