"""What holds for all tests."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are busy, and no test is to fail for that.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

_TESTS = Path(__file__).parent
# They run whole jobs, start processes, or make a home for each test: two thirds of the processor
# time of all tests, in an eleventh of them. `make test` leaves them to `make test-slow`.
_SLOW = frozenset(
    """
    test_new_stage.py
    cli/test_cli.py cli/test_demonstrations.py cli/test_domains.py cli/test_goals.py
    cli/test_score_judge.py cli/test_trial.py cli/test_trial_rewards.py
    curation/test_filter.py
    explore/test_app.py explore/test_comparing.py explore/test_prompts.py
    hostile/test_bombs.py llm/test_kill.py
    orchestration/automation/test_top_up.py orchestration/test_checks.py
    orchestration/test_definitions.py orchestration/test_launcher.py orchestration/test_proof.py
    orchestration/test_trials.py
    pipeline/test_domains.py pipeline/test_forms.py pipeline/test_goal.py pipeline/test_judging.py
    pipeline/test_math_verify.py pipeline/test_pass_rates.py pipeline/test_personas.py
    pipeline/test_questions.py pipeline/test_regeneration.py pipeline/test_rewards.py
    pipeline/test_rubrics.py pipeline/test_sft_warmup.py pipeline/test_takedowns.py
    release/test_bytes.py release/test_card.py release/test_changes.py release/test_curriculum.py
    release/test_dataset.py release/test_export.py release/test_finalise.py release/test_hub.py
    release/test_spec.py
    reporting/test_report.py
    sources/test_definitions.py sources/test_nothing_lost.py
    trials/test_reward_trial.py trials/test_trial.py
    """.split()
)


def pytest_configure(config: pytest.Config) -> None:
    """Ends on SIGTERM as on Ctrl-C: fixtures are torn down, and no server is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of slow files.

    Raises:
        pytest.UsageError: a file that is listed is not there any more.
    """
    missing = [name for name in sorted(_SLOW) if not (_TESTS / name).is_file()]
    if missing:
        raise pytest.UsageError(f"slow files that are not there: {', '.join(missing)}")
    slow = {_TESTS / name for name in _SLOW}
    for item in items:
        if item.path in slow:
            item.add_marker(pytest.mark.slow)
