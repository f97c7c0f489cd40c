"""From which past a model learns, and with what weights: tried on the newest cohort, which taught none of the trials.

Weights that undo the loop's own choices, with p the probability of being revealed as it was: 1 / p is right on average
and noisy, a cap on it costs bias, and 1 / sqrt(p) lies between that and no weights at all. Pasts: everything in the
training's window, only what came since the world changed, or everything with a weight that halves every so many
cohorts. Each is judged by the money that its decisions would have brought (`learn.evidence.policy_gain`); first the
weights, then the past. After a change of what people come to, a past whose probabilities are surely off gives way to
one whose are not. The cohort that judged teaches the candidate in the end, and may not serve the first look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.learn.candidates import predicted_by, subset
from decisionloop.learn.evidence import is_surely_off, policy_gain
from decisionloop.learn.fitting import Kind
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import MAXIMUM_WEIGHT, TrainingSet
from decisionloop.observe.estimate import Estimate, effective_sample_size
from decisionloop.predict.predictions import Predictions

Weighing = Literal["1/p, at most 50", "1/p", "1/sqrt(p)"]
WEIGHINGS: tuple[Weighing, ...] = ("1/p, at most 50", "1/p", "1/sqrt(p)")


@dataclass(frozen=True)
class Lessons:
    """How rows teach: their weights, from when on (ISO day; "": from the window's start), and after how many cohorts
    a weight halves (None: never)."""

    weighing: Weighing = "1/p, at most 50"
    since: str = ""
    half_life: float | None = None

    def names(self, as_of: pd.Series | pd.DatetimeIndex) -> np.ndarray:
        """True (n,) for rows of cohorts (datetimes in UTC) that these lessons are about."""
        if not self.since:
            return np.ones(len(as_of), dtype=bool)
        return np.asarray(as_of >= pd.Timestamp(self.since, tz="UTC"))

    @property
    def words(self) -> str:
        """The same in words."""
        past = f"since {self.since}, when the world changed" if self.since else "the whole window"
        if self.half_life is not None:
            past += f", a weight halving every {self.half_life:g} cohorts"
        return f"weights {self.weighing}; {past}"


@dataclass(frozen=True)
class Trial:
    """Lessons that were tried, and their gain a decision over those that were the best before."""

    lessons: Lessons
    gain: Estimate


@dataclass(frozen=True)
class Choice:
    """The lessons that teach, and the evidence. ``judged_on``: the cohort (ISO time) that chose; "": there was none."""

    lessons: Lessons = Lessons()
    judged_on: str = ""
    trials: tuple[Trial, ...] = ()


def taught(rows: TrainingSet, lessons: Lessons) -> TrainingSet:
    """The rows that teach, with their weights. Raises UsageError where none is left."""
    if lessons == Lessons():
        return rows
    if lessons.since:
        rows = subset(rows, lessons.names(_known(rows)[1]))
    if not len(rows):
        raise UsageError(f"nothing has taught since {lessons.since}. Wait for outcomes.")
    inverse, as_of = _known(rows)
    weight = _weights(inverse, lessons.weighing)
    if lessons.half_life is not None:
        age = pd.factorize(as_of, sort=True)[0]
        weight = weight * 0.5 ** ((age.max() - age) / lessons.half_life)
    return replace(rows, weight=weight / weight.mean(), effective_n=effective_sample_size(weight))


def _known(rows: TrainingSet) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Inverse probabilities of being revealed, and cohorts, which `build_training_rows` knows of its rows."""
    assert rows.inverse is not None
    assert rows.as_of is not None
    return rows.inverse, rows.as_of


def _weights(inverse: np.ndarray, weighing: Weighing) -> np.ndarray:
    if weighing == "1/sqrt(p)":
        return np.asarray(np.sqrt(inverse))
    return np.minimum(inverse, MAXIMUM_WEIGHT) if weighing == "1/p, at most 50" else inverse


def choose_lessons(
    use_case: UseCase,
    kind: Kind,
    rows: TrainingSet,
    batches: LoggedBatches,
    changed: datetime | None,
    is_of_outcomes: bool = False,
) -> Choice:
    """Try weights and pasts without the newest cohort of ``batches``, and judge them on it.

    ``changed``: the first cohort of another world, where an incident says so; ``is_of_outcomes``: not because others
    come, but because the same come to something else. With a single cohort nothing is tried,
    nor where another system decided with propensities that nobody knows.
    """
    if rows.unweighted:  # without propensities no past can be judged by its money
        return Choice()
    newest = batches.log["as_of"].max()
    judge, earlier = batches.since(newest), subset(rows, _known(rows)[1] < newest)
    if not len(earlier) or not batches.policy_traffic().log["as_of"].eq(newest).any():
        return Choice()
    contest = _Contest(use_case, kind, earlier, judge)
    try:
        contest.enter(Lessons())
    except UsageError:  # what came before the newest cohort can teach nobody
        return Choice()
    contest.try_all(_weighings(earlier))
    contest.try_all(_pasts(use_case, earlier, contest.best, changed), is_of_outcomes)
    return Choice(contest.best, newest.isoformat(), tuple(contest.trials))


def _weighings(rows: TrainingSet) -> Iterator[Lessons]:
    """Those that differ: without propensities below the cap's, it changes nothing."""
    inverse, _ = _known(rows)
    if np.ptp(inverse) > 0:
        yield Lessons("1/sqrt(p)")
    if inverse.max() > MAXIMUM_WEIGHT:
        yield Lessons("1/p")


def _pasts(use_case: UseCase, rows: TrainingSet, best: Lessons, changed: datetime | None) -> Iterator[Lessons]:
    _, as_of = _known(rows)
    is_new = np.zeros(len(rows), dtype=bool) if changed is None else as_of >= pd.Timestamp(changed)
    if changed is not None and is_new.any() and not is_new.all():
        yield replace(best, since=f"{changed:%Y-%m-%d}")
    if as_of.nunique() > 1:
        yield replace(best, half_life=use_case.monitors.half_life_cohorts)


class _Contest:
    """Lessons against each other: the best so far, and every trial."""

    def __init__(self, use_case: UseCase, kind: Kind, rows: TrainingSet, judge: LoggedBatches) -> None:
        self._use_case, self._kind, self._rows, self._judge = use_case, kind, rows, judge
        self.trials: list[Trial] = []

    def enter(self, lessons: Lessons) -> None:
        """Begin with these as the best."""
        self.best, self._predictions = lessons, self._predicted(lessons)

    def try_all(self, tried: Iterator[Lessons] | Sequence[Lessons], is_fit_asked: bool = False) -> None:
        """Each against the best before them; the best of those that earn more becomes it.

        ``is_fit_asked``: whose probabilities are surely off gives way to whose are not, unless that one surely earns
        less. The gate would refuse it: after a change a past that still spans the old world teaches the old rates.
        """
        stands = not (is_fit_asked and self._is_off(self._predictions)), 0.0
        beaten: list[tuple[tuple[bool, float], Lessons, Predictions]] = []
        for lessons in tried:
            try:
                predictions = self._predicted(lessons)
            except UsageError:  # these rows alone can teach nobody
                continue
            gain = policy_gain(self._use_case, self._judge, predictions, self._predictions)
            self.trials.append(Trial(lessons, gain))
            if gain.value is None or (gain.value <= 0 and (gain.high is None or gain.high < 0)):
                continue
            reached = not (is_fit_asked and self._is_off(predictions)), gain.value
            if reached > stands:
                beaten.append((reached, lessons, predictions))
        if beaten:
            _, self.best, self._predictions = max(beaten, key=lambda one: one[0])

    def _is_off(self, predictions: Predictions) -> bool:
        return is_surely_off(self._use_case, self._judge, predictions)

    def _predicted(self, lessons: Lessons) -> Predictions:
        return predicted_by(self._use_case, self._kind, taught(self._rows, lessons), self._judge.frame)
