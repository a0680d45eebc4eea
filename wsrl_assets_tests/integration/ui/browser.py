"""Debian's Chromium for tests that click, and pictures of what they see.

Without it, a module that imports this one is skipped. WSRL_CHROMIUM names
another binary. With WSRL_SCREENSHOTS, a folder, each `picture` is written there.
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
