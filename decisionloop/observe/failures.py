"""Why it failed: every large failure of a mature cohort gets one cause, by a documented order.

A failure is measured by its surprise, the money that the decision brought less the money that was expected of the
action when it was taken. The order asks first what was wrong with the inputs, then with the serving, then with where
the decision lay, and blames the world last; the first cause that applies counts:

    missing_feature, fallback, outside_support, stale_features, outside_training_support, near_threshold, weak_group,
    confident_and_wrong

That a cause applies to a failure does not say that it made it. Only a cause that is commoner among the failures than
among all decisions explains something.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.slice_predicate import in_weak_slices
from decisionloop.observe.support import Support

LARGE_SHARE = 0.05
"""So large a share of a cohort's decisions, the worst ones, are large failures at most (but for ties)."""
NEAR_SHARE = 0.05
"""Two actions are near each other where they differ by less than this share of what choosing is worth on average."""


class FailureCause(StrEnum):
    """Why a decision failed, in the order in which causes are looked for."""

    MISSING_FEATURE = "missing_feature"
    FALLBACK = "fallback"
    OUTSIDE_SUPPORT = "outside_support"
    STALE_FEATURES = "stale_features"
    OUTSIDE_TRAINING_SUPPORT = "outside_training_support"
    NEAR_THRESHOLD = "near_threshold"
    WEAK_GROUP = "weak_group"
    CONFIDENT_AND_WRONG = "confident_and_wrong"


