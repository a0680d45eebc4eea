"""The rule checks agree with people, on questions that must pass and on such as must not."""

from collections import Counter

import pytest

from wsrl_assets_tests.verification.cases import CHECKS, Case, read_cases, read_pairs

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


@pytest.mark.parametrize(("half", "refused"), [("seen", 0), ("held_back", 1)])
def test_good_pairs_of_other_text_are_hardly_ever_refused(half: str, refused: int) -> None:
    good = [pair for pair in read_pairs() if pair.half == half and pair.passes]
    assert len(good) == 20
    assert sum(bool(pair.failed()) for pair in good) <= refused


@pytest.mark.parametrize(("half", "caught"), [("seen", 11), ("held_back", 10)])
def test_half_of_the_bad_pairs_are_seen_without_a_judge(half: str, caught: int) -> None:
    bad = [pair for pair in read_pairs() if pair.half == half and not pair.passes]
    assert len(bad) == 20
    assert sum(bool(pair.failed()) for pair in bad) >= caught
