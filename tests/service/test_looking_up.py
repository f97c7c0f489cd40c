"""Who is asked about without features is decided by those of the source; what cannot be told the rules decide."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import unsealed_segments
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import one

LENDS, HOLDS = 200.0, 20.0
"""Turnovers of which the rules think differently."""


def rows(*known, when=None):
    """History of shops: (shop, days ago, turnover)."""
    now = when or utc_now()
    return pd.DataFrame(
        {
            "shop_id": [shop for shop, _, _ in known],
            "seen_at": [(now - timedelta(days=days)).isoformat() for _, days, _ in known],
            "turnover": [turnover for _, _, turnover in known],
            "debt": 2.0,
            "trade": "farm",
            "owner_sex": "f",
        }
    )


@pytest.fixture
def known(tmp_path):
    """Writes the history that the source knows."""

    def write(history):
        history.to_csv(tmp_path / "usecases" / "small" / "data" / "history.csv", index=False)

    return write


def faults(answer):
    """Why each row was left to the rules."""
    assert answer.status_code == 200, answer.text
    return [row["fallback_reason"] for row in answer.json().get("decisions", [answer.json()])]


def test_features_are_looked_up_as_of_the_moment_of_the_decision(online, known):
    now = utc_now()
    known(rows(("a", 3, HOLDS), ("a", 1, LENDS), ("b", 2, HOLDS), when=now))
    told = online.decide({"decisions": [{"entity": "b"}, {"entity": "a", "features": None}, one("c")]}).json()
    assert [row["reasons"] for row in told["decisions"]] == [["low turnover"], ["high turnover"], ["high turnover"]]
    then = online.decide({"entity": "a", "decided_at": (now - timedelta(days=2)).isoformat()}).json()
    assert then["reasons"] == ["low turnover"]
    served = [json.loads(segment.record)["features"] for segment in unsealed_segments(online.ledger, "small")]
    assert [one["turnover"] for one in served] == [[HOLDS], [HOLDS, LENDS, 100.0]]
    assert online.seal() == 2
    told = online.client.get(f"/v1/small/decisions/{then['decision_id']}").json()
    assert told["features"][0]["value"] == "€20"


def test_whom_the_source_does_not_know_gets_the_default_action_and_is_told(online, known):
    known(rows(("a", 1, LENDS)))
    answer = online.decide({"decisions": [{"entity": "nobody"}, {"entity": "a"}]})
    assert faults(answer) == ["unknown to the source: every feature", None]
    assert answer.json()["decisions"][0]["action"] == "hold"
    assert "lend nothing, because of unknown to the source" in answer.json()["decisions"][0]["reasons"][0]


def test_a_source_that_has_dried_up_leaves_it_to_the_rules(online, known):
    known(rows(("a", 7, LENDS), ("b", 5, LENDS)))  # maximum_age_days: 6
    assert faults(online.decide({"entity": "a"})) == [None]  # the source is alive: another shop has newer rows
    known(rows(("a", 7, LENDS), ("b", 9, LENDS)))
    (fault,) = faults(online.decide({"entity": "a", "decided_at": (utc_now() + timedelta(minutes=1)).isoformat()}))
    assert fault is None  # what was known to be alive is, as long as its newest row is young enough
    old = utc_now() - timedelta(days=13)
    assert faults(online.decide({"entity": "b", "decided_at": old.isoformat()})) == [
        "unknown to the source: every feature"
    ]
    known(rows(("a", 25, LENDS)))
    answer = online.decide({"entity": "a", "decided_at": old.isoformat()})
    assert faults(answer) == ["stale: the source"]
    assert (answer.json()["role"], answer.json()["reasons"]) == ("baseline", ["high turnover"])


SLOW = """
import time
from pathlib import Path


def features(known, as_of):
    while "slow" in set(known["shop_id"]) and not Path({end!r}).exists():
        time.sleep(0.01)
    return known.drop_duplicates("shop_id", keep="last")[["shop_id", "turnover", "debt", "trade", "owner_sex"]]