CAUSE_WORDING: dict[FailureCause, str] = {
    FailureCause.MISSING_FEATURE: "something the model reads was missing",
    FailureCause.FALLBACK: "a fault sent the decision to the rules",
    FailureCause.OUTSIDE_SUPPORT: "the rules decided, as too little was known of such cases",
    FailureCause.STALE_FEATURES: "what was known was out of date",
    FailureCause.OUTSIDE_TRAINING_SUPPORT: "unlike anything the model had learnt from",
    FailureCause.NEAR_THRESHOLD: "a close call: another action looked almost as good",
    FailureCause.WEAK_GROUP: "in a group where the model is known to be weak",
    FailureCause.CONFIDENT_AND_WRONG: "the model was confident and wrong: the world may have changed",
}


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What was the matter with n decisions when they were taken.

    is_missing         (n,) bool     a model input was missing in the frozen row (see :func:`missing_inputs`)
    is_fallback        (n,) bool     the rules decided because of a fault
    value_gap          (n,) float    expected money of the best action less that of the second best; NaN: unknown
    age_days           (n,) float    age of the source rows; None: unknown
    is_outside         (n,) bool     a feature outside what the release learnt from; None: unknown
    is_weak            (n,) bool     inside a slice known to be weak before; None: none is known
    is_unsupported     (n,) bool     the rules decided because the model had too little to go by; None: it needs no more
    """

    is_missing: np.ndarray
    is_fallback: np.ndarray
    value_gap: np.ndarray
    age_days: np.ndarray | None = None
    is_outside: np.ndarray | None = None
    is_weak: np.ndarray | None = None
    is_unsupported: np.ndarray | None = None


def circumstances_of(
    cohort: DecidedCohort,
    support: Support | None = None,
    weak_slices: tuple[str, ...] = (),
    age_days: np.ndarray | None = None,
) -> Circumstances:
    """The circumstances of the n decisions of a cohort.

    Args:
        support: what the deciding release learnt from; None: unknown.
        weak_slices: predicates of slices found in earlier cohorts; a cohort must not explain itself. Raises UsageError
            for one that the contract's features cannot answer.
        age_days: age of the source rows (n,); None: unknown.
    """
    expected, frame = cohort.predictions.values, cohort.frame
    return Circumstances(
        is_missing=missing_inputs(cohort.use_case, frame),
        is_fallback=cohort.is_sent_to_rules,
        value_gap=np.full(len(frame), np.nan) if expected is None else value_gaps(expected),
        age_days=age_days,
        is_outside=None if support is None else support.is_outside(frame),
        is_weak=in_weak_slices(weak_slices, frame) if weak_slices else None,
        is_unsupported=None if cohort.predictions.supported is None else cohort.is_outside_support,
    )


def missing_inputs(use_case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    """True (n,) where a model input that the contract does not allow to be missing is; nullable ones are values."""
    names = [feature.name for feature in use_case.model_inputs if not feature.is_nullable]
    return np.asarray(frame[names].isna().any(axis=1).to_numpy(), dtype=bool)


def value_gaps(values: np.ndarray) -> np.ndarray:
    """Best less second best of each row of expected money ``values`` (n, A), NaN: not allowed or unknown. (n,)."""
    best, second = np.sort(-values, axis=1)[:, :2].T  # sorting puts NaN last
    return np.asarray(second - best)


def money_surprise(
    use_case: UseCase, realised: np.ndarray, expected: np.ndarray | None, action: np.ndarray
) -> np.ndarray:
    """Realised less expected money (n,); NaN where no outcome has told it, or the money was known beforehand.

    Args:
        realised: money that each decision brought (n,); NaN: not known.
        expected: money expected of each action when it was decided (n, A); None where no model decided.
        action: index of the action taken (n,).

    Where nothing was expected of the action taken (rules, fallbacks), the mean realised money of that action in the
    cohort stands in: what anyone would have expected of it.
    """
    actions = len(use_case.actions)
    is_told = ~np.isnan(realised) & ~np.array(use_case.is_value_known)[action]
    count = np.bincount(action[is_told], minlength=actions)
    usual = np.bincount(action[is_told], weights=realised[is_told], minlength=actions) / np.maximum(count, 1)
    own = np.full(len(action), np.nan) if expected is None else expected[np.arange(len(action)), action]
    surprise = realised - np.where(np.isnan(own), usual[action], own)
    return np.where(is_told, surprise, np.nan)


def failure_limit(surprise: np.ndarray, worth: float | None = None) -> float:
    """Money below expectation from which a failure is large, >= 0; infinite where nothing came worse than expected.

    The worst 5 % of the decisions whose outcome is known, but at least ``worth``: what choosing is worth on average
    (`monitor.finding.Stakes`), so that in a quiet cohort trifles are no failures. Keep it with the release and use it
    for later cohorts: then more failures mean that things got worse.
    """
    known = surprise[~np.isnan(surprise)]
    if not len(known):
        return float("inf")
    worst = -float(np.quantile(known, LARGE_SHARE, method="lower"))
    return max(worst, worth or 0.0) if worst > 0 else float("inf")


def causes_of(
    use_case: UseCase, circumstances: Circumstances, worth: float | None = None, near_share: float = NEAR_SHARE
) -> np.ndarray:
    """The cause (n,) that each decision would have if it failed, text of :class:`FailureCause`.

    ``worth`` None: no model valued the actions, so no decision was a close call. Raises UsageError where arrays differ
    in length.
    """
    n = len(circumstances.is_missing)
    known = [array for array in vars(circumstances).values() if array is not None]
    if any(np.shape(array) != (n,) for array in known):
        raise UsageError(f"circumstances of {n} decisions came with other lengths. Build them from one log.")
    nothing = np.zeros(n, dtype=bool)
    age, outside, weak = circumstances.age_days, circumstances.is_outside, circumstances.is_weak
    unsupported = circumstances.is_unsupported
    applies = {
        FailureCause.MISSING_FEATURE: circumstances.is_missing,
        FailureCause.FALLBACK: circumstances.is_fallback,
        FailureCause.OUTSIDE_SUPPORT: nothing if unsupported is None else unsupported,
        FailureCause.STALE_FEATURES: nothing if age is None else age > use_case.data_quality.maximum_age_days,
        FailureCause.OUTSIDE_TRAINING_SUPPORT: nothing if outside is None else outside,
        FailureCause.NEAR_THRESHOLD: nothing if worth is None else circumstances.value_gap < near_share * worth,
        FailureCause.WEAK_GROUP: nothing if weak is None else weak,
    }
    names = np.array([cause.value for cause in applies], dtype=object)
    return np.select([*applies.values()], list(names), default=FailureCause.CONFIDENT_AND_WRONG.value)


def large_failures(
    decision_id: pd.Series, surprise: np.ndarray, cause: np.ndarray, limit: float | None = None
) -> pd.DataFrame:
    """The large failures among n decisions, in their order: decision_id, cause, surprise (money, below 0).

    ``limit`` from :func:`failure_limit`; None: the cohort's own.
    """
    is_large = surprise <= -(failure_limit(surprise) if limit is None else limit)
    columns = {
        "decision_id": decision_id.to_numpy()[is_large],
        "cause": cause[is_large],
        "surprise": surprise[is_large],
    }
    return pd.DataFrame(columns).astype({"decision_id": "str", "cause": "str", "surprise": np.float64})
