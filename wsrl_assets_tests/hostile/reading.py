"""Reads one file in a process of its own and says what that took: `python -m ... PATH`."""

import json
import resource
import sys

from wsrl_assets.sources.readers import ShardFault, SourceError, discover, read_rows

MEMORY_BYTES = 3 * 2**30
"""Address space of the reading process; a third of it is Python's and Arrow's own libraries."""


def main(path: str) -> None:
    """Prints rows, kept rows, the reason of the end if one ended it, and what was used."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    before = resource.getrusage(resource.RUSAGE_SELF)
    rows = kept = 0
    reasons: set[str] = set()
    said = ""
    try:
        (shard,) = discover(path)
        for batch in read_rows(shard):
            rows += len(batch)
            kept += sum(row.text is not None for row in batch)
            reasons |= {str(row.reason) for row in batch if row.reason}
    except ShardFault as fault:
        reasons.add(str(fault.reason))
        said = str(fault)
    except SourceError as error:
        reasons.add("refused")
        said = str(error)
    after = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "rows": rows,
        "kept": kept,
        "reasons": sorted(reasons),
        "said": said,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory_mib": (after.ru_maxrss - before.ru_maxrss) / 2**10,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
