"""How a challenger stands beside the champion: by its first look, and by what its comparison has come to since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from decisionloop.learn.comparison import Comparison, Progress
from decisionloop.learn.evidence import Look, gate_rules
from decisionloop.learn.money_of_trial import MoneyOfTrial
from decisionloop.learn.ramp import Since, Standing, standing
from decisionloop.ledger.releases import Release
from decisionloop.ledger.verdicts import Verdict, verdicts
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.workspace import Workspace
from tasks.learn.verdicts import attempt_of, is_beside

FIRST_LOOK: Look = 1


@dataclass(frozen=True)
class Matured:
    """What has matured since a comparison was opened says, and what serving costs more a decision."""

    since: Since
    serving_cost: float = 0.0


NOTHING = Matured(Since(cannot_say("nothing has matured since", 0, 0.95)))


def standing_now(workspace: Workspace, release: Release, decides: Release, matured: Matured | None) -> Standing:
    """How a challenger stands beside the champion, by its first look and by what has ``matured`` since, if any has."""
    told = matured or NOTHING
    first = _first_look(workspace, release, decides)
    rows = first.n if first is not None else told.since.money.n
    required = gate_rules(workspace.use_case, FIRST_LOOK).required_gain(rows) + max(told.serving_cost, 0.0)
    return standing(first, told.since, required)


def _first_look(workspace: Workspace, release: Release, decides: Release) -> Estimate | None:
    """The gain over this champion that the first look told, None where it looked beside another one."""
    attempt = attempt_of(workspace, release.release_id)
    for one in verdicts(workspace.ledger, release.use_case, release.release_id):
        if (one.look, one.attempt) == (FIRST_LOOK, attempt) and is_beside(workspace, one, decides):
            return estimate_in(json.loads(one.evidence)["money"])
    return None


def estimate_in(kept: Mapping[str, Any]) -> Estimate:
    """An estimate as the evidence of a verdict keeps it."""
    told = Estimate(*(kept[name] for name in ("value", "low", "high", "n", "effective_n", "confidence")))
    bounds = kept.get("bounds")
    return replace(told, bounds=OutcomeBounds(**bounds)) if bounds else told


def newest_verdict(workspace: Workspace, release: Release, decides: Release) -> Verdict | None:
    """What the gate said last of a release in its present attempt, beside whoever decides now; None: nothing yet."""
    attempt = attempt_of(workspace, release.release_id)
    told = verdicts(workspace.ledger, release.use_case, release.release_id)
    known = [one for one in told if one.attempt == attempt and is_beside(workspace, one, decides)]
    return known[-1] if known else None


def matured_of(told: Verdict) -> Matured | None:
    """What a verdict on a comparison says of the money since; None where nothing had matured."""
    kept = json.loads(told.evidence)
    if told.look == FIRST_LOOK or "money" not in kept:
        return None
    parts = kept.get("of_trial")
    of_trial = None if parts is None else MoneyOfTrial(*(estimate_in(parts[name]) for name in ("whole", "lately")))
    since = Since(estimate_in(kept["money"]), _progress(kept.get("progress")), of_trial)
    return Matured(since, kept.get("serving_cost") or 0.0)


def _progress(kept: Mapping[str, Any] | None) -> Progress | None:
    if kept is None:
        return None
    known = kept["comparison"]
    return Progress(Comparison(known["opened_at"], known["stake"], None), kept["capital"])
