"""The launchpad says what a field is, what holds without it, and what is paid for."""

import dagster as dg
import pytest

from wsrl_assets.orchestration.assets.curation import TriageConfig
from wsrl_assets.orchestration.assets.questions import ChainConfig, PassRateConfig
from wsrl_assets.orchestration.assets.release import WarmupConfig
from wsrl_assets.orchestration.launchpad import run_setting
from wsrl_assets.settings import Settings


def test_the_default_is_that_of_the_setting() -> None:
    assert run_setting("X.", "forms").description == "Default open (WSRL_FORMS). X."
    assert "efault true (WSRL_JUDGE)" in run_setting("X.", "judge").description
    assert "efault none (WSRL_UNTIL_PAIRS)" in run_setting("X.", "until_pairs").description


def test_what_is_paid_for_says_so_first() -> None:
    told = run_setting("X.", "judge", paid=True).description
    assert told == "PAID in calls to the model, default true (WSRL_JUDGE). X."


# They make no call more.
_FREE = {"draft_layout", "personas_shown", "until_pairs"}


@pytest.mark.parametrize("config", [TriageConfig, ChainConfig, PassRateConfig, WarmupConfig])
def test_every_field_of_a_run_says_its_default_or_what_it_pays(config: type[dg.Config]) -> None:
    for name, field in config.model_fields.items():
        told = field.description or ""
        assert "efault" in told.split(".")[0] or "PAID" in told, name
        assert ("PAID" in told) == (name not in {*_FREE, *_budgets()}), name


def _budgets() -> set[str]:
    return {name for name in Settings.model_fields if name.startswith("budget_")}
