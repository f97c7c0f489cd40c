"""A world that draws each week by its date alone: asking for a late week costs what asking for the first one did."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHOPS = 300
KEY, TIME = "shop_id", "seen_at"
REVEALED_AFTER = pd.Timedelta(days=6)


class WeeklyShops:
    """The same shops every week, with new figures; a loan shows what became of it six days later."""

    time_column = TIME

    def due(self, as_of, covers_days):
        """Everyone."""
        return pd.DataFrame({KEY: _names()})

    def known(self, entities, as_of):
        """This week's figures, known since an hour before."""
        week = _week(as_of)
        found = week[week[KEY].isin(entities[KEY])].drop(columns="defaulted")
        return found.assign(**{TIME: as_of - pd.Timedelta(hours=1)})

    def newest_time(self, as_of):
        """An hour ago."""
        return as_of - pd.Timedelta(hours=1)

    def outcomes(self, as_of, decided):
        """What became of the loans that are not known yet."""
        told_at = decided["as_of"] + REVEALED_AFTER
        shown = decided[(decided["action"] == "lend") & ~decided["has_outcome"] & (told_at <= as_of)]
        weeks = [_week(at).assign(as_of=at) for at in shown["as_of"].unique()]
        drawn = pd.concat(weeks) if weeks else _week(as_of).assign(as_of=as_of).head(0)
        rows = shown.merge(drawn, left_on=["entity_id", "as_of"], right_on=[KEY, "as_of"])
        return pd.DataFrame(
            {
                "entity_id": rows["entity_id"],
                "decision_time": rows["as_of"],
                "decision_id": rows["decision_id"],
                "outcome_class": rows["defaulted"].astype(float),
                "amount": np.nan,
                "observed_at": rows["as_of"] + REVEALED_AFTER,
            }
        )

    def calendar(self):
        """No replay."""
        return ()


def _names():
    return [f"shop-{number:04d}" for number in range(SHOPS)]


def _week(as_of):
    chance = np.random.default_rng(as_of.toordinal())
    debt = chance.uniform(0, 10, SHOPS).round(2)
    trade = np.array(["craft", "farm", "retail"])[chance.integers(0, 3, SHOPS)]
    risk = 1 / (1 + np.exp(-1.5 * (debt - 5) - (trade == "craft")))
    return pd.DataFrame(
        {
            KEY: _names(),
            "turnover": chance.gamma(4, 25, SHOPS).clip(0, 1000).round(2),
            "debt": np.where(chance.random(SHOPS) < 0.08, np.nan, debt),
            "trade": trade,
            "owner_sex": np.where(np.arange(SHOPS) % 2, "f", "m"),
            "defaulted": (chance.random(SHOPS) < risk).astype(int),
        }
    )


def source(use_case, folder):
    """The source that the contract asks for."""
    return WeeklyShops()