"""
LATE = ["not looked up in time: every feature"]


@LEDGER_ON_ONE
def test_what_hangs_is_left_and_the_others_are_looked_up_meanwhile(decide_online, known, tmp_path):
    end = tmp_path / "end"
    online = decide_online({"features.py": SLOW.format(end=str(end))}, online={"look_up_seconds": 1.0})
    known(rows(("slow", 1, LENDS), ("a", 1, LENDS)))
    assert faults(online.decide({"entity": "a"})) == [None]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: faults(online.decide({"entity": "slow"})), range(3))) == [LATE] * 3
    assert faults(online.decide({"entity": "a"})) == [None]
    assert faults(online.decide({"entity": "slow"})) == LATE
    begun = time.monotonic()
    assert faults(online.decide({"entity": "a"})) == LATE  # four hang: nothing more is begun
    assert time.monotonic() - begun < 1
    end.touch()
    _until(lambda: faults(online.decide({"entity": "a"})) == [None])


def _until(condition):
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


CODE, SOURCE = "the code of the use case failed", "the source cannot be read"


@LEDGER_ON_ONE
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "features.py",
            "def features(known, as_of):\n    raise ValueError(known['shop_id'][0])\n",
            "the code of the use case failed",
        ),
        ("data/history.csv", "shop_id\nvery-secret\n", SOURCE),
    ],
)
def test_code_or_source_that_fails_leaves_it_to_the_rules(decide_online, caplog, name, text, told):
    online = decide_online({"data/history.csv": rows(("very-secret", 1, LENDS)).to_csv(index=False), name: text})
    assert faults(online.decide({"entity": "very-secret"})) == [f"{told}: every feature"]
    assert "looked up" in caplog.text
    assert "secret" not in caplog.text
    assert faults(online.decide(one())) == [None]


@LEDGER_ON_ONE
def test_what_is_looked_up_is_looked_up_whole(online, known):
    known(rows(("a", 1, LENDS)))
    answer = online.decide({"entity": "a", "protected": {"owner_sex": "f"}})
    assert answer.status_code == 422
    assert "leave protected out" in answer.json()["detail"][0]["what"]
    assert faults(online.decide({"entity": "a", "features": {}})) == ["missing: turnover; missing: trade"]


@LEDGER_ON_ONE
def test_the_same_key_is_answered_the_same_whatever_the_source_says_meanwhile(online, known):
    known(rows(("a", 1, LENDS)))
    first = online.decide({"entity": "a"}, **{"idempotency-key": "k"})
    known(rows(("a", 1, HOLDS)))
    assert online.decide({"entity": "a"}, **{"idempotency-key": "k"}).content == first.content


@LEDGER_ON_ONE
@pytest.mark.parametrize(("holds", "seconds"), [(None, 7 * 86_400), (10, 600)])
def test_an_answer_says_until_when_it_holds(decide_online, holds, seconds):
    told = decide_online(online={"holds_minutes": holds}).decide(one()).json()
    until, at = (datetime.fromisoformat(told[name]) for name in ("holds_until", "decided_at"))
    assert (until - at).total_seconds() == seconds
    assert at.tzinfo == UTC


def test_a_few_are_found_in_a_file_as_by_looking_through_it(tmp_path):
    from decisionloop.sources.files import FileRows
    from decisionloop.sources.layout import Layout

    chance = np.random.default_rng(3)
    shops = chance.choice([f"s{i}" for i in range(50)], 400)
    at = pd.Timestamp("2026-01-01", tz=UTC) + pd.to_timedelta(np.arange(400), unit="h")
    pd.DataFrame({"shop": shops, "at": at}).to_csv(tmp_path / "rows.csv", index=False)
    source = FileRows("rows.csv", tmp_path, Layout("shop", "at"))
    everyone = source.between(None, None)
    for asked in (["s3"], ["s9", "nobody", "s1", "s9"], []):
        found = source.between(at[10], at[300], pd.Series(asked, dtype="str"))
        is_asked = everyone["shop"].isin(asked) & (everyone["at"] > at[10]) & (everyone["at"] <= at[300])
        pd.testing.assert_frame_equal(found, everyone[is_asked])
