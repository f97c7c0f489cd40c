"""The story in a real browser: it asks nobody for anything, fits a telephone, and shuts nobody out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decisionloop.report.page import render_story
from decisionloop.report.record.story import Story
from tests.browser import Browser, needs_chromium, open_everything, serious_faults, started

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with started() as browser:
        yield browser


@pytest.mark.parametrize(("scheme", "width"), [("dark", 360), ("light", 1280)])
def test_the_story_fits_is_legible_and_asks_nobody(
    chromium: Any, story: Story, tmp_path: Path, scheme: str, width: int
) -> None:
    written = tmp_path / "story.html"
    written.write_text(render_story(story), encoding="utf-8")
    browser = Browser(chromium, written.as_uri())
    page = browser.page(width, scheme)
    page.goto(browser.address)
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_faults(page) == []
    assert browser.wrong == []


def test_a_telephone_shows_it_in_a_dozen_screens_and_paper_shows_all_of_it(
    chromium: Any, story: Story, tmp_path: Path
) -> None:
    written = tmp_path / "story.html"
    written.write_text(render_story(story), encoding="utf-8")
    browser = Browser(chromium, written.as_uri())
    page = browser.page(390)
    page.goto(browser.address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.scrollHeight") < 12 * 844
    is_seen = "document.querySelector('#gate li').checkVisibility()"
    assert not page.evaluate(is_seen)
    page.emulate_media(media="print")
    assert page.evaluate(is_seen)
