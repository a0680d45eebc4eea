"""The sample corpus that ships with the package, and a larger one made from Python's own help.

`corpus_dir` holds three shards of different form: `encyclopedia.jsonl`, the folder `handbook/`,
and `crawl.jsonl`, most of which deserves to be rejected. `write_short_corpus` makes shards
of a part of the documents, for a demo of minutes. Beside it, `corpus_domains.yaml` and
`corpus_faults.yaml` say what each document was written to be; no stage reads those two.
"""

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from pydoc_data.topics import topics

__all__ = ["corpus_dir", "pydoc_topics", "write_pydoc_corpus", "write_short_corpus"]

_MIN_TOPIC_WORDS = 150


def corpus_dir() -> Path:
    """The folder of the bundled sample corpus: three shards, about fifty good documents.

    Raises:
        FileNotFoundError: the package runs from an archive, or was installed without its data.
    """
    folder = files(__name__) / "corpus"
    if not isinstance(folder, Path) or not folder.is_dir():
        raise FileNotFoundError(
            f"the sample corpus is not a folder on disk ({folder}). "
            "Install wsrl-assets unpacked and with its package data, for example with pip."
        )
    return folder


# Per shard, a file or folder of the corpus and documents of it: of different domains, and one for
# each way out of the funnel, namely an exact and a near duplicate of two others, a fragment,
# boilerplate, and a document for each heuristic. The first is small, for pairs soon.
SHORT_CORPUS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "first.jsonl": ("encyclopedia.jsonl", ("water",)),
    "encyclopedia.jsonl": ("encyclopedia.jsonl", ("suez-canal", "berlin-wall", "smallpox")),
    "handbook": ("handbook", ("http-status-codes.md",)),
    "crawl.jsonl": (
        "crawl.jsonl",
        (
            "mona-lisa",
            "blood-groups",
            "water-mirror",
            "smallpox-edited",
            "fragment-step-nine",
            "menu-garden-shop",
            "page-moved",
            "garbled-download",
            "rain-gauge-log",
            "blank-page",
        ),
    ),
}


def write_short_corpus(folder: Path) -> list[Path]:
    """Writes the documents of `SHORT_CORPUS` as shards; returns their paths, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_part(folder / name, *part) for name, part in SHORT_CORPUS.items()]


def _write_part(target: Path, source_name: str, chosen: tuple[str, ...]) -> Path:
    source = corpus_dir() / source_name
    if source.is_dir():
        target.mkdir(exist_ok=True)
        for file in chosen:
            shutil.copyfile(source / file, target / file)
        return target
    lines = source.read_text("utf-8").splitlines(keepends=True)
    target.write_text("".join(line for line in lines if json.loads(line)["id"] in chosen), "utf-8")
    return target


def pydoc_topics() -> Iterator[tuple[str, str]]:
    """The long help topics of the running CPython, as (topic name, text), sorted by name.

    These are the texts behind ``help("lambda")``. Topics under 150 words are left out. The set
    and the texts differ between Python versions.
    """
    for name, text in sorted(topics.items()):
        if len(text.split()) >= _MIN_TOPIC_WORDS:
            yield name, text


def write_pydoc_corpus(folder: Path) -> Path:
    """Write `pydoc_topics` to ``folder/pydoc.jsonl`` as one shard, and return its path.

    The folder is made if it is missing. The file appears whole or not at all, so that a sensor
    that watches the folder never reads half a shard; an older file is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "pydoc.jsonl"
    source = f"CPython {platform.python_version()} help topics"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pydoc-") as scratch:
        draft = Path(scratch) / target.name
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            for name, text in pydoc_topics():
                row = {
                    "id": f"pydoc-{name}",
                    "title": f"Python help: {name}",
                    "text": text,
                    "license": "PSF-2.0",
                    "source": source,
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    return target
