"""The launchpad says what a field is, what holds without it, and what is paid for."""

import dagster as dg
import pytest

from wsrl_assets.orchestration.assets.curation import TriageConfig
from wsrl_assets.orchestration.assets.questions import ChainConfig, PassRateConfig
from wsrl_assets.orchestration.assets.release import WarmupConfig
from wsrl_assets.orchestration.launchpad import run_setting
from wsrl_assets.settings import Settings


def test_the_default_is_that_of_the_setting() -> None:
    assert "If not set: WSRL_FORMS, by default open." in run_setting("X.", "forms").description
    assert "WSRL_JUDGE, by default true." in run_setting("X.", "judge").description
    assert "WSRL_UNTIL_PAIRS, by default none." in run_setting("X.", "until_pairs").description


# They make no call more.
_FREE = {"draft_layout", "personas_shown", "until_pairs"}


@pytest.mark.parametrize("config", [TriageConfig, ChainConfig, PassRateConfig, WarmupConfig])
def test_every_field_of_a_run_says_its_default_or_what_it_pays(config: type[dg.Config]) -> None:
    for name, field in config.model_fields.items():
        told = field.description or ""
        assert "If not set: WSRL_" in told or "PAID" in told, name
        assert ("PAID" in told) == (name not in {*_FREE, *_budgets()}), name


def _budgets() -> set[str]:
    return {name for name in Settings.model_fields if name.startswith("budget_")}
