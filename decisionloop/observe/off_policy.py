"""What a policy would have earned, told from decisions that another policy logged; and the weights of selection.

The estimators, for n decisions with propensity p_i of the logged action a_i, money r_i, evaluation policy pi and
expected money q(x, a):

    ips    mean of w_i r_i, w_i = pi(a_i | x_i) / p_i                    Horvitz and Thompson (1952)
    snips  sum w_i r_i / sum w_i                                         Swaminathan and Joachims (2015)
    dr     mean of sum_a pi(a | x_i) q(x_i, a) + w_i (r_i - q(x_i, a_i))   Dudik, Langford and Li (2011)

``dr`` is unbiased whatever q is, as long as the propensities are right and q did not learn from these outcomes.
Actions whose money needs no outcome have their exact value for q, so they cost no variance and need no overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from decisionloop.errors import UsageError
from decisionloop.observe.bounded_money import bounded_money, row_money
from decisionloop.observe.estimate import Codes, Estimate, Floats, cannot_say, effective_sample_size, exactly_zero
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.money_interval import money_estimate
from decisionloop.observe.overlap import Overlap, judge_overlap, measure_overlap
from decisionloop.observe.possible_money import within_possible
from decisionloop.observe.undrawn import undrawn_actions

Estimator = Literal["dr", "ips", "snips"]


@dataclass(frozen=True)
class OffPolicyEstimate:
    """Money per logged decision, and how well the log could tell. Judge ``overlap`` before believing ``money``."""

    money: Estimate
    overlap: Overlap
    estimator: Estimator


def one_hot(action: npt.ArrayLike, actions: int) -> Floats:
    """Action indices (n,) of a deterministic policy as probabilities (n, actions)."""
    return np.eye(actions)[np.asarray(action, dtype=np.int64)]


def policy_value(
    logged: LoggedDecisions, policy: Floats, estimator: Estimator = "dr", confidence: float = 0.95
) -> OffPolicyEstimate:
    """Value per decision of ``policy``, probabilities (n, A) with rows that sum to 1.

    Outcomes that never arrived count as missing at random within their action (``LoggedDecisions``);
    their number is in the overlap. Raises UsageError when ``policy`` is not a distribution over the actions.
    """
    _require_distribution(logged, policy)
    told = _answer(logged, policy, None, estimator, confidence)
    return replace(told, money=within_possible(told.money, logged.possible, policy))


def difference(
    logged: LoggedDecisions,
    challenger: Floats,
    champion: Floats,
    estimator: Estimator = "dr",
    confidence: float = 0.95,
) -> OffPolicyEstimate:
    """Value per decision of ``challenger`` minus ``champion``, both (n, A), paired on the same log.

    Decisions on which both give the same probabilities contribute exactly 0 (to ``dr`` and ``ips``), so only those
    that differ carry noise. Otherwise as ``policy_value``.
    """
    _require_distribution(logged, challenger)
    _require_distribution(logged, champion)
    return _answer(logged, challenger, champion, estimator, confidence)


def with_told_draws(logged: LoggedDecisions, moved: Floats) -> LoggedDecisions:
    """The log for a question that moves probabilities by ``moved`` (n, A), where some propensities are not known.

    Such a decision needs none where the question moves nothing onto an action that was not taken and whose money needs
    an outcome: what it asks is what was seen and what is known. It then counts as drawn for certain. If but one of
    those whose propensity is unknown is not so, the answer would hang on who happened to be, and none counts.
    """
    is_unknown = np.isnan(logged.propensity)
    if not is_unknown.any():
        return logged
    needed = np.abs(moved) * ~(logged.is_exact & np.isfinite(logged.expected_values))
    needed[np.arange(len(logged)), logged.action] = 0.0
    if (needed[is_unknown] > 1e-12).any():
        return logged
    return replace(logged, propensity=np.where(is_unknown, 1.0, logged.propensity))


def propensity_weights(logged: LoggedDecisions, moved: Floats) -> Floats:
    """(n,) `importance_weights`, scaled for outcomes that never arrived; 0 where the outcome has not arrived."""
    return importance_weights(logged, moved) * logged.arrival_weight


def importance_weights(logged: LoggedDecisions, moved: Floats) -> Floats:
    """(n,) ``moved`` (n, A) at the action taken / its propensity, whether its outcome has arrived or not.

    0 where the propensity is unknown or the action's money is exactly known.
    """
    is_usable = logged.has_propensity & ~(logged.is_exact[logged.action])
    taken = moved[np.arange(len(logged)), logged.action]
    return np.divide(taken, logged.propensity, out=np.zeros(len(logged)), where=is_usable)


def _answer(
    logged: LoggedDecisions, policy: Floats, other: Floats | None, estimator: Estimator, confidence: float
) -> OffPolicyEstimate:
    moved = policy if other is None else policy - other
    logged = with_told_draws(logged, moved)
    log = logged if estimator == "dr" else _without_model(logged)
    weight = propensity_weights(log, moved)
    overlap = measure_overlap(log, moved, weight)
    if overlap.differing_n == 0 and len(log):
        money = exactly_zero(len(log), confidence)
    elif estimator == "snips":
        money = _self_normalised(log, policy, other, confidence)
    else:
        q = np.nan_to_num(log.expected_values, nan=0.0)
        base = np.einsum("ij,ij->i", moved, q)
        expected = q[np.arange(len(log)), log.action]
        undrawn = undrawn_actions(log, moved)
        money = bounded_money(log, base, importance_weights(log, moved), expected, confidence, undrawn)
    if overlap.unknown_n:
        money = cannot_say(judge_overlap(overlap).reason, len(log), confidence)
    return OffPolicyEstimate(money, overlap, estimator)


def _self_normalised(log: LoggedDecisions, policy: Floats, other: Floats | None, confidence: float) -> Estimate:
    """SNIPS by its linearisation v + w (r - v) / mean(w); for two policies the difference of theirs."""
    total, weight, centre = np.zeros(len(log)), np.zeros(len(log)), 0.0
    for sign, probabilities in ((1.0, policy), (-1.0, other)):
        if probabilities is None:
            continue
        w = propensity_weights(log, probabilities)
        if w.sum() <= 0:
            return cannot_say("no logged outcome speaks to the policy", len(log), confidence)
        value = float(w @ log.money / w.sum())
        total += sign * (value + w * (log.money - value) / w.mean())
        weight += sign * w / w.mean()
        centre += value / (1 if other is None else 2)
    rows = row_money(log, np.zeros(len(log)), weight, np.full(len(log), centre))
    return money_estimate(replace(rows, total=total), confidence)


def _without_model(logged: LoggedDecisions) -> LoggedDecisions:
    """The same log without any expectation: what plain inverse propensities may use."""
    money = np.where(logged.is_arrived, logged.money, np.nan)
    return replace(
        logged,
        reward=money,
        expected_values=np.zeros_like(logged.expected_values),
        is_exact=np.zeros_like(logged.is_exact),
    )


def _require_distribution(logged: LoggedDecisions, policy: Floats) -> None:
    if np.shape(policy) != logged.expected_values.shape:
        raise UsageError(
            f"a policy has shape {np.shape(policy)} and the log {logged.expected_values.shape}. "
            "Give one probability per decision and action, in contract order."
        )
    if (policy < -1e-9).any() or not np.allclose(policy.sum(axis=1), 1.0, atol=1e-6):
        raise UsageError("a policy's probabilities are negative or do not sum to 1 in every row.")


@dataclass(frozen=True, eq=False)
class SelectionWeights:
    """Weights (n,) with mean 1 for n revealed rows.

    ``truncated_n`` rows had an inverse propensity above ``cap`` and were given ``cap``; ``truncated_share`` is the
    share of the total inverse propensity lost that way, the price in bias. ``effective_n`` is Kish's.
    """

    weights: Floats
    cap: float
    truncated_n: int
    truncated_share: float
    effective_n: float


def selection_weights(p_revealed: npt.ArrayLike, cap: float) -> SelectionWeights:
    """Inverse-propensity weights min(1 / p, cap), stabilised to mean 1, for rows whose outcome was revealed.

    p_revealed (n,) in (0, 1]: each row's probability, at decision time, of revealing its outcome. ``cap`` >= 1 is
    on the scale of 1 / p: propensities below 1 / cap count as 1 / cap. Raises UsageError when a row was revealed
    with probability 0 or unknown, which no weight can represent.
    """
    p = np.asarray(p_revealed, dtype=float)
    if cap < 1:
        raise UsageError(f"the cap of selection weights is {cap} and must be at least 1 (no truncation: inf).")
    wrong: Codes = np.flatnonzero(~((p > 0) & (p <= 1 + 1e-9)))
    if wrong.size:
        raise UsageError(
            f"{wrong.size} revealed rows have a propensity outside (0, 1], first {p[wrong[0]]} at row {wrong[0]}. "
            "Train only on rows whose propensity was logged."
        )
    inverse = 1 / p
    capped = np.minimum(inverse, cap)
    lost = float(1 - capped.sum() / inverse.sum()) if p.size else 0.0
    weights = capped / capped.mean() if p.size else capped
    return SelectionWeights(weights, cap, int((inverse > cap).sum()), lost, effective_sample_size(weights))
