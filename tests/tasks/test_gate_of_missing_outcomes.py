"""The gate of a running loop knows which outcomes have not come, and says so with its verdict."""

from __future__ import annotations

import json

import pytest

from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")


def test_a_verdict_counts_the_outcomes_that_have_not_come(restored):
    """Every twelfth default of week 1 is never told: too few for a hole, and the worst that could be lost."""

    def without_some(outcomes):
        is_lost = (outcomes["decided_at"] == as_of(1)) & (outcomes["defaulted"] == 1) & (outcomes.index % 12 == 0)
        return outcomes[~is_lost]

    with restored("shadowed") as whole:
        whole.turn(2)
        complete = json.loads(whole.looks()[-1].evidence)
    with restored("shadowed") as told:
        told.written.change("outcomes.parquet", without_some)
        told.turn(2)
        last = told.looks()[-1]
    evidence, checks = json.loads(last.evidence), {one["name"]: one for one in json.loads(last.reasons)}
    missing = evidence["money"]["bounds"]["missing"]
    assert complete["money"]["bounds"] is None
    assert missing > 0
    assert f"{missing:,}" in checks["money"]["reason"]
    assert "not come; each is taken as the worst that it could be" in checks["money"]["reason"]
    assert evidence["money"]["low"] < complete["money"]["low"]
