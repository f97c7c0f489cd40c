"""What data can answer before anything is decided: how much comes, how late, and which gain would be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.days import in_days
from decisionloop.learn.tried_otherwise import DEPARTS
from decisionloop.learn.visible_gain import SeenSums
from decisionloop.sources.base import Source
from decisionloop.sources.coming import DecisionsComing
from decisionloop.sources.delays import OutcomeDelays
from decisionloop.sources.expected_trying import ExpectedTrying, is_anything_to_try
from decisionloop.sources.figures import two_figures
from decisionloop.sources.gain_answers import FEWEST, beside_stake, heavy_sums, interval_of, smallest_gain, sums_of
from decisionloop.sources.randomised_log import RandomisedLog
from decisionloop.sources.seen_of_tried import SeenOfTried
from decisionloop.sources.tried_batches import TriedBatch

_LEAKS = 0.9
"""The AUC from which on a feature that alone tells the outcome is a suspect."""
_MOVED = 0.5
"""Of two batches so large a share of a feature's values differs (Kolmogorov-Smirnov, or total variation of categories)
that it moves by construction."""


@dataclass(frozen=True)
class DataAnswer:
    """A question about the data, and its answer in words. ``setting``: what would mend it in `policy.exploration`."""

    question: str
    answer: str
    setting: str = ""


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of the data before anything is decided, from outcomes ``seen_by`` some time.

    How much is ``coming``; what was ``seen`` of ``everyone`` in the tried batches; after how many days outcomes come
    (None: none has); what ``trying`` is expected to bring (None: nothing must be tried, or nobody knows).
    """

    coming: DecisionsComing
    everyone: pd.DataFrame
    seen: SeenOfTried
    delays: OutcomeDelays | None
    trying: ExpectedTrying | None
    seen_by: pd.Timestamp


def data_answers(use_case: UseCase, source: Source, tried: Sequence[TriedBatch], told: Told) -> tuple[DataAnswer, ...]:
    """A short table: what the data of the ``tried`` batches can answer."""
    a_week, seen, trying = told.coming.a_week, told.seen, told.trying
    sums, shown = sums_of(use_case, told.everyone, seen), seen.shown_share * a_week
    asked = (
        ("decisions a week", f"about {a_week:,.0f}, {told.coming.words}"),
        ("outcomes a week", _outcomes(source, seen, a_week) if len(seen.row) else "none has been seen"),
        ("outcomes come after", _delays(use_case, told.delays)),
        ("smallest gain seen in a year", smallest_gain(use_case, sums, shown)),
        ("rare, large sums", heavy_sums(use_case, seen, sums, shown)),
        ("tried beside the rules", _tried(trying) if trying else _untried(use_case, tried)),
        ("is that enough", "" if trying is None else _is_enough(use_case, trying, sums)),
        ("may know the outcome", _suspects(use_case, told.everyone, seen)),
        ("moves by construction", _turning(list(_moving(use_case, tried)))),
    )
    mends = {"is that enough": trying.remedy} if trying is not None else {}
    return tuple(DataAnswer(question, answer, mends.get(question, "")) for question, answer in asked if answer)


def _outcomes(source: Source, seen: SeenOfTried, a_week: float) -> str:
    """How many the loop will see; where the table has more, because a replay shows those of what it does alone."""
    shown, had = (f"{share * a_week:,.0f}" for share in (seen.shown_share, seen.any_share))
    if shown == had:
        return f"about {shown}, where one acts"
    told = f"about {shown}: a replay shows an outcome only where the loop does what was done in the table"
    chances = source.least_chances() if isinstance(source, RandomisedLog) else {}
    if not chances:
        return f"{told}, of {had} that would do"
    least = ", ".join(f"{name} {chance:.2g}" for name, chance in chances.items())
    return (
        f"{told}, and of each action no oftener than for whom it was least likely ({least}), so that what is shown does "
        "not depend on who they are"
    )


def _delays(use_case: UseCase, delays: OutcomeDelays | None) -> str:
    if delays is None:
        return ""
    waits = in_days(use_case.outcome.maturity_days)
    return f"{delays.words}; the contract waits {waits} before it concludes anything"


