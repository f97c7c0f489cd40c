"""Which features carry the gap between protected groups: exact, from the deciding model's own contributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.impact.causes import gap_causes, gap_figures, with_causes
from decisionloop.observe.cohort import Figure
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.workspace import Workspace
from tasks.readback.cohort import model_of


def impact_gaps(workspace: Workspace, cohort: DecidedCohort) -> Iterator[Figure]:
    """The gaps between the protected groups of a cohort, and what carries them; nothing where the rules decided."""
    model = model_of(workspace, cohort.release_id) if cohort.score is not None and cohort.use_case.protected else None
    if model is not None:
        causes = gap_causes(cohort.use_case, model, cohort.frame, cohort.preferred)
        yield from gap_figures(causes, cohort.release_id)


def explained_impact(
    workspace: Workspace, release_id: str, frame: pd.DataFrame, action: np.ndarray, findings: Sequence[Finding]
) -> tuple[Finding, ...]:
    """The findings of adverse impact, each alarm with the features that carry the gap where a model decides."""
    model = model_of(workspace, release_id) if any(finding.is_alarm for finding in findings) else None
    if model is None:
        return tuple(findings)
    return with_causes(workspace.use_case, findings, gap_causes(workspace.use_case, model, frame, action))
