"""A loan with two protected attributes, and decisions of its applicants with rates that a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
import yaml

from decisionloop.contract import UseCase
from decisionloop.monitor.impact.group_tally import GroupTally

CONTRACT = """
name: loans
version: 1
title: Lend
description: Lend to a client, or not.
entity: {key: client_id, noun: client}
features:
  - {name: income, type: number, wording: monthly income, range: [0, 100], purpose: Pays back.}
  - {name: late, type: integer, wording: months late, range: [0, 12], is_nullable: true, purpose: Tells of trouble.}
  - {name: plan, type: category, wording: plan, categories: [basic, family], purpose: Plans differ.}
protected:
  - {name: sex, groups: {f: women, m: men}, reference: m, minimum_group_size: 100}
  - {name: age, groups: {old: 60 and over, mid: 30 to 59, young: under 30}, reference: mid, minimum_group_size: 200}
outcome: {class: {column: defaulted, wording: did not pay back}, window_days: 7, maturity_days: 7}
actions:
  - {name: hold, wording: lend nothing, is_default: true, reveals_outcome: false, is_sent: false}
  - {name: lend, wording: lend, reveals_outcome: true, is_favourable: true}
model: {action_as: revealing_action}
economics:
  currency: EUR
  value: {hold: "0", lend: "where(outcome, -40, 10)"}
  explanation: A loan earns 10 EUR or loses 40.
policy: {exploration: {kind: uniform, share: 0.1}, holdout_share: 0.1}
guardrails: {}
data_quality: {rows: [1, 2000000], maximum_age_days: 6}
schedule: {cron: 0 6 * * 1, covers_days: 7}
actuator: {kind: file}
source:
  kind: tables
  history: {path: history.csv, time: seen_at}
  outcomes: {path: outcomes.csv, time: told_at}
  outcome_columns: {outcome_time: told_at}
approval: {owner: owner@example.com, approvers: [approver@example.com]}
"""
HOLD, LEND = 0, 1


@cache
def loans(**monitors: object) -> UseCase:
    """The contract, with some fields of its monitors set."""
    return UseCase.model_validate({**yaml.safe_load(CONTRACT), "monitors": monitors})


def people(counts: Mapping[tuple[str | None, str | None], int]) -> pd.DataFrame:
    """A canonical frame of so many clients of each (sex, age)."""
    groups = np.repeat(np.array(list(counts), dtype=object), list(counts.values()), axis=0)
    n = len(groups)
    frame = pd.DataFrame({"client_id": [f"c{i:07d}" for i in range(n)], "income": 50.0, "late": 0.0, "plan": "basic"})
    frame["sex"] = pd.Series(groups[:, 0], dtype="str")
    frame["age"] = pd.Series(groups[:, 1], dtype="str")
    return frame.astype({"client_id": "str", "plan": "str"})


def tally(
    chosen: Mapping[tuple[str, str], tuple[int, int]], rules: Mapping[tuple[str, str], int] | None = None
) -> GroupTally:
    """Of each (sex, age): (favoured, n) as chosen, and how many the rules favour (as many, by default)."""
    frame = people({group: n for group, (_, n) in chosen.items()})
    mine = np.concatenate([np.arange(n) < x for x, n in chosen.values()])
    wanted = {group: x for group, (x, _) in chosen.items()} if rules is None else rules
    theirs = np.concatenate([np.arange(n) < wanted[group] for group, (_, n) in chosen.items()])
    return GroupTally.of(loans(), frame, np.where(mine, LEND, HOLD), np.where(theirs, LEND, HOLD))
