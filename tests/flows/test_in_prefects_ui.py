"""A person in Prefect's own interface, in a real browser: each form is filled in, and what came of it is in the ledger.

The pictures that the documentation shows are taken here: `TEST_ALBUM=docs python -m pytest -n0
tests/flows/test_in_prefects_ui.py -m "" -k answers`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from decisionloop.ledger.approvals import answers, waiting_for_people
from decisionloop.ledger.releases import baseline, champion, current_stages, find_stage
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.verdicts import learn_runs
from tests.browser import needs_chromium, started
from tests.flows.conftest import Life
from tests.flows.prefects_ui import Hands, Person, interface, worker
from tests.small_use_case import Written, as_of

pytestmark = [needs_chromium, pytest.mark.xdist_group("flows")]

THROUGH_TOASTS = """
addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");
  style.textContent = "#prefect-design-toast-app * { pointer-events: none !important }";
  document.head.append(style);
});
"""
"""What is said in passing, such as that there is a cloud, may lie over a button: a person waits until it goes."""
ALBUM = os.environ.get("TEST_ALBUM")
WHY, NOTE, TROUBLE = "A merger: other shops than before.", "Seen, and reasonable.", "Arrears have doubled."
APPROVER = "approver@example.com"
BY_WORKER = pytest.param(True, marks=pytest.mark.exhaustive, id="by a worker")


@pytest.fixture(scope="module")
def asking(shadowed: Life) -> Life:
    """A model has proven to earn more than the rules, and waits for the approval that the contract asks for."""
    Written(shadowed.folder / "usecases" / "small").contract(approval={"is_required": True})
    shadowed.turn(2)
    shadowed.ledger.close()
    return shadowed


@pytest.fixture(params=[pytest.param(False, id="in this process"), BY_WORKER])
def life(request: pytest.FixtureRequest, asking: Life, tmp_path: Path) -> Life:
    shutil.copytree(asking.folder, tmp_path / "life")
    return Life(tmp_path / "life")


@pytest.fixture
def person(request: pytest.FixtureRequest, deployed: Any, life: Life, tmp_path: Path) -> Iterator[Person]:
    """Somebody with a browser at the interface of the server, and somebody who carries out what is started there."""
    has_worker = bool(request.node.callspec.params["life"])
    for run in deployed.read_flow_runs():
        if not run.state.is_final():  # left by other tests: a worker would take it up
            deployed.delete_flow_run(run.id)
    with ExitStack() as stack:
        address = stack.enter_context(interface(tmp_path / "interface"))
        if has_worker:
            stack.enter_context(worker(life.folder, tmp_path / "worker.log"))
        browser = stack.enter_context(started())
        context = browser.new_context(viewport={"width": 1000, "height": 1100}, color_scheme="light")
        context.add_init_script(THROUGH_TOASTS)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url))
        album = Path(ALBUM) if ALBUM else tmp_path
        yield Person(page, address, Hands(deployed, life.folder, has_worker), album)
        assert not [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]


@pytest.mark.exhaustive  # a minute in a browser; what its forms start is tested beside it without one
def test_a_person_answers_an_approval_starts_a_retraining_and_rolls_back(person: Person, life: Life):
    ledger = life.ledger
    (waiting,) = waiting_for_people(ledger, "small", utc_now())

    run = person.start("approve", {}, {"use_case": "small"})
    assert run.state.is_paused()
    assert person.is_refused(run, {"By": APPROVER}, "'answer' is a required property")
    assert not answers(ledger, "small")
    run, told = person.resume(run, {"Answer": "approve"}, {"By": APPROVER, "Note": NOTE})
    assert run.state.is_completed()
    assert waiting.release_id in told
    assert "money (passed): " in told
    (answer,) = answers(ledger, "small")
    assert (answer.seq, answer.answer, answer.answered_by, answer.note) == (waiting.seq, "approve", APPROVER, NOTE)
    assert champion(ledger, "small").release_id == waiting.release_id

    before = {one.release_id for one in current_stages(ledger, "small")}
    prefilled = {"use_case": "small", "as_of": as_of(2).isoformat()}
    run = person.start("retrain", prefilled, {"reason": WHY}, "is_forced")
    assert run.state.is_completed()
    (asked,) = (one for one in learn_runs(ledger, "small") if one.trigger == "manual")
    assert asked.is_triggered
    assert WHY in asked.reason
    assert {one.release_id for one in current_stages(ledger, "small")} > before

    run = person.start("rollback", {}, {"use_case": "small"})
    run, told = person.resume(run, {"To": "rules"}, {"By": "anna", "Reason": TROUBLE})
    assert run.state.is_completed()
    assert f"{waiting.release_id} decides small now" in told
    assert champion(ledger, "small").release_id == baseline(ledger, "small").release_id
    left = find_stage(ledger, waiting.release_id).event
    assert (left.stage, left.decided_by, left.reason) == ("rolled_back", "anna", TROUBLE)


@pytest.mark.exhaustive
def test_a_wrong_choice_is_refused_with_the_right_ones_and_what_cannot_be_chosen_is_not_asked(person: Person):
    run = person.start("rollback", {}, {"use_case": "small", "reason": TROUBLE, "by": "anna", "to": "small/none/1"})
    assert run.state.is_failed()
    assert "small/none/1 is not what can be gone back to" in run.state.message
    run = person.start("rollback", {}, {"use_case": "small"})  # the rules decide, and nobody has decided before
    assert run.state.is_failed()
    assert "nobody else can" in run.state.message
