"""Payments in instalments: the ledger holds what was paid, or people are asked what the rows are. On either engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from decisionloop.cli.readings import troubled_readings
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.outcomes import intakes, latest_outcomes
from decisionloop.ledger.posted_outcomes import PostedOutcome, posted_outcomes
from decisionloop.ledger.present_alerts import present_alerts
from decisionloop.stream.outcomes import post_outcomes
from tasks.observe import outcomes as reading
from tests.small_use_case import as_of, write_small
from tests.tasks.installation import Installation, working_in

pytestmark = pytest.mark.xdist_group("loop")

SOURCE = {
    "kind": "tables",
    "history": {"path": "data/history.csv", "time": "seen_at"},
    "due": {"path": "data/history.csv", "time": "seen_at"},
    "outcomes": {"path": "data/payments.csv", "time": "paid_at"},
    "outcome_columns": {"decision_time": "decided_at", "outcome_time": "paid_at"},
}
ECONOMICS = {"constants": {"loan": 100}, "value": {"hold": "0", "lend": "amount - loan"}}


def _amount(rows: str | None) -> dict[str, object]:
    amount = {"column": "paid", "unit": "EUR"} | ({} if rows is None else {"rows": rows})
    return {"class": None, "amount": amount, "window_days": 28, "maturity_days": 28}


@pytest.fixture(params=["sqlite", "postgresql"])
def lent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """The rules have lent in week 0, and nothing has been paid back. Nobody has said what several payments are."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url_with_tables")
    written = write_small(tmp_path / "usecases", source=SOURCE, outcome=_amount(None), economics=ECONOMICS)
    with working_in(tmp_path, written, url) as installation:
        _pay(installation)
        installation.predict(0)
        installation.act(0)
        yield installation


def _pay(life: Installation, **paid: tuple[float, float]) -> None:
    """Write the table of payments: of every shop one for each name (the receipt): after so many days so much."""
    shops = pd.read_csv(life.written.folder / "data" / "history.csv").query("seen_at == seen_at.min()")["shop_id"]
    parts = [
        pd.DataFrame({"shop_id": shops, "decided_at": as_of(0).isoformat(), "receipt": receipt, "paid": amount})
        .assign(paid_at=(as_of(0) + pd.Timedelta(days=days)).isoformat())
        for receipt, (days, amount) in paid.items()
    ]  # fmt: skip
    columns = pd.DataFrame(columns=["shop_id", "decided_at", "receipt", "paid", "paid_at"])
    pd.concat([columns, *parts]).to_csv(life.written.folder / "data" / "payments.csv", index=False)


def _ledger(life: Installation, known_at: datetime | None = None) -> pd.DataFrame:
    return latest_outcomes(life.ledger, "small", as_of(0), as_of(0), known_at)


def _told(life: Installation, known_at: datetime | None = None) -> set[float]:
    """What the ledger says was paid, of all who were lent to."""
    found = _ledger(life, known_at)
    assert len(found) == int((life.decisions(0)["action"] == "lend").sum()) > 100
    return set(found["amount"])


def test_what_the_ledger_holds_is_what_was_paid(lent, monkeypatch):
    lent.contract(outcome=_amount("sum"))
    _pay(lent, r1=(3, 100.0), r2=(6, 100.0))
    lent.observe(1)
    assert _told(lent) == {200.0}
    (books,) = intakes(lent.ledger, "small")
    assert (books.duplicate, books.contradictory) == (0, 0)
    paid = {"r1": (3, 100.0), "r2": (6, 100.0), "r3": (6, 100.0), "refund": (13, -20.0)}
    _pay(lent, **paid)
    before = lent.tables()
    with monkeypatch.context() as patch:
        patch.setattr(reading, "append_intake", _killed)
        with pytest.raises(KeyboardInterrupt):
            lent.observe(2)
    assert lent.tables() == before
    lent.observe(2)
    of_then = [_told(lent, as_of(0) + pd.Timedelta(days=days)) for days in (4, 7, 14)]
    assert of_then == [{100.0}, {300.0}, {280.0}]
    once = _ledger(lent)
    lent.observe(2)
    lent.observe(3)
    pd.testing.assert_frame_equal(_ledger(lent), once)
    _pay(lent, **paid, late=(5, 7.5), r4=(27, 1.0), too_late=(29, 500.0))
    lent.observe(5)
    assert _told(lent) == {288.5}
    assert intakes(lent.ledger, "small")[-1].after_window > 0
    assert [one for one in alerts(lent.ledger, "small") if one.kind == "outcomes"] == []


def test_a_table_of_the_last_weeks_alone_takes_nothing_back(lent):
    lent.contract(outcome=_amount("sum"))
    _pay(lent, r1=(3, 100.0), r2=(10, 50.0))
    lent.observe(2)
    assert _told(lent) == {150.0}
    _pay(lent, r2=(10, 50.0), r3=(17, 25.0))
    lent.observe(3)
    assert _told(lent) == {175.0}
    _pay(lent, r4=(24, -5.0))
    lent.observe(4)
    assert _told(lent) == {170.0}
    of_then = [_told(lent, as_of(0) + pd.Timedelta(days=days)) for days in (4, 11, 18)]
    assert of_then == [{100.0}, {150.0}, {175.0}]
    _pay(lent, r1=(3, 100.0), r2=(10, 50.0), r3=(17, 25.0), r4=(24, -5.0))
    lent.observe(5)
    assert _told(lent) == {170.0}


def test_a_part_that_is_posted_is_refused_with_the_field_that_says_so(lent):
    lent.contract(outcome=_amount("sum"))
    first, now = lent.decisions(0)["decision_id"].iloc[0], as_of(1)
    posted = PostedOutcome("small", first, None, None, None, 40.0, now, None, now)
    (told,) = post_outcomes(lent.workspace, [posted], now)
    assert told.became == "invalid"
    assert "outcome.amount.rows: sum" in told.why
    assert "it was not kept" in told.why
    assert posted_outcomes(lent.ledger, "small", now).empty


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_where_nobody_says_what_several_rows_are_people_are_asked_once_until_somebody_does(lent):
    for week, paid in enumerate(({"r1": (3, 100.0)}, {"r2": (8, 100.0)}, {"r3": (16, 40.0)}), start=1):
        known = {"r1": (3, 100.0), "r2": (8, 100.0)} if week > 1 else {}
        _pay(lent, **{**known, **paid})
        lent.observe(week)
    assert _told(lent) == {40.0}  # the latest counts
    (asked,) = [one for one in alerts(lent.ledger, "small") if one.kind == "outcomes"]
    assert "the latest amount counts, and not their sum" in asked.message
    assert "outcome.amount.rows: sum" in asked.remedy
    first, second = troubled_readings(lent.workspace, 5)[-2:]
    assert first.several_rows == second.several_rows == len(_ledger(lent))
    assert "repeating what was known" in first.text
    assert "rows seen at several times, of which the latest counts (outcome.amount.rows)" in first.text
    assert [one.kind for one in present_alerts(lent.ledger, "small") if one.kind == "outcomes"] == ["outcomes"]
    lent.contract(outcome=_amount("sum"))
    lent.observe(4)
    assert _told(lent) == {240.0}
    assert [one for one in present_alerts(lent.ledger, "small") if one.kind == "outcomes"] == []
    lent.contract(outcome=_amount("latest"))
    lent.observe(5)
    assert len([one for one in alerts(lent.ledger, "small") if one.kind == "outcomes"]) == 1
