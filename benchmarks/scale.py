"""How costs grow with a home: `python -m benchmarks.scale`.

Homes of 10,000, 100,000 and 1,000,000 documents are multiplied by SQL from a small one that the
pipeline made (`benchmarks.scale_homes`): 80 % of the documents in one domain, three drafts each, a
ledger row a call. Each step then runs in a process of its own, whose processor seconds and peak
memory are printed, with the exponent of growth from the smallest home to the largest. The floor is
a bare DuckDB or Polars query that does the least that the step has to do. Generated texts compress
better than real ones, so disk sizes are lower bounds. All figures are of this machine, now.
"""

import argparse
import asyncio
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.engine_corpus import articles
from benchmarks.engine_pipeline import job_of
from benchmarks.engine_report import heading, note, table
from benchmarks.scale_homes import MAIN, add_documents, main_pair, make_small, multiply
from benchmarks.scale_top_up import DOCUMENTS, PARTS, top_up
from wsrl_assets.orchestration.metadata import stage_result
from wsrl_assets.pipeline import questions
from wsrl_assets.release import dataset
from wsrl_assets.release.changes import changes
from wsrl_assets.release.export import export
from wsrl_assets.release.preconditions import check_preconditions
from wsrl_assets.reporting.report import write_report
from wsrl_assets.sources.ingest import ingest_shard, register
from wsrl_assets.storage import Partition, PartitionKind, Store, catalog, figures
from wsrl_assets.storage.accounting import accounts
from wsrl_assets.storage.remembered import NOTHING_DONE
from wsrl_assets.storage.schema import rows_of
from wsrl_assets.storage.tables import LLMCall, Personas, QADraft, VerifiedPair, utc_now
from wsrl_assets.storage.trace import around_pair
from wsrl_assets.storage.transaction import frame, query_text, used
from wsrl_assets.taxonomy.stages import QUESTION_STAGES
from wsrl_assets.taxonomy.wanted import Wanted

SIZES = (10_000, 100_000, 1_000_000)
PAGES = 4
PAGE_DOCUMENTS = 256
COMMITS = 5
FILES = (100, 300, 1000)
TEXT_MB = 16
_DOMAIN = Partition.domain(MAIN)


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: processor seconds, and the peak memory of its process in MiB."""

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is measured.

    Attributes:
        name: for the table.
        run: does it on a home, given the small one too; returns processor seconds.
        floor: the bare query beside it; returns processor seconds.
        budget: the largest exponent for what a top-up does, none if all rows are its subject.
    """

    name: str
    run: Callable[[Store, Store], float]
    floor: Callable[[Store], float] | None = None
    budget: float | None = None


def main() -> None:
    """Measures and prints; with `--step`, one step of one home, as JSON for its parent."""
    arguments = _parser().parse_args()
    if arguments.step:
        _child(arguments.step, arguments.homes, arguments.home)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.homes or Path(temporary)
        sizes = arguments.sizes or SIZES
        homes = [_home(folder, documents) for documents in sizes]
        _print_steps(folder, homes, sizes)
        _print_top_ups(homes, sizes)
        _print_files(folder)
        _print_reading(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=int, nargs="+", help=f"documents; default {SIZES}")
    parser.add_argument("--homes", type=Path, help="folder to keep the homes in, and find them")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    return parser


def _home(folder: Path, documents: int) -> Path:
    small, home = folder / "small", folder / f"home-{documents}"
    if not small.exists():
        make_small(small)
    if not home.exists():
        multiply(Store(small), home, documents)
    return home


def _print_steps(folder: Path, homes: Sequence[Path], sizes: Sequence[int]) -> None:
    heading(f"Homes of {', '.join(f'{n:,}' for n in sizes)} documents, 80 % in one domain")
    note("on disk: " + ", ".join(f"{_bytes(home) / 2**30:.2f} GiB" for home in homes) + "\n")
    rows = []
    for step in STEPS:
        costs = [_measured(step.name, folder, home) for home in homes]
        floors = [_measured(f"{step.name} floor", folder, h) for h in homes if step.floor]
        rows.append(
            [
                step.name,
                *(_said(cost) for cost in costs),
                _exponent(costs, sizes),
                "" if step.budget is None else f"{step.budget:.2f}",
                " / ".join(f"{cost.cpu_s:.2f}" for cost in floors if cost) or "-",
            ]
        )
    columns = ["step, CPU s (peak MiB)", *(f"{n:,}" for n in sizes), "exponent", "at most", "floor"]
    table(columns, rows)


