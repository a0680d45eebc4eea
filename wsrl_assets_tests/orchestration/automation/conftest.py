"""A home of which nothing is asked by itself."""

from pathlib import Path

import pytest

from wsrl_assets.storage import Store

AUTOMATIC = ("WSRL_INBOX", "WSRL_SCHEDULE", "WSRL_TIMEZONE", "WSRL_ALERT_WEBHOOK")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in AUTOMATIC:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WSRL_HOME", str(tmp_path / "home"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")
