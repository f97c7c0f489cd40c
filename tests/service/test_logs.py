"""Whatever is sent, and whatever fails on it: a log of one JSON record a line, without entity, feature or secret."""

from __future__ import annotations

import io
import json
import logging
from urllib.parse import quote

import pytest

from decisionloop.service.log import JsonLines
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import one

ENTITY, VALUE, KEY = "client-10020\n{}\r\u2028", "very secret\n trade", "Bearer-of-a-secret"
RULES = """
def rules(features):
    raise ValueError("cannot cope with " + str(features["trade"].iloc[0]))
"""
FEATURES = """
def features(known, as_of):
    raise ValueError("cannot cope with " + str(known["shop_id"].iloc[0]))
"""
HISTORY = f"shop_id,seen_at,turnover,debt,trade,owner_sex\n10020,2026-01-01,1,1,{VALUE!r},f\n"


@pytest.fixture
def logged():
    """What the log of a service holds, as text."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(JsonLines())
    root, own = logging.getLogger(), logging.getLogger("decisionloop")
    level = own.level
    root.addHandler(handler)
    own.setLevel(logging.INFO)
    yield told
    root.removeHandler(handler)
    own.setLevel(level)


@LEDGER_ON_ONE
@pytest.mark.parametrize("files", [{}, {"rules.py": RULES, "features.py": FEATURES, "data/history.csv": HISTORY}])
def test_no_line_holds_whom_or_what_a_decision_is_about(decide_online, logged, files):
    online = decide_online(files)
    outcomes = {"outcomes": [{"entity": ENTITY, "decided_at": "2026-01-01T00:00:00Z", "class": 1}]}
    bodies = [
        one(ENTITY, trade=VALUE),
        {"entity": "10020"},
        {"entity": ENTITY, VALUE: 1},
        f'{{"{VALUE}'.encode(),
        outcomes,
    ]
    for body in bodies:
        online.decide(body, authorization=f"Bearer {KEY}", **{"idempotency-key": KEY})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        online.client.post("/v1/small/outcomes", content=content, headers={"content-type": "application/json"})
    for path in (f"/v1/small/decisions/{VALUE}", f"/decisions?use_case=small&entity={VALUE}", f"/{VALUE}"):
        online.client.get(quote(path, safe="/?=&"))
    if not files:
        online.seal()
    text = logged.getvalue()
    records = [json.loads(line) for line in text.splitlines()]
    assert sum(record["message"] == "request" for record in records) == 2 * len(bodies) + 3
    assert any(record["message"] == "the rules failed" for record in records) == bool(files)
    for secret in ("10020", "very secret", KEY):
        assert secret not in text
