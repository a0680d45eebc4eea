"""Claims about progress where no terminal watches."""

import io
import time

import pytest
from rich.console import Console

from wsrl_assets.cli import bars
from wsrl_assets.cli.bars import Watched, time_left


@pytest.mark.parametrize(
    ("done", "expected", "elapsed_s", "says"),
    [
        (0, 60, 30.0, ""),
        (30, 60, 30.0, "under a minute left"),
        (10, 60, 60.0, "about 5 min left"),
        (1, 1000, 60.0, "about 16.6 h left"),
        (60, 60, 60.0, "under a minute left"),
    ],
)
def test_the_rest_is_estimated_from_what_is_done(
    done: int, expected: int, elapsed_s: float, says: str
) -> None:
    assert time_left(done, expected, elapsed_s) == says


def test_a_line_is_written_at_intervals_only_and_tells_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bars, "_LINE_EVERY_S", 0.2)
    with Watched(Console(file=io.StringIO(), force_terminal=False)) as watched:
        watched.expect("source_documents", 5)
        watched.advance("source_documents", 5)
        watched.expect("triaged_documents", 600)
        for _ in range(300):
            watched.advance("triaged_documents")
        deadline = time.monotonic() + 10
        while not (written := capsys.readouterr().err) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert written == "triaged_documents 300/600, under a minute left\n"


def test_nothing_is_written_while_nothing_is_known_or_all_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bars, "_LINE_EVERY_S", 0.01)
    with Watched(Console(file=io.StringIO(), force_terminal=False)) as watched:
        time.sleep(0.05)
        watched.expect("personas", 1)
        watched.advance("personas")
        time.sleep(0.05)
    lines = set(capsys.readouterr().err.splitlines())
    assert lines <= {"personas 0/1"}  # between the two calls at most


def test_a_quiet_command_writes_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bars, "_LINE_EVERY_S", 0.01)
    with Watched(None) as watched:
        watched.expect("personas", 9)
        time.sleep(0.05)
    assert capsys.readouterr().err == ""
    assert watched.done == {}
