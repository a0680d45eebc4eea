"""What the index of kept documents costs: `python -m benchmarks.near_duplicates`.

Documents that are unlike each other are claimed as `filtered_documents` does it, a page of 2,000 at
a time, in an index of some size. By size: bytes on disk for each document, processor seconds for a
page, peak memory of the process; and the peak of datasketch's in-memory `MinHashLSH`, which every
process would have to fill again. Signatures are drawn at random, since to read a million texts
would take longer than all the rest.

With `--filter 600 6000`: processor seconds of the whole stage on so many generated articles of
2.6 kB in one shard, over all domains, in a process of its own; and of a second run, which finds
nothing new.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from datasketch import MinHash, MinHashLSH

from benchmarks.engine_corpus import articles
from benchmarks.engine_pipeline import make_home
from wsrl_assets.curation.dedup import NewDocument, claim_documents
from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.storage import PartitionKind, Store
from wsrl_assets.storage.claims import DOCUMENT_INDEX
from wsrl_assets.storage.tables import (
    Signature,
    SignatureBand,
    SourceDocument,
    TriagedDocument,
    utc_now,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.hashing import signed
from wsrl_assets.text.minhash import MinHashSettings, band_hashes, signature_matrix

SETTINGS = MinHashSettings()
PAGE, PAGES, BATCH = 2_000, 5, 20_000


def signatures(count: int, seed: int) -> Iterator[bytes]:
    """Random signatures, `4 * permutations` bytes each."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield rng.integers(0, 2**32, SETTINGS.permutations, np.uint32).tobytes()


def fill(store: Store, documents: int) -> None:
    """An index of some size, made faster than page by page."""
    for first in range(0, documents, BATCH):
        raw = list(signatures(min(BATCH, documents - first), first))
        bands = band_hashes(signature_matrix(raw, SETTINGS), SETTINGS)
        names = [f"{first + n:032x}" for n in range(len(raw))]
        rows = pl.DataFrame(
            {"item_id": names, "domain": "math", "content_id": names, "minhash": raw, "guard": 0}
        )
        keys = pl.DataFrame(
            {
                "band": signed(bands.reshape(-1)),
                "item_id": np.repeat(names, bands.shape[1]),
            }
        )
        with store.transaction(DOCUMENT_INDEX) as transaction:
            transaction.insert(Signature, rows)
            transaction.insert(SignatureBand, keys)
    store.publish(DOCUMENT_INDEX)


def measure(documents: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        fill(store, documents)
        times = []
        for number in range(PAGES):
            raw = list(signatures(PAGE, 10**9 + number))
            page = [NewDocument(f"{number}-{n}", f"{number}-{n}", s) for n, s in enumerate(raw)]
            began = time.process_time()
            claim_documents(store, Domain.MATH, page, SETTINGS)
            times.append(time.process_time() - began)
        size = (store.home / "library" / "document_index.duckdb").stat().st_size
    return {
        "bytes": size / (documents + PAGES * PAGE),
        "page_s": min(times),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_datasketch(documents: int) -> dict[str, float]:
    index = MinHashLSH(threshold=0.5, num_perm=SETTINGS.permutations)
    blank = MinHash(num_perm=SETTINGS.permutations, scheme="affine32")
    kept = {}
    for number, raw in enumerate(signatures(documents, 0)):
        kept[str(number)] = minhash = MinHash(
            num_perm=SETTINGS.permutations,
            hashvalues=np.frombuffer(raw, np.uint32),
            permutations=blank.permutations,
            scheme="affine32",
        )
        index.insert(str(number), minhash, check_duplication=False)
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure_filter(documents: int) -> dict[str, float]:
    domains = list(Domain)
    with tempfile.TemporaryDirectory() as folder:
        store = make_home(Path(folder) / "home", list(articles(documents, seed=3)), 1)
        (shard,) = store.partitions(PartitionKind.SHARD)
        with store.transaction(shard) as transaction:
            ids = transaction.frame(SourceDocument)["doc_id"].unique(maintain_order=True).to_list()
            transaction.merge(
                [
                    TriagedDocument(
                        doc_id=doc_id,
                        qualified=True,
                        domain=domains[number % len(domains)],
                        recipe="generated",
                        run_id="generated",
                        created_at=utc_now(),
                    )
                    for number, doc_id in enumerate(ids)
                ]
            )
        times = []
        for run in ("first", "second"):
            began = time.process_time()
            for domain in domains:
                filter_domain(store, domain, run)
            times.append(time.process_time() - began)
    return {"first_s": times[0], "second_s": times[1]}


def in_process(kind: str, documents: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.near_duplicates", kind, str(documents)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--compare-up-to", type=int, default=100_000)
    arguments.add_argument("--index", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--datasketch", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--filter", type=int, nargs="+", help="documents of the whole stage")
    arguments.add_argument("--one-filter", type=int, help=argparse.SUPPRESS)
    options: Any = arguments.parse_args()
    if options.one_filter is not None:
        print(json.dumps(measure_filter(options.one_filter)))
        return 0
    if options.filter:
        print(f"{'documents':>10}{'CPU s':>9}{'nothing new, CPU s':>20}")
        for documents in options.filter:
            found = in_process("--one-filter", documents)
            print(f"{documents:10,}{found['first_s']:9.2f}{found['second_s']:20.2f}")
        return 0
    if options.index is not None or options.datasketch is not None:
        found = measure(options.index) if options.index else measure_datasketch(options.datasketch)
        print(json.dumps(found))
        return 0
    print(
        f"{'documents':>10}{'bytes each':>12}{'s a page':>10}{'peak MB':>9}{'datasketch, MB':>16}"
    )
    for documents in options.sizes:
        ours = in_process("--index", documents)
        other = "not run"
        if documents <= options.compare_up_to:
            other = f"{in_process('--datasketch', documents)['peak_mb']:,.0f}"
        print(
            f"{documents:10,}{ours['bytes']:12,.0f}{ours['page_s']:10.2f}"
            f"{ours['peak_mb']:9,.0f}{other:>16}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
