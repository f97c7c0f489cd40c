"""The budget of a watching period over HTTP: never exceeded by several who decide at once, nor after a restart."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from decisionloop.act.situation import SPENT
from decisionloop.ledger.batches import batches
from decisionloop.ledger.period_accounts import account_before
from decisionloop.ledger.release_history import decided_for
from decisionloop.ledger.schema import utc_now
from decisionloop.report.read.decisions import decided_beside_rules
from decisionloop.stream.asked import Asked, AskedRow
from decisionloop.stream.decider import Decider
from decisionloop.stream.desk import open_desk
from tests.service.conftest import SHOP, one

POLICY = {
    "exploration": {"kind": "uniform", "share": 0.2},
    "holdout_share": 0.1,
    "constraints": [{"kind": "budget", "cost": {"lend": "1"}, "limit": 40}],
}


def _asked(number):
    """A request about ten shops to which the rules would lend."""
    values = {**SHOP, "owner_sex": "f"}
    return Asked([AskedRow(f"shop-{number}-{i}", values) for i in range(10)], None, None, "digest")


def test_several_who_decide_at_once_spend_a_budget_to_its_end_and_no_further(decide_online):
    online = decide_online(policy=POLICY)
    settings = online.service.online[0].decider.desk().workspace.settings
    deciders = [Decider("small", lambda: open_desk("small", settings)) for _ in range(3)]
    for each in deciders:
        each.begin()

    def decided(number):
        asked = _asked(number)
        deciders[number % 3].ask(asked)
        return json.loads(asked.told.result(timeout=60))

    with ThreadPoolExecutor(6) as pool:
        rows = [row for told in pool.map(decided, range(12)) for row in told]
    for each in deciders:
        each.end()
    assert sum(row["action"] == "lend" for row in rows) == 40
    cut = [row for row in rows if row["fallback_reason"]]
    assert {row["fallback_reason"] for row in cut} == {SPENT}
    assert {(row["action"], row["propensity"]) for row in cut} == {("hold", 1.0)}
    assert len(cut) >= 20
    account = account_before(online.ledger, "small", utc_now() + timedelta(days=1))
    assert (account.rows, json.loads(account.used)) == (120, [40.0])
    told = online.decide(one("late")).json()  # who was not asked before, as after a restart
    assert (told["action"], told["fallback_reason"]) == ("hold", SPENT)
    online.seal()
    (known,) = decided_for(online.ledger, "small", "late", utc_now() + timedelta(days=1))
    assert (known.action, known.propensity, known.fallback_reason) == ("hold", 1.0, SPENT)


def test_a_spent_budget_is_the_reason_only_of_what_it_changed_and_binds_the_rules_too(decide_online):
    """The rules would lend to every second shop, and three loans are paid for."""
    limit = POLICY["constraints"][0] | {"limit": 3}
    online = decide_online(policy=POLICY | {"constraints": [limit], "exploration": {"kind": "uniform", "share": 0.0}})
    asked = [one(f"shop-{i}", turnover=100.0 if i % 2 else 50.0) for i in range(12)]
    told = [online.decide(each).json() for each in asked]
    assert [row["action"] for row in told] == ["hold", "lend"] * 3 + ["hold"] * 6
    assert [row["fallback_reason"] for row in told] == [None] * 6 + [None, SPENT] * 3
    online.seal()
    (batch,) = [
        one for one in batches(online.ledger, "small") if decided_beside_rules(online.ledger, one.batch_id).size
    ]
    logged = decided_beside_rules(online.ledger, batch.batch_id)
    assert len(logged) == 12
    assert (logged["rules_action"] == logged["action"]).all()
