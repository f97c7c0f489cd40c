"""Monitor of skew: a sample of served features against the same features computed from their source again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.observe.estimate import Estimate

RELATIVE_TOLERANCE = 1e-9
"""Sums in another order differ in the last digits (1e-16 a step); what matters to a decision differs by more."""


@dataclass(frozen=True)
class FeatureSkew:
    """Served values of a sample that the source does not give again, by feature; two samples add up.

    ``n`` entities were served of which ``missing_entities`` are no longer in the source: of their features nothing
    can be said, so ``compared`` rows stand behind ``mismatches``. ``not_served``: features of the contract that the
    sample does not have, because it was decided under an earlier one.
    """

    n: int
    missing_entities: int
    mismatches: dict[str, int]
    not_served: tuple[str, ...] = ()

    @property
    def compared(self) -> int:
        """Entities that both sides have."""
        return self.n - self.missing_entities

    def __add__(self, other: FeatureSkew) -> FeatureSkew:
        """Both together."""
        names = self.mismatches | other.mismatches
        both = {name: self.mismatches.get(name, 0) + other.mismatches.get(name, 0) for name in names}
        not_served = tuple(dict.fromkeys((*self.not_served, *other.not_served)))
        return FeatureSkew(self.n + other.n, self.missing_entities + other.missing_entities, both, not_served)


def compare_features(served: pd.DataFrame, recomputed: pd.DataFrame, use_case: UseCase) -> FeatureSkew:
    """Compare two canonical frames of the same as-of, matched by entity; rows and extra entities may differ.

    Numbers are equal within a relative 1e-9, missing equals missing, categories are equal as text. A feature that
    ``recomputed`` lacks mismatches everywhere; one that was not served, because the contract did not have it then,
    cannot be compared. Raises UsageError where an entity stands twice in a frame.
    """
    key = use_case.entity.key
    for name, frame in (("served", served), ("recomputed", recomputed)):
        if frame[key].duplicated().any():
            raise UsageError(f"the {name} features have an entity twice. Compare one batch at a time.")
    at = pd.Index(recomputed[key]).get_indexer(pd.Index(served[key]))
    mine, theirs = served.loc[at >= 0], recomputed.iloc[at[at >= 0]]
    mismatches = {
        feature.name: int(_differs(mine[feature.name], theirs[feature.name], feature.type == "category").sum())
        if feature.name in theirs
        else len(mine)
        for feature in use_case.features
        if feature.name in served
    }
    not_served = tuple(feature.name for feature in use_case.features if feature.name not in served)
    return FeatureSkew(len(served), int((at < 0).sum()), mismatches, not_served)


def judge_skew(
    use_case: UseCase,
    skew: FeatureSkew,
    budget: AlarmBudget,
    stakes: Stakes = Stakes(),  # noqa: B008  frozen: nobody can change the default
    release_id: str | None = None,
) -> tuple[Finding, ...]:
    """One finding for each feature, and one for entities that vanished (slice "feature=<entity key>").

    The alarm needs the exact binomial lower bound (Clopper and Pearson 1934) of the share that differs to exceed
    monitors.maximum_skew. No entity: no finding.
    """
    if not skew.n:
        return ()
    counts = [(use_case.entity.key, skew.missing_entities, skew.n)]
    counts += [(name, count, skew.compared) for name, count in skew.mismatches.items()]
    alpha = budget.alpha("skew", len(counts))
    return tuple(_findings(use_case, counts, alpha, stakes, release_id))


def _findings(
    use_case: UseCase, counts: list[tuple[str, int, int]], alpha: float, stakes: Stakes, release_id: str | None
) -> Iterator[Finding]:
    wordings = {feature.name: feature.wording for feature in use_case.features}
    for name, k, n in counts:
        if not n:
            continue
        share = k / n
        if name in wordings:
            what = (
                f"{wordings[name]}: {k:,} of {n:,} served values ({share:.1%}) differ from what the source gives again"
            )
            remedy = f"Compare how {name} is computed for serving with features.py, and what its source changed since."
        else:
            what = f"{k:,} of {n:,} served entities ({share:.1%}) are not in the source any more"
            remedy = "Find out what removed them from the source: their decisions cannot be checked again."
        yield Finding(
            family="skew",
            monitor="skew",
            slice=f"feature={name}",
            figure=Estimate(share, _lower(k, n, 0.025), 1 - _lower(n - k, n, 0.025), n, float(n), 0.95),
            threshold=use_case.monitors.maximum_skew,
            bound=_lower(k, n, alpha),
            direction="above",
            alpha=alpha,
            words=f"{what}.",
            suggestion=remedy,
            against="source",
            stake=stakes.of_share(share),
            release_id=release_id,
        )


def _lower(k: int, n: int, alpha: float) -> float:
    """Exact lower bound of a rate of which k of n were seen."""
    from scipy.special import betaincinv

    return float(betaincinv(k, n - k + 1, alpha)) if k else 0.0


def _differs(served: pd.Series, recomputed: pd.Series, is_category: bool) -> np.ndarray:
    """True (n,) where two columns, row by row, are not the same."""
    mine, theirs = served.isna().to_numpy(), recomputed.isna().to_numpy()
    if is_category:
        is_same = served.to_numpy(dtype=object) == recomputed.to_numpy(dtype=object)
    else:
        a, b = served.to_numpy(dtype=np.float64), recomputed.to_numpy(dtype=np.float64)
        with np.errstate(invalid="ignore"):
            is_same = (a == b) | (np.abs(a - b) <= RELATIVE_TOLERANCE * np.maximum(np.abs(a), np.abs(b)))
            is_same &= np.isfinite(a) & np.isfinite(b) | (a == b)
    return np.where(mine | theirs, mine != theirs, ~is_same.astype(bool))
