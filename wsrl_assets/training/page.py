"""The page of a proof: one HTML file that needs nothing else, beside the JSON of its figures."""

import json
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from wsrl_assets.release.folder import write_whole
from wsrl_assets.reporting import charts
from wsrl_assets.reporting.bootstrap import DRAWS
from wsrl_assets.reporting.pages import page_template
from wsrl_assets.training.comparisons import Difference
from wsrl_assets.training.proof import SPEC, Proof
from wsrl_assets.training.results import CURVES, ArmRow, Comparison, Results, read_results
from wsrl_assets.training.spec import MEASURES, Arm

PAGE = "index.html"
FIGURES = "proof.json"

_SHOWN = (
    *MEASURES,
    "with_passage.mixed_groups.strict",
)


def write_page(proof: Proof) -> Path:
    """Writes `index.html` and `proof.json` of a proof, of the arms that are finished."""
    results = read_results(proof)
    figures = json.dumps(results.to_dict(), indent=2, ensure_ascii=False)
    write_whole(proof.folder / FIGURES, figures + "\n")
    path = proof.folder / PAGE
    write_whole(path, render(results))
    return path


def render(results: Results) -> str:
    """The page."""
    template = page_template(
        "wsrl_assets.training",
        "proof.html.j2",
        words=words,
        share=share,
        signed=_signed,
        whole=_whole,
        loss=_loss,
    )
    return template.render(
        results=results,
        proof=results.proof,
        spec=results.proof.spec,
        model=results.to_dict()["model"],
        shown=_SHOWN,
        measures=MEASURES,
        groups=_groups(results.comparisons),
        gains=results.control_gains(),
        has_control=results.compared(Arm.GRPO_SHUFFLED, Arm.BASE, MEASURES[0]) is not None,
        charts=[(title, Markup(svg)) for title, svg in _charts(results)],
        draws=DRAWS,
        figures_file=FIGURES,
        spec_file=SPEC,
    )


def summary_table(results: Results) -> list[tuple[str, int, list[float | None]]]:
    """A line for each row: its name, its finished seeds, and the compared figures."""
    return [
        (_name(row), len(row.seeds), [row.figures.get(measure) for measure in MEASURES])
        for row in results.rows
    ]


def _groups(found: Sequence[Comparison]) -> list[tuple[Arm, Arm, dict[str, Difference]]]:
    """Comparisons by their two arms."""
    pairs = dict.fromkeys((c.arm, c.other) for c in found)
    return [
        (arm, other, {c.measure: c.difference for c in found if (c.arm, c.other) == (arm, other)})
        for arm, other in pairs
    ]


def _name(row: ArmRow) -> str:
    shots = f" ({words(row.shots)})" if row.arm is Arm.BASE else ""
    return f"{words(row.arm)}{shots}"


def _charts(results: Results) -> list[tuple[str, str]]:
    """Title and drawing of each."""
    drawn = []
    for name, title in CURVES.items():
        series = [
            charts.Line(f"{words(curve.arm)}, seed {curve.seed}", curve.points)
            for curve in results.curves
            if curve.name == name
        ]
        if series:
            drawn.append((title, charts.lines(title, series)))
    return drawn


def words(name: str) -> str:
    """The name of an arm or measure in words."""
    return str(name).replace("_", " ").replace(".", ", ")


def share(value: float | None) -> str:
    """A share in percent; a dash where there is none."""
    return "–" if value is None else f"{value:.1%}"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
