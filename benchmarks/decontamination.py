"""Decontamination beside lm-eval-harness's own janitor: `python -m benchmarks.decontamination`.

The same 100,000 questions against the same benchmark texts, by the 13-gram rule of both. The
questions are made here, the same in every run of one Python version: nine in ten from the running
CPython's help topics and the sample corpus (a sentence of these under a question's head, with a few
words exchanged), one in ten from seeded templates of word problems. The benchmarks are 20,000 texts
made alike from other sentences. 1,000 questions are copies of benchmark texts: whole, in part, in
capitals, in other punctuation, or with five words changed.

The janitor is the class itself, run in the Python that `--janitor` names (`pip install lm-eval`,
nothing else of ours); its C++ part is not in the wheel. Only `_split_chunks` is replaced, which
cuts a text up, so that a hit can be told apart from a short text, and it may stop at the first
hit. What both say is compared question by question. Differences have two causes, and each is
checked for. The janitor normalises what it registers before it cuts it into words, and what it
cleans after, so a dash that stands alone between two words counts as a word in a question and not
in a benchmark. And it knows no punctuation and no capitals but those of ASCII, which ours folds.

Times are processor time, over all threads, the best of five: other work on the machine then
weighs less. To load the benchmarks is a column of its own, on both sides. Exit code 1 when
throughput is below 20 times the janitor's, or a difference has another cause.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsrl_assets.release.decontamination import (
    BENCHMARKS,
    LongNgrams,
    find_contamination,
    load_benchmarks,
)
from wsrl_assets.samples import corpus_dir, pydoc_topics
from wsrl_assets.storage import Store
from wsrl_assets.text.normalisation import words

TARGET_RATIO = 20
QUESTIONS, ITEMS, PLANTED = 100_000, 20_000, 1_000
_REPEATS = 5
_HEADS = (
    "Which of these follows from the statement that {}?",
    "What is described here - {} - and why?",
    "In what case does it hold that {}?",
    "Name the thing of which it is said that {}",
)
_PROBLEM = (
    "{name} buys {a} {things} at {b} coins each and sells {c} of them for {d} coins each; "
    "how many coins does {name} have if {e} {things} were broken?"
)
_TYPOGRAPHY = [*zip("‘’“”„–—−", '\'\'"""---', strict=True), ("…", "..."), ("•", "*"), ("·", "*")]
_NAMES = "Ada Bela Chen Dora Emil Farah Goran Hana Ilse Jomo Kira Luis Mina Noor".split()
_THINGS = "apples cups lamps ropes tiles seeds coins books maps kites".split()

# Runs where lm-eval is installed, and knows nothing of ours.
_JANITOR = """
import contextlib, io, json, sys, time
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from lm_eval.decontamination.janitor import Janitor
import lm_eval

class FirstHit(Janitor):
    def _split_chunks(self, text, dirty_parts):
        return next(iter(dirty_parts), None)

data = json.load(open(sys.argv[1], encoding="utf-8"))
janitor = FirstHit()
began = time.process_time()
for text in data["benchmarks"]:
    janitor.register_contaminant_python(text)
registered_s = time.process_time() - began
times = []
for _ in range(data["repeats"]):
    began = time.process_time()
    hits = [janitor.clean_python(text) is not None for text in data["questions"]]
    times.append(time.process_time() - began)
for text in data["folded_benchmarks"]:
    janitor.register_contaminant_python(text)
def is_hit(text):
    bare = " ".join(word for word in text.split() if janitor.normalize_string(word))
    return janitor.clean_python(bare) is not None
forms = zip(data["questions"], data["folded"])
print(json.dumps({
    "version": lm_eval.__version__,
    "registered_s": registered_s,
    "clean_s": min(times),
    "hits": [n for n, hit in enumerate(hits) if hit],
    "hits_when_folded": [n for n, both in enumerate(forms) if any(map(is_hit, both))],
}))
"""


@dataclass(frozen=True, slots=True)
class Janitor:
    """What the janitor came to."""

    version: str
    registered_s: float
    clean_s: float
    hits: frozenset[int]
    hits_when_folded: frozenset[int]


# The texts


def sentences() -> list[str]:
    """Sentences of 8 to 60 words from the sample corpus and CPython's help."""
    texts = [text for _, text in pydoc_topics()]
    for path in sorted(corpus_dir().rglob("*")):
        if path.suffix == ".jsonl":
            texts += filter(None, map(_text_of_line, path.read_bytes().splitlines()))
        elif path.suffix == ".md":
            texts.append(path.read_text("utf-8", "replace"))
    found = (" ".join(part.split()) for text in texts for part in re.split(r"(?<=[.?!])\s", text))
    return sorted({part for part in found if 8 <= len(part.split()) <= 60})


