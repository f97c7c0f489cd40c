"""One valid contract as a dictionary, and a way to change one thing in it and read every fault."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import yaml

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.errors import ContractError, Fault

CONTRACT = """
name: parcels
version: 1
title: Offer insurance
description: Whom to offer insurance.
entity: {key: client_id, noun: client}
features:
  - {name: spend, type: number, wording: money spent, range: [0, 1000], purpose: worth}
  - {name: orders, type: integer, wording: orders, range: [0, 50], purpose: worth}
  - {name: channel, type: category, wording: channel, categories: [web, shop], purpose: worth}
protected:
  - {name: sex, groups: {"1": men, "2": women}, reference: "1"}
outcome:
  class: {column: bought, wording: bought it}
  amount: {column: value, unit: EUR}
  window_days: 7
  maturity_days: 14
actions:
  - {name: wait, wording: do nothing, is_default: true, reveals_outcome: false}
  - {name: offer, wording: offer it, is_favourable: true, reveals_outcome: true}
model: {action_as: revealing_action}
economics:
  currency: EUR
  constants: {margin: 0.2}
  value: {wait: "0", offer: "margin * amount * outcome - 1"}
  explanation: A fifth of it.
policy:
  exploration: {kind: uniform, share: 0.05}
  holdout_share: 0.05
  constraints:
    - {kind: budget, cost: {offer: "1 + 0.01 * spend"}, limit: 100}
    - {kind: share, action: offer, minimum: 0.1, maximum: 0.9}
guardrails: {action_share: {offer: [0.05, 0.95]}, maximum_cost: 120}
data_quality: {rows: [100, 5000], maximum_age_days: 35}
schedule: {cron: 0 6 * * 1}
actuator: {kind: file}
source: {kind: custom}
approval: {owner: a@example.com, approvers: [b@example.com]}
"""

REMOVED = object()


def _changed(path: str, value: object) -> str:
    """The contract with ``value`` at ``path`` ("features.0.range"), as YAML; REMOVED takes the key away."""
    content = deepcopy(yaml.safe_load(CONTRACT))
    place = content
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        place = place[step]
    if value is REMOVED:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return yaml.safe_dump(content)


@pytest.fixture(scope="session")
def changed() -> Callable[[str, object], UseCase]:
    """Parse the contract with one thing changed."""
    return lambda path, value: parse_use_case(_changed(path, value), "usecase.yaml")


@pytest.fixture(scope="session")
def faults() -> Callable[[str, object], dict[str, Fault]]:
    """The faults of the contract with one thing changed, by path."""

    def found(path: str, value: object) -> dict[str, Fault]:
        with pytest.raises(ContractError) as raised:
            parse_use_case(_changed(path, value), "usecase.yaml")
        return {fault.path: fault for fault in raised.value.faults}

    return found


@pytest.fixture(scope="session")
def contract() -> UseCase:
    """The contract as it is."""
    return parse_use_case(CONTRACT, "usecase.yaml")


@pytest.fixture(scope="session")
def contract_text() -> str:
    """Its YAML."""
    return CONTRACT


@pytest.fixture(scope="session")
def removed() -> object:
    """As a value: take the key away."""
    return REMOVED


@pytest.fixture(scope="session")
def changed_twice() -> Callable[[dict[str, object]], UseCase]:
    """Parse the contract with several sections changed."""
    return lambda sections: parse_use_case(yaml.safe_dump(yaml.safe_load(CONTRACT) | sections), "usecase.yaml")


@pytest.fixture(scope="session")
def refused(changed_twice: Callable[[dict[str, object]], UseCase]) -> Callable[[dict[str, object]], set[str]]:
    """Paths of the faults of the contract with several sections changed."""

    def found(sections: dict[str, object]) -> set[str]:
        with pytest.raises(ContractError) as raised:
            changed_twice(sections)
        return {fault.path for fault in raised.value.faults}

    return found
