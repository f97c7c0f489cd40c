"""A headless chromium for tests of real pages, and what went wrong in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = os.environ.get("DECISIONLOOP_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")


@contextmanager
def started() -> Iterator[Any]:
    """A browser without a window, until the tests are done with it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Browser:
    """A browser that looks at one address: what else a page asks for is ``wrong``, and so is what it complains of."""

    def __init__(self, browser: Any, address: str) -> None:
        self.browser, self.address = browser, address
        self.wrong: list[str] = []

    def page(self, width: int = 360, scheme: str = "light", is_scripted: bool = True) -> Any:
        """A new window."""
        size = {"width": width, "height": 740}
        context = self.browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=is_scripted)
        page = context.new_page()
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda one: None if self._is_own(one.url) else self.wrong.append(f"asked for {one.url}"))
        return page

    def _is_own(self, url: str) -> bool:
        return url.startswith((self.address, "data:"))


def open_everything(page: Any) -> None:
    """Open whatever a reader may open."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


def serious_faults(page: Any) -> list[tuple[str, str]]:
    """What axe-core finds serious or critical on a page: its rule, and the first element that breaks it."""
    from axe_playwright_python.sync_playwright import Axe

    told = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in told if one["impact"] in {"serious", "critical"}]
