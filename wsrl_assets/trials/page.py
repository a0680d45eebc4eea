"""The page of a trial: one HTML file that needs nothing else, as the report of a release is."""

from collections.abc import Mapping

from wsrl_assets.reporting.pages import page_template
from wsrl_assets.trials.comparison import Comparison, Difference, Measured


def render(
    name: str, found: Comparison, arms: Mapping[str, Mapping[str, str]], strata: Mapping[str, int]
) -> str:
    """The page.

    Args:
        name: of the trial.
        found: the comparison.
        arms: what the file of each arm sets.
        strata: documents of the sample by domain, or by shard.
    """
    template = page_template("wsrl_assets.trials", "trial.html.j2")
    return template.render(
        name=name, found=found, arms=arms, strata=strata, said=said_value, apart=said_difference
    )


def said_value(measured: Measured, value: float | None) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.1%}" if measured.is_share else _figure(value)


def said_difference(measured: Measured, difference: Difference) -> str:
    """A difference with its interval; the difference alone where there is no interval."""
    if difference.value is None:
        return "–"
    value = _signed(measured, difference.value)
    if difference.low is None or difference.high is None:
        return f"{value} (no interval)"
    low, high = (_signed(measured, bound) for bound in (difference.low, difference.high))
    return f"{value} ({low} to {high})"


def _signed(measured: Measured, value: float) -> str:
    if measured.is_share:
        return f"{100 * value:+.1f}"
    sign = "-" if value < 0 else "+"
    return f"{sign}{_figure(abs(value))}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