def _print_top_ups(homes: Sequence[Path], sizes: Sequence[int]) -> None:
    heading(f"Top-ups of {DOCUMENTS} documents, against a simulated server")
    for home in homes:
        top_up(home)  # the first one counts every partition of a home that SQL made
    found = [top_up(home) for home in homes]
    rows = []
    for part in PARTS:
        costs = [Cost(parts[part].cpu_s, parts[part].peak_mib) for parts in found]
        rows.append([part, *(_said(cost) for cost in costs), _exponent(costs, sizes)])
    table(["CPU s (peak MiB)", *(f"{n:,}" for n in sizes), "exponent"], rows)


def _said(cost: Cost | None) -> str:
    return "failed" if cost is None else f"{cost.cpu_s:.2f} ({cost.peak_mib:,.0f})"


def _exponent(costs: Sequence[Cost | None], sizes: Sequence[int]) -> str:
    first, last = costs[0], costs[-1]
    if first is None or last is None or len(sizes) < 2:
        return "-"
    return f"{math.log(last.cpu_s / first.cpu_s) / math.log(sizes[-1] / sizes[0]):.2f}"


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _measured(name: str, folder: Path, home: Path) -> Cost | None:
    """A step in a process of its own; none if that died, of too little memory say."""
    command = [sys.executable, "-m", "benchmarks.scale", "--step", name]
    command += ["--homes", str(folder), "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{name}, {home.name}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    cost = Cost(**json.loads(done.stdout.splitlines()[-1]))
    # The table comes at the end, and hours may pass till then.
    print(f"{name}, {home.name}: {_said(cost)}", file=sys.stderr, flush=True)
    return cost


def _child(name: str, folder: Path, home: Path) -> None:
    store = Store(home)
    actions: dict[str, Callable[[], float]] = {"ingest": lambda: _ingest(home)}
    for files in FILES:
        actions[f"attach {files}"] = lambda files=files: _attach_files(home, files)  # type: ignore[misc]
        actions[f"register {files}"] = lambda files=files: _register_files(home, files)  # type: ignore[misc]
    actions["ingest floor"] = lambda: _ingest_floor(home)
    for step in STEPS:
        actions[step.name] = lambda step=step: step.run(store, Store(folder / "small"))  # type: ignore[misc]
        actions[f"{step.name} floor"] = lambda step=step: step.floor(store)  # type: ignore[misc]
    cpu_s = actions[name]()
    usage = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps(asdict(Cost(cpu_s, max(u.ru_maxrss for u in usage) / 1024))))


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _live(store: Store, partition: Partition = _DOMAIN) -> str:
    return str(store.home / partition.kind / f"{partition.key}.duckdb")


def _bare(store: Store, sql: str) -> float:
    def work() -> None:
        with duckdb.connect(_live(store), read_only=True) as connection:
            connection.execute(sql).fetchall()

    return _cpu_s(work)


# The steps.


def _with_pages(store: Store, small: Store, pages: int) -> float:
    """Processor seconds until some pages of documents that nothing was made of yet are read."""
    job = job_of(store, "http://127.0.0.1:9/v1")

    async def read() -> int:
        work = questions.pending_work(job, _DOMAIN, QUESTION_STAGES)
        documents = 0
        async for _ in work:
            documents += 1
            if documents == pages * PAGE_DOCUMENTS:
                break
        return documents

    def all_pages() -> None:
        assert asyncio.run(read()) == pages * PAGE_DOCUMENTS

    everything = used(query_text("count_document_work"), NOTHING_DONE) or {}
    waiting = store.read(_DOMAIN, "count_document_work", forms=[], retry_failed=False, **everything)
    if waiting["personas"][0] < (PAGES + 1) * PAGE_DOCUMENTS:
        add_documents(small, store, 2 * PAGES * PAGE_DOCUMENTS)
    return _cpu_s(all_pages)


def _first_page(store: Store, small: Store) -> float:
    return _with_pages(store, small, 1)


def _next_page(store: Store, small: Store) -> float:
    both = _with_pages(store, small, 1 + PAGES)
    return max(0.001, both - _with_pages(store, small, 1)) / PAGES


