"""Which past teaches, and with what weights, is tried on the newest cohort; what chose is told, and repeatable."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract.loading import load_use_case
from decisionloop.errors import UsageError
from decisionloop.learn.lessons import Choice, Lessons, choose_lessons, taught
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import build_training_rows
from tests.small_use_case import FIRST_AS_OF, write_small

WEEKS, SHOPS, CHANGED = 8, 500, 5


@pytest.fixture(scope="module")
def use_case(tmp_path_factory):
    return load_use_case(write_small(tmp_path_factory.mktemp("small")).folder).use_case


def logged(is_changed: bool) -> LoggedBatches:
    """Debt decides who pays back; after a change, turnover does, and debt means the opposite."""
    rng, n = np.random.default_rng(5), WEEKS * SHOPS
    week = np.repeat(np.arange(WEEKS), SHOPS)
    frame = pd.DataFrame(
        {
            "shop_id": [f"shop {i}" for i in range(n)],
            "turnover": rng.uniform(0, 1000, n),
            "debt": rng.uniform(0, 10, n),
            "trade": rng.choice(["craft", "farm"], n),
            "owner_sex": np.where(np.arange(n) % 2, "f", "m"),
        }
    )
    is_new = (week >= CHANGED) & is_changed
    bad = rng.random(n) < np.where(is_new, frame["debt"] < 7, frame["debt"] > 3) * 0.8 + 0.05
    lends = rng.random(n) < np.where(frame["turnover"] > 500, 0.8, 0.2)
    log = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(n)],
            "entity_id": frame["shop_id"],
            "as_of": FIRST_AS_OF + pd.to_timedelta(7 * week, unit="D"),
            "role": "champion",
            "action": np.where(lends, "lend", "hold"),
            "propensity": np.where(lends == (frame["turnover"] > 500), 0.8, 0.2),
            "fallback_reason": None,
            "outcome_class": np.where(lends, bad.astype(float), np.nan),
            "outcome_amount": np.nan,
        }
    )
    return LoggedBatches(log, frame, np.where(frame["turnover"] > 500, 1, 0))


def chosen(use_case, batches: LoggedBatches, changed, is_of_outcomes: bool = False) -> Choice:
    rows = build_training_rows(use_case, batches.log, batches.frame)
    return choose_lessons(use_case, "scorecard", rows, batches, changed, is_of_outcomes)


def test_after_a_change_what_came_since_teaches(use_case):
    since = (FIRST_AS_OF + timedelta(weeks=CHANGED)).to_pydatetime()
    choice = chosen(use_case, logged(is_changed=True), since)
    assert choice.lessons.since == "2024-02-05"
    assert choice.judged_on == (FIRST_AS_OF + timedelta(weeks=WEEKS - 1)).isoformat()
    tried = {one.lessons.since: one.gain for one in choice.trials}
    assert tried["2024-02-05"].low > 0


@pytest.mark.parametrize(
    ("allowed", "is_of_outcomes", "since"), [(0.05, True, "2024-02-05"), (1.0, True, ""), (0.05, False, "")]
)
def test_after_outcomes_have_changed_no_past_teaches_whose_rates_the_gate_would_refuse(
    use_case, allowed, is_of_outcomes, since
):
    """Money prefers the whole window, by chance: whom to lend to is the same. Its rates are those of before."""
    gate = use_case.gate.model_copy(update={"maximum_calibration_error": allowed})
    batches, rng = logged(is_changed=False), np.random.default_rng(6)
    changed = (FIRST_AS_OF + timedelta(weeks=CHANGED)).to_pydatetime()
    is_spared = (batches.log["as_of"] >= changed) & (rng.random(len(batches.log)) < 0.7)
    now = batches.log["outcome_class"].where(~(is_spared & batches.log["outcome_class"].eq(1)), 0.0)
    batches = replace(batches, log=batches.log.assign(outcome_class=now))
    choice = chosen(use_case.model_copy(update={"gate": gate}), batches, changed, is_of_outcomes)
    assert choice.lessons.since == since
    assert {one.lessons.since: one.gain for one in choice.trials}["2024-02-05"].value < 0


def test_the_newest_cohort_teaches_no_trial(use_case):
    """Turned about at the very end, it cannot have been learnt from: what it says of the trials is unchanged by it."""
    batches = logged(is_changed=False)
    newest = (batches.log["as_of"] == batches.log["as_of"].max()).to_numpy()
    rows = build_training_rows(use_case, batches.log, batches.frame)
    turned = batches.log.assign(
        outcome_class=batches.log["outcome_class"].where(~newest, 1 - batches.log["outcome_class"])
    )
    other = build_training_rows(use_case, turned, batches.frame)
    first, second = (choose_lessons(use_case, "scorecard", one, batches, None) for one in (rows, other))
    assert first == second


def test_with_one_cohort_nothing_is_tried(use_case):
    batches = logged(is_changed=False).before((FIRST_AS_OF + timedelta(weeks=1)).to_pydatetime())
    assert chosen(use_case, batches, None) == Choice()


def test_weights_are_what_their_names_say(use_case):
    batches = logged(is_changed=False)
    rows = build_training_rows(use_case, batches.log, batches.frame)
    for lessons, weight in (
        (Lessons(), rows.inverse),
        (Lessons("1/p"), rows.inverse),
        (Lessons("1/sqrt(p)"), np.sqrt(rows.inverse)),
    ):
        np.testing.assert_allclose(taught(rows, lessons).weight, weight / weight.mean())
    halved = taught(rows, Lessons(half_life=1.0))
    newest, before = (halved.weight[rows.as_of == one].max() for one in sorted(rows.as_of.unique())[:-3:-1])
    assert newest == pytest.approx(2 * before)
    assert halved.effective_n < len(rows)


def test_a_past_without_rows_is_refused(use_case):
    batches = logged(is_changed=False)
    with pytest.raises(UsageError, match="2030-01-01"):
        taught(build_training_rows(use_case, batches.log, batches.frame), Lessons(since="2030-01-01"))
