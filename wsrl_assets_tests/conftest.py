"""What holds for all tests."""

import os
import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Ends on SIGTERM as on Ctrl-C: fixtures are torn down, and no server is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of its time a test waits for a disk or a process."""
    return (os.cpu_count() or 1) + 1
