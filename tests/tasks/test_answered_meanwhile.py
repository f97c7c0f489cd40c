"""Who is decided one at a time keeps that answer: a batch leaves them out, or withdraws what it logged of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.ledger.batches import latest_detail
from decisionloop.ledger.held_actions import withdrawn_ids
from decisionloop.ledger.posted_outcomes import PostedOutcome
from decisionloop.ledger.schema import delivery
from decisionloop.ledger.summary import batch_summary
from decisionloop.report.read.batches import batch_lines
from decisionloop.report.read.gathered import gather
from decisionloop.stream.asked import Asked, AskedRow
from decisionloop.stream.outcomes import post_outcomes
from tasks.act import decide
from tasks.seal.seal import seal_stream
from tests.small_use_case import as_of
from tests.tasks.test_sealing import NAME, answered, begin

pytestmark = pytest.mark.xdist_group("loop")


def _answer_some(installation, decider, number, hours, count=10):
    """Shops that are due in the second week and are decided one at a time before the batch is, or while it is."""
    moment = pd.Timestamp(as_of(1))
    shops = installation.workspace.source.due(moment, 7)["shop_id"].unique()[number : number + count]
    rows = [AskedRow(shop, {"turnover": 1.0}) for shop in shops]
    answered(decider, Asked(rows, as_of(1) + timedelta(hours=hours), None, "digest"))
    return set(shops)


def test_a_batch_decides_nobody_whose_answer_is_not_sealed_yet(begun):
    decider = begin(begun, 1)
    shops = _answer_some(begun, decider, 0, 1)
    begun.predict(1)
    begun.act(1)
    decided = begun.decisions(1)
    assert len(decided) == 590
    assert not set(decided["entity_id"]) & shops
    assert "one at a time" in latest_detail(begun.ledger, begun.batch(1), "frozen")["decided_in"]


@pytest.mark.parametrize("is_sealed", [True, False])
def test_who_is_answered_while_a_batch_is_decided_keeps_that_answer(begun, monkeypatch, is_sealed):
    decider, shops = begin(begun, 1), set()
    begun.predict(1)

    def choosing(*given):
        shops.update(_answer_some(begun, decider, 0, 1))
        if is_sealed:
            seal_stream.fn(NAME)
        return chooses(*given)

    chooses = decide._choose
    with monkeypatch.context() as patch:
        patch.setattr(decide, "_choose", choosing)
        begun.act(1)
    batch_id = begun.batch(1)
    of_them = begun.decisions(1).set_index("entity_id").loc[sorted(shops)]
    assert withdrawn_ids(begun.ledger, batch_id) == set(of_them["decision_id"])
    assert latest_detail(begun.ledger, batch_id, "decided")["answered_meanwhile"] == 10
    lines = batch_lines(gather(begun.ledger, NAME).handled, defaultdict(str))
    of_batch = next(line for line in lines if line.as_of == as_of(1).date())
    assert (of_batch.withdrawn, of_batch.decisions) == (10, 590)
    assert sum(share for _, share in of_batch.shares) == pytest.approx(1.0)
    summary = batch_summary(begun.ledger, batch_id)
    assert (summary.decisions, summary.answered_meanwhile) == (590, 10)
    assert "10 more were withdrawn and not sent" in summary.as_text()
    with begun.ledger.connect() as connection:
        sent = set(connection.execute(select(delivery.c.decision_id)).scalars())
    assert sent
    assert not sent & set(of_them["decision_id"])
    seal_stream.fn(NAME, is_over=True)
    begun.predict(2)  # nothing is held back by it
    begun.act(2)
    assert begun.state(2) == "complete"


@pytest.mark.parametrize("is_sealed", [True, False])
def test_an_answer_counts_for_the_time_at_which_it_was_given(begun, is_sealed):
    decider = begin(begun, 1)
    (before,) = _answer_some(begun, decider, 0, 1, count=1)
    (weeks_later,) = _answer_some(begun, decider, 1, 2 * 7 * 24 + 1, count=1)
    if is_sealed:
        seal_stream.fn(NAME, is_over=True)
    begun.predict(1)
    begun.act(1)
    decided = set(begun.decisions(1)["entity_id"])
    assert (len(decided), before in decided, weeks_later in decided) == (599, False, True)


def test_answers_of_several_periods_are_counted_together(begun):
    decider = begin(begun, 1)
    _answer_some(begun, decider, 0, 1)
    _answer_some(begun, decider, 10, 25)
    begun.predict(1)
    told = latest_detail(begun.ledger, begun.batch(1), "frozen")
    assert (told["decided_before"], told["decided_in"]) == (20, '{"what was decided one at a time": 20}')


def test_who_was_answered_under_another_name_of_the_key_is_left_out(begun):
    decider = begin(begun, 1)
    shops = _answer_some(begun, decider, 0, 1)
    _rename_key(begun)
    begun.predict(1)
    begun.act(1)
    decided = begun.decisions(1)
    assert len(decided) == 590
    assert not set(decided["entity_id"]) & shops


def test_an_outcome_of_an_answer_under_another_name_of_the_key_waits_for_it(begun):
    decider, seen = begin(begun, 1), as_of(2)
    rows = [AskedRow(f"shop-{number:04d}", {"turnover": 100.0}) for number in range(20)]
    told = answered(decider, Asked(rows, as_of(1), None, "digest"))
    row = next(row for row in told if row["action"] == "lend")  # which reveals what becomes of it
    _rename_key(begun)
    posted = PostedOutcome(NAME, row["decision_id"], None, None, 1.0, None, seen, None, seen)
    (became,) = post_outcomes(begun.workspace, [posted], seen)
    assert (became.became, became.why[:12]) == ("waiting", "its decision")


def _rename_key(installation):
    """The people of the use case are told by another column from now on."""
    written = installation.written
    for table in ("history.csv", "outcomes.parquet"):
        written.change(table, lambda frame: frame.rename(columns={"shop_id": "store_id"}))
    features = written.folder / "features.py"
    features.write_text(features.read_text().replace("shop_id", "store_id"))
    installation.contract(entity={"key": "store_id"})


class Killed(BaseException):
    """The process is gone."""


def _killed(*_):
    raise Killed


@pytest.mark.parametrize("place", ["withdraw_answered", "reached"])
def test_who_is_answered_after_a_batch_was_killed_keeps_that_answer(begun, monkeypatch, place):
    decider, shops = begin(begun, 1), set()
    begun.predict(1)
    chooses = decide._choose

    def choosing(*given):
        if not shops:
            shops.update(_answer_some(begun, decider, 0, 1))
        return chooses(*given)

    with monkeypatch.context() as patch:
        patch.setattr(decide, "_choose", choosing)
        patch.setattr(decide, place, _killed)
        with pytest.raises(Killed):
            begun.act(1)
    assert len(begun.decisions(1)) == 600
    shops |= _answer_some(begun, decider, 10, 1.1)
    seal_stream.fn(NAME)
    begun.predict(1)  # anew: they have been decided elsewhere
    begun.act(1)
    batch_id = begun.batch(1)
    of_them = begun.decisions(1).set_index("entity_id").loc[sorted(shops)]
    assert begun.state(1) == "complete"
    assert withdrawn_ids(begun.ledger, batch_id) == set(of_them["decision_id"])
    assert latest_detail(begun.ledger, batch_id, "decided")["answered_meanwhile"] == 20
    with begun.ledger.connect() as connection:
        sent = set(connection.execute(select(delivery.c.decision_id)).scalars())
    assert sent
    assert not sent & set(of_them["decision_id"])


def test_a_killed_batch_whose_people_were_all_answered_meanwhile_withdraws_what_it_logged(begun, monkeypatch):
    """It is covered then, and nobody comes by to say that it is decided."""
    decider = begin(begun, 1)
    begun.predict(1)
    with monkeypatch.context() as patch:
        patch.setattr(decide, "withdraw_answered", _killed)
        with pytest.raises(Killed):
            begun.act(1)
    assert len(_answer_some(begun, decider, 0, 1, count=600)) == 600
    seal_stream.fn(NAME)
    begun.predict(1)
    assert begun.state(1) == "covered"
    summary, found = batch_summary(begun.ledger, begun.batch(1)), gather(begun.ledger, NAME).handled
    assert (summary.decisions, summary.answered_meanwhile) == (0, len(withdrawn_ids(begun.ledger, begun.batch(1))))
    assert not [one for one in found.counts if one.batch_id == begun.batch(1)]
    assert withdrawn_ids(begun.ledger, begun.batch(1)) == set(begun.decisions(1)["decision_id"])
    assert len(begun.decisions(1)) == 600
