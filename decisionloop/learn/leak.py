"""Too good to be true: signs that a feature knows the outcome, because it was written down after it.

A warning and never a refusal: some outcomes are that easy. It is said where the ranking is surely better than
``TOO_GOOD``, or where one feature alone ranks surely better than ``ALONE`` and all others add next to nothing to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from decisionloop.contract.problem import Feature
from decisionloop.learn.folds import fold_of
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.performance import auc
from decisionloop.predict.scorer.codes import numeric_codes

TOO_GOOD = 0.95
ALONE = 0.9
ADDS_NOTHING = 0.01
_BINS = 20
_HALVES = 2
_REMEDY = "Look whether it is known before the decision, or was written down after the outcome."


def leak_warning(ranking: Estimate | None, alone: Mapping[str, Estimate]) -> str:
    """What to look into, or "": ``ranking`` is the model's AUC (None: there is no model), ``alone`` of each feature."""
    told = telling_alone(alone)
    if told:
        return " ".join(told)
    if ranking is None or ranking.value is None or ranking.low is None:
        return ""
    carrying = {name: one.value or 0.0 for name, one in alone.items() if _carries(one, ranking.value)}
    if len(alone) > 1 and carrying:
        names = sorted(carrying, key=lambda name: -carrying[name])
        values = "; ".join(f"{name} alone carries the model: AUC {carrying[name]:.3f}" for name in names)
        return f"{values}, and {ranking.value:.3f} with everything else. {_REMEDY}"
    return too_good(ranking)


def telling_alone(alone: Mapping[str, Estimate]) -> tuple[str, ...]:
    """One warning for every feature that alone tells the outcome, the surest first: to drop one leaves the others."""
    sure = {name: (one.low, one.value) for name, one in alone.items() if one.low is not None and one.value is not None}
    return tuple(
        f"{name} alone tells the outcome: AUC {value:.3f}, surely above {low:.3f}. {_REMEDY}"
        for name, (low, value) in sorted(sure.items(), key=lambda item: -item[1][0])
        if low > TOO_GOOD
    )


def _carries(one: Estimate, everything: float) -> bool:
    return one.low is not None and one.low > ALONE and one.value is not None and everything - one.value < ADDS_NOTHING


def too_good(ranking: Estimate | None) -> str:
    """The warning about a ranking that is surely better than outcomes usually allow, or ""."""
    if ranking is None or ranking.value is None or ranking.low is None or ranking.low <= TOO_GOOD:
        return ""
    return (
        f"It is too good to be true: AUC {ranking.value:.3f}, surely above {ranking.low:.3f}. Some feature may know "
        f"the outcome. {_REMEDY.replace('it is', 'each is')}"
    )


def single_feature_aucs(
    features: Sequence[Feature],
    frame: pd.DataFrame,
    outcome: np.ndarray,
    entity: np.ndarray,
    weight: np.ndarray | None = None,
) -> dict[str, Estimate]:
    """How well each feature alone ranks ``outcome`` (n,) in {0, 1}: by the rate of its bin or category, or of missing.

    Rates are those of the other half of the entities, so that a feature of many values does not remember its rows.
    """
    half, weight = fold_of(entity, _HALVES), np.ones(len(outcome)) if weight is None else weight
    found = {}
    for feature in features:
        codes = _codes(feature, frame[feature.name])
        score = np.empty(len(outcome))
        for fold in range(_HALVES):
            score[half == fold] = _rates(codes, outcome, weight, half != fold)[codes[half == fold]]
        found[feature.name] = auc(outcome, score, weight, entity)
    return found


def _codes(feature: Feature, values: pd.Series) -> np.ndarray:
    """Bins or categories (n,) as numbers from 0, missing the last."""
    from decisionloop.learn.binning import quantile_edges

    if feature.type == "category":
        codes = pd.factorize(values)[0]
        return np.where(codes < 0, codes.max(initial=-1) + 1, codes)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numeric_codes(numbers, quantile_edges(numbers, _BINS))


def _rates(codes: np.ndarray, outcome: np.ndarray, weight: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """The rate of each code among the known rows, drawn to the rate of all by the weight of one row."""
    many = int(codes.max(initial=0)) + 1
    total = np.bincount(codes[is_known], weights=weight[is_known], minlength=many)
    events = np.bincount(codes[is_known], weights=(weight * outcome)[is_known], minlength=many)
    everyone = events.sum() / max(total.sum(), 1e-12)
    usual = total.sum() / max(1, int(is_known.sum()))
    return (events + usual * everyone) / (total + max(usual, 1e-12))
