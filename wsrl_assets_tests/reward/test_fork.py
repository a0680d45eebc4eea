"""Workers that are forked while the parent scores: none inherits a lock that is held."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORKS = 25
SCRIPT = """
import itertools, os, signal, sys, threading
from wsrl_assets.reward import Gold, score

busy = True
names = map("".join, itertools.product("bcdfgklmnprstvz", repeat=6))

def spin():
    # Each name is new, so each is looked up under the lock of the units.
    while busy:
        score(f"Answer: 5 {next(names)}", Gold("quantity", "5", unit="km"))

score("Answer: 5 m", Gold("quantity", "5", unit="m"))
threading.Thread(target=spin, daemon=True).start()
units = ["furlongs", "acres", "pascals", "newtons", "volts", "ohms", "watts", "joules", "hertz"]
bad = 0
for number in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # A child that hangs is killed.
        unit = units[number % len(units)]
        right = score(f"Answer: 5 {unit}", Gold("quantity", "5", unit=unit)).value
        os._exit(0 if right == 1 else 3)
    bad += os.waitpid(child, 0)[1] != 0
busy = False
print(bad)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_children_forked_under_load_score_and_none_hangs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(FORKS)],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.split() == ["0"]
