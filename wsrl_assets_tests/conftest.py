"""What holds for all tests."""

import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Ends on SIGTERM as on Ctrl-C: fixtures are torn down, and no server is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
