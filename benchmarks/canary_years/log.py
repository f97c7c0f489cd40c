"""The log of a run: what was decided with which chance, what has matured, and what the comparison says of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.canary_years.releases import Tried
from benchmarks.canary_years.world import BEFORE, CHAMPION, LOSS, MARGIN, MATURITY, Week, World, use_case
from decisionloop.act.policy import Choice
from decisionloop.learn.comparison import BothRows, Comparison, Progress, money_so_far, opened, progress
from decisionloop.learn.evidence import gate_rules
from decisionloop.learn.gate_checks import Check, GateEvidence, GateRules
from decisionloop.learn.gate_money import check_money
from decisionloop.learn.money_of_trial import LATELY, MoneyOfTrial
from decisionloop.learn.yearly_error import next_stake
from decisionloop.monitor.shadow.answers import Answers
from decisionloop.observe.betting import RowsAt
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import OffPolicyEstimate, difference, one_hot
from decisionloop.observe.overlap import Overlap
from decisionloop.observe.paired_gains import gain_rows
from decisionloop.observe.possible_money import PossibleMoney

FIRST_LOOK_BY = 8
"""Weeks of mature log that the first look and the bets are taken on."""
EXPLORED = 0.05
NOTHING = cannot_say("nothing has matured", 0, 0.95)


@dataclass(frozen=True, eq=False)
class Decided:
    """A week in the log: (n,) arrays; ``ours`` and ``theirs``: what either would do. Was the release on trial in it?"""

    number: int
    shops: np.ndarray
    action: np.ndarray
    propensity: np.ndarray
    reward: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    expected: np.ndarray
    is_on_trial: bool = False


@dataclass(eq=False)
class Log:
    """What has been decided, the comparison and how far it is; what the gate says of the money, None before a look.

    ``is_over``: this was its last look.
    """

    weeks: list[Decided] = field(default_factory=list)
    comparison: Comparison | None = None
    progress: Progress | None = None
    since: Estimate = NOTHING
    of_trial: MoneyOfTrial | None = None
    answer: Check | None = None
    is_over: bool = False

    @classmethod
    def before(cls, world: World, tried: Tried) -> Log:
        """The weeks before the trial, in which the champion decided alone, and the comparison opened on them.

        The release is as it was trained then: what goes wrong with it goes wrong once it is served.
        """
        log = cls()
        trained, theirs = (world.said(view) for view in (tried.view, CHAMPION))
        for number in range(BEFORE):
            log.weeks.append(_explored(world, world.week(number), trained, theirs))
        rows = both_rows(log.weeks[BEFORE - MATURITY - FIRST_LOOK_BY : BEFORE - MATURITY])
        log.comparison = opened(
            "2024-04-22T06:00:00+00:00", next_stake(use_case().gate.yearly_error, [], world.week(BEFORE).as_of), rows
        )
        return log

    def add(self, week: Week, choice: Choice, ours: Answers, theirs: Answers) -> None:
        """Log a week; what people of the holdout got says nothing of either."""
        free = np.flatnonzero(choice.role != "holdout")
        reward = _money(choice.action, week.defaulted)
        silent = np.isnan(ours.values).any(axis=1) if ours.values is not None else np.zeros(len(reward), dtype=bool)
        does = np.where(silent, theirs.action, ours.action)
        expected = np.nan_to_num(theirs.values) if theirs.values is not None else np.zeros((len(reward), 2))
        columns = (week.shops, choice.action, choice.propensity, reward, does, theirs.action, expected)
        drawn = bool(choice.is_on_trial.any())
        self.weeks.append(Decided(week.number, *(one[free] for one in columns), is_on_trial=drawn))

    def look(self, number: int) -> None:
        """Look at what has matured by a week, since the comparison was opened."""
        mature = [one for one in self.weeks if BEFORE - MATURITY <= one.number <= number - MATURITY]
        if not mature or self.comparison is None:
            return
        rows, told = both_rows(mature), _told(mature)
        self.progress, self.since = progress(self.comparison, rows, 0.0), told.money
        tried = [one for one in mature if one.is_on_trial]
        self.of_trial = MoneyOfTrial(_told(tried).money, _told(tried[-LATELY:]).money) if tried else None
        money = money_so_far(self.comparison, rows, told, 0.95)
        is_last = len(mature) >= use_case().gate.longest_comparison
        evidence = replace(_evidence(money, told.overlap, self.progress), of_trial=self.of_trial)
        self.answer = check_money(evidence, _rules(self.comparison, is_last))
        self.is_over = is_last


def first_look(log: Log) -> Estimate:
    """The gain that the log before the trial tells, at the gate's confidence."""
    weeks = log.weeks[BEFORE - MATURITY - FIRST_LOOK_BY : BEFORE - MATURITY]
    return _told(weeks, 2 * use_case().gate.first_look_confidence - 1).money


