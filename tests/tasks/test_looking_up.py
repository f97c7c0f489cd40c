"""Features that the service looks up are those of a batch as of the same moment, and so is what is decided by them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import cohort_name, find_batch
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.validation import results
from decisionloop.stream.asked import Asked, AskedRow
from decisionloop.stream.look_up import LookUp
from tasks.readback.tables import read_part
from tasks.seal.seal import seal_stream
from tasks.watch.skew import check_skew
from tests.small_use_case import as_of
from tests.tasks.test_sealing import NAME, answered, begin

pytestmark = pytest.mark.xdist_group("loop")
PATIENT = {"look_up_seconds": 60}
"""On a busy machine a look-up may take longer than a caller would wait."""


def looked_up(decider, entities, moment):
    """One request about entities of which nothing but their ids is sent, once the service has filled it."""
    asked = Asked([AskedRow(entity, None) for entity in entities], moment, None, "digest")
    return LookUp().fill(decider.desk(), asked)


@pytest.mark.parametrize("moment", ["begun", "modelled"])
def test_the_same_rows_are_decided_to_the_bit_as_in_a_batch(restored, moment):
    kinds = ("features", "ages", "faults")
    with restored(moment) as in_a_batch:
        in_a_batch.contract(online=PATIENT)
        in_a_batch.contract(online={})  # as `begin` does: the same version
        in_a_batch.predict(3)
        in_a_batch.act(3)
        expected = in_a_batch.decisions(3)
        kept = {kind: read_part(in_a_batch.workspace, in_a_batch.batch(3), kind, 0).to_pandas() for kind in kinds}
    with restored(moment) as online:
        online.contract(online=PATIENT)
        decider = begin(online)
        told = answered(decider, looked_up(decider, expected["entity_id"], as_of(3)))
        assert seal_stream.fn(NAME) == 1
        found = online.decisions(3)
        for kind in kinds:
            frame = read_part(online.workspace, online.batch(3), kind, 0).to_pandas()
            pd.testing.assert_frame_equal(frame, kept[kind], check_exact=True)
    pd.testing.assert_frame_equal(found.drop(columns="is_sent"), expected.drop(columns="is_sent"))
    assert [one["action"] for one in told] == list(expected["action"])


def spoil(installation):
    """Cells that nobody can read in the newest rows of two shops, of which the rules read one."""

    def spoilt(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.astype({"turnover": object, "debt": object})
        is_newest = pd.to_datetime(rows["seen_at"]) == as_of(3)
        rows.loc[is_newest & (rows["shop_id"] == "shop-0005"), "turnover"] = "12x"
        rows.loc[is_newest & (rows["shop_id"] == "shop-0006"), "debt"] = "n/k"
        return rows

    installation.written.change("history.csv", spoilt)


def test_cells_that_nobody_can_read_leave_their_rows_to_the_rules_and_stop_nothing(restored):
    spoilt = {"shop-0005": "unreadable: turnover", "shop-0006": "unreadable: debt"}
    with restored("modelled") as in_a_batch:
        spoil(in_a_batch)
        in_a_batch.predict(3)
        in_a_batch.act(3)
        batch_id = in_a_batch.batch(3)
        expected = in_a_batch.decisions(3).set_index("entity_id")
        told = expected["fallback_reason"].loc[list(spoilt)]
        assert told.to_dict() == spoilt
        assert "champion" not in set(expected["role"].loc[list(spoilt)])
        assert (expected["role"] == "champion").sum() > 300
        assert expected.loc["shop-0005", "action"] == "hold"  # the rules look at turnover: the default action
        checks = [one for one in results(in_a_batch.ledger, batch_id, 1) if one.expectation == "unreadable_cells"]
        assert [(one.column_name, one.severity, one.unexpected_count) for one in checks] == [
            ("debt", "row", 1),
            ("turnover", "row", 1),
        ]
        (alert,) = [one for one in alerts(in_a_batch.ledger, NAME, batch_id) if one.kind == "validation"]
        assert alert.severity == "warning"
        assert "debt (1 row), turnover (1 row)" in alert.message
        kept = read_part(in_a_batch.workspace, batch_id, "faults", 0).to_pandas()
    with restored("modelled") as online:
        spoil(online)
        online.contract(online=PATIENT)
        decider = begin(online)
        answered(decider, looked_up(decider, sorted(expected.index), as_of(3)))
        assert seal_stream.fn(NAME) == 1
        faults = read_part(online.workspace, online.batch(3), "faults", 0).to_pandas()
        pd.testing.assert_frame_equal(faults, kept)
        found = online.decisions(3).set_index("entity_id")
        assert found["action"].to_dict() == expected["action"].to_dict()


def test_who_is_decided_among_others_is_decided_alone_likewise(restored):
    with restored("begun") as online:
        online.contract(online=PATIENT)
        decider = begin(online)
        together = answered(decider, looked_up(decider, ["shop-0001", "shop-0002"], as_of(3)))
        alone = answered(decider, looked_up(decider, ["shop-0003"], as_of(3) + timedelta(seconds=1)))
        assert [one["reasons"] for one in (*together, *alone)]
        assert seal_stream.fn(NAME) == 1
        frame = read_part(online.workspace, online.batch(3), "features", 0).to_pandas()
        history = pd.read_csv(online.written.folder / "data" / "history.csv")
        newest = history[pd.to_datetime(history["seen_at"]) == as_of(3)].set_index("shop_id")
        assert list(frame["turnover"]) == list(newest.loc[frame["shop_id"], "turnover"])


def test_what_the_source_tells_otherwise_afterwards_is_an_alarm_of_skew(restored):
    with restored("begun") as online:
        online.contract(online=PATIENT)
        decider = begin(online)
        for place in range(30):
            answered(decider, looked_up(decider, [f"shop-{place:04d}"], as_of(3) + timedelta(seconds=place)))
        sent = Asked([AskedRow("shop-0100", {"turnover": 1.0})], as_of(3) + timedelta(minutes=2), None, "digest")
        answered(decider, sent)
        assert seal_stream.fn(NAME, is_over=True) == 1
        online.written.change("history.csv", lambda rows: rows.assign(turnover=rows["turnover"] + 1))
        assert check_skew.fn(NAME, as_of(4)) > 0
        told = [one for one in alarms_of(online.ledger, NAME) if one.monitor == "skew"]
        assert {one.slice for one in told} == {"feature=turnover"}
        skew = measurements_of(online.ledger, NAME, "skew")
        skew = skew[skew["cohort"] == cohort_name(as_of(3))].set_index("slice")
        assert list(skew.loc[["feature=turnover", "feature=debt"], "value"]) == [1.0, 0.0]
        assert skew.loc["feature=turnover", "n"] == 30  # what the caller sent is none of the source's
        assert check_skew.fn(NAME, as_of(4)) == 0
        ages = read_part(online.workspace, online.batch(3), "ages", 0)["age_days"].to_numpy()
        assert np.isnan(ages[-1])
        assert find_batch(online.ledger, online.batch(3)) is not None
