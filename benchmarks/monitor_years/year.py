"""One simulated year: weekly batches decided by the policy, outcomes that come late, and the incidents of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.monitor_years.incidents import Book, Incident
from benchmarks.monitor_years.release import Said, release, said_of
from benchmarks.monitor_years.watching import Cohort, Watch
from benchmarks.monitor_years.worlds import Bench, World, bench
from decisionloop.act.policy import Choice, Situation, choose
from decisionloop.contract.watching import MonitorFamily
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.predict.rules import apply_rules

DAYS_A_WEEK = 7


@dataclass(frozen=True)
class Year:
    """What a year came to; ``halted`` are the weeks whose batch was stopped before it acted."""

    scenario: str
    seed: int
    change_week: int
    incidents: tuple[Incident, ...]
    halted: tuple[int, ...]
    checks: dict[MonitorFamily, int]

    def detected(self, families: Collection[str]) -> Incident | None:
        """The first incident of these families that opened with the change or later."""
        since = [one for one in self.incidents if one.week >= self.change_week and one.family in families]
        return min(since, key=lambda one: one.week, default=None)


def simulate(scenario: str, seed: int, **options: int) -> Year:
    """A year of this scenario; ``options`` as in the contract's `source.options`. Equal arguments, equal years."""
    here, decides = bench(), release()
    use_case, world = here.use_case, here.world(scenario, seed, **options)
    watch = Watch(use_case, decides, budget_of(use_case))
    book = Book(use_case.name, decides.stakes.worth, use_case.monitors.minimum_money)
    cohorts: dict[int, Cohort] = {}
    halted = []
    had_offer = np.zeros(options.get("accounts", 8_000), dtype=bool)
    for week, (frame, said, rules) in enumerate(_batches(here, world)):
        findings = list(watch.judge_features(frame))
        if not _halts(findings):
            choice = choose(use_case, frame, world.as_of(week), Situation(said.values, rules, has_model=True))
            findings += watch.judge_actions(frame, said, choice.action, rules)
            if not _halts(findings):
                cohorts[week] = _cohort(here, world, week, frame, said, choice, rules, had_offer)
        if week not in cohorts:
            halted.append(week)
        findings += _outcomes(watch, cohorts, week, use_case.outcome.maturity_days)
        book.take(findings, week, world.as_of(week), len(frame))
    return Year(scenario, seed, world.change_week, tuple(book.past), tuple(halted), book.checks)


def _batches(here: Bench, world: World) -> Iterator[tuple[pd.DataFrame, Said, np.ndarray]]:
    """Frame, what the release says of it, and the rules' actions (n,) of every week.

    The weeks are scored all at once: no decision changes a feature.
    """
    frames = [here.frame(world, week) for week in range(world.weeks)]
    whole = pd.concat(frames, ignore_index=True)
    said = said_of(here, release().model, whole)
    rules, _ = apply_rules(here.use_case, here.code, whole)
    start = 0
    for frame in frames:
        rows = slice(start, start + len(frame))
        yield frame, said.rows(rows), rules[rows]
        start += len(frame)


def _halts(findings: list[Finding]) -> bool:
    return any(finding.is_halting for finding in findings)


def _cohort(
    here: Bench,
    world: World,
    week: int,
    frame: pd.DataFrame,
    said: Said,
    choice: Choice,
    rules: np.ndarray,
    had_offer: np.ndarray,
) -> Cohort:
    """Let the world answer the decisions of a week; ``had_offer`` by account is brought up to date."""
    use_case, number = here.use_case, world.due(week)
    seen = world.outcomes(number, week, choice.action, had_offer[number])
    had_offer[number] = (choice.action != use_case.default_action) & (week >= world.change_week)
    log = pd.DataFrame(
        {
            "entity_id": frame[use_case.entity.key],
            "role": choice.role,
            "action": np.array(use_case.action_names, dtype=object)[choice.action],
            "propensity": choice.propensity,
            "fallback_reason": choice.fallback_reason,
            "outcome_class": seen.kept,
            "outcome_amount": seen.spend,
        }
    )
    arrival = np.where(seen.is_recorded, seen.delay_days, np.nan)
    return Cohort(week, frame, log, said, choice.action, rules, arrival)


def _outcomes(watch: Watch, cohorts: dict[int, Cohort], week: int, maturity_days: float) -> list[Finding]:
    """What is found when outcomes are taken in: the arrivals of young cohorts, and all of the one just mature."""
    oldest = week - int(np.ceil(maturity_days / DAYS_A_WEEK))
    findings: list[Finding] = []
    for one in range(oldest, week):
        if one in cohorts:
            findings += watch.judge_arrivals(cohorts[one], (week - one) * DAYS_A_WEEK)
    if oldest in cohorts:
        findings += watch.judge_cohort(cohorts.pop(oldest), (week - oldest) * DAYS_A_WEEK)
    return findings
