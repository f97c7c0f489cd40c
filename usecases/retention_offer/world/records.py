"""What is recorded of customers, faults of the recording included: all that a loop can ever see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .customers import CHANNELS, PLANS, REGIONS, Customers
from .draws import Draws
from .scenarios import Conditions

DAYS_A_WEEK = 7
OLDER_FROM = 60
SEXES = ("1", "2")


def records_of(
    draws: Draws, customers: Customers, week: int, recorded_at: pd.Timestamp, conditions: Conditions
) -> pd.DataFrame:
    """The nightly extract of n accounts: one row each, without the account itself.

    Columns: recorded_at, member_since, last_purchase_at (UTC, missing: never), monthly_spend (EUR), logins_28d
    (missing: untracked), tickets_90d, usage_change (missing in the first quarter), plan, region, channel, sex, age.
    """
    night = np.datetime64(recorded_at.tz_convert("UTC").tz_localize(None), "us")
    bought = night - _days(customers.days_since_purchase)
    bought[customers.has_never_bought] = np.datetime64("NaT")
    since = night - _days(customers.tenure_weeks * DAYS_A_WEEK)
    plan = customers.plan
    if not conditions.has_family_plan:
        plan = np.where(plan == PLANS.index("family"), PLANS.index("plus"), plan)
    return pd.DataFrame(
        {
            "recorded_at": recorded_at,
            "member_since": pd.Series(since).dt.tz_localize("UTC"),
            "last_purchase_at": pd.Series(bought).dt.tz_localize("UTC"),
            "monthly_spend": np.round(customers.spend, 2) / conditions.spend_unit,
            "logins_28d": _recorded_logins(draws, customers, week, conditions),
            "tickets_90d": customers.tickets,
            "usage_change": np.where(customers.tenure_weeks < 13, np.nan, np.round(customers.usage_change, 4)),
            "plan": _named(PLANS, plan),
            "region": _named(REGIONS, customers.region),
            "channel": _named(CHANNELS, customers.channel),
            "sex": _named(SEXES, customers.is_woman.astype(np.int64)),
            "age": np.floor(customers.age),
        }
    )


def _recorded_logins(draws: Draws, customers: Customers, week: int, conditions: Conditions) -> np.ndarray:
    """Logins in 28 days, whole numbers (n,), NaN where nobody may count them."""
    true = np.round(4 * customers.logins)
    is_older = customers.age >= OLDER_FROM
    counted = np.where(is_older, np.floor(true * (1 - conditions.uncounted_logins)), true)
    counted[customers.is_untracked] = np.nan
    if conditions.unfilled_logins:
        counted[draws.uniform("outage", customers.number, week) < conditions.unfilled_logins] = 0.0
    return counted


def _named(names: tuple[str, ...], index: np.ndarray) -> pd.Series:
    return pd.Series(names, dtype="str").take(index).reset_index(drop=True)


def _days(days: np.ndarray) -> np.ndarray:
    return days.astype(np.int64) * np.timedelta64(1, "D")
