"""How large amounts usually are, where the amounts of a cohort cannot say it: what its release knows, else the past."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from decisionloop.ledger.batches import Batch, newest_batches
from decisionloop.ledger.decisions import decisions_with_outcomes
from decisionloop.ledger.releases import Release
from decisionloop.observe.possible_money import UsualAmounts, amounts_by_class, amounts_of_card, are_telling
from decisionloop.workspace import Workspace

EARLIER_COHORTS = 4
"""Cohorts before the one in question that say how large amounts are where the release does not."""


def usual_amounts_of(
    workspace: Workspace, batch: Batch, release: Release, log: pd.DataFrame, known_at: datetime
) -> UsualAmounts:
    """The residual sizes that a release was trained with; where it has none (rules, or a model of an earlier version)
    and those of ``log`` (n decisions of the batch) tell nothing, the amounts of the cohorts before."""
    if workspace.use_case.outcome.amount is None:
        return ()
    kept = amounts_of_card(json.loads(release.card_json).get("amounts"))
    if kept:
        return kept
    return () if are_telling(_amounts(workspace, log)) else _of_earlier(workspace, batch, known_at)


def _of_earlier(workspace: Workspace, batch: Batch, known_at: datetime) -> UsualAmounts:
    name, ledger = workspace.use_case.name, workspace.ledger
    earlier = newest_batches(ledger, name, EARLIER_COHORTS, batch.as_of - timedelta(microseconds=1))
    decided = [one.as_of for one in earlier]
    if not decided:
        return ()
    return _amounts(
        workspace, decisions_with_outcomes(ledger, name, decided[0], decided[-1], known_at, ("decision_id",))
    )


def _amounts(workspace: Workspace, log: pd.DataFrame) -> UsualAmounts:
    outcome, amount = (
        log[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("outcome_class", "outcome_amount")
    )
    return amounts_by_class(workspace.use_case, outcome, amount)
