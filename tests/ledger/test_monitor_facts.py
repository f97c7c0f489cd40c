"""References and limits of monitors, causes of misses, weak slices, notices; and the way to them from before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from alembic import command
from sqlalchemy import create_engine, text

from decisionloop.errors import UsageError
from decisionloop.ledger.failures import append_failures, failures_by_cause
from decisionloop.ledger.measurements import Measurement, append_measurements, measurements_of
from decisionloop.ledger.monitor_references import (
    MonitorThreshold,
    append_thresholds,
    keep_reference,
    reference_of,
    thresholds_of,
)
from decisionloop.ledger.notices import (
    Notice,
    append_notice_attempt,
    append_notices,
    count_waiting,
    notice_id_of,
    pending_notices,
    undelivered_notices,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.weak_slices import WeakSlice, append_weak_slices, latest_weak_slices, weak_slices_of

AT = datetime(2005, 7, 8, tzinfo=UTC)
DAY = timedelta(days=1)
BATCH = "credit_line/2005-07-08"
RULES = "credit_line/rules/000000000001"
OLD = (
    "INSERT INTO measurement "
    "(measurement_id, use_case, monitor, slice, cohort, value, n, is_mature, as_of, recorded_at) VALUES "
    " ('old', 'credit_line', 'auc', 'all', '2005-05', 0.8, 700, TRUE, '2005-07-08T00:00:00.000000Z', "
    "'2005-07-08T00:00:00.000000Z')"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    """The URL of a ledger at revision 0003 with one measurement."""
    url = f"sqlite:///{tmp_path}/old.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with Ledger(create_engine(url)) as ledger, ledger.begin() as connection:
        command.upgrade(alembic_config(connection), "0003")
        connection.execute(text(OLD))
    return url


def test_figures_from_before_there_were_limits_keep_what_they_said(old_url: str) -> None:
    with create_or_upgrade(old_url) as ledger:
        append_measurements(
            ledger,
            [Measurement("credit_line", None, "auc", "all", "2005-06", 0.8, 0.7, 0.9, 1, 1, True, AT, 0.05, "release")],
        )
        found = measurements_of(ledger, "credit_line")
    assert found["value"].tolist() == [0.8, 0.8]
    assert found["threshold"].fillna(-1).tolist() == [-1, 0.05]
    assert found["against"].isna().tolist() == [True, False]


def test_a_figure_against_two_references_is_two_figures(ready: Ledger) -> None:
    def figure(against: str | None) -> Measurement:
        return Measurement(
            "credit_line",
            None,
            "shift",
            "all",
            "c",
            0.1,
            None,
            None,
            9,
            None,
            False,
            AT,
            threshold=0.2,
            against=against,
        )

    assert append_measurements(ready, [figure("training"), figure("recent"), figure(None), figure("training")]) == 3
    # Ids are in ledgers that exist: without a reference they may not change.
    assert append_measurements(ready, [figure(""), figure(None)]) == 0


def test_the_latest_reference_of_a_release_and_kind_holds(released: Ledger) -> None:
    assert reference_of(released, "credit_line", RULES) is None
    first = keep_reference(released, "credit_line", RULES, '{"rows": 1}', AT)
    assert keep_reference(released, "credit_line", RULES, '{"rows": 1}', AT) == first
    keep_reference(released, "credit_line", RULES, '{"rows": 3}', AT + 2 * DAY)
    keep_reference(released, "credit_line", RULES, '{"rows": 2}', AT + DAY)
    keep_reference(released, "credit_line", RULES, '{"actions": 2}', AT + 9 * DAY, kind="outputs")
    inputs, outputs = (reference_of(released, "credit_line", RULES, kind) for kind in ("inputs", "outputs"))
    assert inputs is not None
    assert outputs is not None
    assert (inputs.content, outputs.content) == ('{"rows": 3}', '{"actions": 2}')


def test_a_releases_own_limit_goes_before_a_general_one_and_a_later_before_an_earlier(released: Ledger) -> None:
    def limit(value: float, release_id: str | None, at: datetime = AT, slice_: str = "feature=age") -> Any:
        evidence = facts.canonical_json({"batches": [1, 2]})
        return MonitorThreshold("credit_line", "shift", slice_, release_id, value, evidence, at, alpha=1e-4)

    own = limit(0.2, RULES)
    assert append_thresholds(released, [own, limit(0.3, None, AT + DAY), limit(0.4, None, AT, "feature=sex")]) == 3
    assert append_thresholds(released, [own]) == 0

    def told(release_id: str | None) -> dict[str, float]:
        found = thresholds_of(released, "credit_line", release_id)
        return {slice_: one.threshold for (_, slice_), one in found.items()}

    assert told(RULES) == {"feature=age": 0.2, "feature=sex": 0.4}
    assert told(None) == {"feature=age": 0.3, "feature=sex": 0.4}
    append_thresholds(released, [limit(0.1, RULES, AT + DAY)])
    assert told(RULES)["feature=age"] == 0.1
    assert thresholds_of(released, "credit_line", RULES)["shift", "feature=age"].evidence == '{"batches": [1, 2]}'


def test_misses_keep_their_first_cause_and_are_summed_by_batch(ready: Ledger, opening: Callable[..., Any]) -> None:
    later = opening(ready, AT + 7 * DAY).batch_id
    misses = pd.DataFrame(
        {"decision_id": ["a", "b", "c"], "cause": ["stale", "stale", "concept"], "surprise": [3.0, 1.0, 2.5]}
    )
    assert append_failures(ready, "credit_line", BATCH, misses) == 3
    assert append_failures(ready, "credit_line", BATCH, misses.assign(cause="other")) == 0
    append_failures(ready, "credit_line", later, misses.head(1).assign(decision_id="d"))
    told = failures_by_cause(ready, "credit_line")
    assert told["as_of"].tolist() == [AT, AT, AT + 7 * DAY]
    assert told[["cause", "failures", "surprise"]].values.tolist() == [
        ["concept", 1, 2.5],
        ["stale", 2, 4.0],
        ["stale", 1, 3.0],
    ]
    with pytest.raises(UsageError, match="must be known for every row"):
        append_failures(ready, "credit_line", BATCH, misses.assign(decision_id=list("xyz"), surprise=float("nan")))


def test_the_weak_slices_of_the_last_cohort_are_those_to_teach(ready: Ledger) -> None:
    def weak(rank: int, at: datetime) -> WeakSlice:
        cohort, words = f"{at:%Y-%m-%d}", f"slice {rank}"
        return WeakSlice("credit_line", cohort, rank, None, words, "age > 50", 90, -3.5, -5.0, None, -315.0, at, at)

    assert latest_weak_slices(ready, "credit_line") == ()
    every = [weak(rank, at) for at in (AT, AT + DAY) for rank in (2, 1)]
    assert append_weak_slices(ready, every) == 4
    assert append_weak_slices(ready, every) == 0
    assert latest_weak_slices(ready, "credit_line") == (weak(1, AT + DAY), weak(2, AT + DAY))
    assert latest_weak_slices(ready, "credit_line", until=AT) == (weak(1, AT), weak(2, AT))
    assert weak_slices_of(ready, "credit_line", "2005-07-08") == (weak(1, AT), weak(2, AT))
    assert latest_weak_slices(ready, "credit_line", left_out=["2005-07-09"]) == (weak(1, AT), weak(2, AT))


def notice(subject: str, at: datetime = AT, not_before: datetime = AT) -> Notice:
    """A notice about a subject."""
    notice_id = notice_id_of("credit_line", subject, "2005-07-08", "slack/risk")
    return Notice(notice_id, "credit_line", subject, "slack/risk", "warning", "It moved", "By far.", not_before, at)


def test_a_notice_waits_for_its_hour_and_is_pending_until_it_was_delivered(ready: Ledger) -> None:
    first, second = notice("one"), notice("two", AT + DAY, not_before=AT + 2 * DAY)
    assert append_notices(ready, [second, first, first]) == 2
    assert pending_notices(ready, "credit_line", AT + DAY) == (first,)
    assert pending_notices(ready, "credit_line", AT + 2 * DAY) == (first, second)
    assert pending_notices(ready, "another", AT + 2 * DAY) == ()
    append_notice_attempt(ready, first.notice_id, "failed", "no route to host")
    append_notice_attempt(ready, second.notice_id, "delivered", "")
    assert pending_notices(ready, "credit_line", AT + 9 * DAY) == (first,)
    third = notice("three", AT + 3 * DAY)
    append_notices(ready, [third])
    assert pending_notices(ready, "credit_line", AT + 9 * DAY) == (third, first)  # it was tried less often
    assert count_waiting(ready, "credit_line") == 2
    for one in (third, first):
        append_notice_attempt(ready, one.notice_id, "delivered", "")
    assert count_waiting(ready, "credit_line") == 0
    assert pending_notices(ready, "credit_line", AT + 9 * DAY) == ()


def test_what_could_not_be_delivered_is_shown_with_its_last_attempt(ready: Ledger) -> None:
    append_notices(ready, [notice("one"), notice("two"), notice("untried")])
    for detail in ("no route to host", "refused"):
        append_notice_attempt(ready, notice("one").notice_id, "failed", detail)
    append_notice_attempt(ready, notice("two").notice_id, "failed", "refused")
    append_notice_attempt(ready, notice("two").notice_id, "delivered", "")
    (found,) = undelivered_notices(ready, "credit_line")
    assert (found.notice_id, found.attempts, found.detail) == (notice("one").notice_id, 2, "refused")