def _text_of_line(line: bytes) -> str | None:
    """The text of a row of the corpus; some of its rows are broken on purpose."""
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError):
        return None
    return text if isinstance(text, str) else None


def make_texts(count: int, pool: Sequence[str], rng: random.Random) -> list[str]:
    return [_text(pool, rng) for _ in range(count)]


def make_questions(benchmarks: Sequence[str], pool: Sequence[str]) -> list[str]:
    """The questions; the planted copies stand among them."""
    rng = random.Random(2)
    questions = make_texts(QUESTIONS - PLANTED, pool, rng)
    long = [text for text in benchmarks if len(text.split()) >= 20]
    questions += [_copy(rng.choice(long), number % 5, rng) for number in range(PLANTED)]
    rng.shuffle(questions)
    return questions


def _text(pool: Sequence[str], rng: random.Random) -> str:
    if rng.random() < 0.1:
        name, things = rng.choice(_NAMES), rng.choice(_THINGS)
        a, b, c, d, e = (rng.randrange(2, 400) for _ in range(5))
        return _PROBLEM.format(name=name, things=things, a=a, b=b, c=c, d=d, e=e)
    tokens = rng.choice(pool).split()
    for _ in range(max(1, len(tokens) // 9)):
        tokens[rng.randrange(len(tokens))] = rng.choice(rng.choice(pool).split())
    return rng.choice(_HEADS).format(" ".join(tokens).rstrip("."))


def _copy(text: str, kind: int, rng: random.Random) -> str:
    tokens = text.split()
    if kind == 0:
        return text
    if kind == 1:
        return "So: " + " ".join(tokens[2:18]) + " and so on?"
    if kind == 2:
        return text.upper()
    if kind == 3:
        return re.sub(r"[.,;:?]", "", text).replace(" ", "  ") + " !"
    for place in rng.sample(range(len(tokens)), 5):
        tokens[place] = "elsewhere"
    return " ".join(tokens)


# Both sides


def run_janitor(python: Path, benchmarks: Sequence[str], questions: Sequence[str]) -> Janitor:
    """The janitor's hits and times, in its own Python.

    Raises:
        RuntimeError: lm-eval is not installed there.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        data = {
            "benchmarks": benchmarks,
            "questions": questions,
            "folded_benchmarks": [fold(text) for text in benchmarks if not text.isascii()],
            "folded": [fold(text) for text in questions],
            "repeats": _REPEATS,
        }
        json.dump(data, file)
        file.flush()
        done = subprocess.run(
            [str(python), "-c", _JANITOR, file.name], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else "no output")
    result = json.loads(done.stdout)
    for key in ("hits", "hits_when_folded"):
        result[key] = frozenset(result[key])
    return Janitor(**result)


def load(home: Path, benchmarks: Sequence[str]) -> tuple[Store, int, float]:
    """A store with the benchmarks in it, the number of their n-grams, and the seconds it took."""
    path = home / "benchmark.jsonl"
    path.write_text("".join(json.dumps({"question": t}) + "\n" for t in benchmarks), "utf-8")
    store = Store(home / "home")
    began = time.process_time()
    ngrams = load_benchmarks(store, [path])
    return store, ngrams, time.process_time() - began


def our_hits(store: Store, questions: Sequence[str]) -> tuple[frozenset[int], float, float]:
    """The questions that share a 13-gram, the seconds to open the rule, and of the best trial."""
    best = float("inf")
    began = time.process_time()
    with store.snapshot(BENCHMARKS) as connection:
        rule = LongNgrams(connection)
        open_s = time.process_time() - began
        for _ in range(_REPEATS):
            began = time.process_time()
            rows = rule.overlapping(questions)
            best = min(best, time.process_time() - began)
    return frozenset(rows), open_s, best


def all_rules(store: Store, questions: Sequence[str]) -> tuple[int, float]:
    """The hits of all three rules, in pages as the final splits take them, and the seconds."""
    began = time.process_time()
    hits = sum(
        len(find_contamination(store, page, [""] * len(page)))
        for page in (questions[start : start + 1000] for start in range(0, len(questions), 1000))
    )
    return hits, time.process_time() - began


# Memory


def memory_rows() -> list[tuple[int, int, int]]:
    """Items, n-grams and peak MB of a fresh process that loads and matches, by size."""
    rows = []
    for items in (0, 5_000, 20_000, 80_000):
        command = [sys.executable, "-m", "benchmarks.decontamination", "--memory-of", str(items)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ngrams, peak_mb = json.loads(done.stdout.splitlines()[-1])
        rows.append((items, ngrams, peak_mb))
    return rows


def print_memory_of(items: int) -> None:
    pool = sentences()
    questions = make_texts(20_000, pool, random.Random(2))
    with tempfile.TemporaryDirectory() as folder:
        texts = make_texts(items, pool, random.Random(1))
        store, ngrams, _ = load(Path(folder), [f"{n} {text} {n}" for n, text in enumerate(texts)])
        all_rules(store, questions)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([ngrams, peak_mb]))


# The report


def fold(text: str) -> str:
    """A text with typographic punctuation as ASCII has it; with other letters, in small words."""
    for typographic, plain in _TYPOGRAPHY:
        text = text.replace(typographic, plain)
    return text if text.isascii() else " ".join(words(text))


def is_unlike_for_the_janitor(text: str) -> bool:
    """Whether a text has what the janitor reads otherwise in a question than in a benchmark."""
    has_lone_mark = any(not word.strip(string.punctuation) for word in text.split())
    return has_lone_mark or not text.isascii()


def print_differences(
    ours: frozenset[int], janitor: Janitor, questions: Sequence[str]
) -> frozenset[int]:
    """Prints how the hits differ; the differences that are not explained."""
    missed, extra = janitor.hits - ours, ours - janitor.hits
    explained = {
        number
        for number in extra & janitor.hits_when_folded
        if is_unlike_for_the_janitor(questions[number])
    }
    print(f"\nhits of both {len(ours & janitor.hits):,}, of ours alone {len(extra):,}, ", end="")
    print(f"of the janitor alone {len(missed):,}")
    if extra:
        print(
            f"of those of ours alone {len(explained):,} have punctuation that stands alone or is "
            "not ASCII: the\njanitor finds each of them once that is taken out"
        )
    return frozenset(missed | (extra - explained))


def compare(questions: Sequence[str], benchmarks: Sequence[str], python: Path | None) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        store, ngrams, load_s = load(Path(folder), benchmarks)
        ours, open_s, ours_s = our_hits(store, questions)
        hits, all_s = all_rules(store, questions)
    count = len(questions)
    print(f"{count:,} questions, {len(benchmarks):,} benchmark texts, {ngrams:,} n-grams of ours\n")
    print(f"{'':30}{'load s':>8}{'match s':>9}{'questions/s':>13}{'hits':>8}")
    rate = count / ours_s
    print(f"{'ours, 13-grams':30}{load_s + open_s:8.2f}{ours_s:9.3f}{rate:13,.0f}{len(ours):8,}")
    print(f"{'ours, all three rules':30}{'':8}{all_s:9.3f}{count / all_s:13,.0f}{hits:8,}")
    if python is None:
        print("janitor: skipped; name a Python that has lm-eval with --janitor PATH/bin/python")
        return True
    try:
        janitor = run_janitor(python, benchmarks, questions)
    except (RuntimeError, OSError) as error:
        print(f"janitor: skipped, it does not run in {python} ({error}); pip install lm-eval there")
        return True
    title = f"lm-eval {janitor.version} janitor"
    print(
        f"{title:30}{janitor.registered_s:8.2f}{janitor.clean_s:9.3f}"
        f"{count / janitor.clean_s:13,.0f}{len(janitor.hits):8,}"
    )
    ratio = janitor.clean_s / ours_s
    unexplained = print_differences(ours, janitor, questions)
    print(f"throughput {ratio:.1f} times the janitor's (target {TARGET_RATIO}), all three rules ")
    print(f"{janitor.clean_s / all_s:.1f} times; unexplained differences {len(unexplained)}")
    return ratio >= TARGET_RATIO and not unexplained


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--janitor", type=Path, help="a Python that has lm-eval")
    arguments.add_argument("--no-memory", action="store_true", help="throughput only")
    arguments.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    options: Any = arguments.parse_args()
    if options.memory_of is not None:
        print_memory_of(options.memory_of)
        return 0
    pool = sentences()
    benchmarks = make_texts(ITEMS, pool[0::2], random.Random(1))
    is_met = compare(make_questions(benchmarks, pool[1::2]), benchmarks, options.janitor)
    if not options.no_memory:
        print("\npeak memory of a process that loads a benchmark and matches 20,000 questions")
        print(f"{'texts':>10}{'n-grams':>12}{'peak MB':>10}")
        for items, ngrams, peak_mb in memory_rows():
            print(f"{items:10,}{ngrams:12,}{peak_mb:10,}")
    return 0 if is_met else 1


if __name__ == "__main__":
    raise SystemExit(main())
