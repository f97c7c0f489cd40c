"""Where the outcome does not depend on the action every outcome teaches, nothing explores, and money is seen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from decisionloop.ledger.releases import champion
from decisionloop.ledger.verdicts import verdicts
from tests.small_use_case import write_small
from tests.tasks.installation import working_in

pytestmark = pytest.mark.xdist_group("loop")

ACTIONS = [
    {"name": "hold", "wording": "lend nothing", "is_default": True, "reveals_outcome": True, "is_sent": False},
    {"name": "lend", "wording": "lend", "reveals_outcome": True, "is_favourable": True},
]


@pytest.fixture
def seen(fast_mlflow, tmp_path):
    """Who would not have paid back is known of everybody, whether they were lent to or not."""
    written = write_small(
        tmp_path / "usecases",
        actions=ACTIONS,
        model={"action_as": "input", "candidates": ["scorecard"]},
        outcome={"depends_on_action": False},
    )
    with working_in(tmp_path, written) as installation:
        yield installation


def test_all_outcomes_teach_alike_nothing_explores_and_the_gate_reads_the_money_off(seen):
    for week in (0, 1, 2):
        seen.turn(week)
    assert champion(seen.ledger, "small").release.kind == "scorecard"
    seen.predict(3)
    seen.act(3)
    for week in (0, 3):
        decisions = seen.decisions(week)
        assert (decisions["role"] != "exploration").all()
        np.testing.assert_array_equal(decisions["propensity"], 1.0)
    first = verdicts(seen.ledger, "small")[0]
    evidence = json.loads(first.evidence)
    free = seen.decisions(0).query("role != 'holdout'")
    assert evidence["money"]["n"] == free["fallback_reason"].isna().sum()
    assert evidence["overlap"]["unsupported_share"] == 0
    assert evidence["gain_ranking"] is None
    assert set(free["action"]) == {"hold", "lend"}
