"""How much of a story lies open, how long it is on a telephone, and whether it shuts anybody out.

``python -m benchmarks.story_page .decisionloop/demo/credit_line/reports/credit_line.html [--picture docs/story.png]``

Words are those that are seen before anything is opened, charts included. Exit code 1 where axe-core finds a serious
fault, the console complains, the page asks for anything, or is wider than a telephone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.browser import Browser, open_everything, serious_faults, started

TELEPHONE, DESK = 390, 1_100
SCREEN = 844
WORDS = "document.body.innerText.split(/\\s+/).filter(one => one).length"
HEIGHT, WIDTH = "document.documentElement.scrollHeight", "document.documentElement.scrollWidth"


def main() -> int:
    """Measure one written page, and picture its first screen where that is asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.story_page", description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--picture", type=Path, help="write the first screen on a desk to this PNG")
    asked = parser.parse_args()
    faults = 0
    with started() as chromium:
        browser = Browser(chromium, asked.page.resolve().as_uri())
        for line, is_fault in _measured(browser, asked.picture):
            print(f"{'FAULT: ' if is_fault else ''}{line}")
            faults += is_fault
    return 1 if faults else 0


def _measured(browser: Browser, picture: Path | None) -> Iterator[tuple[str, bool]]:
    """Each line of the answer, and whether it is a fault."""
    desk, telephone = browser.page(DESK), browser.page(TELEPHONE, "dark")
    for page in (desk, telephone):
        page.goto(browser.address)
    if picture is not None:
        desk.set_viewport_size({"width": DESK, "height": 1_260})
        desk.screenshot(path=picture)
    yield f"{desk.evaluate(WORDS):,} words lie open", False
    high, wide = telephone.evaluate(HEIGHT), telephone.evaluate(WIDTH)
    yield f"{high:,} pixels on a telephone of {TELEPHONE}, {high / SCREEN:.1f} screens", False
    for page in (desk, telephone):
        open_everything(page)
    yield f"{desk.evaluate(WORDS):,} words with everything open", False
    yield f"{wide} pixels wide on a telephone of {TELEPHONE}", wide > TELEPHONE
    for page in (desk, telephone):
        yield from ((f"axe: {rule}: {element}", True) for rule, element in serious_faults(page))
    yield from ((one, True) for one in browser.wrong)


if __name__ == "__main__":
    sys.exit(main())
