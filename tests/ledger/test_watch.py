"""Measurements, alerts and flags: each said once, the last flag holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import NewAlert, alerts, append_alert
from decisionloop.ledger.flags import MLFLOW_ALIASES, Flag, current_flag, flag_history, is_kill_switch_on, set_flag
from decisionloop.ledger.measurements import Measurement, append_measurements, cohorts_with, measurements_of
from decisionloop.ledger.schema import flag, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

AT = datetime(2005, 7, 8, tzinfo=UTC)


def test_a_measurement_is_kept_once_and_read_as_a_frame(ready: Ledger) -> None:
    auc = Measurement("credit_line", None, "auc", "all", "2005-05", 0.88, 0.86, 0.9, 700, 512.5, True, AT)
    value = Measurement("credit_line", None, "value", "all", "2005-05", float("nan"), None, None, 0, None, False, AT)
    assert append_measurements(ready, [auc, value]) == 2
    assert append_measurements(ready, [auc]) == 0
    found = measurements_of(ready, "credit_line", "auc")
    assert found.loc[0, ["value", "low", "high", "n", "is_mature"]].tolist() == [0.88, 0.86, 0.9, 700, True]
    assert found.loc[0, "as_of"] == pd.Timestamp(AT)
    assert measurements_of(ready, "credit_line")["value"].isna().tolist() == [False, True]
    assert measurements_of(ready, "credit_line", release_id="nobody").empty


def test_cohorts_are_those_that_a_monitor_has_told_of_even_without_a_value(ready: Ledger) -> None:
    def figure(monitor: str, slice_: str, cohort: str, value: float | None) -> Measurement:
        return Measurement("credit_line", None, monitor, slice_, cohort, value, None, None, 9, None, False, AT)

    told = [("skew", "feature=age", "2005-05", 0.1), ("skew", "all", "2005-05", 0.1), ("skew", "all", "2005-06", None)]
    append_measurements(ready, [figure(*one) for one in [*told, ("auc", "all", "2005-07", 0.8)]])
    assert cohorts_with(ready, "credit_line", "skew") == {"2005-05", "2005-06"}
    assert cohorts_with(ready, "another", "skew") == frozenset()


def test_numbers_of_numpy_are_kept_as_numbers(ready: Ledger) -> None:
    figure = Measurement(
        "credit_line", None, "auc", "all", "c", np.float64(0.5), np.float32(0.25), None, np.int64(7), None,
        np.bool_(True), pd.Timestamp(AT),
    )  # fmt: skip
    append_measurements(ready, [figure])
    found = measurements_of(ready, "credit_line")
    assert found.loc[0, ["value", "low", "n", "is_mature"]].tolist() == [0.5, 0.25, 7, True]


def test_an_alert_is_raised_once_an_occasion(ready: Ledger) -> None:
    def raise_it(occasion: str) -> bool:
        new = NewAlert("critical", "stale", "The source is stale.", "Ask its owner.", occasion=occasion)
        return append_alert(ready, "credit_line", new)

    assert [raise_it(day) for day in ("2005-07-08", "2005-07-08", "2005-07-15")] == [True, False, True]
    assert [alert.kind for alert in alerts(ready, "credit_line")] == ["stale", "stale"]
    assert alerts(ready, "credit_line", "credit_line/2005-07-08") == ()


def test_the_last_value_of_a_flag_holds_and_its_history_stays(ledger: Ledger) -> None:
    assert not is_kill_switch_on(ledger, "credit_line")
    a_fast_clock = utc_now() + timedelta(days=9)
    facts.add(ledger, flag, [Flag("credit_line", "kill_switch", 1, "on", "complaints", "anna", a_fast_clock)])
    set_flag(ledger, "credit_line", "kill_switch", "on", "complaints", "anna")
    assert is_kill_switch_on(ledger, "credit_line")
    assert not is_kill_switch_on(ledger, "another")
    # The order in which they were set counts, not what their clocks said.
    set_flag(ledger, "credit_line", "kill_switch", "off", "solved", "ben")
    assert not is_kill_switch_on(ledger, "credit_line")
    history = flag_history(ledger, "credit_line", "kill_switch")
    assert [(one.seq, one.value, one.set_by) for one in history] == [(1, "on", "anna"), (2, "off", "ben")]
    assert current_flag(ledger, "credit_line", MLFLOW_ALIASES) is None


def test_a_kill_switch_is_on_or_off(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="on, default or off; it cannot be 'maybe'"):
        set_flag(ledger, "credit_line", "kill_switch", "maybe", "", "anna")


class _Model(BaseModel):
    when: datetime
    share: float


@dataclass(frozen=True)
class _Fact:
    name: str
    models: tuple[_Model, ...]


def test_json_is_canonical_whatever_it_is_made_of() -> None:
    content = _Fact("é", (_Model(when=AT, share=0.5),))
    text = facts.canonical_json({"b": content, "a": [np.float64("nan"), np.int64(3), float("inf"), True, None, AT]})
    assert text == (
        '{"a": [null, 3, null, true, null, "2005-07-08T00:00:00.000000Z"], '
        '"b": {"models": [{"share": 0.5, "when": "2005-07-08T00:00:00Z"}], "name": "é"}}'
    )


def test_what_has_no_json_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot keep a set as JSON"):
        facts.canonical_json({"a": {1, 2}})


def test_ids_are_stable_and_tell_parts_apart() -> None:
    assert facts.fact_id("a", None, AT, 1) == facts.fact_id("a", None, AT, 1)
    others = [("ab", "c"), ("a", "bc"), ("abc",), ("ab", None), ("ab", "None")]
    assert len({facts.fact_id(*parts) for parts in others}) == len(others)
    # Ids are in ledgers that exist: they may not change from one version to the next.
    assert facts.fact_id("credit_line", AT, 1, None) == "ff1c079187fa3d02fc3fbec870f8af8f"
