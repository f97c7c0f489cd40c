"""What data can answer before anything is decided: how much comes, how late, and which gain would be seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import norm

from decisionloop.contract import UseCase
from decisionloop.contract.days import in_days
from decisionloop.learn.tried_otherwise import DEPARTS
from decisionloop.sources.base import Source
from decisionloop.sources.expected_trying import ExpectedTrying, expected_trying, is_anything_to_try
from decisionloop.sources.randomised_log import RandomisedLog
from decisionloop.sources.seen_of_tried import SeenOfTried, seen_of_tried
from decisionloop.sources.tried_batches import TriedBatch

_POWER = 0.8
_LEAKS = 0.9
"""The AUC from which on a feature that alone tells the outcome is a suspect."""
_MOVED = 0.5
"""Of two batches so large a share of a feature's values differs (Kolmogorov-Smirnov, or total variation of categories)
that it moves by construction."""
_YEAR_DAYS = 365.25
_FEWEST = 30


@dataclass(frozen=True)
class DataAnswer:
    """A question about the data, and its answer in words. ``setting``: what would mend it in `policy.exploration`."""

    question: str
    answer: str
    setting: str = ""


def data_answers(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], seen_by: pd.Timestamp
) -> tuple[DataAnswer, ...]:
    """A short table: what the data of the ``tried`` batches can answer, with outcomes seen by ``seen_by``."""
    everyone = pd.concat([batch.frame for batch in tried], ignore_index=True)
    a_week = _a_week(use_case, source, tried)
    seen = seen_of_tried(use_case, source, tried, everyone, seen_by)
    share, trying = seen.shown_share, expected_trying(use_case, source, tried, everyone, seen)
    asked = (
        ("decisions a week", f"about {a_week:,.0f}"),
        ("outcomes a week", _outcomes(source, seen, a_week) if len(seen.row) else "none has been seen"),
        ("outcomes come after", _delays(use_case, seen)),
        ("smallest gain seen in a year", _smallest_gain(use_case, seen, share * a_week)),
        ("tried beside the rules", _tried(trying) if trying else _untried(use_case, tried)),
        ("is that enough", "" if trying is None else _is_enough(use_case, trying, seen)),
        ("may know the outcome", _suspects(use_case, everyone, seen)),
        ("moves by construction", _turning(list(_moving(use_case, tried)))),
    )
    mends = {"is that enough": trying.remedy} if trying is not None else {}
    return tuple(DataAnswer(question, answer, mends.get(question, "")) for question, answer in asked if answer)


def _outcomes(source: Source, seen: SeenOfTried, a_week: float) -> str:
    """How many the loop will see; where the table has more, because a replay shows those of what it does alone."""
    shown, had = (f"{share * a_week:,.0f}" for share in (seen.shown_share, seen.any_share))
    if shown == had:
        return f"about {shown}, where one acts"
    told = f"about {shown}: a replay shows those of what it does alone, of {had} had it done whatever was logged"
    chances = source.least_chances() if isinstance(source, RandomisedLog) else {}
    if not chances:
        return told
    least = ", ".join(f"{name} {chance:.2g}" for name, chance in chances.items())
    alike = (
        "each action to everybody as often as to whom it was least likely, so that it does not depend on who they are"
    )
    return f"{told}, and {alike}: {least}"


def _delays(use_case: UseCase, seen: SeenOfTried) -> str:
    if not len(seen.days):
        return ""
    half, most = np.quantile(seen.days, [0.5, 0.95])
    came = f"{in_days(round(float(half)))} for half of them, {most:.0f} for 95%"
    if len(seen.days) > 1 and float(np.ptp(seen.days)) == 0:  # nothing that was seen is so
        came = f"{in_days(round(float(half)))}, each of them, as where the times are made up"
    return f"{came}; the contract waits {in_days(use_case.outcome.maturity_days)} before it concludes anything"


def _smallest_gain(use_case: UseCase, seen: SeenOfTried, a_week: float) -> str:
    """What a year would show 8 times in 10, were half of those who are acted on decided by a challenger.

    Two means of N/2 outcomes of standard deviation s differ by s * sqrt(4 / N) by chance, and the gate's error is
    spent in a year: (z_error + z_power) * 2 * s / sqrt(N).
    """
    known = seen.money[np.isfinite(seen.money)]
    a_year = a_week * _YEAR_DAYS / 7
    if len(known) < _FEWEST or a_year < 1:
        return "cannot be told: too few outcomes have been seen"
    if known.std() == 0:
        return "cannot be told: every outcome that was looked at brings the same"
    gain = _gain_seen_by(use_case, known, a_year / 4)
    mean = float(np.abs(known).mean())
    beside = f", {100 * gain / mean:.0f}% of what is at stake in one" if mean > 0 else ""
    return f"about {_figure(gain)} {use_case.economics.currency} a decision{beside}"


def _gain_seen_by(use_case: UseCase, money: np.ndarray, outcomes: float) -> float:
    """The gain a decision that so many outcomes of a mean, beside many more of the other, show 8 times in 10."""
    z = float(norm.ppf(1 - use_case.gate.yearly_error) + norm.ppf(_POWER))
    return z * float(money.std()) / math.sqrt(outcomes)


def _tried(trying: ExpectedTrying) -> str:
    """What outcomes of what the rules would not do are to be expected, by the measure of the gate."""
    of = "this replay" if trying.is_replay else "a year"
    few, many = trying.unlucky, trying.lucky
    return (
        f"worth about {_figure(trying.tried.a_week)} outcomes of one action a week; {few:,.0f} to {many:,.0f}, as luck "
        f"has it, in the {trying.weeks:,.0f} weeks of {of} with outcomes to come"
    )


def _untried(use_case: UseCase, tried: Sequence[TriedBatch]) -> str:
    """That nobody can say how much trying would bring, where there is something to be tried; "" where there is not."""
    if not use_case.is_explored or not is_anything_to_try(use_case, tried):
        return ""
    return "cannot be told: none of the outcomes that were seen is of what the rules would not do"


def _is_enough(use_case: UseCase, trying: ExpectedTrying, seen: SeenOfTried) -> str:
    """Whether anything can be told by them, and else which setting is to be raised how far."""
    tried, known = trying.tried, seen.money[np.isfinite(seen.money)]
    needed = (
        f"{tried.aimed_at:,.0f} are aimed at, as the gate needs {tried.needed:,.0f} where a candidate departs from the "
        f"rules, reckoned to be {DEPARTS:.0%} of the decisions"
    )
    if trying.is_enough:
        gain = _gain_seen_by(use_case, known, max(trying.in_all, 1.0)) if len(known) >= _FEWEST else None
        told = "" if gain is None else f"; alone they show a gain of {_figure(gain)} {use_case.economics.currency}"
        return f"yes: {needed}{told}{', a trial a smaller one' if told else ''}"
    no = f"{'not surely' if trying.lucky >= tried.needed else 'no'}: {needed}."
    if not trying.remedy:
        return f"{no} {_no_setting(trying)}"
    now = f"is {tried.setting.partition('(now ')[2].rstrip(')')} now" if tried.setting else "tries nothing now"
    return f"{no} Set policy.exploration to `{trying.remedy}` (it {now}), and they come"


def _no_setting(trying: ExpectedTrying) -> str:
    """That no setting brings enough, and what would: more time, or people, or a use case that shows more outcomes."""
    told, most = trying.tried, trying.at_most or 0.0
    what = "tries as much as it may" if told.is_at_most else "brings so many in no setting"
    more = f", which is {_figure(told.aimed_at / most)} times as long" if most > 0 else ""
    wait = f"about {trying.weeks * told.aimed_at / most:,.0f} weeks{more}" if most > 0 else "longer"
    return (
        f"policy.exploration {what}: bring more rows, or let it decide for {wait}; or begin with another action, or "
        "another outcome, that is seen of more people"
    )


def _figure(value: float) -> str:
    """Two figures, and no powers of ten."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _suspects(use_case: UseCase, everyone: pd.DataFrame, seen: SeenOfTried) -> str:
    """Features that alone rank those who brought money and those who did not."""
    from decisionloop.learn.leak import single_feature_aucs

    known = np.isfinite(seen.money)
    row, first = np.unique(seen.row[known], return_index=True)
    label = (seen.money[known][first] > seen.money[known].mean()).astype(float) if known.any() else np.zeros(0)
    if len(np.unique(label)) < 2:
        return ""
    frame = everyone.iloc[row].reset_index(drop=True)
    entity = frame[use_case.entity.key].to_numpy(dtype=object)
    ranked = single_feature_aucs(use_case.model_inputs, frame, label, entity)
    named = [f"{name} (AUC {one.value:.2f})" for name, one in ranked.items() if one.low and one.low > _LEAKS]
    return ", ".join(named) or "no feature alone"


