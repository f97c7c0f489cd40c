"""A cohort whose outcomes are partly late is measured with what earlier cohorts have shown of late ones."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from decisionloop.ledger.batches import batch_id_of, cohort_name, find_batch
from decisionloop.ledger.held_cohorts import exclude_cohorts
from decisionloop.ledger.measurements import measurements_of
from tasks.observe.late_arrivals import late_arrivals_before
from tasks.readback.measured import estimates_of
from tests.live_use_case import MONDAY, orders, returns, write_live
from tests.tasks.installation import Installation, run_flow, working_in

WEEK, WEEKS, A_WEEK = timedelta(days=7), 6, 120


def cohorts_that_say_what_is_usual(live: Installation) -> int:
    batch = find_batch(live.ledger, batch_id_of("live", MONDAY + (WEEKS - 1) * WEEK))
    assert batch is not None
    return late_arrivals_before(live.workspace, batch, MONDAY + WEEKS * WEEK).cohorts


@pytest.mark.exhaustive
def test_late_negatives_are_expected_and_what_is_not_known_is_bounded(tmp_path: Path) -> None:
    """Half come back. Half of those who do not are told of on the tenth day only, and cohorts mature after a week."""
    ordered = orders(WEEKS, A_WEEK)
    back = np.arange(len(ordered)) % 2
    is_late = np.arange(len(ordered)) % 4 == 0
    seen = returns(ordered, 5)
    seen["returned"] = back
    seen.loc[is_late, "seen_at"] = returns(ordered, 10).loc[is_late, "seen_at"]
    written = write_live(
        tmp_path / "usecases",
        ordered,
        seen,
        data_quality={"rows": [1, 1000]},
        monitors={"minimum_arrived": 0.5},  # a quarter is missing, and fewer than promised hold a cohort back
    )
    with working_in(tmp_path, written) as live:
        for week in range(WEEKS):
            as_of = MONDAY + week * WEEK
            run_flow("act", "live", run_flow("predict", "live", as_of))
            run_flow("observe", "live", as_of)
        run_flow("observe", "live", MONDAY + WEEKS * WEEK)
        rows = measurements_of(live.ledger, "live", "outcome_rate").set_index("cohort")
        different = measurements_of(live.ledger, "live", "late_outcome_rate").set_index("cohort")
        cohorts = cohorts_that_say_what_is_usual(live)
        exclude_cohorts(live.ledger, "live", [cohort_name(MONDAY), cohort_name(MONDAY + WEEK)], "a strike", "anna")
        assert cohorts_that_say_what_is_usual(live) == cohorts - 2 >= 3
        exclude_cohorts(live.ledger, "live", [cohort_name(MONDAY + 2 * WEEK)], "a strike", "anna")
        assert cohorts_that_say_what_is_usual(live) == 0  # too few are left to say it
    first, last = (cohort_name(MONDAY + week * WEEK) for week in (0, WEEKS - 1))
    complete, told = estimates_of(rows.loc[[first, last]])
    assert complete.value == pytest.approx(0.5, abs=0.1)
    assert complete.bounds is None
    assert A_WEEK / 8 < told.bounds.missing < A_WEEK / 3
    assert told.bounds.to_come == pytest.approx(told.bounds.missing, rel=0.01)
    assert told.value == pytest.approx(0.5, abs=0.1)  # 0.67 of those that have come
    assert different.loc[last, "value"] == pytest.approx(0.0, abs=0.01)
