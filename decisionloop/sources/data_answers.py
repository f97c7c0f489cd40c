"""What data can answer before anything is decided: how much comes, how late, and which gain would be seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, norm

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.observe.matching import match_decisions
from decisionloop.sources.base import Source
from decisionloop.sources.leak_findings import decided_of_tried
from decisionloop.sources.tried_batches import TriedBatch

_POWER = 0.8
_LEAKS = 0.9
"""The AUC from which on a feature that alone tells the outcome is a suspect."""
_MOVED = 0.5
"""Of two batches so large a share of a feature's values differs (Kolmogorov-Smirnov) that it moves by construction."""
_YEAR_DAYS = 365.25
_FEWEST = 30


@dataclass(frozen=True)
class DataAnswer:
    """A question about the data, and its answer in words."""

    question: str
    answer: str


@dataclass(frozen=True, eq=False)
class _Seen:
    """Outcomes of the tried batches: row of the person, days after the decision, and the money of acting there."""

    row: np.ndarray
    days: np.ndarray
    money: np.ndarray


def data_answers(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], seen_by: pd.Timestamp
) -> tuple[DataAnswer, ...]:
    """A short table: what the data of the ``tried`` batches can answer, with outcomes seen by ``seen_by``."""
    everyone = pd.concat([batch.frame for batch in tried], ignore_index=True)
    a_week = float(np.median([len(one.frame) for one in tried])) * 7 / use_case.schedule.covers_days
    seen = _seen(use_case, source, tried, everyone, seen_by)
    share = _share_seen(use_case, tried, seen, seen_by)
    asked = (
        ("decisions a week", f"about {a_week:,.0f}"),
        ("outcomes a week", f"about {share * a_week:,.0f}, where one acts" if len(seen.row) else "none has been seen"),
        ("outcomes come after", _delays(use_case, seen)),
        ("smallest gain seen in a year", _smallest_gain(use_case, seen, share * a_week)),
        ("may know the outcome", _suspects(use_case, everyone, seen)),
        ("moves by construction", ", ".join(_moving(use_case, tried)) or "no feature"),
    )
    return tuple(DataAnswer(question, answer) for question, answer in asked if answer)


def _seen(
    use_case: UseCase, source: Source, tried: Sequence[TriedBatch], everyone: pd.DataFrame, seen_by: pd.Timestamp
) -> _Seen:
    is_replay = bool(source.calendar())
    decided = decided_of_tried(use_case, tried, is_replay)
    shown = source.outcomes(seen_by, decided)
    if not is_replay:  # the ids are those of decisions that were made, not of these
        shown = shown.assign(decision_id=pd.Series(None, index=shown.index, dtype="str"))
    position = match_decisions(shown, decided, use_case, seen_by.to_pydatetime()).decision
    told, of = shown[position >= 0], decided.iloc[position[position >= 0]]
    row = of["row"].to_numpy()
    days = (told["observed_at"].to_numpy() - of["as_of"].to_numpy()) / np.timedelta64(1, "D")
    names = list(use_case.action_names)
    action = of["action"].map(names.index).to_numpy(dtype=np.int64) if len(of) else np.zeros(0, dtype=np.int64)
    frame = everyone.iloc[row].reset_index(drop=True)
    classes, amounts = (told[one].to_numpy(dtype=np.float64, na_value=np.nan) for one in ("outcome_class", "amount"))
    money = realised_values(
        use_case,
        frame,
        action,
        None if use_case.outcome.class_ is None else classes,
        None if use_case.outcome.amount is None else amounts,
    )
    return _Seen(row, days, money)


def _share_seen(use_case: UseCase, tried: Sequence[TriedBatch], seen: _Seen, seen_by: pd.Timestamp) -> float:
    """The share of people with an outcome, of those batches whose outcomes had time to come; of all, where none had."""
    patience = pd.Timedelta(days=use_case.outcome.maturity_days)
    is_old = np.concatenate([np.full(len(one.frame), one.as_of + patience <= seen_by) for one in tried])
    is_old = is_old if is_old.any() else np.ones(len(is_old), dtype=bool)
    has_outcome = np.zeros(len(is_old), dtype=bool)
    has_outcome[seen.row] = True
    return float(has_outcome[is_old].mean())


def _delays(use_case: UseCase, seen: _Seen) -> str:
    if not len(seen.days):
        return ""
    half, most = np.quantile(seen.days, [0.5, 0.95])
    return (
        f"{half:.0f} days for half of them, {most:.0f} for 95%; the contract waits "
        f"{use_case.outcome.maturity_days:g} days before it concludes anything"
    )


def _smallest_gain(use_case: UseCase, seen: _Seen, a_week: float) -> str:
    """What a year would show 8 times in 10, were half of those who are acted on decided by a challenger.

    Two means of N/2 outcomes of standard deviation s differ by s * sqrt(4 / N) by chance, and the gate's error is
    spent in a year: (z_error + z_power) * 2 * s / sqrt(N).
    """
    known = seen.money[np.isfinite(seen.money)]
    a_year = a_week * _YEAR_DAYS / 7
    if len(known) < _FEWEST or a_year < 1:
        return "cannot be told: too few outcomes have been seen"
    z = float(norm.ppf(1 - use_case.gate.yearly_error) + norm.ppf(_POWER))
    gain = z * 2 * float(known.std()) / math.sqrt(a_year)
    mean = float(np.abs(known).mean())
    beside = f", {100 * gain / mean:.0f}% of what is at stake in one" if mean > 0 else ""
    return f"about {gain:.2g} {use_case.economics.currency} a decision{beside}"


def _suspects(use_case: UseCase, everyone: pd.DataFrame, seen: _Seen) -> str:
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


def _moving(use_case: UseCase, tried: Sequence[TriedBatch]) -> Iterator[str]:
    """Numbers that are other ones in the last tried batch than in the first, as running numbers and dates are."""
    for feature in use_case.model_inputs:
        if feature.type not in {"number", "integer"} or len(tried) < 2:
            continue
        ends = [
            pd.to_numeric(one.frame[feature.name], errors="coerce").dropna().to_numpy(dtype=np.float64)
            for one in (tried[0], tried[-1])
        ]
        if min(map(len, ends)) >= _FEWEST and float(ks_2samp(*ends).statistic) > _MOVED:
            yield feature.name
