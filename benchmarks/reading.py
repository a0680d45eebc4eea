"""What reading input costs: `python -m benchmarks.reading`.

Shards of JSON lines at three sizes are read into `source_documents`, each in a process of its own:
megabytes of UTF-8 text a processor second (of all threads), peak memory, and the exponent of
processor time from the smallest to the largest. Beside them, on the same files and at the same
time: the floor, which is Polars reading the lines, hashing the texts and writing parquet, and
nothing else; and datatrove's JSON-lines reader, where it is installed, which yields documents and
neither normalises, judges, nor writes them.

Then folders of small files, at three sizes, are registered and read: processor milliseconds a file,
and shards, beside a floor that opens each file and hashes it.

The text is what this machine has in many languages, cut to the sizes of web pages: its manual
pages, package documentation, messages of programs in their translations, and Python's library.
None of it is fetched, so figures of two machines differ by their text too.
"""

import argparse
import gettext
import gzip
import hashlib
import html
import importlib.util
import json
import math
import os
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from pathlib import Path
from random import Random

import polars as pl

from benchmarks.engine_report import heading, note, table
from wsrl_assets.sources.ingest import ingest_shard, register
from wsrl_assets.storage import Store

SIZES_MB = (5, 20, 80)
FILES = (200, 2_000, 10_000)
TARGET_MB = 20
_MOST_OF_A_FILE = 400_000
# Lengths of web pages are about log-normal; their median here is 2,700 characters.
_LOG_MEAN, _LOG_DEVIATION, _SHORTEST, _LONGEST = 7.9, 0.9, 200, 60_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading took: processor seconds of a process, and its peak memory in MiB."""

    cpu_s: float
    peak_mib: float


def main() -> None:
    """Measures and prints; with `--reader`, one reader on one file, as JSON for its parent."""
    arguments = _parser().parse_args()
    if arguments.reader:
        print(json.dumps(asdict(_measure(MEASURED[arguments.reader], arguments.file))))
        return
    with tempfile.TemporaryDirectory() as folder:
        files = {size: _written(Path(folder), size) for size in arguments.sizes or SIZES_MB}
        _print_rates(files)
        _print_small({n: _small_files(Path(folder, f"small-{n}"), n) for n in arguments.files})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", type=int, nargs="+", help=f"MB of text; default {SIZES_MB}")
    parser.add_argument(
        "--files", type=int, nargs="*", default=FILES, help=f"small files; default {FILES}"
    )
    parser.add_argument("--reader", choices=MEASURED, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser


def _print_rates(files: dict[int, Path]) -> None:
    heading("Reading JSON lines")
    rows, rates = [], {}
    for name in READERS:
        costs = {size: _of_a_process(name, path) for size, path in files.items()}
        if None in costs.values():
            note(f"{name}: not measured, it is not installed or failed\n")
            continue
        known = {size: cost for size, cost in costs.items() if cost}
        rates[name] = [size / cost.cpu_s for size, cost in known.items()]
        cells = [f"{size / c.cpu_s:.2f} ({c.peak_mib:,.0f})" for size, c in known.items()]
        rows.append([name, *cells, _exponent(known)])
    table(["MB a CPU second (peak MiB)", *(f"{size} MB" for size in files), "exponent"], rows)
    ours, floor = rates["source_documents"][-1], rates["Polars floor"][-1]
    note(f"{ours:.2f} MB a CPU second of {TARGET_MB} wanted; the floor is {floor / ours:.1f} times")


def _print_small(folders: dict[int, Path]) -> None:
    if not folders:
        return
    heading("Folders of small JSON-lines files")
    rows = []
    for name in SMALL_READERS:
        costs = {n: _of_a_process(name, folder) for n, folder in folders.items()}
        known = {n: cost for n, cost in costs.items() if cost}
        cells = [f"{1000 * c.cpu_s / n:.2f} ({c.peak_mib:,.0f})" for n, c in known.items()]
        rows.append([name, *cells, _exponent(known)])
    table(["CPU ms a file (peak MiB)", *(f"{n:,} files" for n in folders), "exponent"], rows)


def _exponent(costs: dict[int, Cost]) -> str:
    first, last = min(costs), max(costs)
    if first == last:
        return "-"
    return f"{math.log(costs[last].cpu_s / costs[first].cpu_s) / math.log(last / first):.2f}"


def _of_a_process(reader: str, path: Path) -> Cost | None:
    command = [sys.executable, "-m", "benchmarks.reading", "--reader", reader, "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _measure(reader: Callable[[Path], None], path: Path) -> Cost:
    before = time.process_time()
    reader(path)
    return Cost(time.process_time() - before, _peak_mib())


def _peak_mib() -> float:
    """Of this program alone: `ru_maxrss` counts that of the process that started it, too."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


