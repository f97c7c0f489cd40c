"""One small contract whose monitors are under test, with what a test wants changed."""

from __future__ import annotations

import yaml

from decisionloop.contract import UseCase, parse_use_case

CONTRACT = """
name: loans
version: 1
title: Lend
description: Whom to lend to.
entity: {key: client_id, noun: client}
features:
  - {name: spend, type: number, wording: money spent, range: [0, 1000], purpose: worth}
outcome:
  class: {column: defaulted, wording: did not pay back}
  window_days: 28
  maturity_days: 28
actions:
  - {name: hold, wording: do nothing, is_default: true, reveals_outcome: false}
  - {name: lend, wording: lend, is_favourable: true, reveals_outcome: true}
model: {action_as: revealing_action}
economics:
  currency: EUR
  constants: {margin: 10, loss: 40}
  value: {hold: "0", lend: "where(outcome, -loss, margin)"}
  explanation: A loan earns 10 EUR or loses 40.
policy: {exploration: {kind: uniform, share: 0.05}, holdout_share: 0.05}
guardrails: {}
data_quality: {rows: [100, 5000], maximum_age_days: 35}
schedule: {cron: 0 6 * * 1, covers_days: 7}
actuator: {kind: file}
source: {kind: custom}
approval: {owner: a@example.com, approvers: [b@example.com]}
"""


def watched(**changes: object) -> UseCase:
    """The contract, with these sections updated: ``watched(monitors={"minimum_money": 1})``."""
    content = yaml.safe_load(CONTRACT)
    for section, change in changes.items():
        content[section] = {**content.get(section, {}), **change} if isinstance(change, dict) else change
    return parse_use_case(yaml.safe_dump(content), "watched")
