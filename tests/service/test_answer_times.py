"""How long answers took is kept with their decisions, and what became of those is told beside it."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.cli.latency import show_latency
from decisionloop.contract.loading import load_use_case
from decisionloop.errors import UsageError
from decisionloop.ledger.answer_times import waited_for
from decisionloop.ledger.outcomes import append_outcomes
from decisionloop.ledger.schema import answer_time, utc_now
from decisionloop.observe.answer_latency import band_figures, change_of_conversion, either_side
from decisionloop.service.answer_times import AnswerTimes
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import one
from tests.small_use_case import write_small


def until(condition):
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def timed(ledger):
    """What is kept, by decision."""
    with ledger.connect() as connection:
        return {row.decision_id: row.waited_ms for row in connection.execute(select(answer_time))}


def test_every_answer_is_timed_once(online):
    told = [online.decide(one("a"), **{"idempotency-key": "k"}).json()]
    told += online.decide({"decisions": [one("b"), one("c")]}).json()["decisions"]
    until(lambda: len(timed(online.ledger)) == 3)
    known = timed(online.ledger)
    assert set(known) == {row["decision_id"] for row in told}
    assert all(0 < one < 60_000 for one in known.values())
    assert known[told[1]["decision_id"]] == known[told[2]["decision_id"]]  # one request
    assert online.decide({"entity": "a", "features": None}, **{"idempotency-key": "k"}).status_code == 422
    online.decide(one("a"), **{"idempotency-key": "k"})
    online.decide(one("d"))
    until(lambda: len(timed(online.ledger)) == 4)
    assert timed(online.ledger) | known == timed(online.ledger)
    assert waited_for(online.ledger, told[0]["decision_id"]) == known[told[0]["decision_id"]]


class Away:
    """A ledger that cannot be reached at first."""

    def __init__(self, ledger):
        self.ledger, self.tries = ledger, 0

    def opened(self):
        from sqlalchemy.exc import OperationalError

        self.tries += 1
        if self.tries == 1:
            raise OperationalError("select", {}, Exception("gone"))
        return self.ledger


@LEDGER_ON_ONE
def test_while_the_ledger_is_away_they_wait(ledger):
    times = AnswerTimes(Away(ledger))
    times.tell(["x", "y"], 12.5)
    times._keep()
    assert timed(ledger) == {}
    times._keep()
    assert timed(ledger) == {"x": 12.5, "y": 12.5}


@pytest.fixture(scope="module")
def use_case(tmp_path_factory):
    return load_use_case(
        write_small(tmp_path_factory.mktemp("use case"), online={}, latency={"online_ms": 100}).folder
    ).use_case


def log_of(waited, defaulted, action="lend"):
    rows = len(waited)
    return pd.DataFrame(
        {
            "waited_ms": waited,
            "entity_id": [f"s{i}" for i in range(rows)],
            "action": action,
            "propensity": 1.0,
            "outcome_class": defaulted,
            "outcome_amount": np.nan,
        }
    )


def frame_of(use_case, rows):
    return pd.DataFrame({name: np.ones(rows) for name in use_case.feature_names if name != "trade"} | {"trade": "farm"})


def test_bands_count_each_decision_once_and_tell_rate_and_money_with_intervals(use_case):
    chance = np.random.default_rng(11)
    waited = np.concatenate([[0.0, 25.0, 25.1, 100.0, 100.1, 1e6], chance.gamma(2, 40, 4_000)])
    defaulted = (chance.random(len(waited)) < np.where(waited > 100, 0.3, 0.1)).astype(float)
    log, frame = log_of(waited, defaulted), frame_of(use_case, len(waited))
    bands = band_figures(use_case, log, frame)
    assert [(one.above_ms, one.to_ms) for one in bands] == [(0, 25), (25, 50), (50, 100), (100, 200), (200, None)]
    assert sum(one.decisions for one in bands) == len(waited)
    within, late = either_side(use_case, log, frame)
    assert within.decisions == int((waited <= 100).sum()) == sum(one.decisions for one in bands[:3])
    assert within.conversion.low < 0.1 < within.conversion.high
    assert late.money.low < 10 * 0.7 - 40 * 0.3 < late.money.high
    change = change_of_conversion(within, late)
    assert 0.1 < change.low < 0.2 < change.high < 0.3


def test_where_waiting_changes_nothing_it_is_rarely_said_to(use_case):
    chance, wrong = np.random.default_rng(12), 0
    for _ in range(300):
        log = log_of(chance.gamma(2, 60, 120), (chance.random(120) < 0.2).astype(float))
        change = change_of_conversion(*either_side(use_case, log, None))
        wrong += change.low > 0 or change.high < 0
    assert wrong <= 15  # each interval holds with 95 %; exact ones are wider


def test_what_shows_no_outcome_has_no_rate(use_case):
    within, late = either_side(use_case, log_of([1.0, 500.0], [np.nan, np.nan], "hold"), None)
    assert (within.decisions, within.revealing, within.conversion.value) == (1, 0, None)
    assert change_of_conversion(within, late).value is None


def test_what_came_of_timed_decisions_is_told_on_the_page_and_the_command_line(online, capsys):
    long_ago = (utc_now() - timedelta(days=13)).isoformat()
    told = [online.decide({**one(f"s{i}"), "decided_at": long_ago}).json() for i in range(6)]
    until(lambda: len(timed(online.ledger)) == 6)
    online.seal()
    lent = [row["decision_id"] for row in told if row["action"] == "lend"]
    append_outcomes(online.ledger, outcomes_of(lent))
    show_latency("small", is_json=False)
    said = capsys.readouterr().out
    assert "Of 6 timed decisions whose outcomes are due" in said
    assert "not that waiting did it" in said
    show_latency("small", is_json=True)
    report = json.loads(capsys.readouterr().out)["report"]
    assert report["within"]["decisions"] + report["late"]["decisions"] == 6
    assert sum(one["known"] for one in report["bands"]) == len(lent)
    assert any(one["money"]["value"] is not None for one in report["bands"])
    page = online.client.get("/use-cases/small").text
    assert "How long answers took" in page
    assert "Of 6 timed decisions" in page


def outcomes_of(ids):
    """Every second one did not pay back."""
    told = {"decision_id": ids, "revision": 1, "outcome_class": [i % 2 for i in range(len(ids))], "amount": np.nan}
    now = dict.fromkeys(("observed_at", "recorded_at", "happened_at"), utc_now())
    return pd.DataFrame({**told, **now, "kind": "first"})


def test_what_is_not_decided_online_has_no_answers(tmp_path, home_with_ledger, monkeypatch):
    write_small(tmp_path / "usecases")
    monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path / "usecases"))
    with pytest.raises(UsageError, match="nobody waits for an answer"):
        show_latency("small", is_json=False)
