"""Once the kill switch is acknowledged nothing that a model chose is logged or leaves, whenever it was turned."""

from __future__ import annotations

import importlib
import itertools
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from sqlalchemy import select

from decisionloop.dispatch import files
from decisionloop.ledger.batches import latest_detail
from decisionloop.ledger.flags import is_kill_switch_on
from decisionloop.ledger.held_actions import (
    CHOSEN_BY_MODEL,
    cancel_held,
    count_unsent,
    release_held,
    waiting_actions,
    withdrawn_ids,
)
from decisionloop.ledger.kill_switch import Acknowledgement, engage, lift
from decisionloop.ledger.outbox import attempts_of_batch
from decisionloop.ledger.schema import decision, outcome
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.summary import batch_summary
from tasks.act.decide import decide_batch
from tasks.tell import announcements
from tests.engines import ON_ONE
from tests.small_use_case import Written
from tests.tasks.installation import Installation
from tests.tasks.moment import CHUNK_ROWS, Moment

pytestmark = pytest.mark.xdist_group("trial")


class Acknowledged:
    """The switch turned by a thread of its own at a moment of a turn, and what was there when it was acknowledged."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.told: Acknowledgement | None = None
        self.logged: set[str] = set()
        self.sent: set[str] = set()
        self._thread: threading.Thread | None = None

    def turn(self, seconds: float = 30.0) -> None:
        """Turn it, and go on at once where the one who is interrupted must end first."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._turn)
            self._thread.start()
            self._thread.join(seconds)

    def wait(self) -> None:
        """Wait for the acknowledgement."""
        assert self._thread is not None, "the moment never came"
        self._thread.join(60)
        assert self.told is not None

    def _turn(self) -> None:
        ledger = self.installation.ledger
        self.told = engage(ledger, "small", "complaints", "head", 30.0)
        self.logged = set(chosen_by_model(ledger, self.installation.batch(3)))
        self.sent = left(self.installation)


def chosen_by_model(ledger: Ledger, batch_id: str) -> list[str]:
    """The decisions of a batch that a model or an exploration chose."""
    statement = select(decision.c.decision_id, decision.c.role).where(decision.c.batch_id == batch_id)
    found = read_frame(ledger, statement)
    return found.loc[found["role"].isin(CHOSEN_BY_MODEL), "decision_id"].tolist()


def left(installation: Installation) -> set[str]:
    """The decisions whose action is outside the house."""
    return {json.loads(line)["decision_id"] for line in installation.sent()}


@pytest.fixture(scope="session")
def held_life(predicted_life: Moment, tmp_path_factory) -> Iterator[Moment]:
    """The switch was turned on before the first chunk that a model chose of week 3; the week is over."""
    with predicted_life.copied(tmp_path_factory.mktemp("held") / "life") as moment:
        with moment.work() as life:
            switch = Acknowledged(life)
            with pytest.MonkeyPatch.context() as patch:
                interrupt(patch, "tasks.act.held_by_kill_switch.steady_switch", 2, switch.turn)
                life.act(3)
            switch.wait()
        yield moment


@pytest.fixture
def chunked(chunked_life: Moment, cut: None, tmp_path: Path) -> Iterator[Installation]:
    """Weeks 0 to 2 are over and a model is champion, the ledger on either engine."""
    with chunked_life.copied(tmp_path / "chunked") as moment, moment.work() as installation:
        yield installation


BEFORE_ANYTHING_IS_SCORED = ("tasks.readback.batch_in_hand.switch_of", 1)
# Each later step of a turn at which the switch can be turned: where it is, and which call since then is interrupted.
STEPS = {
    "before the actions are chosen": ("tasks.act.choose.choose_part", 1),
    "between the choices of two parts": ("tasks.act.choose.choose_part", 2),
    "after the choice": ("tasks.act.decide.watch_actions", 1),
    "before the first log": ("tasks.act.log_unless_overtaken.steady_switch", 1),
    "between two logs": ("tasks.act.log_unless_overtaken.steady_switch", 2),
    "while a part is logged": ("decisionloop.ledger.decisions.append", 1),
    "before it is said to be decided": ("tasks.keep.append_batch_event", 1),
    "before the first chunk": ("tasks.act.held_by_kill_switch.steady_switch", 1),
    "between two chunks": ("tasks.act.held_by_kill_switch.steady_switch", 2),
    "while a chunk is begun": ("tasks.act.held_by_kill_switch.begin_sending", 1),
    "while a chunk is sent": ("decisionloop.dispatch.files._write_durably", 3),
    "before the batch is complete": ("tasks.act.dispatch.count_held", 1),
}
EXCLUDED = {
    "while a part is logged",
    "before it is said to be decided",
    "while a chunk is begun",
    "while a chunk is sent",
}
"""Steps that must end before the switch is acknowledged: the thread is left waiting."""


