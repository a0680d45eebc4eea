"""What can be blanked out of real prose, and what stops it: `python -m benchmarks.cloze FOLDER`.

Reads the text and markdown files under a folder that the user names; a folder in it is a kind of
text, with a line of its own. By kind: documents, sentences of prose, sentences of which a part can
be asked for (a document), such sentences that need the one before them, the share of documents with
none, and milliseconds of processor time a document. Beside it, as a baseline, the time that naming
the document's language takes, which every document needs anyway. Then the funnel: of all sentences,
how many each rule turns away, first rule first; and candidates by answer type.

Exit code 2 when the folder has no such file.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from wsrl_assets.generation.cloze import BLANK, Candidate, Examined, examine
from wsrl_assets.generation.inline_markup import as_read
from wsrl_assets.text.language import language_of
from wsrl_assets.text.normalisation import normalise_document

SUFFIXES = (".md", ".txt", ".rst")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="text and markdown files, by kind")
    folder: Path = parser.parse_args(arguments).folder
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        print(f"{folder} has no file with {', '.join(SUFFIXES)}", file=sys.stderr)
        return 2
    kinds: dict[str, list[str]] = {}
    for path in files:
        kind = path.relative_to(folder).parts[0] if path.parent != folder else "."
        text = normalise_document(path.read_text("utf-8", errors="replace"))
        kinds.setdefault(kind, []).append(text)
    print(
        f"{'':16}documents  sentences  asked a document  with the one before  none  ms (language)"
    )
    everything = [one for kind, texts in kinds.items() for one in _kind(kind, texts)]
    _funnel(everything)
    return 0


def _kind(kind: str, texts: Sequence[str]) -> list[Examined]:
    """Prints the line of one kind; returns its sentences."""
    started = time.process_time()
    for text in texts:
        language_of(text)
    named = time.process_time()
    by_document = [examine(text) for text in texts]
    ended = time.process_time()
    found = [one for sentences in by_document for one in sentences]
    asked = [one for one in found if one.candidates]
    leaning = sum(_leans(one.candidates[0]) for one in asked)
    none = sum(not any(one.candidates for one in sentences) for sentences in by_document)
    count = len(texts)
    print(
        f"{kind[:16]:16}{count:9d}{len(found):11d}{len(asked) / count:18.2f}"
        f"{leaning:21d}{none / count:6.0%}{1e3 * (ended - named) / count:6.1f}"
        f" ({1e3 * (named - started) / count:.1f})"
    )
    return found


def _leans(candidate: Candidate) -> bool:
    """Whether the statement has a sentence before the one that is asked of."""
    statement = candidate.blanked.replace(BLANK, candidate.answer, 1)
    return statement != as_read(candidate.sentence.text)


def _funnel(sentences: Sequence[Examined]) -> None:
    faults = Counter(one.fault or "asked" for one in sentences)
    print("\nsentences by what became of them")
    for fault, count in faults.most_common():
        print(f"  {fault:20}{count:8d}{count / len(sentences):7.1%}")
    types = Counter(found.answer_type for one in sentences for found in one.candidates)
    print("\ncandidates by answer type")
    for answer_type, count in types.most_common():
        print(f"  {answer_type:20}{count:8d}")


if __name__ == "__main__":
    sys.exit(main())
