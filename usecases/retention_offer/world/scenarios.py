"""What is different in which week, by name of the scenario. Weeks count from the start of the replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

USUAL_RESTLESS_SHARE = 0.25
SEASON_WEEKS = 13


@dataclass(frozen=True)
class Conditions:
    """What holds in one week. The defaults are those of the stationary world.

    campaign_share     accounts that a campaign has filled with another kind of customer: young, on the app, thrifty
    restless_share     customers of the restless kind, who show it in what they do
    log_odds           added to the log-odds of staying, for everyone alike
    competitor         pull of a competitor's offer on those who spend much (0 none, 1 full): they leave, offers or not
    is_fatigue         does an offer annoy, without any effect, whoever had one at the renewal before?
    spend_factor, login_factor
                       what people really do, beside what they usually do
    unfilled_logins    share of the logins that an outage lost, and that a helpful pipeline filled with 0
    has_family_plan    is the plan `family` recorded as such, or as `plus`?
    spend_unit         EUR in a unit of the recorded spend (0.01: cents)
    uncounted_logins   share of the older customers' logins that are not counted any more
    delay_factor       how much longer outcomes take
    lost_labels        share of the outcomes of those who left that are never recorded
    """

    campaign_share: float = 0.0
    restless_share: float = USUAL_RESTLESS_SHARE
    log_odds: float = 0.0
    competitor: float = 0.0
    is_fatigue: bool = False
    spend_factor: float = 1.0
    login_factor: float = 1.0
    unfilled_logins: float = 0.0
    has_family_plan: bool = True
    spend_unit: float = 1.0
    uncounted_logins: float = 0.0
    delay_factor: float = 1.0
    lost_labels: float = 0.0


USUAL = Conditions()


@dataclass(frozen=True)
class Scenario:
    """What changes: ``since`` gives the conditions of a week, counted from the change on (0 is the first).

    ``families``: the monitors through which it can be seen (`labels` also watches the outcome's own rate).
    ``duration_weeks``: after which it is mended; None: never.
    """

    name: str
    description: str
    families: tuple[str, ...] = ()
    since: Callable[[int], Conditions] = lambda _: USUAL
    duration_weeks: int | None = None
    before: Callable[[int], Conditions] = lambda _: USUAL

    @property
    def is_change(self) -> bool:
        """Is there anything that an alarm should be raised about?"""
        return bool(self.families)

    def conditions(self, week: int, change_week: int) -> Conditions:
        """What holds in ``week`` when the change comes in ``change_week``."""
        passed = week - change_week
        is_over = self.duration_weeks is not None and passed >= self.duration_weeks
        return self.before(week) if passed < 0 or is_over else self.since(passed)


def _always(**changed: float | bool) -> Callable[[int], Conditions]:
    return lambda _: replace(USUAL, **changed)


def _season(week: int) -> Conditions:
    swing = np.sin(2 * np.pi * week / SEASON_WEEKS)
    return replace(USUAL, spend_factor=1 + 0.04 * swing, login_factor=1 + 0.04 * swing, log_odds=0.06 * swing)


def _emerging(passed: int) -> Conditions:
    return replace(USUAL, uncounted_logins=0.9 * min(1.0, (passed + 1) / 6))


def _slow(passed: int) -> Conditions:
    gone = passed + 1
    return replace(USUAL, spend_factor=0.985**gone, login_factor=0.975**gone, log_odds=-0.04 * gone)


def _prior(restless_share: float) -> Callable[[int], Conditions]:
    """Bayes: where a kind becomes more frequent, so do its outcomes, whatever else is known of a customer."""
    return _always(restless_share=restless_share, log_odds=-0.75)


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("stationary", "Nothing changes."),
        Scenario(
            "seasonal", "Spending, logins and loyalty swing gently with the quarter.", since=_season, before=_season
        ),
        Scenario(
            "covariate_shift",
            "A campaign fills four accounts in ten with young, thrifty customers on the app; they react as such "
            "customers always did.",
            ("inputs", "outputs"),
            _always(campaign_share=0.4),
        ),
        Scenario(
            "prior_shift",
            "Restless customers, who leave more often, become half of the base instead of a quarter.",
            ("inputs", "outputs", "performance", "labels"),
            _prior(0.5),
        ),
        Scenario(
            "concept_drift",
            "A competitor pulls at those who spend much: they look as before, leave far more often, and a discount "
            "hardly holds them.",
            ("performance", "labels", "value"),
            _always(competitor=1.0),
        ),
        Scenario(
            "nan_fill",
            "For three weeks an outage loses the logins of six customers in ten, and a helpful pipeline fills in 0.",
            ("inputs",),
            _always(unfilled_logins=0.6),
            duration_weeks=3,
        ),
        Scenario(
            "vanished_category",
            "For three weeks a migration records the plan `family` as `plus`.",
            ("inputs",),
            _always(has_family_plan=False),
            duration_weeks=3,
        ),
        Scenario(
            "unit_change",
            "For three weeks spending is delivered in cents.",
            ("inputs",),
            _always(spend_unit=0.01),
            duration_weeks=3,
        ),
        Scenario(
            "late_labels",
            "Outcomes take twice as long, so that mature cohorts lack many of them.",
            ("labels",),
            _always(delay_factor=2.0),
        ),
        Scenario(
            "label_holes",
            "Half of the outcomes of those who left are never recorded.",
            ("labels",),
            _always(lost_labels=0.5),
        ),
        Scenario(
            "offer_fatigue",
            "Whoever had an offer at the renewal before is annoyed by it, and the next one has no effect: the policy "
            "changes its own population.",
            ("performance", "labels", "feedback", "value"),
            _always(is_fatigue=True),
        ),
        Scenario(
            "emerging_bias",
            "Over six weeks the logins of customers from 60 on are counted less and less, so that they get no offers.",
            ("inputs", "outputs", "impact", "performance"),
            _emerging,
        ),
        Scenario(
            "slow_drift",
            "Week by week people spend a little less, log in a little less and are a little less loyal.",
            ("inputs", "outputs", "performance", "labels"),
            _slow,
        ),
    )
}
