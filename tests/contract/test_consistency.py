"""Sections that contradict each other are refused, each contradiction at its own path."""

from __future__ import annotations

import pytest

from decisionloop.contract import UseCase
from decisionloop.contract.consistency import inconsistencies

CATEGORY = {"name": "plan", "type": "category", "wording": "plan", "purpose": "p"}
NUMBER = {"name": "age", "type": "number", "wording": "age", "purpose": "p"}
ACTION = {"name": "gift", "wording": "a gift", "reveals_outcome": True}


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("features.3", {**NUMBER, "name": "spend"}, "features"),
        ("features.3", {**NUMBER, "name": "client_id"}, "features"),
        ("features.3", {**NUMBER, "name": "outcome"}, "features"),
        ("features.3", CATEGORY, "features.plan.categories"),
        ("features.3", {**CATEGORY, "categories": ["a", "a"]}, "features.plan.categories"),
        ("features.3", {**CATEGORY, "categories": ["a"], "range": [0, 1]}, "features.plan.range"),
        ("features.3", {**NUMBER, "categories": ["a"]}, "features.age.categories"),
        ("features.3", {**NUMBER, "range": [1, 1]}, "features.age.range"),
        ("features.3", {**NUMBER, "name": "sex"}, "protected.sex.is_feature"),
        ("protected.0.is_feature", True, "protected.sex.is_feature"),
        ("protected.0.reference", "7", "protected.sex.reference"),
        ("actions.1.is_favourable", False, "actions"),
        ("actions.0.is_favourable", True, "actions"),
        ("actions.0.is_default", False, "actions"),
        ("actions.1.is_default", True, "actions"),
        ("actions.1.reveals_outcome", False, "actions"),
        ("actions.2", ACTION, "model.action_as"),
        ("actions.2", {**ACTION, "name": "offer"}, "actions"),
        ("actions.2", ACTION, "economics.value"),
        ("actions.0.allowed_if", "spend > 1", "actions.wait.allowed_if"),
        ("actions.1.allowed_if", "wealth > 1", "actions.offer.allowed_if"),
        ("economics.value.offer", "margin * profit", "economics.value.offer"),
        ("economics.value.offer", "amount ** 2", "economics.value.offer"),
        ("economics.value.offer", "print(1)", "economics.value.offer"),
        ("economics.value.wait", "outcome", "economics.value.wait"),
        ("economics.constants.spend", 1, "economics.constants.spend"),
        ("outcome.maturity_days", 6, "outcome.maturity_days"),
        ("online", {"holds_minutes": 7 * 1440 + 1}, "online.holds_minutes"),
        ("outcome.happened_at", "bought", "outcome.happened_at"),
        ("outcome.absent_means", "1", "outcome.absent_means"),
        ("outcome.due", "days_until_arrival", "outcome.due"),
        ("outcome.due", "channel", "outcome.due"),
        ("outcome.due", "outcome", "outcome.due"),
        ("outcome.depends_on_action", False, "outcome.depends_on_action"),
        ("policy.constraints.0.cost", {"gift": "1"}, "policy.constraints.0.cost"),
        ("policy.constraints.0.cost", {"offer": "outcome"}, "policy.constraints.0.cost.offer"),
        ("policy.constraints.1.action", "gift", "policy.constraints.1.action"),
        ("policy.constraints.1.minimum", 0.95, "policy.constraints.1.minimum"),
        ("policy.constraints", [], "guardrails.maximum_cost"),
        ("guardrails.action_share", {"gift": [0, 1]}, "guardrails.action_share.gift"),
        ("guardrails.action_share", {"offer": [0.9, 0.1]}, "guardrails.action_share.offer"),
        ("data_quality.rows", [10, 1], "data_quality.rows"),
        ("online", {"period_hours": 25}, "online.period_hours"),
        ("online", {"period_hours": 1, "sealed_every_minutes": 90}, "online.sealed_every_minutes"),
    ],
)
def test_a_contradiction_is_found_at_its_path(faults, path, value, where):
    found = faults(path, value)
    assert where in found
    assert found[where].remedy
    assert found[where].problem