def _tried(trying: ExpectedTrying) -> str:
    """What outcomes of what the rules would not do are to be expected, by the measure of the gate."""
    of = "this replay" if trying.is_replay else "a year"
    few, many = trying.unlucky, trying.lucky
    return (
        f"worth about {two_figures(trying.tried.a_week)} outcomes of one action a week; {few:,.0f} to {many:,.0f}, as "
        f"luck has it, in the {trying.weeks:,.0f} weeks of {of} with outcomes to come"
    )


def _untried(use_case: UseCase, tried: Sequence[TriedBatch]) -> str:
    """That nobody can say how much trying would bring, where there is something to be tried; "" where there is not."""
    if not use_case.is_explored or not is_anything_to_try(use_case, tried):
        return ""
    return "cannot be told: none of the outcomes that were seen is of what the rules would not do"


def _is_enough(use_case: UseCase, trying: ExpectedTrying, sums: SeenSums | None) -> str:
    """Whether anything can be told by them, and else which setting is to be raised how far."""
    if trying.is_hopeless:
        return "it does not matter: by economics.value no other action can bring more than what the rules do"
    tried = trying.tried
    needed = (
        f"{tried.aimed_at:,.0f} are aimed at, as the gate needs {tried.needed:,.0f} where a candidate departs from the "
        f"rules, reckoned to be {DEPARTS:.0%} of the decisions"
    )
    if trying.is_enough:
        return f"yes: {needed}{_alone(use_case, trying, sums)}"
    no = f"{'not surely' if trying.lucky >= tried.needed else 'no'}: {needed}."
    if not trying.remedy:
        return f"{no} {_no_setting(trying)}"
    now = f"is {tried.setting.partition('(now ')[2].rstrip(')')} now" if tried.setting else "tries nothing now"
    return f"{no} Set policy.exploration to `{trying.remedy}` (it {now}), and they come"


def _alone(use_case: UseCase, trying: ExpectedTrying, sums: SeenSums | None) -> str:
    """Which gain so many outcomes show beside many more of the other action: as four times as many do in halves."""
    if sums is None:
        return ""
    gain = sums.gain_shown(4 * max(trying.in_all, 1.0), interval_of(use_case))
    size = f"{two_figures(gain)} {use_case.economics.currency}{beside_stake(gain, sums)}"
    return f"; alone they show a gain of {size}; a trial shows a smaller one"


def _no_setting(trying: ExpectedTrying) -> str:
    """That no setting brings enough, and what would: more time, or people, or a use case that shows more outcomes."""
    told, most = trying.tried, trying.at_most or 0.0
    what = "tries as much as it may" if told.is_at_most else "brings so many in no setting"
    more = f", which is {two_figures(told.aimed_at / most)} times as long" if most > 0 else ""
    wait = f"about {trying.weeks * told.aimed_at / most:,.0f} weeks{more}" if most > 0 else "longer"
    return (
        f"policy.exploration {what}: bring more rows, or let it decide for {wait}; or begin with another action, or "
        "another outcome, that is seen of more people"
    )


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
    if min(len(mine), len(theirs)) < FEWEST:
        return 0.0
    every = np.concatenate([mine, theirs])
    below = (values.searchsorted(every, "right") / len(values) for values in (mine, theirs))
    return float(np.abs(np.subtract(*below)).max())


def _categories_apart(one: pd.Series, other: pd.Series) -> float:
    """Half the sum of what the shares of the categories differ by: the part of the rows that are others."""
    mine, theirs = (column.dropna().to_numpy(dtype=object) for column in (one, other))
    if min(len(mine), len(theirs)) < FEWEST:
        return 0.0
    code, kinds = pd.factorize(np.concatenate([mine, theirs]))
    parts = (code[: len(mine)], code[len(mine) :])
    shares = (np.bincount(part, minlength=len(kinds)) / len(part) for part in parts)
    return float(np.abs(np.subtract(*shares)).sum()) / 2
