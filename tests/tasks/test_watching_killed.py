"""A run killed between what monitors write and what follows from it ends, run again, as if nothing had happened."""

from __future__ import annotations

import importlib
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from decisionloop.ledger import schema
from tests.small_use_case import as_of
from tests.tasks.installation import copy, working_in

pytestmark = pytest.mark.xdist_group("loop")

CLOCKS = {"at", "recorded_at"}
WATCHING = (
    schema.alarm, schema.alert, schema.batch_event, schema.failure, schema.flag, schema.incident_event,
    schema.measurement, schema.monitor_reference, schema.monitor_threshold, schema.notice, schema.weak_slice,
)  # fmt: skip
ACTING = {
    "an alarm without its event": ("tasks.watch.alarms", "_announce", "before"),
    "an event without the plug": ("tasks.watch.impact", "stop_model", "before"),
    "the plug, and nobody chose again": ("tasks.watch.impact", "stop_model", "after"),
    "the rules chose, and nothing is logged": ("tasks.act.decide", "_log", "before"),
}
OBSERVING = {
    "causes without weak slices": ("tasks.observe.failures", "append_failures", "after"),
    "inside the transaction of an alarm": ("tasks.watch.alarms", "append_alarms", "after"),
    "an alarm of a cohort without its event": ("tasks.watch.alarms", "_announce", "before"),
    "judged and not measured": ("tasks.observe.cohorts", "append_measurements", "before"),
}


class Killed(BaseException):
    """Nobody catches it."""


@contextmanager
def _killed(module, function, when):
    """Lets a function raise Killed, before or after it does its work."""
    owner = importlib.import_module(module)
    original = getattr(owner, function)

    def dying(*arguments, **named):
        if when == "after":
            original(*arguments, **named)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, function, dying)
        yield


def _account(life):
    """What monitors wrote, the decisions of week 3, and the different events."""
    with life.ledger.connect() as connection:
        told = {
            table.name: sorted(
                map(repr, connection.execute(select(*(c for c in table.c if c.name not in CLOCKS))).all())
            )
            for table in WATCHING
        }
    events = {(one["event"], one["resource"]["prefect.resource.id"], one["id"]) for one in life.events}
    return {**told, "decisions": life.decisions(3).to_csv(), "events": sorted(map(repr, events))}


def _differences(expected, found):
    return [name for name in expected if expected[name] != found[name]]


def _act_unfairly(life):
    life.treat_women_badly()
    life.predict(3)
    return life


def _change_the_world(life):
    """Nobody of week 3 pays back."""

    def change(outcomes):
        return outcomes.assign(defaulted=outcomes["defaulted"].mask(outcomes["decided_at"] == as_of(3), 1))

    life.written.change("outcomes.parquet", change)
    return life


@pytest.fixture(scope="module")
def acted(saved, tmp_path_factory):
    """The account of a batch whose plug was pulled, undisturbed."""
    folder = tmp_path_factory.mktemp("acted") / "life"
    with working_in(folder, copy(saved / "modelled", folder)) as life:
        _act_unfairly(life).act(3)
        return _account(life)


@pytest.fixture(scope="module")
def observed(week_three, tmp_path_factory):
    """The account of a cohort in a changed world, undisturbed."""
    folder = tmp_path_factory.mktemp("observed") / "life"
    with working_in(folder, copy(week_three, folder)) as life:
        _change_the_world(life).observe(4)
        return _account(life)


@pytest.mark.parametrize("place", ACTING.values(), ids=ACTING.keys())
def test_a_plug_that_was_being_pulled_is_pulled(modelled, acted, place):
    _act_unfairly(modelled)
    with _killed(*place), pytest.raises(Killed):
        modelled.act(3)
    modelled.act(3)
    assert _differences(acted, _account(modelled)) == []
    assert "plug.pulled" in str(acted["events"])


@pytest.mark.parametrize("place", OBSERVING.values(), ids=OBSERVING.keys())
def test_a_cohort_that_was_being_judged_is_judged(decided, observed, place):
    _change_the_world(decided)
    with _killed(*place), pytest.raises(Killed):
        decided.observe(4)
    decided.observe(4)
    assert _differences(observed, _account(decided)) == []
    assert "performance.decayed" in str(observed["events"])
    assert observed["failure"]
