"""The incumbent rules: the larger offer to those who spend much and look in rarely, the smaller one to the restless."""

from __future__ import annotations

import numpy as np
import pandas as pd

MUCH_SPEND = 45.0
RARE_LOGINS = 2.0
MANY_TICKETS = 3


def rules(features: pd.DataFrame) -> pd.Series:
    """Nothing for those who never log in, or whose logins are unknown, or who have many support tickets."""
    can_be_won = features["login_frequency"].between(0, RARE_LOGINS, inclusive="right")
    can_be_won &= features["support_tickets"] < MANY_TICKETS
    spends_much = features["avg_spend"] >= MUCH_SPEND
    action = np.select([can_be_won & spends_much, can_be_won], ["offer_20", "offer_10"], default="none")
    return pd.Series(action, index=features.index)


def reasons(features: pd.DataFrame) -> pd.Series:
    """Why, in words."""
    logins = features["login_frequency"]
    words = np.select(
        [
            logins.isna(),
            logins == 0,
            features["support_tickets"] >= MANY_TICKETS,
            logins > RARE_LOGINS,
            features["avg_spend"] >= MUCH_SPEND,
        ],
        [
            "logins are not known",
            "never logs in: an offer would only remind them to leave",
            "three support tickets or more: a discount does not mend that",
            "logs in often and stays without an offer",
            "logs in rarely and spends much",
        ],
        default="logs in rarely",
    )
    return pd.Series(words, index=features.index)
