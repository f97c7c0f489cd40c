"""The steps of a drill: exercise kill switch and rollback elsewhere, keep what came of it, tell people."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from decisionloop.drill.judging import judged
from decisionloop.drill.place import Place, throw_away_place
from decisionloop.errors import DrillFailed
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.drills import KIND, Drill, append_drill, drills
from decisionloop.ledger.schema import utc_now
from decisionloop.workspace import open_workspace
from tasks.drill.exercise import Exercised
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.queueing import raise_alert

LONGEST_SECONDS = 900.0
"""A drill that takes longer hangs, and its process is killed."""
REMEDY = (
    "Do not count on the way back until a drill has worked. Try `decisionloop kill-switch` on a use case that may "
    "stand still, and look at what its next batch says."
)


@step
def exercise_ways_back(use_case: str) -> Drill:
    """Exercise them in a throw-away installation beside that of ``use_case``, and keep what came of it."""
    workspace = open_workspace(use_case)
    with throw_away_place(workspace.settings, workspace.ledger) as place:
        found = _exercised(place)
    new = Drill(use_case, 0, place.engine, found.kill_switch_seconds, found.rollback_seconds, found.failure, utc_now())
    return append_drill(workspace.ledger, new)


@step
def tell_of_drill(use_case: str, drill: Drill) -> str:
    """Raise the alert where the drill failed or took long; returns how it went, in a sentence."""
    workspace = open_workspace(use_case)
    before = [one for one in drills(workspace.ledger, use_case) if one.seq < drill.seq]
    finding = judged(drill, before, workspace.settings.drill_limit_seconds)
    if finding is not None:
        raise_alert(workspace, NewAlert(finding.severity, KIND, finding.words, REMEDY, occasion=str(drill.seq)))
        announce("drill.failed", use_case, f"drill {drill.seq}", {"words": finding.words, "severity": finding.severity})
    return drill.as_text() if finding is None else f"{drill.as_text()}. {finding.words}"


def require_worked(drill: Drill) -> None:
    """Raises DrillFailed where the drill did not fall back: its run is to be seen as failed."""
    if drill.failure:
        raise DrillFailed(f"the drill failed: {drill.failure} {REMEDY}")


def _exercised(place: Place, seconds: float = LONGEST_SECONDS) -> Exercised:
    """What the process of a drill tells; one that ends otherwise has failed as well."""
    command = [sys.executable, "-m", "tasks.drill.exercise"]
    environment = os.environ | place.environment
    try:
        told = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Exercised(None, None, f"it did not end within {seconds:g} s, and was stopped.")
    if told.returncode:
        last = (told.stderr.strip().splitlines() or [f"its process ended with {told.returncode}"])[-1]
        return Exercised(None, None, f"{last.rstrip('.')}.")
    return Exercised(**json.loads(told.stdout.strip().splitlines()[-1]))
