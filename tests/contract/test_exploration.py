"""How a contract says how much is explored: priced unless it says otherwise, and as earlier versions said it."""

from __future__ import annotations

import pytest

from decisionloop.contract.exploration import PricedExploration
from decisionloop.contract.loading import parse_use_case
from decisionloop.contract.meaning import changes_of_meaning
from decisionloop.errors import ContractError


def faults_of(contract_text: str, exploration: str):
    text = contract_text.replace("exploration: {kind: uniform, share: 0.05}", exploration)
    assert text != contract_text
    with pytest.raises(ContractError) as raised:
        parse_use_case(text, "usecase.yaml")
    return raised.value.faults


def test_a_contract_that_says_nothing_explores_within_a_hundredth_of_what_a_batch_is_expected_to_bring(contract_text):
    text = contract_text.replace("  exploration: {kind: uniform, share: 0.05}\n", "")
    use_case = parse_use_case(text, "usecase.yaml")
    assert use_case.policy.exploration == PricedExploration()
    assert use_case.policy.exploration.budget(50_000) == 500
    assert use_case.is_explored


def test_the_flat_share_of_earlier_versions_means_what_it_meant(contract_text):
    old = contract_text.replace("exploration: {kind: uniform, share: 0.05}", "exploration_share: 0.05")
    assert old != contract_text
    assert parse_use_case(old, "usecase.yaml") == parse_use_case(contract_text, "usecase.yaml")
    assert changes_of_meaning(old, contract_text) == ()
    off = old.replace("exploration_share: 0.05", "exploration_share: 0")
    assert not parse_use_case(off, "usecase.yaml").is_explored


@pytest.mark.parametrize(
    ("exploration", "problem"),
    [
        ("exploration_share: 0.9", "less than or equal to 0.5"),
        ("exploration_share: much", "valid number"),
        ("exploration_share: 0.05\n  exploration: {kind: priced}", "stands beside `exploration`"),
    ],
)
def test_a_wrong_flat_share_of_earlier_versions_is_told_where_it_is_written(contract_text, exploration, problem):
    (fault,) = faults_of(contract_text, exploration)
    assert fault.path == "policy.exploration_share"
    assert problem in fault.problem
    assert (
        contract_text.replace("exploration: {kind: uniform, share: 0.05}", exploration)
        .splitlines()[fault.line - 1]
        .strip()
        .startswith("exploration_share")
    )


@pytest.mark.parametrize(
    ("exploration", "path", "words"),
    [
        ("{kind: priced, budget_share: null}", "budget_share", "Set budget_share or budget_money"),
        ("{kind: priced, smallest_share: 0.3}", "smallest_share", "above the largest share"),
        ("{kind: priced, budget_share: 2}", "budget_share", "Correct the value"),
        ("{kind: priced, share: 0.1}", "share", "Remove it"),
        ("{share: 0.1}", "exploration", "Add `kind`"),
    ],
)
def test_what_is_wrong_with_exploration_is_told(contract_text, exploration, path, words):
    (fault,) = faults_of(contract_text, f"exploration: {exploration}")
    assert fault.path.endswith(path)
    assert words in f"{fault.problem} {fault.remedy}"


def test_of_two_budgets_the_smaller_one_counts():
    both = PricedExploration(budget_share=0.1, budget_money=1000)
    assert (both.budget(5_000), both.budget(50_000)) == (500, 1000)
    assert PricedExploration(budget_share=None, budget_money=7).budget(1e9) == 7


@pytest.mark.parametrize("changed", [{"budget_share": 0}, {"budget_money": 0}, {"largest_share": 0}])
def test_a_budget_of_nothing_explores_nothing(changed):
    assert PricedExploration(**changed).is_off