def _evidence(money: Estimate, overlap: Overlap, reached: Progress) -> GateEvidence:
    """Money is what the study is about: nothing is asked of the rest."""
    return GateEvidence(money, overlap, None, None, None, (), None, has_reasons=True, progress=reached)


def _rules(comparison: Comparison, is_last: bool) -> GateRules:
    return gate_rules(use_case(), 2, comparison.stake, is_last)


def both_rows(weeks: list[Decided]) -> BothRows:
    """The gains of either over the other, decision by decision."""
    logged = _logged(weeks)
    ours, theirs = (np.concatenate([getattr(one, side) for one in weeks]) for side in ("ours", "theirs"))
    moved, group = one_hot(ours, 2) - one_hot(theirs, 2), np.arange(len(logged))

    def rows_of(turned: float) -> RowsAt:
        return lambda caution: gain_rows(logged, turned * moved, group, caution)

    return BothRows(rows_of(1.0), rows_of(-1.0))


def _told(weeks: list[Decided], confidence: float = 0.95) -> OffPolicyEstimate:
    ours, theirs = (np.concatenate([getattr(one, side) for one in weeks]) for side in ("ours", "theirs"))
    return difference(_logged(weeks), one_hot(ours, 2), one_hot(theirs, 2), "dr", confidence)


def _logged(weeks: list[Decided]) -> LoggedDecisions:
    def whole(name: str) -> np.ndarray:
        return np.concatenate([getattr(one, name) for one in weeks])

    action, n = whole("action"), sum(len(one.shops) for one in weeks)
    ends = PossibleMoney(np.tile([0.0, -LOSS], (n, 1)), np.tile([0.0, MARGIN], (n, 1)), is_bound=True)
    return LoggedDecisions(
        action,
        whole("propensity"),
        whole("reward"),
        whole("expected"),
        np.array([True, False]),
        whole("shops"),
        possible=ends,
    )


def _explored(world: World, week: Week, trained: np.ndarray, theirs: np.ndarray) -> Decided:
    """A week before the trial: the champion's action, or in one case of twenty the other one."""
    ours, does = (_lends(one[week.shops]) for one in (trained, theirs))
    is_explored = np.random.default_rng([world.seed, 7, week.number]).random(len(week.shops)) < EXPLORED
    action = np.where(is_explored, 1 - does, does)
    propensity = np.where(is_explored, EXPLORED, 1 - EXPLORED)
    lending = MARGIN - (MARGIN + LOSS) * theirs[week.shops]
    expected = np.column_stack([np.zeros(len(lending)), lending])
    return Decided(week.number, week.shops, action, propensity, _money(action, week.defaulted), ours, does, expected)


def _lends(chance: np.ndarray) -> np.ndarray:
    return (chance < MARGIN / (MARGIN + LOSS)).astype(np.int64)


def _money(action: np.ndarray, defaulted: np.ndarray) -> np.ndarray:
    return np.where(action == 1, np.where(defaulted > 0, -LOSS, MARGIN), 0.0)
