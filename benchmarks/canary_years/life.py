"""One release from its first look to its end: on trial week after week, watched and compared by what the loop calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from benchmarks.canary_years.log import Log, first_look
from benchmarks.canary_years.releases import USUAL_MS, Tried
from benchmarks.canary_years.world import BEFORE, CHAMPION, MATURITY, WEEKS, Week, World, use_case
from decisionloop.act.canary import Canary, OnTrial
from decisionloop.act.economics import action_values
from decisionloop.act.policy import Choice, choose
from decisionloop.act.preference import preferred_action
from decisionloop.act.situation import Situation
from decisionloop.learn.ramp import Since, share_now, standing
from decisionloop.monitor.canary.calls import TimedCalls, time_by_turns
from decisionloop.monitor.canary.harm import TrialBatch, harms
from decisionloop.monitor.canary.sample_ratio import Drawn, may_be_drawn
from decisionloop.monitor.compare.windows import EntitySketch
from decisionloop.monitor.shadow.answers import Answers, PartBeside
from decisionloop.monitor.shadow.counts import BesideCounts
from decisionloop.predict.predictions import Predictions

End = Literal["stopped", "refused", "champion", "not proven", "on trial"]
"""Stopped for harm; refused because it surely earns no more; proven; not proven when its time was over; still tried."""
RELEASE = "canary_years/scorecard/tried"
AT_ONCE = MATURITY + 1
"""Weeks after which the first outcomes tell of a release that decides for everybody at once."""


@dataclass
class Life:
    """What became of a release: how it ended and why, after how many weeks, at which share.

    ``touched`` decisions it made, at a loss of ``lost`` currency (negative: a gain) beside the champion's; ``at_once``:
    what the same release would have lost in `AT_ONCE` weeks had everybody been switched.
    """

    end: End = "on trial"
    why: str = ""
    weeks: int = WEEKS
    share: float = 0.0
    touched: int = 0
    lost: float = 0.0
    at_once: float = 0.0
    batches: list[TrialBatch] = field(default_factory=list)


def live(tried: Tried, seed: int, weeks: int = WEEKS, is_on_trial: bool = False) -> Life:
    """The life of one release in one world.

    ``is_on_trial``: it begins at the first step of the ramp, whatever the first look said.
    """
    world, life = World(seed), Life()
    log = Log.before(world, tried)
    first = first_look(log)
    steps = use_case().canary.steps
    share = steps[0].share if is_on_trial else share_now(steps, 0.0, standing(first, Since(log.since), 0.0))
    for number in range(weeks):
        week = world.week(BEFORE + number)
        share = _watched(world, week, tried, share, life, log)
        if life.end != "on trial":
            life.weeks = number + 1
            break
        log.look(BEFORE + number)
        life.end = _said_by_gate(log)
        if life.end != "on trial":
            life.weeks = number + 1
            break
        stands = standing(first, Since(log.since, log.progress, log.of_trial), 0.0)
        share = share_now(steps, share, stands)
    life.share = 1.0 if life.end == "champion" else share
    life.at_once += sum(_lost(world, world.week(BEFORE + one), tried).sum() for one in range(AT_ONCE))
    return life


def _said_by_gate(log: Log) -> End:
    if log.answer is None or log.answer.is_passed is None:
        return "on trial"
    if log.answer.is_passed:
        return "champion"
    return "not proven" if log.is_over else "refused"


def _watched(world: World, week: Week, tried: Tried, share: float, life: Life, log: Log) -> float:
    """A week of the trial: decide, count, look for harm; the share stays as it is."""
    ours, theirs = (_valued(week, said) for said in (tried.said(world, week), world.said(CHAMPION)[week.shops]))
    choice = _chosen(week, ours.values, theirs.values, share)
    is_taken = choice.is_on_trial & (
        np.random.default_rng([world.seed, 9, week.number]).random(len(week.shops)) >= tried.lost
    )
    life.touched += int(is_taken.sum())
    life.lost += float(_lost(world, week, tried)[is_taken].sum())
    drawn = None
    if share:
        may = may_be_drawn(choice.role, choice.fallback_reason, ours.values)
        drawn = Drawn(share, int(may.sum()), int((may & is_taken).sum()))
    counts = BesideCounts.of(use_case(), PartBeside(week.frame, theirs.action, theirs, ours)).as_kept()
    sketch = EntitySketch.of(week.frame["shop_id"])
    life.batches.append(TrialBatch(counts, sketch, drawn, _timed(world, week, tried) if share else None))
    found = harms(use_case(), life.batches)
    if found:
        life.end, life.why = "stopped", " ".join(one.kind for one in found)
    log.add(week, choice, ours, theirs)
    return share


def _valued(week: Week, said: np.ndarray) -> Answers:
    predicted = Predictions(np.column_stack([np.full(len(said), np.nan), said]), None)
    values = action_values(use_case(), week.frame, predicted)
    return Answers({"score": said}, values, preferred_action(use_case(), week.frame, values))


def _chosen(week: Week, ours: np.ndarray, theirs: np.ndarray, share: float) -> Choice:
    lends = np.asarray(week.frame["debt"] < 0.0).astype(np.int64)
    canary = Canary(OnTrial(RELEASE, share), ours) if share else None
    situation = Situation(values=theirs, rules_action=lends, has_model=True, canary=canary)
    return choose(use_case(), week.frame, week.as_of, situation)


def _lost(world: World, week: Week, tried: Tried) -> np.ndarray:
    """True money (n,) by which the release's action is worse than the champion's; 0 where it says nothing."""
    ours, theirs = (_valued(week, said) for said in (tried.said(world, week), world.said(CHAMPION)[week.shops]))
    rows = np.arange(len(week.shops))
    is_silent = np.isnan(ours.values).any(axis=1)
    return np.where(is_silent, 0.0, week.worth[rows, theirs.action] - week.worth[rows, ours.action])


def _timed(world: World, week: Week, tried: Tried) -> TimedCalls:
    """Calls of a simulated machine, busy in one week of four: then every call takes longer, and some much longer."""
    rng, now = np.random.default_rng([world.seed, 8, week.number]), [0.0]
    busy = 3.0 if week.number % 4 == 3 else 1.0

    def call(more: float) -> None:
        spike = rng.exponential(30.0) if rng.random() < (0.05 if busy > 1 else 0.002) else 0.0
        now[0] += (USUAL_MS * busy * rng.lognormal(0, 0.1) + more + spike) / 1000

    return time_by_turns(
        (lambda: call(tried.slower_ms), lambda: call(0.0)), 10.0, clock=lambda: now[0], taken_away=lambda: 0
    )
