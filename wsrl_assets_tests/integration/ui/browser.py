"""Debian's Chromium for tests that click, and pictures of what they see.

Without it, a module that imports this one is skipped. WSRL_CHROMIUM names
another binary. With WSRL_SCREENSHOTS, a folder, each `picture` is written there.

WSRL_AXE names a copy of axe-core's `axe.min.js`, which `make axe` fetches by npm; without it, the
accessibility tests are skipped.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright import sync_api

CHROMIUM = os.environ.get("WSRL_CHROMIUM") or shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no Chromium here", allow_module_level=True)

_FETCHED = Path(__file__).parents[3] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
_AXE_PATH = Path(os.environ.get("WSRL_AXE") or _FETCHED)
AXE = _AXE_PATH.read_text("utf-8") if _AXE_PATH.is_file() else None

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def new_page(width: int = 1280, height: int = 900) -> Iterator[Any]:
    """A page of a browser of its own."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def picture(page: Any, name: str) -> None:
    """Writes what the page shows to WSRL_SCREENSHOTS, if that is set."""
    folder = os.environ.get("WSRL_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


def faults_of(page: Any) -> list[str]:
    """What axe-core finds wrong with a page for people who see or work otherwise: rule and place.

    The checker is put there by the debugging protocol, which the page's policy does not bind.
    """
    assert AXE is not None
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