def _pass_floor(store: Store) -> float:
    return _bare(
        store,
        "SELECT count(*) FROM filtered_documents WHERE status = 'kept' "
        "AND doc_id NOT IN (SELECT doc_id FROM personas)",
    )


def _page_floor(store: Store) -> float:
    return _bare(
        store, f"SELECT max(len(text)) FROM (FROM filtered_documents LIMIT {PAGE_DOCUMENTS})"
    )


def _commit(store: Store, small: Store) -> float:
    """A commit of 400 rows, as a run makes them: personas, drafts, verdicts and their calls."""
    kinds = (Personas, QADraft, VerifiedPair, LLMCall)
    with small.snapshot(_DOMAIN) as connection:
        tables = {kind: connection.sql(f"FROM {kind.TABLE} LIMIT 20").pl() for kind in kinds}
    found = {kind: list(rows_of(kind, rows)) for kind, rows in tables.items()}
    now = utc_now().timestamp()

    def one(number: int) -> None:
        rows = []
        for kind, some in found.items():
            for n in range({Personas: 30, QADraft: 90, VerifiedPair: 90, LLMCall: 190}[kind]):
                name = f"{now}-{number}-{n}"
                new = dict.fromkeys(kind.KEY, name)
                rows.append(type(some[n % 20])(**{**_fields(some[n % 20]), **new}))
        with store.transaction(_DOMAIN) as transaction:
            transaction.merge(rows)

    one(0)  # brings tables up to date, and makes the snapshot
    one(1)  # from the second on, keys are known

    def more() -> None:
        for number in range(2, COMMITS + 2):
            one(number)

    return _cpu_s(more) / COMMITS


def _fields(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}  # type: ignore[attr-defined]


def _commit_floor(store: Store) -> float:
    """400 rows appended to a database of their own."""
    calls = pl.DataFrame({"id": [str(n) for n in range(400)], "text": ["x" * 300] * 400})

    def work() -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            duckdb.connect(f"{folder}/x.duckdb") as connection,
        ):
            connection.register("calls", calls.to_arrow())
            connection.execute("CREATE TABLE t AS FROM calls")

    return _cpu_s(work)


def _samples(store: Store, small: Store) -> float:
    def work() -> None:
        with catalog(store, [_DOMAIN]) as connection:
            assert figures.sample_rows(connection, _DOMAIN, QADraft, "benchmark").height

    return _cpu_s(work)


def _sample_floor(store: Store) -> float:
    return _bare(store, "FROM qa_drafts LIMIT 6")


def _result(store: Store, small: Store) -> float:
    return _cpu_s(lambda: stage_result(store, _DOMAIN, QADraft, run_id="benchmark"))


def _accounts(store: Store, small: Store) -> float:
    def work() -> None:
        with catalog(store) as connection:
            assert accounts(connection)

    return _cpu_s(work)


def _trace(store: Store, small: Store) -> float:
    pair_id = main_pair(store)

    def work() -> None:
        with around_pair(store, pair_id) as connection:
            assert frame(connection, "trace_pair", prefix=f"{pair_id}%").height == 1

    return _cpu_s(work)


def _trace_floor(store: Store) -> float:
    return _bare(store, "SELECT question FROM qa_drafts WHERE draft_id = 'x'")


def _release(store: Store, small: Store) -> float:
    shutil.rmtree(store.home / "releases", ignore_errors=True)
    return _cpu_s(lambda: dataset.build_release(store, "benchmark"))


def _preconditions(store: Store, small: Store) -> float:
    return _cpu_s(lambda: check_preconditions(store, Wanted()))


def _report(store: Store, small: Store) -> float:
    return _cpu_s(lambda: write_report(store))


def _report_floor(store: Store) -> float:
    files = dataset.current_release(store) / "*.parquet"
    return _cpu_s(lambda: duckdb.execute(f"SELECT count(DISTINCT question) FROM '{files}'"))


def _export(store: Store, small: Store) -> float:
    with tempfile.TemporaryDirectory(dir=store.home) as folder:
        release = dataset.current_release(store)
        return _cpu_s(lambda: export(release, ["verl"], Path(folder, "out")))


def _export_floor(store: Store) -> float:
    with tempfile.TemporaryDirectory(dir=store.home) as folder:
        files = dataset.current_release(store) / "*.parquet"
        columns = "question, gold, domain, pair_id"
        to = f"TO '{folder}/x.parquet' (COMPRESSION zstd)"
        return _cpu_s(lambda: duckdb.execute(f"COPY (SELECT {columns} FROM '{files}') {to}"))


