"""Which features carry the gap between protected groups: exact, from the deciding model's own contributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from decisionloop.act.hashing import stable_hash
from decisionloop.ledger.releases import Release
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.impact.attribution import GapAttribution, impact_attribution
from decisionloop.observe.cohort import Figure
from decisionloop.predict.release_model import explained
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.readback.cohort import Cohort

SAMPLE = 5_000
"""Rows whose contributions are computed: a mean over more would be more exact than anybody needs."""
LARGEST = 3


def gap_figures(workspace: Workspace, cohort: Cohort) -> Iterator[Figure]:
    """The gap in mean margin of every group to its reference group, and the three features that carry most of it."""
    if cohort.score is None or not cohort.use_case.protected:
        return
    told = _attributions(workspace, cohort.champion, cohort.frame, cohort.preferred)
    release_id = cohort.champion.release_id
    for attribute, gaps in told.items():
        for one in gaps:
            where = f"{attribute}={one.group}"
            yield Figure("margin_gap", one.gap, where, release_id)
            for feature in one.features[:LARGEST]:
                yield Figure("margin_gap_part", feature.gap, f"{where}, feature={feature.feature}", release_id)


def with_causes(
    workspace: Workspace, release: Release, frame: pd.DataFrame, action: np.ndarray, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """The findings of adverse impact, each alarm of a declared attribute with the features that carry the gap."""
    if release.scorer_digest is None or not any(finding.is_alarm for finding in findings):
        return tuple(findings)
    told = _attributions(workspace, release, frame, action)
    words = {
        f"{attribute}={one.group}": one.words(workspace.use_case, attribute)
        for attribute, gaps in told.items()
        for one in gaps
    }
    return tuple(
        replace(finding, words=f"{finding.words} {words[finding.slice]}")
        if finding.is_alarm and finding.slice in words
        else finding
        for finding in findings
    )


def _attributions(
    workspace: Workspace, release: Release, frame: pd.DataFrame, action: np.ndarray
) -> dict[str, tuple[GapAttribution, ...]]:
    use_case, settings = workspace.use_case, workspace.settings
    digest = str(release.scorer_digest)
    model = load_release(workspace.snapshots, digest, settings.scorer_engine, settings.scorer_threads)
    drawn = stable_hash(frame[use_case.entity.key], ("impact", use_case.name)).argsort(kind="stable")[:SAMPLE]
    sample = frame.iloc[drawn].reset_index(drop=True)
    contributions, features = explained(use_case, model, sample, action[drawn])
    return {
        one.name: impact_attribution(contributions, features, sample[one.name].to_numpy(dtype=object), one.reference)
        for one in use_case.protected
    }