def _turning(moving: Sequence[str]) -> str:
    if not moving:
        return "no feature"
    return f"{', '.join(moving)}: an alarm a batch; leave it out, or let a batch cover all that it goes through"


def _moving(use_case: UseCase, tried: Sequence[TriedBatch]) -> Iterator[str]:
    """Features that are other ones in one tried batch than in another: running numbers and dates, days of the week."""
    for feature in use_case.model_inputs:
        is_number = feature.type in {"number", "integer"}
        pairs = [(tried[0], tried[-1])] if is_number else list(combinations(tried, 2))
        apart = _values_apart if is_number else _categories_apart
        if len(tried) > 1 and any(apart(*(one.frame[feature.name] for one in pair)) > _MOVED for pair in pairs):
            yield feature.name


def _values_apart(one: pd.Series, other: pd.Series) -> float:
    """The largest distance of the two distributions, as Kolmogorov and Smirnov have it."""
    told = (
        pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan) for column in (one, other)
    )
    mine, theirs = (np.sort(values[~np.isnan(values)]) for values in told)
    if min(len(mine), len(theirs)) < _FEWEST:
        return 0.0
    every = np.concatenate([mine, theirs])
    below = (values.searchsorted(every, "right") / len(values) for values in (mine, theirs))
    return float(np.abs(np.subtract(*below)).max())


def _categories_apart(one: pd.Series, other: pd.Series) -> float:
    """Half the sum of what the shares of the categories differ by: the part of the rows that are others."""
    mine, theirs = (column.dropna().to_numpy(dtype=object) for column in (one, other))
    if min(len(mine), len(theirs)) < _FEWEST:
        return 0.0
    code, kinds = pd.factorize(np.concatenate([mine, theirs]))
    parts = (code[: len(mine)], code[len(mine) :])
    shares = (np.bincount(part, minlength=len(kinds)) / len(part) for part in parts)
    return float(np.abs(np.subtract(*shares)).sum()) / 2


def _a_week(use_case: UseCase, source: Source, tried: Sequence[TriedBatch]) -> float:
    """Decisions a week: of a replay by all its batches and the time from the first to the last, gaps included."""
    usual, covers = float(np.median([len(one.frame) for one in tried])), use_case.schedule.covers_days
    calendar = source.calendar()
    if not calendar:
        return usual * 7 / covers
    return usual * len(calendar) * 7 / ((calendar[-1] - calendar[0]) / pd.Timedelta(days=1) + covers)
