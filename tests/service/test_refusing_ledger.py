"""A ledger that answers and keeps nothing, and rules that decide nobody: of both one thing is said, and it is true."""

from __future__ import annotations

import json
import logging
import time

import pytest
from sqlalchemy import event, text

from decisionloop.service.log import JsonLines
from tests.service.conftest import one

RAISE = """
import numpy as np
import pandas as pd

def rules(features):
    if {when}:
        raise ValueError("token: geheim666 in shop")
    return pd.Series(np.where(features["turnover"] > 80, "lend", "hold"), index=features.index)

def reasons(features):
    return pd.Series(np.where(features["turnover"] > 80, "high turnover", "low turnover"), index=features.index)
"""


def refuse(ledger, state):
    """Let every insertion of a segment be refused, as by a full disk or without the right; on PostgreSQL."""
    with ledger.engine.begin() as connection:
        connection.execute(text(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
            f"'could not keep it, password=geheim666' USING ERRCODE = '{state}', DETAIL = 'row of shop-1'; END $$"
        ))  # fmt: skip
        connection.execute(text(
            "CREATE TRIGGER refuse BEFORE INSERT ON stream_segment FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))  # fmt: skip


def allow(ledger):
    with ledger.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refuse ON stream_segment"))


def until(holds, seconds=30):
    ends = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < ends
        time.sleep(0.02)
    return found


def why_not(online):
    told = online.client.get("/ready").json()
    return "" if told["ready"] else told["why_not"]


def logged(caplog):
    return [JsonLines().format(record) for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("state", "remedy"), [("53100", "Free space on its disk"), ("42501", "right to read and write there")]
)
def test_a_ledger_that_refuses_is_told_with_the_remedy_and_without_what_was_asked(
    decide_online, ledger, caplog, state, remedy
):
    if ledger.is_sqlite:
        pytest.skip("PostgreSQL says so by a state; SQLite has a test of its own")
    refuse(ledger, state)
    online = decide_online()
    why = until(lambda: remedy in (told := why_not(online)) and told)
    answer = online.decide(one("shop-1"))
    assert answer.status_code == 503
    for told in (why, answer.json()["detail"], *(line for line in logged(caplog) if "nobody can be" in line)):
        assert "could not keep it" in told
        assert remedy in told
        assert not any(hidden in told for hidden in ("geheim666", "INSERT", "shop-1", "being loaded"))
    assert len([line for line in logged(caplog) if "nobody can be decided" in line]) == 1  # however often it is tried
    allow(ledger)
    until(lambda: why_not(online) == "")
    assert online.decide(one("shop-1")).status_code == 200


def test_one_that_begins_to_refuse_later_is_told_as_well(decide_online, ledger):
    online = decide_online()
    until(lambda: why_not(online) == "")
    if ledger.is_sqlite:
        event.listen(online.service.online[0].decider.desk().workspace.ledger.engine, "begin", _no_page_more)
    else:
        refuse(ledger, "53100")
    answers = [online.decide({"decisions": [one(f"s{at}-{n}") for n in range(90)]}) for at in range(3)]
    assert answers[-1].status_code == 503
    assert "Free space on its disk." in answers[-1].json()["detail"]
    assert "Free space on its disk." in why_not(online)


def _no_page_more(connection):
    plain = connection.connection.driver_connection
    pages = plain.execute("PRAGMA page_count").fetchone()[0]
    plain.execute(f"PRAGMA max_page_count = {pages}")


def test_rules_that_fail_on_made_up_rows_alone_block_nobody(decide_online, caplog):
    online = decide_online({"rules.py": RAISE.format(when="len(features) != 3")})
    until(lambda: any("made-up rows could not be decided" in line for line in logged(caplog)))
    assert not [line for line in logged(caplog) if "nobody can be decided" in line or "geheim666" in line]
    for _ in range(2):
        assert online.decide(one()).status_code == 500
    assert why_not(online) == ""
    assert online.decide({"decisions": [one(f"s{n}") for n in range(3)]}).status_code == 200
    for _ in range(4):
        assert online.decide(one()).status_code == 500
    assert why_not(online) == ""


def test_rules_that_decide_nobody_make_a_service_that_is_not_ready(decide_online, caplog):
    online = decide_online({"rules.py": RAISE.format(when="True")})
    until(lambda: any("made-up rows could not be decided" in line for line in logged(caplog)))
    assert [online.decide(one()).status_code for _ in range(3)] == [500, 500, 500]
    why = why_not(online)
    assert "the rules failed on made-up rows and on 3 requests" in why
    assert "geheim666" not in why
    assert json.loads(logged(caplog)[-1])["message"] == "the rules failed"
