"""The incumbent rules: an offer to everyone who looks in rarely, the larger one to those who spend much."""

from __future__ import annotations

import numpy as np
import pandas as pd

MUCH_SPEND = 45.0
RARE_LOGINS = 1.5


def rules(features: pd.DataFrame) -> pd.Series:
    """Nothing for those who log in often, or whose logins are not known."""
    is_rare, spends_much = features["login_frequency"] <= RARE_LOGINS, features["avg_spend"] >= MUCH_SPEND
    action = np.select([is_rare & spends_much, is_rare], ["offer_20", "offer_10"], default="none")
    return pd.Series(action, index=features.index)


def reasons(features: pd.DataFrame) -> pd.Series:
    """Why, in words."""
    logins = features["login_frequency"]
    words = np.select(
        [logins.isna(), logins > RARE_LOGINS, features["avg_spend"] >= MUCH_SPEND],
        ["logins are not known", "logs in often and stays without an offer", "logs in rarely and spends much"],
        default="logs in rarely",
    )
    return pd.Series(words, index=features.index)
