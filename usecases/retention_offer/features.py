"""What is known of a customer from the latest nightly extract."""

from __future__ import annotations

import numpy as np
import pandas as pd

DAYS_A_MONTH = 30.4375
OLDEST_PURCHASE_DAYS = 365


def features(known: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row a customer.

    Args:
        known: extracts up to ``as_of``, sorted by customer and time: customer_id, recorded_at, member_since,
            last_purchase_at, monthly_spend (EUR), logins_28d, tickets_90d, usage_change, plan, region, channel, sex,
            age (years).
        as_of: time of the batch.
    """
    latest = known.drop_duplicates("customer_id", keep="last")
    day = pd.Timedelta(days=1)
    return pd.DataFrame(
        {
            "customer_id": latest["customer_id"],
            "avg_spend": latest["monthly_spend"],
            "login_frequency": latest["logins_28d"] / 4,
            "tenure_months": np.floor((as_of - latest["member_since"]) / day / DAYS_A_MONTH),
            "support_tickets": latest["tickets_90d"],
            "days_since_purchase": np.floor((as_of - latest["last_purchase_at"]) / day).clip(
                upper=OLDEST_PURCHASE_DAYS
            ),
            "usage_change": latest["usage_change"],
            "plan": latest["plan"],
            "region": latest["region"],
            "channel": latest["channel"],
            "sex": latest["sex"],
            "age_band": age_band(latest["age"]),
        }
    )


def age_band(age: pd.Series) -> pd.Series:
    """Under 30, 30 to 59, and from 60 on."""
    bands = pd.Series(["under_30", "30_to_59", "60_and_over"])
    return bands.take(np.digitize(age, [30, 60])).set_axis(age.index)
