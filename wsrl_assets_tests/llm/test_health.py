"""An endpoint is given up when it is dead, and not because of a few rows that it cannot bear."""

from dataclasses import dataclass

from wsrl_assets.llm.health import PATIENCE_S, RATE_LIMIT_PATIENCE_S, Health


@dataclass
class HandClock:
    """A clock whose hands the test turns."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def health() -> tuple[Health, HandClock]:
    clock = HandClock()
    return Health(clock=clock), clock


def fail(health: Health, rows: int, kind: str = "connection") -> None:
    for row in range(rows):
        health.failure(f"row-{row}", kind)


def test_an_endpoint_in_use_is_neither_suspected_nor_condemned() -> None:
    subject, clock = health()
    for second in range(100):
        clock.now = second
        fail(subject, 50)
        subject.success()
        assert subject.verdict() is None
        assert subject.suspicion() is None


def test_many_rows_that_fail_for_long_condemn_it_and_the_kinds_are_named() -> None:
    subject, clock = health()
    fail(subject, 30)
    fail(subject, 30, "http_500")
    clock.now = PATIENCE_S - 0.1
    assert subject.verdict() is None
    clock.now = PATIENCE_S
    assert subject.verdict() == "no call has succeeded for 12 s (connection, http_500)"


def test_few_rows_that_fail_for_long_make_it_suspect_only() -> None:
    subject, clock = health()
    fail(subject, 2)
    clock.now = 10 * PATIENCE_S
    assert subject.verdict() is None
    assert subject.suspicion() is not None


def test_one_row_that_fails_over_and_over_is_one_row() -> None:
    subject, clock = health()
    for second in range(1000):
        clock.now = second
        subject.failure("poison", "http_500")
    assert subject.verdict() is None
    assert not subject.met_by_many


def test_one_success_forgets_what_was_before() -> None:
    subject, clock = health()
    fail(subject, 30)
    clock.now = PATIENCE_S - 1
    subject.success()
    fail(subject, 30)
    clock.now = PATIENCE_S + 5
    assert subject.verdict() is None


def test_being_told_to_wait_is_a_sign_of_life_and_no_failure() -> None:
    subject, clock = health()
    clock.now = 100
    fail(subject, 50, "rate_limited")
    assert not subject.failing
    assert subject.silent_s == 0
    clock.now += PATIENCE_S + 1
    assert subject.verdict() is None


def test_nothing_but_being_told_to_wait_ends_after_ten_minutes() -> None:
    subject, clock = health()
    while clock.now < RATE_LIMIT_PATIENCE_S:
        assert subject.verdict() is None
        fail(subject, 50, "rate_limited")
        clock.now += 1
    verdict = subject.verdict()
    assert verdict is not None
    assert "429" in verdict


def test_a_server_that_now_and_then_serves_may_tell_others_to_wait_for_ever() -> None:
    subject, clock = health()
    while clock.now < 3 * RATE_LIMIT_PATIENCE_S:
        fail(subject, 50, "rate_limited")
        clock.now += 100
        subject.success()
        assert subject.verdict() is None
