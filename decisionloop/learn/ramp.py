"""How many entities a challenger may decide for by now, given how sure it is that it earns more.

A canary does not prove anything by itself: the comparison (`learn.comparison`) does, and promotes. What it does is to
bring money and outcomes early, for so few that little is lost if it is worse: where a share s is decided by a release
that the log says earns more with confidence c, the loss per decision is expected to be below s (1 - c) times what the
worst of such releases costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr

from decisionloop.contract.releasing import CanaryStep
from decisionloop.learn.comparison import Progress
from decisionloop.learn.money_of_trial import MoneyOfTrial, at_worst
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.normal_mixture import mixture_capital

Grounds = Literal["first look", "bets", "trial"]
"""What speaks most for a challenger: its first look, out of fold; the bets since; what came of its trial."""


@dataclass(frozen=True)
class Since:
    """What has matured since a comparison was opened: the gain a decision, the bets, and the gain in the trial alone.

    ``of_trial``: of the cohorts in which the challenger was on trial, told plainly; None: of none.
    """

    money: Estimate
    progress: Progress | None = None
    of_trial: MoneyOfTrial | None = None


@dataclass(frozen=True)
class Standing:
    """What speaks for a challenger: ``confidence`` (one-sided) that it earns more, and whether anything speaks against.

    ``is_behind``: what has matured since the comparison was opened says, as a plain estimate, that it earns no more.
    """

    confidence: float
    is_behind: bool
    grounds: Grounds = "first look"


def standing(first: Estimate | None, since: Since, required: float) -> Standing:
    """How a challenger stands, by its first look (None: it met another champion then) and by what matured ``since``.

    ``required``: money a decision that it must earn more. A capital of k by betting that it earns more speaks for it
    with a confidence of 1 - 1/k (Ville 1939). Of a plain interval the distance from the estimate to its bound grows as
    the normal quantile does. Outcomes that never came count as the worst that they could be.
    """
    by: dict[Grounds, float] = {
        "first look": _by_first_look(first, required),
        "bets": 0.0 if since.progress is None else _confidence(since.progress.capital),
        "trial": _by_trial(first, since.of_trial, required),
    }
    grounds = max(by, key=lambda one: by[one])
    money = since.money
    is_behind = money.value is not None and money.n > 0 and money.value <= required
    return Standing(by[grounds], is_behind, grounds)


def _by_first_look(first: Estimate | None, required: float) -> float:
    told = None if first is None else at_worst(first)
    return 0.0 if told is None else float(ndtr((told[0] - required) / told[1]))


def _by_trial(first: Estimate | None, of_trial: MoneyOfTrial | None, required: float) -> float:
    """What its trial says, look after look; the scale of the gains that are bet on is the error of its first look."""
    whole = None if of_trial is None else of_trial.whole
    before, told = (None if one is None else at_worst(one) for one in (first, whole))
    if before is None or told is None:
        return 0.0
    return _confidence(mixture_capital(told[0] - required, told[1], before[1]))


def _confidence(capital: float) -> float:
    return 0.0 if capital <= 1 else 1 - 1 / capital


def entitled(steps: Sequence[CanaryStep], stands: Standing) -> float:
    """The largest share that it stands surely enough for, 0 for none."""
    if stands.is_behind:
        return 0.0
    return max((step.share for step in steps if stands.confidence >= step.confidence), default=0.0)


def share_held(steps: Sequence[CanaryStep], share: float, stands: Standing) -> float:
    """The share that who is on trial, with a ``share`` by now, holds against another one.

    What it was sure enough for once it is (Ville 1939), though what has come since may tell less. One that is behind
    holds nothing: a share that it once had would keep everybody else from the trial.
    """
    return 0.0 if stands.is_behind else max(share, entitled(steps, stands))


def share_in_place(steps: Sequence[CanaryStep], theirs: float, stands: Standing) -> float:
    """The share of who takes the place of another one on trial: ``theirs``, or the first step where that is more.

    No more than it stands for itself.
    """
    return max(share_now(steps, 0.0, stands), min(theirs, entitled(steps, stands)))


def share_now(steps: Sequence[CanaryStep], before: float, stands: Standing) -> float:
    """The share of entities to decide for from now on, ``before`` being the one until now (0: it is on no trial).

    A trial begins at the first step, where a batch shows whether it does harm that needs no outcome. From the next one
    on it has the share that it stands for: that asks for evidence, of which waiting brings none. A share never falls:
    what does harm is stopped, and not made smaller.
    """
    stood_for = entitled(steps, stands)
    return max(before, stood_for if before else min(stood_for, steps[0].share)) if stood_for else before
