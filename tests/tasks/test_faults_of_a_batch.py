"""What a damaged batch comes to: it is halted with a reason and a remedy, or only its damaged rows go to the rules."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.errors import BatchHalted, IntegrityError, SourceError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import cohort_name, events, find_batch, latest_detail
from decisionloop.ledger.outbox import messages_of_batch
from decisionloop.ledger.releases import baseline
from decisionloop.ledger.validation import results
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")

NAN = float("nan")


def _nobody_is_due(written):
    written.change("outcomes.parquet", lambda due: due[due["decided_at"] != as_of(1)])


def _nothing_new_arrives(written):
    written.change("history.csv", lambda history: history[pd.to_datetime(history["seen_at"]) < as_of(1)])


HALTING = {
    "a column filled with NaN": (lambda written: written.set("turnover", NAN, 1), "nulls: turnover"),
    "an empty batch": (_nobody_is_due, "row_count"),
    "a stale batch": (_nothing_new_arrives, "freshness"),
    "the same fault in too many rows": (
        lambda written: written.set("turnover", 5000, 1, slice(0, 70)),
        "ranges: turnover",
    ),
}


@pytest.mark.parametrize(("damage", "check"), HALTING.values(), ids=HALTING.keys())
def test_a_critical_fault_halts_the_batch(begun, damage, check):
    damage(begun.written)
    sent = begun.sent()
    with pytest.raises(BatchHalted, match=check) as halted:
        begun.predict(1)
    assert halted.value.batch_id == begun.batch(1)
    assert [event.state for event in events(begun.ledger, begun.batch(1))] == ["opened", "frozen", "halted"]
    assert begun.decisions(1).empty
    assert messages_of_batch(begun.ledger, begun.batch(1)).empty
    assert begun.sent() == sent
    (alert,) = alerts(begun.ledger, "small", begun.batch(1))
    assert (alert.severity, alert.kind) == ("critical", "validation")
    assert check in alert.message
    assert alert.remedy
    (announced,) = [event["payload"]["check"] for event in begun.announced("batch.halted")]
    assert alert.message == f"The batch of {cohort_name(as_of(1))} was halted: {announced}"
    failed = [r for r in results(begun.ledger, begun.batch(1), 1) if r.severity == "critical" and not r.is_success]
    assert failed
    assert all(result.remedy in alert.remedy for result in failed)


def test_a_batch_mended_at_the_source_completes_when_it_is_run_again(begun, restored):
    history = begun.written.folder / "data" / "history.csv"
    sound = history.read_bytes()
    begun.written.set("turnover", NAN, 1)
    for _ in range(2):
        with pytest.raises(BatchHalted):
            begun.predict(1)
    history.write_bytes(sound)
    begun.predict(1)
    begun.act(1)
    assert begun.state(1) == "complete"
    batch = find_batch(begun.ledger, begun.batch(1))
    assert batch.attempt == 3
    assert [results(begun.ledger, batch.batch_id, attempt) != () for attempt in (1, 2, 3, 4)] == [True] * 3 + [False]
    assert all(result.is_success for result in results(begun.ledger, batch.batch_id, 3))
    with restored("shadowed") as sound_life:
        pd.testing.assert_frame_equal(begun.decisions(1), sound_life.decisions(1))
        assert begun.sent() == sound_life.sent()


def test_a_batch_that_is_run_twice_adds_nothing_and_sends_nothing(modelled):
    for week in (2, 1, 0):
        tables, sent = modelled.tables(), modelled.sent()
        modelled.turn(week)
        again = modelled.tables()
        assert [name for name in tables if tables[name] != again[name]] == []
        assert modelled.sent() == sent


DOUBLING_SOURCE = '''
import pandas as pd


class Shops:
    """Everyone of the last delivery, and the first shop twice."""

    time_column = "seen_at"

    def __init__(self, folder):
        rows = pd.read_csv(folder / "data" / "history.csv")
        self.rows = rows.assign(seen_at=pd.to_datetime(rows["seen_at"]))

    def due(self, as_of, covers_days):
        due = self.rows.loc[self.rows["seen_at"] == as_of, ["shop_id"]]
        return pd.concat([due, due.head(1)])

    def known(self, entities, as_of):
        return self.rows[self.rows["shop_id"].isin(entities["shop_id"])]

    def newest_time(self, as_of):
        return self.rows["seen_at"].max()

    def outcomes(self, as_of, decided):
        return pd.DataFrame()

    def calendar(self):
        return ()


def source(use_case, folder):
    """The source of small."""
    return Shops(folder)
'''


def test_an_entity_that_is_due_twice_halts_the_batch(small):
    (small.written.folder / "source.py").write_text(DOUBLING_SOURCE)
    small.contract(source={"kind": "custom"})
    with pytest.raises(BatchHalted, match="duplicates: shop_id"):
        small.predict(0)
    assert small.decisions(0).empty


def test_a_doubled_delivery_counts_once(begun):
    begun.written.change("history.csv", lambda history: pd.concat([history, history.tail(3)]))
    begun.predict(1)
    assert begun.state(1) == "scored"


def test_a_delivery_that_says_otherwise_of_the_same_moment_is_refused_by_the_source(begun):
    other = {"turnover": 1}
    begun.written.change("history.csv", lambda history: pd.concat([history, history.tail(3).assign(**other)]))
    with pytest.raises(SourceError, match=r"history\.csv"):
        begun.predict(1)
    assert begun.state(1) == "opened"


def test_only_the_rows_with_a_fault_go_to_the_rules(modelled):
    modelled.written.set("turnover", 5000, 3, slice(0, 3))
    modelled.written.set("trade", "mining", 3, slice(3, 5))
    modelled.written.set("owner_sex", "x", 3, slice(5, 7))  # a group that the contract does not know is a warning
    modelled.written.set("turnover", NAN, 3, slice(7, 9))
    modelled.predict(3)
    modelled.act(3)
    decisions = modelled.decisions(3).set_index("entity_id")
    reasons = decisions["fallback_reason"]
    assert [f"shop-{i:04d}" for i in (0, 1, 2, 3, 4, 7, 8)] == sorted(reasons.dropna().index)
    assert reasons["shop-0000"].startswith("range")
    assert "turnover" in reasons["shop-0000"]
    assert reasons["shop-0003"].startswith("unseen category")
    assert "mining" not in reasons["shop-0003"]
    assert reasons["shop-0007"].startswith("missing")
    fell = decisions[reasons.notna() & (decisions["role"] != "holdout")]
    assert set(fell["role"]) == {"baseline"}
    assert set(fell["release_id"]) == {baseline(modelled.ledger, "small").release_id}
    assert set(fell["propensity"]) == {1.0}
    # Outside its support the model does what the rules do.
    assert set(decisions.loc[reasons.isna(), "role"]) == {"champion", "exploration", "holdout", "baseline"}
    assert modelled.state(3) == "complete"
    assert latest_detail(modelled.ledger, modelled.batch(3), "validated")["fault_rows"] == 7


def test_a_corrupted_snapshot_is_named_and_nothing_is_decided_from_it(begun):
    begun.predict(1)
    (part,) = parts_of(begun.ledger, begun.batch(1), "features")
    digest = part.digest
    (file,) = (begun.folder / "home" / "snapshots").rglob(f"{digest}*")
    sound = file.read_bytes()
    file.write_bytes(sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:])
    with pytest.raises(IntegrityError, match=digest) as error:
        begun.act(1)
    assert str(file) in str(error.value)
    assert begun.decisions(1).empty
    assert begun.state(1) == "scored"
    file.write_bytes(sound)
    begun.act(1)
    assert begun.state(1) == "complete"
