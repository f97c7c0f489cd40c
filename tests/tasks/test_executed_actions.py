"""What was executed, from the table of outcomes to the ledger, the cohort and the status, on either engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.cli.status import as_text, status_of
from decisionloop.errors import UsageError
from decisionloop.ledger.batches import batches
from decisionloop.ledger.decisions import decisions_with_outcomes
from decisionloop.ledger.executions import append_executions, executions_of, overrides
from decisionloop.ledger.label_arrivals import label_arrivals
from decisionloop.ledger.late_outcomes import late_outcomes
from decisionloop.ledger.outcomes import intakes, outcome_news
from decisionloop.ledger.schema import decision, execution
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.teaching import teaching_by_batch
from decisionloop.report.assemble import assemble_story
from decisionloop.report.page import render_story
from decisionloop.workspace import open_workspace
from tasks.readback.cohort import read_cohort
from tests.live_use_case import A_WEEK, MONDAY, orders, returns, write_live
from tests.tasks.installation import Installation, run_flow, run_task, working_in

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SAID = {"action": "executed_action", "by": "overridden_by", "reason": "override_reason"}
Live = Callable[..., Installation]


@pytest.fixture(params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """``live`` with the outcomes that a test gives it, decided on its first Monday."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url_with_tables")
    with ExitStack() as stack:

        def begin(returned: pd.DataFrame) -> Installation:
            sections = {"outcome": {"executed": SAID}}
            written = write_live(tmp_path / "usecases", orders(1), returned, **sections)
            installation = stack.enter_context(working_in(tmp_path, written, url))
            run_flow("act", "live", run_flow("predict", "live", MONDAY))
            return installation

        yield begin


def read(as_of) -> str:
    told: str = run_task("tasks.observe.outcomes", "read_outcomes", "live", as_of)
    return told


def rows_of(returned: pd.DataFrame, said_after: timedelta) -> pd.DataFrame:
    """The outcomes, and before them the first 10 customers told to have got a voucher, whatever was chosen."""
    nobody = {"executed_action": None, "overridden_by": None, "override_reason": None}
    early = returned.head(10).assign(
        returned=None,
        returned_at=None,
        seen_at=returned["decided_at"] + said_after,
        executed_action="voucher",
        overridden_by="anna",
        override_reason="a complaint",
    )
    return pd.concat([early, returned.assign(**nobody)], ignore_index=True)


def test_an_override_is_known_at_once_and_its_money_once_the_outcome_has_come(live):
    whole = live(rows_of(returns(orders(1)), DAY))
    assert read(MONDAY + 2 * DAY) == "0 new outcomes and 10 executed actions"
    assert read(MONDAY + 2 * DAY) == "read before"
    read(MONDAY + WEEK)
    assert read_frame(whole.ledger, select(execution))["revision"].tolist() == [1] * 10
    (first, second) = intakes(whole.ledger, "live")
    assert (first.executed, first.matched, second.first, second.executed) == (10, 10, A_WEEK, 0)
    batch = batches(whole.ledger, "live")[-1]
    log = decisions_with_outcomes(whole.ledger, "live", batch.as_of, batch.as_of)
    chosen = log.set_index("decision_id")["action"]
    done = log.set_index("decision_id")["executed_action"]
    told = overrides(whole.ledger, "live")
    assert sum(one.decisions for one in told) == (chosen != done).sum() > 0
    assert {(one.chosen, one.executed, one.reason, one.by) for one in told} == {
        ("wait", "voucher", "a complaint", "anna")
    }
    cohort = read_cohort(open_workspace("live"), batch, MONDAY + 2 * WEEK)
    by_id = pd.Series(cohort.money, index=cohort.log["decision_id"])
    came = log.set_index("decision_id")["outcome_class"]
    expected = 10.0 * came - (done == "voucher")
    assert by_id.to_dict() == expected.astype(float).to_dict()
    assert cohort.logged(None).action.tolist() == [["wait", "voucher"].index(one) for one in cohort.log["action"]]


def test_what_is_awaited_late_and_taught_is_counted_by_what_was_executed(live):
    whole = live(rows_of(returns(orders(1)), DAY))
    read(MONDAY + 2 * DAY)
    batch = batches(whole.ledger, "live")[-1]
    log = decisions_with_outcomes(whole.ledger, "live", batch.as_of, batch.as_of)
    vouchers = int((log["executed_action"] == "voucher").sum())
    assert vouchers > (log["action"] == "voucher").sum()
    known = MONDAY + 3 * WEEK
    assert label_arrivals(whole.ledger, batch.batch_id, ["voucher"], known).decided == vouchers
    late = late_outcomes(whole.ledger, batch.batch_id, ["wait", "voucher"], MONDAY + DAY, known)
    assert late.decided == {"voucher": vouchers, "wait": A_WEEK - vouchers}
    assert (late.missing["action"] == "voucher").sum() == vouchers
    read(MONDAY + WEEK)
    (taught,) = teaching_by_batch(whole.ledger, "live", (MONDAY, MONDAY), ["voucher"], MONDAY + WEEK)
    is_free = log["role"] != "holdout"
    assert taught.outcomes == (is_free & (log["executed_action"] == "voucher")).sum()


def test_what_was_known_when_is_told_as_of_then_and_news_of_it_measures_the_cohort_again(live):
    whole = live(rows_of(returns(orders(1)), 20 * DAY))
    for day in (7, 15, 21):
        read(MONDAY + day * DAY)
    batch = batches(whole.ledger, "live")[-1]
    before, after = (read_cohort(open_workspace("live"), batch, MONDAY + day * DAY) for day in (15, 21))
    assert "executed_action" not in before.log
    assert (after.taken != before.taken).sum() == (after.log["executed_action"] != after.log["action"]).sum() > 0
    assert len(next(iter(outcome_news(whole.ledger, "live").values()))) == 2


def test_a_correction_is_appended_and_the_last_that_was_seen_counts(live):
    said = rows_of(returns(orders(1)), DAY)
    again = said.head(10).assign(seen_at=said["seen_at"] + DAY, executed_action="wait", override_reason="no stock")
    whole = live(pd.concat([said, again], ignore_index=True))
    read(MONDAY + 3 * DAY)
    kept = read_frame(whole.ledger, select(execution).order_by(execution.c.decision_id, execution.c.revision))
    assert kept["revision"].tolist() == [1, 2] * 10
    assert {one.override_reason for one in executions_of(whole.ledger, kept["decision_id"][0])} == {
        "a complaint",
        "no stock",
    }
    assert {one.executed for one in overrides(whole.ledger, "live")} <= {"wait"}
    assert "latest counts" in json.loads(intakes(whole.ledger, "live")[-1].detail)["problems"][0]
    with pytest.raises(UsageError):
        append_executions(whole.ledger, kept.head(1))


def test_status_and_story_count_overrides_by_reason(live):
    whole = live(rows_of(returns(orders(1)), DAY))
    assert status_of(open_workspace("live")).overrides is None
    read(MONDAY + WEEK)
    workspace = open_workspace("live")
    state = status_of(workspace)
    assert state.overrides is not None
    assert state.overrides.counts.decisions == A_WEEK
    assert state.overrides.counts.reasons == (("a complaint", state.overrides.counts.overridden),)
    assert state.overrides.counts.people == (("anna", state.overrides.counts.overridden),)
    assert "ended otherwise than was chosen" in as_text(state)
    page = render_story(assemble_story(workspace.ledger, workspace.use_case))
    assert "a complaint" in page
    assert read_frame(whole.ledger, select(decision.c.decision_id)).shape[0] == A_WEEK
