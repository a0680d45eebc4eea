"""The figures of a proof, from the files of its arms: rows, comparisons, expectations, curves."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from wsrl_assets.training.arms.task import ANSWERS, RESULT, STEPS, Method, Shots, read_lines
from wsrl_assets.training.comparisons import (
    Difference,
    Finding,
    Scores,
    mean_scores,
    paired_difference,
)
from wsrl_assets.training.plan import COMPARED, PLANS, seeds_of
from wsrl_assets.training.preparation import facts_of
from wsrl_assets.training.proof import Proof
from wsrl_assets.training.spec import MEASURES, Arm


@dataclass(frozen=True, slots=True)
class ArmRow:
    """The figures of an arm, each the mean over its finished seeds.

    Attributes:
        arm, shots, label: which.
        seeds: those that are finished; none of an arm that has not run.
        figures: by name; see `arms.scoring.summary`.
        by_seed: the same for each seed.
        budgets: tokens and seconds of one seed, by `arms.task.BUDGETS`.
        losses: mean loss per token on foreign and on held-out text.
        training: rows, and where the trainer says so mixed groups and entropy.
        files: the files that the figures come from, under the folder of the proof.
    """

    arm: Arm
    shots: Shots
    label: str
    seeds: tuple[int, ...]
    figures: Mapping[str, float]
    by_seed: Mapping[str, Sequence[float]]
    budgets: Mapping[str, float]
    losses: Mapping[str, float]
    training: Mapping[str, float]
    benchmarks: Mapping[str, float]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm against another on one measure."""

    arm: Arm
    other: Arm
    measure: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure that a trainer logged, over the steps of a run."""

    arm: Arm
    seed: int
    name: str
    points: tuple[tuple[float, float], ...]
    file: str


@dataclass(frozen=True, slots=True)
class Results:
    """All figures of a proof.

    Attributes:
        facts: of its data; see `preparation.facts_of`.
        missing: arms with a seed that has not run.
    """

    proof: Proof
    facts: Mapping[str, Any]
    rows: tuple[ArmRow, ...]
    comparisons: tuple[Comparison, ...]
    curves: tuple[Curve, ...]
    missing: tuple[Arm, ...]

    def compared(self, arm: Arm, other: Arm, measure: str) -> Difference | None:
        """The difference of two arms on a measure, if both have run."""
        found = (
            c.difference
            for c in self.comparisons
            if (c.arm, c.other, c.measure) == (arm, other, measure)
        )
        return next(found, None)

    def control_gains(self) -> tuple[str, ...]:
        """The measures on which the shuffled control beats the base beyond its interval."""
        found = (c for c in self.comparisons if (c.arm, c.other) == (Arm.GRPO_SHUFFLED, Arm.BASE))
        return tuple(c.measure for c in found if c.difference.finding is Finding.HIGHER)

    def expected(self) -> list[dict[str, Any]]:
        """Each expectation of the spec, with the difference that was found."""
        return [
            {
                **expectation.model_dump(mode="json"),
                "difference": found and asdict(found),
                "outcome": _outcome(expectation.expected, found),
            }
            for expectation in self.proof.spec.expectations
            for found in [
                self.compared(expectation.arm, expectation.than, expectation.measure)
                or self._turned(expectation.arm, expectation.than, expectation.measure)
            ]
        ]

    def _turned(self, arm: Arm, other: Arm, measure: str) -> Difference | None:
        found = self.compared(other, arm, measure)
        if found is None:
            return None
        return Difference(-found.mean, -found.high, -found.low, found.questions, found.documents)

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values, each with the files it comes from."""
        return {
            "release": self.proof.release.name,
            "proof": self.proof.folder.name,
            "model": Path(self.proof.model).name if self.proof.is_local else self.proof.model,
            "spec": self.proof.spec.model_dump(mode="json"),
            "data": self.facts,
            "rows": [asdict(row) for row in self.rows],
            "comparisons": [
                {
                    **asdict(c),
                    "finding": str(c.difference.finding),
                    "files": [str(f) for arm in (c.arm, c.other) for f in self._answers(arm)],
                }
                for c in self.comparisons
            ],
            "expectations": self.expected(),
            "control_gains": list(self.control_gains()),
            "curves": [asdict(curve) for curve in self.curves],
            "missing": list(map(str, self.missing)),
        }

    def _answers(self, arm: Arm) -> list[str]:
        return [f for row in self.rows if row.arm is arm for f in row.files if f.endswith(ANSWERS)]


