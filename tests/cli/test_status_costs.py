"""`status` says what 1,000 decisions cost, what share of their value that is, and what each release costs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml

from decisionloop.contract.operation import ServingCost
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.stage_costs import append_stage_costs
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.metering import StageCost
from decisionloop.workspace import open_workspace

pytestmark = pytest.mark.usefixtures("home_with_ledger")

MODEL, SHADOW = "vouchers/scorecard/1", "vouchers/scorecard/2"
PRICES = ServingCost(cpu_hour=0.05, stored_gib=0.3)
COSTS = (
    StageCost("freeze", None, 500, 0.2, 40_000),
    StageCost("score", MODEL, 500, 0.001),
    StageCost("score", SHADOW, 500, 0.0005),
    StageCost("log", None, 500, 0.1, 150_000),
)
EXPECTED = 2 * (0.3015 / 3600 * 0.05 + 190_000 / 2**30 * 0.3)


def _as_of(week: int) -> datetime:
    return datetime(2024, 1, 1 + 7 * week, tzinfo=UTC)


def _serve(prices: ServingCost = PRICES, week: int = 0) -> str:
    workspace = open_workspace("vouchers")
    ledger, digest = workspace.ledger, workspace.use_case.digest
    record_use_case(ledger, "vouchers", digest, 1, workspace.folder.text)
    batch = open_batch(ledger, "vouchers", _as_of(week), digest)
    append_batch_event(ledger, batch.batch_id, "scored", {"champion": MODEL})
    append_stage_costs(ledger, batch.batch_id, 1, COSTS, prices)
    return batch.batch_id


def _earn(value: float | None) -> None:
    figure = Measurement(
        use_case="vouchers", release_id=None, monitor="value_policy", slice="all", cohort="2024-01-01", value=value,
        low=None, high=None, n=500, effective_n=400.0, is_mature=True, as_of=_as_of(1),
    )  # fmt: skip
    append_measurements(open_workspace("vouchers").ledger, [figure])


def test_before_anything_was_measured_it_says_so(cli, vouchers):
    assert "costs         nothing was measured yet" in cli("status").out
    (state,) = cli("status", "--json").json
    assert (state["serving_cost_per_1000"], state["serving_cost_share"]) == (None, None)


def test_the_last_batch_is_priced_with_enough_digits_and_by_release(cli, vouchers):
    _serve(ServingCost(cpu_hour=9), week=0)
    last = _serve(week=1)
    _serve_halted(week=2)
    (state,) = cli("status", "--json").json
    assert state["serving_cost_per_1000"] == pytest.approx(EXPECTED)
    told = cli("status").out
    assert f"costs         EUR 0.00011 per 1,000 decisions ({last})" in told
    assert f"per 1,000 by {MODEL} (1,000 so far)" in told
    assert f"per 1,000 by {SHADOW} (1,000 so far)" in told


def _serve_halted(week: int) -> None:
    workspace = open_workspace("vouchers")
    batch = open_batch(workspace.ledger, "vouchers", _as_of(week), workspace.use_case.digest)
    append_stage_costs(workspace.ledger, batch.batch_id, 1, COSTS[:1], PRICES)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2.0, ", 0.0000057% of what they earn ("),
        (-382.5, "lost EUR 382.50 on average ("),
        (0.0, ", and earn nothing ("),
        (None, "decisions (vouchers/"),
    ],
)
def test_it_is_told_as_a_share_of_the_value_where_there_is_any(cli, vouchers, value, words):
    _serve()
    _earn(value)
    assert words in cli("status").out
    share = cli("status", "--json").json[0]["serving_cost_share"]
    assert share == (pytest.approx(EXPECTED / 1000 / 2) if value == 2.0 else None)


def test_without_a_price_it_tells_the_effort_and_the_remedy(cli, vouchers):
    _serve(ServingCost())
    told = cli("status").out
    assert "0.60 processor seconds and 380.0 kB per 1,000 decisions, without a price" in told
    assert "Set serving_cost in the contract" in told


def test_the_skeleton_has_prices_to_begin_with(vouchers):
    assert set(yaml.safe_load((vouchers / "usecase.yaml").read_text())["serving_cost"]) == {"cpu_hour", "stored_gib"}
