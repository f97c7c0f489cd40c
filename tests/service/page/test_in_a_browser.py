"""The pages in a real browser: nothing from outside, no sideways scroll, by keyboard alone, and the switch works."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from decisionloop.ledger.flags import KILL_SWITCH, current_flag
from tests.browser import Browser, needs_chromium, open_everything, serious_faults, started
from tests.report.test_assemble import MODEL_ID, decision_id
from tests.service.page.conftest import CASE, INCIDENT

PAGES = ("/", CASE, f"/releases/{MODEL_ID}", f"/decisions/{decision_id(2, 3)}", "/decisions?use_case=credit_line")
pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]


@pytest.fixture
def address(serve: Callable[..., Any], site: Any) -> Iterator[str]:
    """The same application behind a socket, as uvicorn serves it."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(site.client.app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser that was started, for every test of this file."""
    with started() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Any, address: str) -> Iterator[Browser]:
    """A browser that looks at that address, and remembers nothing of the tests before."""
    yield Browser(chromium, address)
    for context in chromium.contexts:
        context.close()


def test_every_page_fits_a_telephone_and_asks_nobody_else(browser, site):
    site.hold()
    for scheme, width in (("dark", 360), ("light", 1280)):
        page = browser.page(width, scheme)
        for path in PAGES:
            page.goto(browser.address + path)
            open_everything(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.locator("h1").count() == 1
            assert page.locator("main").count() == 1
    assert not browser.wrong


def test_the_kill_switch_goes_on_by_keyboard_and_without_scripts(browser, ledger):
    page = browser.page(is_scripted=False)
    page.goto(browser.address + CASE)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.locator("summary", has_text="Turn the kill switch on").focus()
    page.keyboard.press("Enter")
    form = page.locator("details[open] form")
    form.get_by_label("Who are you?").fill("anna")
    form.get_by_label("Why?").fill("too many complaints")
    page.keyboard.press("Enter")
    # The old page is loaded already: what is waited for is the answer.
    page.locator("main", has_text="The rules decide: the kill switch is on").wait_for()
    flag = current_flag(ledger, "credit_line", KILL_SWITCH)
    assert (flag.value, flag.set_by, flag.reason) == ("on", "anna", "too many complaints")
    assert not browser.wrong


def test_one_signs_in_and_acknowledges(browser, site):
    key = site.make_key("carla", "read", "flag")
    page = browser.page(1280)
    page.goto(browser.address + CASE)
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.locator("summary", has_text=INCIDENT).click()
    page.locator("details[open]").get_by_label("Why?").fill("the feed is being repaired")
    page.locator("details[open]").get_by_role("button").click()
    page.locator("main", has_text="carla looks after it since").wait_for()
    assert not [one for one in browser.wrong if "401" not in one]  # that one has to sign in is told as an error


def test_a_page_is_read_again_every_minute_where_one_asks_for_it(browser):
    page = browser.page()
    page.clock.install()
    page.goto(browser.address)
    page.get_by_role("link", name="let it be read every minute").click()
    with page.expect_navigation():
        page.clock.fast_forward(61_000)
    assert page.url.endswith("?every=minute")
    assert not browser.wrong


def test_axe_finds_no_serious_fault(browser, site):
    site.hold()
    page, found = browser.page(), []
    for path in PAGES:
        page.goto(browser.address + path)
        open_everything(page)
        found += [(path, *fault) for fault in serious_faults(page)]
    assert not found
