"""What a release is worth in a changed world that has learnt from it, beside the one on trial that has not.

`retention_offer` with `concept_drift`, without ledger and flows: the rules decide, a first model is tried beside them
for a quarter, and from the change on a second one, taught by the old world, for nine in ten. Successors are taught by
what that log shows of 3, 6 and 14 complete cohorts of the new world, with and without the old one, as a training would
be. All are told by the world's truth: expected money a decision more than the rules, over the eight weeks that follow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from benchmarks.capture import BUNDLED
from benchmarks.capture_offers import NAME
from benchmarks.figures import Figure, Spread
from decisionloop.act.economics import action_values
from decisionloop.learn.candidates import train
from decisionloop.learn.capture import KnownPeriod
from decisionloop.learn.capture_reference import within_limits
from decisionloop.learn.lessons import Lessons, taught
from decisionloop.learn.training_set import TrainingSet
from decisionloop.observe.estimate import effective_sample_size
from decisionloop.predict.features import build_frame
from decisionloop.predict.release_model import ACTION_COLUMN, ReleaseModel, predict
from decisionloop.predict.rules import apply_rules
from decisionloop.settings import Settings
from decisionloop.workspace import Workspace, open_workspace

SEEDS = tuple(range(10))
CHANGE, MATURITY, WINDOW, FIRST_TAUGHT = 26, 4, 14, 5
"""Week of the change; weeks till a cohort is complete; cohorts that teach; cohorts that taught the first model."""
FIRST, SECOND = CHANGE - MATURITY - WINDOW + 1, CHANGE + 1
"""The weeks from which the first model and the second one are on trial."""
EARLY_SHARE, LATE_SHARE, EXPLORED = 0.25, 0.9, 3 / 16
COHORTS = (3, 6, 14)
TOLD_BY, EVERY = 8, 2


@dataclass(frozen=True)
class Decided:
    """A week (n rows): what was done with which chance, and what came of it."""

    known: KnownPeriod
    action: np.ndarray
    propensity: np.ndarray


class Year:
    """One seed's year: weeks are drawn when they are asked for, and decided in order."""

    def __init__(self, seed: int) -> None:
        options = json.dumps({"scenario": "concept_drift", "seed": seed, "change_week": CHANGE})
        self.workspace: Workspace = open_workspace(NAME, Settings(usecases_dir=BUNDLED, source_options=options))
        self.use_case, self.seed = self.workspace.use_case, seed
        self._world = self.workspace.source.theirs.world  # type: ignore[attr-defined]  # of the use case
        self._truth = sys.modules[f"{type(self._world).__module__.rpartition('.')[0]}.truth"]
        self._weeks: dict[int, KnownPeriod] = {}
        self.log: dict[int, Decided] = {}

    @cached_property
    def change(self) -> str:
        """Its day."""
        return f"{self._world.as_of(CHANGE):%Y-%m-%d}"

    def week(self, number: int) -> KnownPeriod:
        """Who is due, what the rules do, and what would become of each under every action."""
        if number not in self._weeks:
            source, at = self.workspace.source.theirs, self._world.as_of(number)  # type: ignore[attr-defined]
            due = source.due(at, 7)
            known = source.known(due, at)
            frame = build_frame(self.use_case, self.workspace.code.features, known, due, at, source.time_column)
            rules, _ = apply_rules(self.use_case, self.workspace.code, frame)
            numbers, many = frame[self.use_case.entity.key].astype(np.int64).to_numpy(), len(self.use_case.actions)
            seen = [self._world.outcomes(numbers, number, np.full(len(due), one)) for one in range(many)]
            nobody = np.zeros(len(due), dtype=bool)
            self._weeks[number] = KnownPeriod(
                period=f"{at:%Y-%m-%d}",
                frame=frame,
                batch=np.zeros(len(due), dtype=np.int64),
                outcome_class=np.column_stack([one.kept for one in seen]),
                amount=np.column_stack([one.spend for one in seen]),
                rules=rules,
                preferred=rules,
                taken=rules,
                is_model=nobody,
                is_held_out=nobody,
            )
        return self._weeks[number]

    def money(self, number: int) -> np.ndarray:
        """True expected money (n, A)."""
        numbers = self.week(number).frame[self.use_case.entity.key].astype(np.int64).to_numpy()
        customers = self._world.customers(numbers, number)
        return np.asarray(self._truth.expected_money(self.use_case, customers, self._world.conditions(number)))

    def chosen(self, model: ReleaseModel, number: int) -> np.ndarray:
        """What a release would do (n,), within the limits of the batch."""
        known = self.week(number)
        values = action_values(self.use_case, known.frame, predict(self.use_case, model, known.frame))
        return within_limits(self.use_case, known, values)

    def worth(self, model: ReleaseModel | None, first: int) -> float:
        """Expected money a decision more than the rules in the weeks from ``first`` on; None: who knows the truth."""
        told = []
        for number in range(first, first + TOLD_BY, EVERY):
            known, money = self.week(number), self.money(number)
            does = within_limits(self.use_case, known, money) if model is None else self.chosen(model, number)
            each = np.arange(len(does))
            told.append(float((money[each, does] - money[each, known.rules]).mean()))
        return float(np.mean(told))

    def decide(self, weeks: range, model: ReleaseModel | None, share: float) -> None:
        """Decide these weeks: the model for a share of the entities, the rules for the others, and some explore."""
        for number in weeks:
            known, rng = self.week(number), np.random.default_rng([self.seed, number])
            many, n = len(self.use_case.actions), len(known.rules)
            chance = np.full((n, many), EXPLORED / many)
            each = np.arange(n)
            chance[each, known.rules] += (1 - EXPLORED) * (1 - share if model is not None else 1.0)
            if model is not None:
                chance[each, self.chosen(model, number)] += (1 - EXPLORED) * share
            action = (rng.random(n)[:, None] > chance.cumsum(axis=1)).sum(axis=1).clip(max=many - 1)
            self.log[number] = Decided(known, action, chance[each, action])

    def taught(self, weeks: Sequence[int], lessons: Lessons) -> ReleaseModel:
        """A release taught by the log of these weeks."""
        return train(self.use_case, "gradient_boosting", taught(self._rows(weeks), lessons)).model

    def _rows(self, weeks: Sequence[int]) -> TrainingSet:
        decided = [self.log[number] for number in weeks]
        frame = pd.concat([one.known.frame for one in decided], ignore_index=True)
        action = np.concatenate([one.action for one in decided])
        inverse = 1 / np.concatenate([one.propensity for one in decided])
        at = np.concatenate(
            [np.full(len(one.action), self._world.as_of(week)) for week, one in zip(weeks, decided, strict=True)]
        )
        seen = [
            np.concatenate(
                [np.asarray(getattr(one.known, part))[np.arange(len(one.action)), one.action] for one in decided]
            )
            for part in ("outcome_class", "amount")
        ]
        names = np.array(self.use_case.action_names)
        return TrainingSet(
            frame=frame.assign(**{ACTION_COLUMN: names[action]}),
            outcome_class=seen[0],
            amount=seen[1],
            weight=inverse / inverse.mean(),
            entity=frame[self.use_case.entity.key].to_numpy(),
            decision_id=np.arange(len(frame)).astype(str),
            effective_n=effective_sample_size(inverse),
            inverse=inverse,
            as_of=pd.DatetimeIndex(pd.to_datetime(at, utc=True)),
        )


