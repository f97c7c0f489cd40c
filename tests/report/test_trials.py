"""Who was on trial decided too: the page names it wherever it says who decided, and from its first day on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from decisionloop.ledger.batches import Batch
from decisionloop.report.read.batches import Handled
from decisionloop.report.read.decisions import DecisionCount
from decisionloop.report.record.deciding import Deciding
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import RULES

BATCH = "small/2024-01-08"


def handled(*counts: tuple[str, str, int]) -> Handled:
    """One batch, with so many decisions of each release and role."""
    at = datetime(2024, 1, 8, tzinfo=UTC)
    batch = Batch(BATCH, "small", at, "digest", at, "complete", at, 1)
    found = tuple(DecisionCount(BATCH, release, role, "raise", n) for release, role, n in counts)
    return Handled((batch,), found, {}, {}, (), {BATCH: {"decided_by": "rules"}})


def test_a_release_that_was_drawn_for_some_decided_beside_the_champion() -> None:
    found = handled(("rules", "champion", 900), ("model", "canary", 90), ("model", "exploration", 10))
    assert found.trials() == {"2024-01-08": ("model",), "2024-01": ("model",)}
    assert found.deciders() == {"2024-01-08": ("rules",), "2024-01": ("rules",)}


def test_nobody_is_on_trial_where_the_champion_decided_alone() -> None:
    assert handled(("rules", "champion", 900), ("rules", "exploration", 10)).trials() == {}


def test_a_model_decides_from_the_first_batch_of_its_trial_on() -> None:
    before = BatchLine(date(2024, 1, 1), "complete", 900, RULES, ())
    on_trial = replace(before, as_of=date(2024, 1, 8), on_trial="the model of 1 January")
    assert Deciding.of([before]).by_model_on is None
    assert Deciding.of([before, on_trial]).by_model_on == date(2024, 1, 8)
