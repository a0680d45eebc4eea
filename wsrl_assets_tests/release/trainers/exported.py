"""A release with an answer of every type, its exports, and their reward files."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import polars as pl

from wsrl_assets.release.dataset import COLUMNS
from wsrl_assets.release.export import export
from wsrl_assets.release.splits import Split
from wsrl_assets.reward import AnswerType, Gold, parse_gold, perturbations, render, score
from wsrl_assets.text.normalisation import stable_hash

GOLDS = (
    parse_gold("12", "integer"),
    parse_gold("3.25", "decimal", tolerance=0.01),
    parse_gold("40%", "percent"),
    parse_gold("5 km", "quantity"),
    parse_gold("1969-07-20", "date"),
    parse_gold("10:30 PM", "time"),
    parse_gold("$1,200", "money"),
    parse_gold('Ōsaka "Castle"', "entity", aliases=["Osaka Castle"]),
    parse_gold("B", "choice", choices=["Paris", "London", "Rome"]),
    parse_gold("no", "yes_no"),
    parse_gold("red, green, blue", "list"),
    parse_gold("`xs.sort(key=len)`", "code"),
    parse_gold("x^2 + 1", "expression"),
)
assert {gold.type for gold in GOLDS} == set(AnswerType), "one of each type"


@dataclass(frozen=True)
class Pair:
    """A released pair with a response that is right and one that is wrong."""

    gold: Gold
    index: int

    @property
    def pair_id(self) -> str:
        return stable_hash(str(self.index))

    @property
    def question(self) -> str:
        return f"Which {self.gold.type} is number {self.index}, in {{braces}} and “quotes”\u2028?"

    @property
    def right(self) -> str:
        """As a model that follows the instruction says it."""
        return f"Let me think about it.\nAnswer: {render(self.gold)}"

    @property
    def wrong(self) -> str:
        """One of the near misses that the self-test makes."""
        return f"Let me think about it.\nAnswer: {perturbations(self.gold)[0]}"

    def row(self, split: Split) -> dict[str, object]:
        """All columns of a release."""
        evidence = f"It is {render(self.gold)}."
        return {
            **dict.fromkeys(COLUMNS),
            "pretrain_text": f"A document. {evidence}",
            "domain": "Math" if self.index % 2 else "Social Science",
            "persona": "a pilot",
            "question": self.question,
            "answer": render(self.gold),
            "pair_id": self.pair_id,
            "gold": self.gold.to_json(),
            "answer_type": str(self.gold.type),
            "form": "open",
            "evidence": evidence,
            "evidence_start": 12,
            "evidence_end": 12 + len(evidence),
            "doc_id": stable_hash("document", str(self.index)),
            "parent_id": stable_hash("parent", str(self.index)),
            "shard": "a.jsonl",
            "source_row": self.index + 1,
            "metadata": "{}",
            "split": str(split),
        }


PAIRS = tuple(Pair(gold, index) for index, gold in enumerate(GOLDS))
assert all(score(pair.right, pair.gold).value == 1 for pair in PAIRS)
assert all(score(pair.wrong, pair.gold).value == 0 for pair in PAIRS)


def write_release(folder: Path, filled: Split = Split.TRAIN) -> Path:
    """A release folder with every pair in one split, and nothing in the others."""
    folder.mkdir(parents=True)
    numbers = ("evidence_start", "evidence_end", "source_row", "rollouts")
    types: dict[str, type[pl.DataType]] = {
        **dict.fromkeys(COLUMNS, pl.String),
        **dict.fromkeys(numbers, pl.Int64),
        "pass_rate": pl.Float64,
    }
    for split in Split:
        rows = [pair.row(split) for pair in PAIRS] if split is filled else []
        pl.DataFrame(rows, schema=types).write_parquet(folder / f"{split}.parquet")
    (folder / "README.md").write_text("# A release\n", "utf-8")
    return folder


def exported(folder: Path, name: str, filled: Split = Split.TRAIN) -> Path:
    """The folder of one format of such a release."""
    return export(write_release(folder / "0123456789ab", filled), [name], folder / "out")[name]


def load(path: Path) -> ModuleType:
    """A file as a module, as trainers load a reward by its path."""
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
