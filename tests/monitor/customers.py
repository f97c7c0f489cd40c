"""Customers of four features and one protected attribute, drawn batch by batch."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import yaml

from decisionloop.contract import UseCase

CONTRACT = """
name: offers
version: 1
title: Send an offer
description: Send an offer to a customer, or not.
entity: {key: customer_id, noun: customer}
features:
  - {name: spend, type: number, wording: average spend, is_nullable: true, purpose: Worth.}
  - {name: logins, type: integer, wording: login frequency, purpose: Ties.}
  - {name: is_new, type: boolean, wording: new customer, purpose: Ties.}
  - {name: plan, type: category, wording: plan, categories: [basic, family, gold], purpose: Plans differ.}
protected:
  - {name: sex, groups: {f: women, m: men}, reference: m}
outcome: {class: {column: kept, wording: kept}, window_days: 7, maturity_days: 7}
actions:
  - {name: none, wording: nothing, is_default: true, reveals_outcome: true, is_sent: false}
  - {name: offer_10, wording: 10 % off, reveals_outcome: true, is_favourable: true}
  - {name: offer_20, wording: 20 % off, reveals_outcome: true, is_favourable: true}
model: {action_as: input}
economics:
  currency: EUR
  value: {none: "20 * outcome", offer_10: "20 * outcome - 2", offer_20: "20 * outcome - 4"}
  explanation: Who stays is worth 20 EUR.
policy: {exploration: {kind: uniform, share: 0.1}, holdout_share: 0.1}
guardrails: {}
data_quality: {rows: [1, 2000000], maximum_age_days: 6}
monitors: {slices: [plan, sex]}
schedule: {cron: 0 6 * * 1, covers_days: 7}
actuator: {kind: file}
source: {kind: custom}
approval: {owner: owner@example.com, approvers: [approver@example.com]}
"""


@cache
def offers(**monitors: float) -> UseCase:
    """The contract, with what a test wants changed of its monitors."""
    contract = yaml.safe_load(CONTRACT)
    return UseCase.model_validate({**contract, "monitors": {**contract["monitors"], **monitors}})


def customers(n: int, seed: int | np.random.Generator) -> pd.DataFrame:
    """The canonical frame of n customers: 8 % without spend, a third without logins, 12 % on the family plan."""
    rng = np.random.default_rng(seed)
    spend = rng.gamma(4, 10, n)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(np.arange(n).astype(str), dtype="str"),
            "spend": np.where(rng.random(n) < 0.08, np.nan, spend),
            "logins": np.where(rng.random(n) < 0.3, 0, rng.poisson(6, n)).astype(float),
            "is_new": (rng.random(n) < 0.1).astype(float),
            "plan": pd.Series(rng.choice(["basic", "family", "gold"], n, p=[0.6, 0.12, 0.28]), dtype="str"),
            "sex": pd.Series(rng.choice(["f", "m"], n), dtype="str"),
        }
    )