def test_an_outcome_is_a_class_or_an_amount_or_both(changed, faults):
    only_days = {"window_days": 1, "maturity_days": 1}
    assert "outcome" in faults("outcome", only_days)
    assert changed("outcome.class", {"column": "bought", "wording": "bought"}).outcome.amount is not None


def test_what_a_contract_does_not_say_of_outcomes_means_what_held_before(contract):
    outcome = contract.outcome
    assert (outcome.absent_means, outcome.due, outcome.happened_at) == ("unknown", "", None)
    assert outcome.depends_on_action
    assert not outcome.means_zero_when_absent


def test_no_news_may_be_a_zero_and_a_due_time_is_an_expression_over_features(changed):
    assert changed("outcome.absent_means", 0).outcome.means_zero_when_absent
    assert changed("outcome.due", "orders + where(channel == 'web', 1, 2)").outcome.due


def _of_a_replayed_log(contract_text, **sections: object) -> str:
    import yaml

    content = yaml.safe_load(contract_text)
    content["guardrails"] = {}
    content["source"] = {
        "kind": "randomised_log_replay",
        "log": {"path": "log.csv", "time": "t"},
        "action": "action",
        "propensity": "p",
        "outcome_time": "seen",
    }
    return yaml.safe_dump(content | sections)


def test_a_replayed_log_without_exploration_is_refused(contract_text):
    from decisionloop.contract import parse_use_case
    from decisionloop.errors import ContractError

    text = _of_a_replayed_log(
        contract_text, policy={"exploration": {"kind": "uniform", "share": 0}, "holdout_share": 0}
    )
    with pytest.raises(ContractError, match="teaches one action only"):
        parse_use_case(text, "usecase.yaml")


def test_a_replayed_log_in_which_no_news_is_a_zero_is_refused(contract_text):
    """It shows nothing of a decision that differs from the logged one: taken as 0 that would be a false outcome."""
    import yaml

    from decisionloop.contract import parse_use_case
    from decisionloop.errors import ContractError

    outcome = yaml.safe_load(contract_text)["outcome"]
    assert parse_use_case(_of_a_replayed_log(contract_text), "usecase.yaml").outcome.absent_means == "unknown"
    with pytest.raises(ContractError, match="Write the zeros into the log"):
        parse_use_case(_of_a_replayed_log(contract_text, outcome=outcome | {"absent_means": 0}), "usecase.yaml")


def test_several_actions_reveal_where_the_action_is_an_input(contract_text):
    import yaml

    from decisionloop.contract import parse_use_case

    content = yaml.safe_load(contract_text)
    content["actions"].append(ACTION)
    content["model"] = {"action_as": "input"}
    content["economics"]["value"]["gift"] = "margin * amount * outcome - 2"
    assert parse_use_case(yaml.safe_dump(content), "usecase.yaml").revealing == (False, True, True)


@pytest.mark.parametrize("section", sorted(UseCase.model_fields))
def test_a_check_reads_no_section_that_it_does_not_name(contract, section):
    """Each check runs without every section that it does not name, so that what is broken elsewhere stops none."""
    parts = {name: getattr(contract, name) for name in UseCase.model_fields if name != section}
    without = UseCase.model_construct(**parts)
    if "default" in repr(UseCase.model_fields[section]) and section in vars(without):
        object.__delattr__(without, section)
    assert inconsistencies(without, {section}) == ()


def test_what_is_done_when_a_period_s_budget_is_spent_must_cost_nothing(contract_text):
    import yaml

    from decisionloop.contract import parse_use_case
    from decisionloop.errors import ContractError

    content = yaml.safe_load(contract_text) | {"online": {}}
    assert parse_use_case(yaml.safe_dump(content), "here").policy.constraints
    for nothing in ("0", "0.00", 0):
        content["policy"]["constraints"][0]["cost"]["wait"] = nothing
        assert parse_use_case(yaml.safe_dump(content), "here").policy.constraints
    content["policy"]["constraints"][0]["cost"]["wait"] = "1"
    with pytest.raises(ContractError, match="must cost nothing"):
        parse_use_case(yaml.safe_dump(content), "here")
