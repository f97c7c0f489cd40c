"""Who was on trial decided too: the page names it wherever it says who decided, and from its first day on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.ledger.batches import Batch
from decisionloop.report.read.batches import Handled, batch_lines
from decisionloop.report.read.decisions import DecisionCount
from decisionloop.report.record.deciding import Deciding
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import NOBODY, RULES
from decisionloop.report.words.naming import ReleaseNames

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


def test_where_everybody_got_the_default_action_nobody_decided() -> None:
    found = handled(("rules", "baseline", 900))
    stopped = replace(found, decided_detail={BATCH: {"decided_by": "rules", "rules_because": DEFAULT_FOR_ALL}})
    (line,) = batch_lines(stopped, ReleaseNames({"rules": "the rules"}, {"rules": "rules"}))
    assert line.champion == NOBODY
    assert Deciding.of([line]).by_model_on is None
