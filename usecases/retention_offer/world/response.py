"""What an action does: who stays, what they spend, and when that is seen. Closed forms, so that the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .customers import Customers
from .draws import Draws
from .scenarios import Conditions

NONE, OFFER_10, OFFER_20 = 0, 1, 2
ACTIONS = ("none", "offer_10", "offer_20")
DORMANT_LOGINS = 0.25
"""Logins a week below which a customer is a sleeping dog: an offer reminds them that they could leave."""
ANNOYANCE = -0.8
"""Log-odds that an offer at the renewal before costs, and all that the next one does, once fatigue has set in."""
NEVER_SEEN = 0.01
"""Share of the outcomes that are lost on the way, whatever they are."""
_SPEND_NOISE = 0.25


@dataclass(frozen=True)
class Outcomes:
    """What became of n decisions: ``kept`` 1 or 0, ``spend`` EUR in the four weeks (0 where lost), ``delay_days``
    until it is recorded, and whether it ever ``is_recorded``; arrays (n,)."""

    kept: np.ndarray
    spend: np.ndarray
    delay_days: np.ndarray
    is_recorded: np.ndarray


def stay_log_odds(customers: Customers, conditions: Conditions) -> np.ndarray:
    """Log-odds (n,) of staying another four weeks when nothing is offered."""
    usual = (
        0.6
        + 0.8 * np.log(customers.logins + 0.5)
        - 0.7 * np.minimum(customers.tickets, 4)
        - 0.010 * np.minimum(customers.days_since_purchase, 180)
        + 0.4 * np.log1p(customers.tenure_weeks / 52)
        + 2.5 * np.clip(customers.usage_change, -0.5, 0.5)
        - 0.25 * np.log(customers.spend / 40)
        + np.array([0.0, 0.1, 0.3, -0.2])[customers.plan]
    )
    return np.asarray(usual + conditions.log_odds - 1.5 * conditions.competitor * _is_wooed(customers))


def offer_effects(customers: Customers, conditions: Conditions, had_offer: np.ndarray | bool = False) -> np.ndarray:
    """What each action adds to the log-odds (n, 3); ``had_offer`` (n,) at the renewal before, for fatigue.

    Persuadable are those who log in once or twice a week; who logs in often is a sure thing, who has three support
    tickets or more a lost cause, and who never logs in is annoyed.
    """
    interest = np.exp(-2 * np.log((customers.logins + 0.5) / 2) ** 2)
    sensitivity = np.array([1.1, 0.9, 0.7, 1.3])[customers.plan]
    pull = 1.6 * interest * sensitivity * np.where(customers.tickets >= 3, 0.1, 1.0)
    pull = np.where(customers.logins < DORMANT_LOGINS, -1.0, pull)
    pull = pull * (1 - 0.7 * conditions.competitor * _is_wooed(customers))
    effects = np.stack([np.zeros(len(customers)), pull, np.where(pull > 0, 1.8, 1.3) * pull], axis=1)
    if conditions.is_fatigue:
        is_tired = np.broadcast_to(np.asarray(had_offer, dtype=bool), len(customers))[:, None]
        effects = np.where(is_tired, ANNOYANCE, effects)
    return effects


def kept_probability(customers: Customers, conditions: Conditions, had_offer: np.ndarray | bool = False) -> np.ndarray:
    """P(kept) under every action (n, 3)."""
    odds = stay_log_odds(customers, conditions)[:, None] + offer_effects(customers, conditions, had_offer)
    return np.asarray(1 / (1 + np.exp(-odds)))


def expected_spend(customers: Customers) -> np.ndarray:
    """Mean spend (n,) in EUR over the four weeks of those who stay."""
    return customers.spend


def outcomes_of(
    draws: Draws,
    customers: Customers,
    week: int,
    conditions: Conditions,
    action: np.ndarray,
    had_offer: np.ndarray | bool = False,
) -> Outcomes:
    """What becomes of the decisions of ``week`` under ``action`` (n,), index into `ACTIONS`.

    The same draws decide under every action, so that potential outcomes can be compared customer by customer.
    """
    number = customers.number
    chance = kept_probability(customers, conditions, had_offer)[np.arange(len(customers)), action]
    kept = draws.uniform("kept", number, week) < chance
    noise = np.exp(_SPEND_NOISE * draws.normal("spending", number, week) - _SPEND_NOISE**2 / 2)
    delay = draws.uniform("delay", number, week)
    days = np.where(kept, 9 + 18.5 * delay, 7 + 14 * delay) * conditions.delay_factor
    is_lost = draws.uniform("label", number, week) < np.where(kept, 0.0, conditions.lost_labels)
    return Outcomes(
        kept=kept.astype(np.float64),
        spend=np.where(kept, expected_spend(customers) * noise, 0.0),
        delay_days=days,
        is_recorded=~is_lost & (draws.uniform("never", number, week) >= NEVER_SEEN),
    )


def _is_wooed(customers: Customers) -> np.ndarray:
    return customers.spend > 38
