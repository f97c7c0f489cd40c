"""Rules that are already optimal: the true money of each action, by the simulated world's own formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .world import ACTIONS, USUAL, Customers
from .world.customers import PLANS
from .world.response import expected_spend, kept_probability

MARGIN, LIFETIME, DISCOUNT_MONTHS, CONTACT = 0.4, 9, 3, 0.5
DISCOUNT = np.array([0.0, 0.1, 0.2])
USUAL_LOGINS, WEEKS_A_MONTH = 2.0, 365.25 / 12 / 7


def rules(features: pd.DataFrame) -> pd.Series:
    """What earns most of what can be known; the contract's economics in one line."""
    customers = _customers(features)
    money = kept_probability(customers, USUAL) * expected_spend(customers)[:, None]
    money = money * (MARGIN * LIFETIME - DISCOUNT * DISCOUNT_MONTHS) - CONTACT * (DISCOUNT > 0)
    return pd.Series(np.array(ACTIONS, dtype=object)[money.argmax(axis=1)], index=features.index)


def reasons(features: pd.DataFrame) -> pd.Series:
    """Why, in words."""
    return "earns most for such customers: " + rules(features).astype(str)


def _customers(features: pd.DataFrame) -> Customers:
    """The customers as their features show them; what a formula does not read is nought."""
    nothing = np.zeros(len(features))

    def known(name: str, otherwise: float) -> np.ndarray:
        return features[name].fillna(otherwise).to_numpy(dtype=np.float64)

    return Customers(
        number=nothing.astype(np.int64),
        tenure_weeks=known("tenure_months", 0.0) * WEEKS_A_MONTH,
        age=nothing,
        is_woman=nothing,
        is_restless=nothing,
        is_dormant=nothing,
        is_untracked=nothing,
        has_never_bought=nothing,
        plan=features["plan"].astype(str).map(PLANS.index).to_numpy(dtype=np.int64),
        region=nothing,
        channel=nothing,
        spend=known("avg_spend", 40.0),
        logins=known("login_frequency", USUAL_LOGINS),
        tickets=known("support_tickets", 0.0),
        days_since_purchase=known("days_since_purchase", 365.0),
        usage_change=known("usage_change", 0.0),
    )
