"""One simulated year: weekly batches decided by the policy, outcomes that come late, and the incidents of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.monitor_years.incidents import Book, Incident
from benchmarks.monitor_years.release import ScoredRows, release, score_rows
from benchmarks.monitor_years.watching import DecidedWeek, Memory
from benchmarks.monitor_years.worlds import Bench, World, bench
from decisionloop.act.policy import Choice, choose
from decisionloop.act.situation import Situation
from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.incidents import AlarmOccasion

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
    world = here.world(scenario, seed, **options)
    memory = Memory(here.use_case, decides)
    book = Book(here.use_case.monitors.minimum_money)
    decided: dict[int, DecidedWeek] = {}
    halted = []
    had_offer = np.zeros(options.get("accounts", 8_000), dtype=bool)
    for week, (frame, scored) in enumerate(_batches(here, world)):
        worth = memory.worth  # as it was known before this batch
        findings, choice = _decide(memory, world.as_of(week), frame, scored)
        if choice is None:
            halted.append(week)
        else:
            log, arrival_days = _log(here, world, week, frame, choice, had_offer)
            decided[week] = DecidedWeek(week, frame, log, scored, choice.action, arrival_days)
        occasion = AlarmOccasion(here.use_case.name, world.as_of(week), len(frame), worth)
        of_cohorts, mature = _outcomes(memory, decided, week, book.in_question)
        book.take([*findings, *of_cohorts], week, occasion, mature)
    return Year(scenario, seed, world.change_week, tuple(book.past), tuple(halted), book.checks)


def _batches(here: Bench, world: World) -> Iterator[tuple[pd.DataFrame, ScoredRows]]:
    """Frame of every week, and what is predicted of it.

    The weeks are scored all at once: no decision changes a feature.
    """
    frames = [here.frame(world, week) for week in range(world.weeks)]
    scored = score_rows(here, release().model, pd.concat(frames, ignore_index=True))
    start = 0
    for frame in frames:
        yield frame, scored.rows(slice(start, start + len(frame)))
        start += len(frame)


def _decide(
    memory: Memory, as_of: pd.Timestamp, frame: pd.DataFrame, scored: ScoredRows
) -> tuple[list[Finding], Choice | None]:
    """What is found in a batch before it acts, and what is chosen; None where the batch is halted."""
    profile, found = memory.watch_features(frame)
    findings = list(found)
    if _halts(findings):
        return findings, None
    choice = choose(memory.use_case, frame, as_of, Situation(scored.values, scored.rules, has_model=True))
    actions, found = memory.watch_outputs(frame, scored, choice.action)
    findings += found
    if _halts(findings):
        return findings, None
    findings += memory.watch_impact(frame, scored, choice.action, profile.entities)
    memory.accept(profile, actions, scored.predictions.worth)
    return findings, choice


def _halts(findings: list[Finding]) -> bool:
    return any(finding.is_alarm and finding.is_halting for finding in findings)


def _log(
    here: Bench, world: World, week: int, frame: pd.DataFrame, choice: Choice, had_offer: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Let the world answer the decisions of a week: their log, and the age of each outcome in days (n,).

    ``had_offer`` by account is brought up to date.
    """
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
    return log, np.where(seen.is_recorded, seen.delay_days, np.nan)


def _outcomes(
    memory: Memory, decided: dict[int, DecidedWeek], week: int, in_question: Collection[str]
) -> tuple[list[Finding], str | None]:
    """What is found when outcomes are taken in: the arrivals of young cohorts, and all of the one just mature.

    Also the name of that one, None where there is none.
    """
    use_case = memory.use_case
    oldest = week - int(np.ceil(use_case.outcome.maturity_days / DAYS_A_WEEK))
    findings: list[Finding] = []
    for one in range(oldest, week):
        if one in decided:
            findings += memory.labels(decided[one], (week - one) * DAYS_A_WEEK).judge(use_case)
    if oldest not in decided:
        return findings, None
    mature = decided.pop(oldest)
    findings += memory.watch_cohort(mature, (week - oldest) * DAYS_A_WEEK, in_question)
    return findings, mature.name
