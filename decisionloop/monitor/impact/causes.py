"""Which features carry the gap between protected groups: figures of a cohort, and the words of an alarm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from decisionloop.act.hashing import stable_hash
from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.impact.attribution import GapAttribution, impact_attribution
from decisionloop.observe.cohort import Figure
from decisionloop.predict.release_model import ReleaseModel, explained

SAMPLE = 5_000
"""Rows whose contributions are computed: a mean over more would be more exact than anybody needs."""
LARGEST = 3

Causes = Mapping[str, tuple[GapAttribution, ...]]
"""The gaps of each protected attribute, by its name."""


def gap_causes(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, action: np.ndarray) -> Causes:
    """Split the gaps between protected groups in a fixed draw of the n rows, under the actions (n,) of each row."""
    drawn = stable_hash(frame[use_case.entity.key], ("impact", use_case.name)).argsort(kind="stable")[:SAMPLE]
    sample = frame.iloc[drawn].reset_index(drop=True)
    contributions, features = explained(use_case, model, sample, action[drawn])
    return {
        one.name: impact_attribution(contributions, features, sample[one.name].to_numpy(dtype=object), one.reference)
        for one in use_case.protected
    }


def gap_figures(causes: Causes, release_id: str) -> Iterator[Figure]:
    """The gap in mean margin of every group to its reference group, and the three features that carry most of it."""
    for attribute, gaps in causes.items():
        for one in gaps:
            where = f"{attribute}={one.group}"
            yield Figure("margin_gap", one.gap, where, release_id)
            for feature in one.features[:LARGEST]:
                yield Figure("margin_gap_part", feature.gap, f"{where}, feature={feature.feature}", release_id)


def with_causes(use_case: UseCase, findings: Sequence[Finding], causes: Causes) -> tuple[Finding, ...]:
    """The findings of adverse impact, each alarm of a declared attribute with the features that carry the gap."""
    words = {
        f"{attribute}={one.group}": one.words(use_case, attribute) for attribute, gaps in causes.items() for one in gaps
    }
    return tuple(
        replace(finding, words=f"{finding.words} {words[finding.slice]}")
        if finding.is_alarm and finding.slice in words
        else finding
        for finding in findings
    )
