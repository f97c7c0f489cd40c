"""Who is behind an account in a week, and what they do: the truth, before anything is recorded of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .draws import Draws
from .scenarios import Conditions

PLANS = ("basic", "plus", "family", "student")
REGIONS = ("north", "east", "south", "west")
CHANNELS = ("app", "web", "shop")
YOUNGEST = 18


@dataclass(frozen=True)
class Customers:
    """n customers as they are in one week; arrays (n,), float64 unless said otherwise.

    number             int64, of the account
    tenure_weeks       since this customer took the account over
    age                years
    is_woman, is_restless, is_dormant, is_untracked, has_never_bought
                       bool; the untracked let nobody count their logins
    plan, region, channel
                       int64, index into `PLANS`, `REGIONS`, `CHANNELS`
    spend              EUR a month
    logins             a week, over four weeks
    tickets            support tickets in 90 days
    days_since_purchase, usage_change
                       days; share by which use differs from the quarter before
    """

    number: np.ndarray
    tenure_weeks: np.ndarray
    age: np.ndarray
    is_woman: np.ndarray
    is_restless: np.ndarray
    is_dormant: np.ndarray
    is_untracked: np.ndarray
    has_never_bought: np.ndarray
    plan: np.ndarray
    region: np.ndarray
    channel: np.ndarray
    spend: np.ndarray
    logins: np.ndarray
    tickets: np.ndarray
    days_since_purchase: np.ndarray
    usage_change: np.ndarray

    def __len__(self) -> int:
        return len(self.number)


def customers_in(draws: Draws, number: np.ndarray, week: int, conditions: Conditions) -> Customers:
    """The customers of the accounts ``number`` (n,) in ``week``.

    An account passes from one customer to the next after 40 to 400 weeks, each account at its own time, so that the
    base is the same in every week: nobody leaves the simulation, and no age or tenure drifts.
    """
    life, tenure = _lives(draws, number, week)

    def trait(purpose: str) -> np.ndarray:
        return draws.uniform(purpose, number, life)

    is_campaign = trait("campaign") < conditions.campaign_share
    age = YOUNGEST + np.where(is_campaign, 14, 60) * trait("age") ** 1.3
    is_woman = trait("sex") < 0.5
    is_restless = trait("restless") < conditions.restless_share
    is_dormant = trait("dormant") < 0.08 + 0.08 * is_restless
    plan = _plans(trait("plan"), age)
    channel = _channels(trait("channel"), age, is_woman, is_campaign)
    level = np.array([-0.25, 0.15, 0.35, -0.5])[plan] - 0.35 * is_campaign
    spend = 40 * np.exp(level + 0.35 * draws.normal("spend", number, life) + 0.1 * draws.normal("month", number, week))
    return Customers(
        number=number,
        tenure_weeks=tenure,
        age=age,
        is_woman=is_woman,
        is_restless=is_restless,
        is_dormant=is_dormant,
        is_untracked=trait("untracked") < 0.03,
        has_never_bought=trait("never bought") < 0.05,
        plan=plan,
        region=np.searchsorted([0.3, 0.6, 0.85], trait("region")),
        channel=channel,
        spend=spend * conditions.spend_factor,
        logins=_logins(draws, number, week, life, age, channel, is_restless, is_dormant) * conditions.login_factor,
        tickets=np.floor(-(0.5 + 0.8 * is_restless) * np.log(draws.uniform("tickets", number, week))),
        days_since_purchase=np.floor(
            -(25 + 20 * is_restless + 60 * is_dormant) * np.log(draws.uniform("purchase", number, week))
        ),
        usage_change=-0.08 * is_restless + 0.18 * draws.normal("usage", number, week),
    )


def _lives(draws: Draws, number: np.ndarray, week: int) -> tuple[np.ndarray, np.ndarray]:
    """Which customer of the account it is (n,), and for how many weeks it has been (n,)."""
    length = 40 + np.floor(360 * draws.uniform("life", number) ** 2).astype(np.int64)
    phase = np.floor(draws.uniform("phase", number) * length).astype(np.int64)
    return (week + phase) // length, ((week + phase) % length).astype(np.float64)


def _plans(draw: np.ndarray, age: np.ndarray) -> np.ndarray:
    is_student = (age < 30) & (draw < 0.35)
    rest = np.where(age < 30, (draw - 0.35) / 0.65, draw)
    return np.where(is_student, 3, np.searchsorted([0.5, 0.83], rest))


def _channels(draw: np.ndarray, age: np.ndarray, is_woman: np.ndarray, is_campaign: np.ndarray) -> np.ndarray:
    app = np.where(is_campaign, 0.9, 0.55 - 0.005 * (age - YOUNGEST) + 0.05 * is_woman)
    shop = np.where(is_campaign, 0.02, 0.10 + 0.003 * (age - YOUNGEST))
    return np.where(draw < app, 0, np.where(draw < 1 - shop, 1, 2))


def _logins(
    draws: Draws,
    number: np.ndarray,
    week: int,
    life: np.ndarray,
    age: np.ndarray,
    channel: np.ndarray,
    is_restless: np.ndarray,
    is_dormant: np.ndarray,
) -> np.ndarray:
    usual = 0.75 + 0.55 * draws.normal("logins", number, life) - 0.001 * (age - 45) - 0.3 * is_restless
    usual = usual + 0.1 * (channel == 0)
    return np.where(is_dormant, 0.0, np.exp(usual + 0.25 * draws.normal("login weeks", number, week)))