def _changes(store: Store, small: Store) -> float:
    release = dataset.current_release(store)
    return _cpu_s(lambda: changes(release, release))


def _release_floor(store: Store) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _bare(
            store,
            "COPY (SELECT s.pair_id, q.question, q.answer, v.gold, f.text FROM final_splits s "
            "JOIN qa_drafts q ON q.draft_id = s.pair_id JOIN verified_pairs v USING (pair_id) "
            "JOIN filtered_documents f ON f.doc_id = s.doc_id WHERE s.status = 'kept') "
            f"TO '{folder}/x.parquet' (COMPRESSION zstd)",
        )


STEPS = (
    Step("six sample rows of qa_drafts", _samples, _sample_floor, 0.15),
    Step("the whole result of qa_drafts", _result),
    Step("accounts of everything", _accounts, _pass_floor),
    Step("trace of one pair", _trace, _trace_floor, 0.15),
    Step("a commit of 400 rows", _commit, _commit_floor, 0.15),
    Step("first page of work, 256 documents", _first_page, _pass_floor),
    Step("each page after it", _next_page, _page_floor, 0.15),
    Step("what is looked at before a release", _preconditions),
    Step("the release", _release, _release_floor),
    Step("the release, with its golds tested before", _release),
    Step("the report", _report, _report_floor),
    Step("an export for verl", _export, _export_floor),
    Step("wsrl releases: two compared", _changes),
)


# Files, and reading them.


def _print_files(folder: Path) -> None:
    heading("Many files")
    rows = []
    for name, label in (("register", "registering"), ("attach", "accounts over all shards")):
        costs = [_measured(f"{name} {n}", folder, folder / f"files-{n}") for n in FILES]
        rows.append([label, *(_said(cost) for cost in costs), _exponent(costs, FILES)])
        if name == "attach":
            for n in FILES:
                shutil.rmtree(folder / f"files-{n}", ignore_errors=True)
    table(["CPU s (peak MiB)", *(f"{n:,} files" for n in FILES), "exponent"], rows)


def _register_files(home: Path, files: int) -> float:
    folder = home / "input"
    folder.mkdir(parents=True, exist_ok=True)
    for number, article in enumerate(articles(files)):
        Path(folder, f"{number}.jsonl").write_text(json.dumps({"text": article.text}) + "\n")
    store = Store(home)
    spent = _cpu_s(lambda: register(store, folder))
    assert len(store.partitions(PartitionKind.SHARD)) == files
    return spent


def _attach_files(home: Path, files: int) -> float:
    def work() -> None:
        with catalog(Store(home)) as connection:
            assert accounts(connection)

    return _cpu_s(work)


def _print_reading(folder: Path) -> None:
    heading(f"Reading {TEXT_MB} MB of text")
    home = folder / "reading"
    costs = [_measured(name, folder, home) for name in ("ingest", "ingest floor")]
    rates = ["-" if c is None else f"{TEXT_MB / c.cpu_s:.1f}" for c in costs]
    peaks = ["-" if c is None else f"{c.peak_mib:,.0f}" for c in costs]
    table(
        ["", "MB a CPU second", "peak MiB"],
        [[n, *r] for n, r in zip(["ours", "floor"], zip(rates, peaks, strict=True), strict=True)],
    )


def _text_file(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "text.jsonl"
    if not path.exists():
        written = 0
        with path.open("w", encoding="utf-8") as file:
            for article in articles(10**9):
                if written >= TEXT_MB * 10**6:
                    break
                written += len(article.text)
                file.write(json.dumps({"text": article.text, "title": article.title}) + "\n")
    return path


def _ingest(home: Path) -> float:
    path = _text_file(home)
    shutil.rmtree(home / "home", ignore_errors=True)
    store = Store(home / "home")
    (found,) = register(store, path)
    return _cpu_s(lambda: ingest_shard(store, found.key, "benchmark"))


def _ingest_floor(home: Path) -> float:
    """Read, hash, write, by Polars alone."""
    path = _text_file(home)

    def work() -> None:
        rows = pl.read_ndjson(path).with_columns(doc_id=pl.col("text").hash())
        rows.write_parquet(home / "floor.parquet")

    return _cpu_s(work)


if __name__ == "__main__":
    main()
