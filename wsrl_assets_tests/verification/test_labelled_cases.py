"""The rule checks agree with people, on questions that must pass and on such as must not."""

from collections import Counter

import pytest

from wsrl_assets_tests.verification.cases import CHECKS, Case, read_cases

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.question[:60]}")
def test_a_check_agrees_with_the_label(case: Case) -> None:
    verdict = case.verdict()
    assert verdict.check == case.check
    assert verdict.passed is case.passes, verdict.detail


def test_each_check_has_cases_in_both_directions() -> None:
    found = Counter((case.check, case.passes) for case in CASES)
    assert all(found[check, passes] >= 20 for check in CHECKS for passes in (True, False)), found
    assert len({(case.check, case.question, case.answer) for case in CASES}) == len(CASES)
