"""A batch is watched before it acts: its features, then its scores and actions, then its protected groups.

Between the three a batch may halt, so each is a function of its own, to be called in this order. What they compare
with was known before the batch; whoever calls reads it (the loop from the ledger, a simulated year from memory).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.score_shift import ScoreProfile, ScoreReference
from decisionloop.monitor.compare.variation import Variation, natural_variation
from decisionloop.monitor.compare.windows import WINDOWS, Watched, Window, windows_of
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.impact.plug import PlugDecision, pull_plug
from decisionloop.monitor.inputs import judge_inputs
from decisionloop.monitor.outputs import ReleaseScores, action_shares, judge_outputs
from decisionloop.observe.cohort import Figure

RECENT_BATCHES = 8
"""So many of the last accepted batches say what is usual."""


@dataclass(frozen=True)
class FeaturesBefore:
    """What the features of a batch are compared with.

    ``reference``: what the deciding release learnt from; of rules, which learn nothing, the first batch that they
    accepted. ``recent``: the last accepted batches in its bins, oldest
    first, at most RECENT_BATCHES. ``limits``: the calibrated limit of each feature's shift; {} while there is none.
    ``together``: the batches that are judged together in windows, oldest first, the one at hand being the last; ()
    judges it alone.
    """

    reference: Reference
    recent: tuple[FrameProfile, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    together: tuple[Watched[FrameProfile], ...] = ()


@dataclass(frozen=True)
class WatchedFeatures:
    """Findings about a batch's features, and the variation by feature that was calibrated now and is to be kept."""

    findings: tuple[Finding, ...]
    calibrated: Mapping[str, Variation]


def watch_features(use_case: UseCase, profile: FrameProfile, before: FeaturesBefore, stakes: Stakes) -> WatchedFeatures:
    """Judge the features of a batch, counted in the bins of its reference.

    The limits are calibrated once a release, by its first RECENT_BATCHES batches. Raises UsageError where bins differ.
    """
    is_due = not before.limits and len(before.recent) >= RECENT_BATCHES
    calibrated = natural_variation(before.recent, use_case.monitors.minimum_shift) if is_due else {}
    limits = {name: one.threshold for name, one in calibrated.items()} or before.limits
    together = before.together[-max(WINDOWS) :]
    windows = windows_of(together[-1], together[:-1]) if together else (Window(1, profile),)
    terms = Terms.of(use_case, stakes)
    findings = judge_inputs(terms, windows, before.reference, before.recent, limits, together)
    return WatchedFeatures(findings, calibrated)


@dataclass(frozen=True)
class OutputsBefore:
    """What the scores and actions of a batch are compared with.

    ``recent``: actions of the last accepted batches that the same release decided, oldest first, at most
    RECENT_BATCHES. ``scores``: the release's reference; None for rules.
    """

    recent: tuple[ActionProfile, ...] = ()
    scores: ScoreReference | None = None


@dataclass(frozen=True)
class WatchedOutputs:
    """Findings about a batch's scores and actions, and the shares of its actions."""

    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]


def watch_outputs(
    terms: Terms, actions: ActionProfile, scores: ScoreProfile | None, before: OutputsBefore
) -> WatchedOutputs:
    """Judge what the policy chose, and the deciding model's scores (None for rules), before anything of it leaves.

    Raises UsageError where profiles are not of the same actions, slices or bins.
    """
    is_scored = scores is not None and before.scores is not None
    of_release = ReleaseScores(scores, before.scores) if is_scored else None  # type: ignore[arg-type]
    findings = judge_outputs(terms, actions, before.recent, of_release)
    shares = tuple(replace(share, is_mature=False) for share in action_shares(actions, terms.release_id))
    return WatchedOutputs(findings, shares)


@dataclass(frozen=True)
class WatchedImpact:
    """Findings of adverse impact, and whether the rules must choose instead; None where nobody asked that."""

    findings: tuple[Finding, ...]
    plug: PlugDecision | None


def watch_impact(
    use_case: UseCase, windows: Sequence[Window[GroupTally]], release_id: str, has_model: bool
) -> WatchedImpact:
    """Judge whether a protected group gets the favourable action too rarely, and whether the rules would be fairer.

    ``windows``: the batch at hand, and with earlier ones that the same release decided (`compare.windows.windows_of`).
    What is asked of the rules is asked over the batches in which it was seen. Without a model (``has_model`` False)
    there is nothing to fall back to.
    """
    findings = judge_impact(use_case, windows, budget_of(use_case), release_id)
    if not has_model:
        return WatchedImpact(findings, None)
    seen_over = max((one.batches for one in findings if one.is_alarm), default=1)
    counts = next(one.counts for one in windows if one.batches == seen_over)
    return WatchedImpact(findings, pull_plug(use_case, findings, counts))
