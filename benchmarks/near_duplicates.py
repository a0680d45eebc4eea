"""What the index of kept documents costs: `python -m benchmarks.near_duplicates`.

Documents that are unlike each other are claimed as `filtered_documents` does it, a page of 500 at a
time, in an index of some size. By size: bytes on disk for each document, seconds for a page, peak
memory of the process; and the peak of datasketch's in-memory `MinHashLSH`, which every process
would have to fill again. Signatures are drawn at random, since to read a million texts would take
longer than all the rest.
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

from wsrl_assets.curation.dedup import NewDocument, claim_documents
from wsrl_assets.storage import Store
from wsrl_assets.storage.claims import DOCUMENT_INDEX
from wsrl_assets.storage.tables import Signature, SignatureBand
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.hashing import signed
from wsrl_assets.text.minhash import MinHashSettings, band_hashes, signature_matrix

SETTINGS = MinHashSettings()
PAGE, PAGES, BATCH = 500, 5, 20_000


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
            began = time.perf_counter()
            claim_documents(store, Domain.MATH, page, SETTINGS)
            times.append(time.perf_counter() - began)
        size = (store.home / "library" / "document_index.duckdb").stat().st_size
    return {
        "bytes": size / documents,
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
    options: Any = arguments.parse_args()
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