@dataclass(frozen=True)
class Worth:
    """After so many complete ``cohorts``: of who is on trial, of successors with the whole window and with the new
    world alone, and of who knows the truth; money a decision more than the rules."""

    cohorts: int
    on_trial: float
    whole: float
    new_alone: float
    best: float


def measure(is_quick: bool) -> Iterator[Figure]:
    """Ten years of about half a minute each on one core (one when quick)."""
    years = [list(lived(seed)) for seed in (SEEDS[:1] if is_quick else SEEDS)]
    for place, cohorts in enumerate(COHORTS):
        told = [year[place] for year in years]
        name = f"{NAME}, {len(years)} years, {cohorts} cohorts after the change"
        on_trial = Spread.of(one.on_trial for one in told)
        beside = "who is on trial, taught before"
        for part, words in (("whole", "successor, whole window"), ("new_alone", "successor, new world alone")):
            worth = Spread.of(getattr(one, part) for one in told)
            yield Figure(f"{name}: {words}", worth, "EUR a decision", beside, on_trial)
        better = [max(one.whole, one.new_alone) - one.on_trial for one in told]
        yield Figure(f"{name}: the better of them, more than who is on trial", Spread.of(better), "EUR a decision")
        yield Figure(f"{name}: who knows the truth", Spread.of(one.best for one in told), "EUR a decision")


def lived(seed: int) -> Iterator[Worth]:
    """What successors are worth in one year, cohort by cohort."""
    year, usual = Year(seed), Lessons("1/sqrt(p)")
    year.decide(range(FIRST - MATURITY - FIRST_TAUGHT, FIRST), None, 0.0)
    first = year.taught(range(FIRST - MATURITY - FIRST_TAUGHT, FIRST - MATURITY), usual)
    year.decide(range(FIRST, SECOND), first, EARLY_SHARE)
    second = year.taught(range(CHANGE - MATURITY - WINDOW + 1, CHANGE - MATURITY + 1), usual)
    year.decide(range(SECOND, CHANGE + max(COHORTS)), second, LATE_SHARE)
    for cohorts in COHORTS:
        newest = CHANGE + cohorts - 1
        at = newest + MATURITY
        window = range(newest - WINDOW + 1, newest + 1)
        whole = year.taught(window, usual)
        new = whole if cohorts == WINDOW else year.taught(window, Lessons("1/sqrt(p)", since=year.change))
        yield Worth(cohorts, *(year.worth(one, at) for one in (second, whole, new, None)))