def interrupt(patch: pytest.MonkeyPatch, where: str, number: int, deed: Callable[[], None]) -> None:
    """Do a deed before a function is called for the ``number``-th time."""
    module, _, name = where.rpartition(".")
    original, calls = getattr(importlib.import_module(module), name), []

    def interrupted(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == number:
            deed()
        return original(*arguments, **named)

    patch.setattr(where, interrupted)


def _each_step() -> Iterator[ParameterSet]:
    """Each on one engine; on either the switch waits for one step that logs and for one that sends, by its own lock.

    Engine by engine, in the scope of the life that is copied: else it is lived anew for every step.
    """
    waited_for, others = ([step for step in STEPS if (step in EXCLUDED) is is_waited] for is_waited in (True, False))
    for engine, step in itertools.product(("sqlite", "postgresql"), STEPS):
        number = (waited_for if step in EXCLUDED else others).index(step)
        is_its_engine = (engine == "sqlite") == (number % 2 == 0)
        yield pytest.param(engine, step, id=f"{engine}-{step}", marks=() if is_its_engine else pytest.mark.exhaustive)


@pytest.mark.parametrize(("chunked_life", "step"), _each_step(), indirect=["chunked_life"], scope="session")
def test_nothing_of_a_model_is_logged_or_leaves_after_the_acknowledgement(
    predicted: Installation, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch, (where, number) = Acknowledged(predicted), STEPS[step]
    with monkeypatch.context() as patch:
        interrupt(patch, where, number, lambda: switch.turn(0.5 if step in EXCLUDED else 30.0))
        predicted.act(3)
    _nothing_of_a_model_since(switch, predicted)


def test_nothing_of_a_model_is_logged_or_leaves_where_the_acknowledgement_comes_before_any_score(
    chunked: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = Acknowledged(chunked)
    with monkeypatch.context() as patch:
        interrupt(patch, *BEFORE_ANYTHING_IS_SCORED, switch.turn)
        chunked.predict(3)
        chunked.act(3)
    _nothing_of_a_model_since(switch, chunked)


def _nothing_of_a_model_since(switch: Acknowledged, life: Installation) -> None:
    """What a model chose of week 3 is what was there when the switch was acknowledged, and the rest is held."""
    switch.wait()
    assert switch.told is not None
    assert switch.told.not_called_back == ()
    ledger, batch = life.ledger, life.batch(3)
    by_model = set(chosen_by_model(ledger, batch))
    assert by_model == switch.logged
    assert left(life) & by_model == switch.sent & by_model
    assert life.state(3) == "complete"
    assert len(life.decisions(3)) == 600
    held = sum(one.actions for one in waiting_actions(ledger, "small"))
    assert held == count_unsent(ledger, batch) == latest_detail(ledger, batch, "complete")["held"]
    assert batch_summary(ledger, batch).held == held
    # Everything else that was to be sent has left, once.
    queued = life.decisions(3).set_index("decision_id")
    to_send = set(queued.index[queued["action"] == "lend"])
    sent = [json.loads(line)["decision_id"] for line in life.sent()]
    assert len(sent) == len(set(sent))
    assert len(to_send - set(sent)) == held
    assert to_send - set(sent) <= by_model


@pytest.fixture
def held(held_life: Moment, cut: None, tmp_path: Path) -> Iterator[Installation]:
    """The switch was turned on before the first chunk that a model chose of week 3; the week is over."""
    with held_life.copied(tmp_path / "held") as moment, moment.work() as installation:
        assert count_unsent(installation.ledger, installation.batch(3)) > CHUNK_ROWS
        yield installation


def test_what_is_held_stays_so_when_the_switch_is_lifted_and_leaves_when_a_person_releases_it(held):
    ledger, batch = held.ledger, held.batch(3)
    unsent = count_unsent(ledger, batch)
    lift(ledger, "small", "mended", "approver@example.com", ["approver@example.com"])
    assert held.act(3) == 0
    assert count_unsent(ledger, batch) == unsent
    before = len(held.sent())
    release_held(ledger, "small", [batch], "checked by hand", "owner", ["owner"])
    assert held.act(3) == unsent
    assert (count_unsent(ledger, batch), len(held.sent())) == (0, before + unsent)
    assert latest_detail(ledger, batch, "complete") == {"sent": unsent, "held": 0}
    assert held.act(3) == 0


def test_what_is_released_leaves_with_the_next_batch_though_the_switch_is_on(held):
    release_held(held.ledger, "small", [], "checked by hand", "owner", ["owner"])
    held.predict(4)
    held.act(4)
    assert is_kill_switch_on(held.ledger, "small")
    assert count_unsent(held.ledger, held.batch(3)) == 0
    assert chosen_by_model(held.ledger, held.batch(4)) == []
    assert held.state(4) == "complete"


def test_what_is_cancelled_never_leaves_teaches_nothing_and_is_not_measured(held):
    ledger, batch = held.ledger, held.batch(3)
    before, unsent = len(held.sent()), count_unsent(ledger, batch)
    cancel_held(ledger, "small", [batch], "wrong", "owner")
    lift(ledger, "small", "mended", "approver@example.com", ["approver@example.com"])
    assert held.act(3) == 0
    assert len(held.sent()) == before
    assert batch_summary(ledger, batch).cancelled == unsent
    held.observe(3)
    held.observe(4)
    withdrawn = withdrawn_ids(ledger, batch)
    assert withdrawn
    with ledger.connect() as connection:
        seen = set(connection.execute(select(outcome.c.decision_id)).scalars())
    assert not withdrawn & seen
    held.learn(4)


def test_a_batch_of_which_all_that_a_model_chose_was_cancelled_holds_nobody_up(modelled):
    modelled.contract(policy={"holdout_share": 0.0})
    modelled.predict(3)
    decide_batch.fn("small", modelled.batch(3))
    engage(modelled.ledger, "small", "complaints", "head", 1.0)
    cancel_held(modelled.ledger, "small", [], "wrong", "owner")
    # What the rules decided outside the model's support is no model's choice, and is not held.
    by_model = _of_model(modelled)
    assert withdrawn_ids(modelled.ledger, modelled.batch(3)) == by_model
    assert set(modelled.decisions(3).set_index("decision_id")["role"].drop(list(by_model))) == {"baseline"}
    modelled.observe(3)
    modelled.observe(4)
    modelled.learn(4)


def test_the_deliveries_of_a_turn_under_the_switch_are_those_of_the_rules(modelled):
    engage(modelled.ledger, "small", "complaints", "head", 1.0)
    modelled.turn(3)
    roles = modelled.decisions(3).set_index("decision_id")["role"]
    attempts = attempts_of_batch(modelled.ledger, modelled.batch(3))
    assert set(roles[attempts["decision_id"]]) <= {"baseline", "holdout"}
    assert waiting_actions(modelled.ledger, "small") == ()


SLOW_SECONDS = 0.03
"""What one chunk takes where the disk is slow: all of them take longer than it takes to turn the switch."""


def act_elsewhere(folder: Path, environment: dict[str, str]) -> None:
    """Decide and send week 3 to a slow disk in a process of its own; ``environment`` says where."""
    os.environ.update(environment)
    announcements.emit_event = lambda **_: None  # type: ignore[assignment]
    write_durably = files._write_durably

    def write_slowly(path: Path, data: bytes) -> None:
        time.sleep(SLOW_SECONDS)
        write_durably(path, data)

    files._write_durably = write_slowly
    Installation(folder, Written(folder / "usecases" / "small")).act(3)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Makes processes that share nothing with this one, and have the flow loaded already if no other test made some."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "flows.act"])
    return context


@pytest.mark.parametrize("chunked_life", ON_ONE, indirect=True)
def test_what_another_process_is_sending_stops_at_the_acknowledgement(
    chunked: Installation, processes: ForkServerContext
) -> None:
    chunked.contract(actuator={"kind": "file", "chunk_rows": 1})
    chunked.predict(3)
    before = left(chunked)
    process = processes.Process(target=act_elsewhere, args=(chunked.folder, dict(os.environ)), daemon=True)
    process.start()
    ends = time.monotonic() + 120
    while not _of_model(chunked) & left(chunked) - before:
        assert process.is_alive()
        assert time.monotonic() < ends
        time.sleep(0.01)
    switch = Acknowledged(chunked)
    switch.turn()
    switch.wait()
    process.join(120)
    assert process.exitcode == 0
    by_model = _of_model(chunked)
    assert left(chunked) & by_model == switch.sent & by_model
    assert count_unsent(chunked.ledger, chunked.batch(3)) > 0
    assert chunked.state(3) == "complete"


def _of_model(installation: Installation) -> set[str]:
    return set(chosen_by_model(installation.ledger, installation.batch(3)))