# Readers. Each is given the file, and may write beside it.


def _read_ours(path: Path) -> None:
    home = path.with_suffix(".home")
    shutil.rmtree(home, ignore_errors=True)
    store = Store(home)
    (shard,) = register(store, path)
    ingest_shard(store, shard.key, "benchmark")


def _read_floor(path: Path) -> None:
    rows = pl.read_ndjson(path).with_columns(doc_id=pl.col("text").hash())
    rows.write_parquet(path.with_suffix(".parquet"))


def _read_datatrove(path: Path) -> None:
    if importlib.util.find_spec("datatrove") is None:
        raise SystemExit("datatrove is not installed")
    from datatrove.pipeline.readers import JsonlReader

    for _ in JsonlReader(str(path.parent), glob_pattern=path.name, compression=None).run():
        pass


def _register_only(folder: Path) -> None:
    register(Store(folder.with_name(f"{folder.name}-registered")), folder)


def _read_folder(folder: Path) -> None:
    store = Store(folder.with_name(f"{folder.name}-home"))
    for shard in register(store, folder):
        ingest_shard(store, shard.key, "benchmark")


def _hash_only(folder: Path) -> None:
    for path in folder.iterdir():
        hashlib.sha256(path.read_bytes()).digest()


SMALL_READERS: dict[str, Callable[[Path], None]] = {
    "registered": _register_only,
    "registered and read": _read_folder,
    "opened and hashed": _hash_only,
}
READERS: dict[str, Callable[[Path], None]] = {
    "source_documents": _read_ours,
    "Polars floor": _read_floor,
    "datatrove": _read_datatrove,
}
MEASURED = {**READERS, **SMALL_READERS}


# The text of this machine.


def _written(folder: Path, size_mb: int) -> Path:
    """A file of so many megabytes; where the text ends, it is repeated as other documents."""
    path = folder / f"text-{size_mb}.jsonl"
    left = size_mb * 10**6
    with path.open("w", encoding="utf-8") as file:
        for number, document in enumerate(_documents()):
            if left <= 0:
                break
            left -= len(document.encode())
            row = {"text": document, "url": f"https://example.org/{number}", "date": "2024-05-06"}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _small_files(folder: Path, count: int) -> Path:
    """A folder of files of one document each."""
    folder.mkdir()
    for number, document in zip(range(count), _documents(), strict=False):
        row = {"text": document, "url": f"https://example.org/{number}"}
        folder.joinpath(f"{number:06}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    return folder


def _documents() -> Iterator[str]:
    random = Random(0)
    for turn in range(1000):
        sources = (_manuals(), _documentation(), _messages(), _library())
        rows = chain.from_iterable(zip_longest(*(_pages(source, random) for source in sources)))
        yield from (f"{row}\n{turn}" if turn else row for row in rows if row is not None)


def _pages(texts: Iterator[str], random: Random) -> Iterator[str]:
    for text in texts:
        start = 0
        while start < len(text):
            length = int(random.lognormvariate(_LOG_MEAN, _LOG_DEVIATION))
            end = text.find("\n", start + min(max(_SHORTEST, length), _LONGEST))
            end = len(text) if end < 0 else end + 1
            yield text[start:end]
            start = end


def _manuals() -> Iterator[str]:
    for path in _shuffled("/usr/share/man", "*.gz"):
        yield re.sub(r"^\.\w+ ?|\\f.|\\", "", _text(path), flags=re.MULTILINE)


def _documentation() -> Iterator[str]:
    for path in _shuffled("/usr/share/doc", "*"):
        text = _text(path)
        yield html.unescape(re.sub(r"<[^>]+>", "", text)) if ".htm" in path.name else text


def _messages() -> Iterator[str]:
    for path in _shuffled("/usr/share/locale", "*.mo"):
        with suppress(OSError, ValueError, IndexError), path.open("rb") as file:
            found = vars(gettext.GNUTranslations(file))["_catalog"].values()
            yield "\n\n".join(text for text in found if isinstance(text, str) and len(text) > 40)


def _library() -> Iterator[str]:
    yield from map(_text, _shuffled(sysconfig.get_path("stdlib"), "*.py"))


def _shuffled(folder: str, pattern: str) -> list[Path]:
    paths = sorted(path for path in Path(folder).rglob(pattern) if path.is_file())
    Random(0).shuffle(paths)
    return paths


def _text(path: Path) -> str:
    """The beginning of a file, nothing if it is no text."""
    opened = gzip.open if path.suffix == ".gz" else open
    with suppress(OSError, UnicodeDecodeError, EOFError), opened(path, "rb") as file:
        return file.read(_MOST_OF_A_FILE).decode("utf-8")
    return ""


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