def read_results(proof: Proof) -> Results:
    """The figures of all runs that are finished."""
    done = {
        (arm, seed): proof.run_folder(arm, seed)
        for arm in Arm
        for seed in seeds_of(arm, proof.spec)
        if proof.is_finished(arm, seed)
    }
    rows = [
        _row(proof, arm, shots, {s: f for (a, s), f in done.items() if a is arm})
        for arm in Arm
        for shots in PLANS[arm].shots
    ]
    return Results(
        proof,
        facts_of(proof.folder),
        tuple(rows),
        tuple(_comparisons(proof, done)),
        tuple(_curves(proof, done)),
        tuple(arm for arm in Arm if proof.pending_seeds(arm)),
    )


def _outcome(expected: str, found: Difference | None) -> str:
    if found is None:
        return "not measured"
    if expected == "within":
        return "borne out" if found.finding is Finding.WITHIN else "contradicted"
    return {
        Finding.HIGHER: "borne out",
        Finding.LOWER: "contradicted",
        Finding.WITHIN: "undecided: the difference is within its interval",
    }[found.finding]


def _row(proof: Proof, arm: Arm, shots: Shots, runs: Mapping[int, Path]) -> ArmRow:
    results = [json.loads((folder / RESULT).read_text("utf-8")) for folder in runs.values()]
    figures = [result["evaluations"][shots] for result in results]
    by_seed = {name: [row[name] for row in figures] for name in (figures[0] if figures else ())}
    files = [
        str((folder / name).relative_to(proof.folder))
        for folder in runs.values()
        for name in (RESULT, ANSWERS)
    ]
    return ArmRow(
        arm,
        shots,
        PLANS[arm].label,
        tuple(runs),
        {name: fmean(values) for name, values in by_seed.items()},
        by_seed,
        _means(result["budgets"] for result in results),
        _means(result["losses"] for result in results),
        _means(result["training"] for result in results),
        _means(result["benchmarks"] for result in results),
        tuple(files),
    )


def _means(rows: Iterable[Mapping[str, float | None]]) -> dict[str, float]:
    """The mean of each figure that all rows have."""
    rows = list(rows)
    shared = set.intersection(*map(set, rows)) if rows else set()
    values = {name: [row[name] for row in rows] for name in sorted(shared)}
    return {
        name: fmean(v for v in found if v is not None)
        for name, found in values.items()
        if None not in found
    }


def _comparisons(proof: Proof, done: Mapping[tuple[Arm, int], Path]) -> Iterator[Comparison]:
    lines = {run: read_lines(folder / ANSWERS) for run, folder in done.items()}
    documents = {line["pair_id"]: line["parent_id"] for some in lines.values() for line in some}
    for arm, other in _pairs_of_arms(proof):
        for measure in MEASURES:
            scores = [
                [_scores(lines[run], measure) for run in lines if run[0] is one]
                for one in (arm, other)
            ]
            if not all(scores):
                continue
            here, there = map(mean_scores, scores)
            found = paired_difference(here, there, documents, proof.spec.seed)
            if found is not None:
                yield Comparison(arm, other, measure, found)


def _pairs_of_arms(proof: Proof) -> Iterable[tuple[Arm, Arm]]:
    """Which arm is compared with which: always those of `COMPARED`, and what the spec expects."""
    asked = ((e.arm, e.than) for e in proof.spec.expectations)
    more = (pair for pair in asked if pair[::-1] not in COMPARED)
    return dict.fromkeys((*COMPARED, *more))


def _scores(lines: Sequence[Mapping[str, Any]], measure: str) -> Scores:
    """The score of each question on a measure, zero-shot."""
    prompt, figure, *scoring = measure.split(".")
    found = {}
    for line in lines:
        if line["prompt"] != prompt or line["shots"] != Shots.NONE:
            continue
        share = fmean(line[scoring[0] if scoring else "right"])
        found[line["pair_id"]] = float(share > 0) if figure == "pass_at_8" else share
    return found


# What is drawn of a trainer's log: its key, and what the chart is called.
CURVES: Mapping[str, str] = {
    "loss": "Loss on texts and answers, by step",
    "reward": "Mean reward in training, by step",
    "mixed": "Share of prompts with mixed rewards, by step",
    "entropy": "Entropy of the policy, by step",
}


def _curves(proof: Proof, done: Mapping[tuple[Arm, int], Path]) -> Iterator[Curve]:
    for (arm, seed), folder in done.items():
        path = folder / STEPS
        lines = read_lines(path) if path.exists() else []
        for name in CURVES:
            points = tuple((line["step"], _point(line, name)) for line in lines)
            drawn = tuple((step, value) for step, value in points if value is not None)
            if drawn:
                yield Curve(arm, seed, name, drawn, str(path.relative_to(proof.folder)))


def _point(line: Mapping[str, Any], name: str) -> float | None:
    is_grpo = line["method"] == Method.GRPO
    if name == "loss":
        return None if is_grpo else line.get("loss")
    if not is_grpo:
        return None
    if name == "mixed":
        same = line.get("frac_reward_zero_std")
        return None if same is None else 1 - same
    return line.get(name)
