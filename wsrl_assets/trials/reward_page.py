"""The page of a trial of rewards: one HTML file that needs nothing else."""

from collections.abc import Mapping

from wsrl_assets.llm.equivalence import right_answers
from wsrl_assets.llm.recipes import StageRecipe
from wsrl_assets.pipeline.rewards import RewardName
from wsrl_assets.reporting.pages import page_template
from wsrl_assets.trials.agreement import Estimate, RewardComparison

MEANINGS = {
    "typed": "the reward of releases: the final answer, by the rule of its type",
    "judged": "the same, and a judge on the final answer where a rule may be overruled, "
    "or on each fact of a rubric",
    "math-verify": "math-verify alone, as its documentation shows it",
    "reference": "a judge that sees the whole response and the gold answer, "
    "or the reference answer of a rubric",
}
"""What each reward is, in words."""
_END_CHARS = 700


def render_rewards(
    name: str, found: RewardComparison, truncated: int, recipes: Mapping[RewardName, StageRecipe]
) -> str:
    """The page.

    Args:
        name: of the trial.
        found: the comparison.
        truncated: rollouts that were cut off, and are in none of it.
        recipes: of the judging rewards.
    """
    template = page_template(
        "wsrl_assets.trials",
        "rewards.html.j2",
        share=said_share,
        kappa=said_kappa,
        figure=said_figure,
        right_answers=right_answers,
        end=_end,
    )
    models = {reward: recipe.model for reward, recipe in recipes.items()}
    return template.render(
        name=name, found=found, truncated=truncated, models=models, meanings=MEANINGS
    )


def said_share(estimate: Estimate | None) -> str:
    """A share in percent with its interval; a dash where there is none."""
    if estimate is None or estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def said_kappa(estimate: Estimate) -> str:
    """A kappa with its interval; a dash where there is none."""
    if estimate.value is None:
        return "–"
    value = _two_digits(estimate.value)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({_two_digits(estimate.low)} to {_two_digits(estimate.high)})"


def said_figure(value: float) -> str:
    """A cost of 1,000 rollouts, of three digits at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _two_digits(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # no -0.00


def _end(response: str) -> str:
    """The end of a response, where its answer is."""
    text = response.strip()
    return text if len(text) <= _END_CHARS else f"… {text[-_END_CHARS:]}"
