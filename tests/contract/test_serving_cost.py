"""What serving costs: prices in the contract's own money, checked like everything else in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import load_use_case, parse_use_case
from decisionloop.contract.operation import ServingCost
from decisionloop.contract.scaffold import new_use_case

CREDIT_LINE = Path(__file__).parents[2] / "usecases" / "credit_line"
amounts = st.floats(0, 1e9)


def test_without_prices_everything_is_free(contract):
    assert contract.serving_cost == ServingCost()
    assert not contract.serving_cost.is_priced
    assert contract.serving_cost.money(1e6, 2**40) == 0.0


def test_an_hour_of_a_core_and_a_gib_cost_what_they_are_priced(changed):
    prices = changed("serving_cost", {"cpu_hour": 1.6, "stored_gib": 10}).serving_cost
    assert prices.is_priced
    assert prices.money(3600) == pytest.approx(1.6)
    assert prices.money(0, 2**30) == pytest.approx(10)
    assert prices.money(36, 2**20) == pytest.approx(0.016 + 10 / 1024)


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("serving_cost", {"cpu_hour": -0.1}, "serving_cost.cpu_hour"),
        ("serving_cost", {"stored_gib": -1}, "serving_cost.stored_gib"),
        ("serving_cost", {"cpu_hour": float("inf")}, "serving_cost.cpu_hour"),
        ("serving_cost", {"stored_gib": float("nan")}, "serving_cost.stored_gib"),
        ("serving_cost", {"cpu_hour": "cheap"}, "serving_cost.cpu_hour"),
        ("serving_cost", {"gpu_hour": 1}, "serving_cost.gpu_hour"),
    ],
)
def test_a_price_that_is_none_is_refused_at_its_path(faults, path, value, where):
    found = faults(path, value)
    assert set(found) == {where}
    assert found[where].remedy


@given(amounts, amounts, st.floats(0, 100), st.floats(0, 100))
def test_the_cost_of_two_parts_is_the_sum_of_their_costs(seconds, stored, cpu_hour, stored_gib):
    prices = ServingCost(cpu_hour=cpu_hour, stored_gib=stored_gib)
    whole = prices.money(seconds + 2 * seconds, stored + 2 * stored)
    assert whole == pytest.approx(prices.money(seconds, stored) + prices.money(2 * seconds, 2 * stored))


def test_a_price_belongs_to_the_meaning_of_the_contract(contract, changed):
    assert changed("serving_cost", {"cpu_hour": 1.6}).digest != contract.digest


def test_the_bundled_use_case_and_a_new_one_are_priced(tmp_path):
    bundled = load_use_case(CREDIT_LINE).use_case
    folder = new_use_case(tmp_path, "vouchers")
    skeleton = parse_use_case((folder / "usecase.yaml").read_text(), "usecase.yaml")
    for use_case in (bundled, skeleton):
        assert use_case.serving_cost.cpu_hour > 0
        assert use_case.serving_cost.stored_gib > 0
        assert "serving_cost" in yaml.safe_load(yaml.safe_dump(use_case.model_dump(mode="json")))
