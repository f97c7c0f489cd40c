"""`python -m tasks.drill.exercise`: kill switch and rollback tried on a made-up use case, by the steps of every batch.

It works in the throw-away installation that its environment names, and knows of no other. What was found goes as JSON
to standard output.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass

from decisionloop.drill.releases import install_releases
from decisionloop.drill.use_case import APPROVER, NAME, as_of, write_use_case
from decisionloop.errors import DrillFailed
from decisionloop.ledger.batches import batch_id_of
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.held_actions import CHOSEN_BY_MODEL
from decisionloop.ledger.kill_switch import engage, lift
from decisionloop.ledger.outbox import attempts_of_batch
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from decisionloop.settings import load_settings
from decisionloop.workspace import open_workspace
from tasks.act.decide import decide_batch
from tasks.act.dispatch import dispatch_batch
from tasks.predict.freeze import freeze_batch
from tasks.predict.score import score_batch
from tasks.predict.validate import validate_batch
from tasks.tell.announcements import unannounced

WHY = "a drill"


@dataclass(frozen=True)
class Exercised:
    """What was found: how long each way back took, None where it did not work; ``failure`` says what did not."""

    kill_switch_seconds: float | None
    rollback_seconds: float | None
    failure: str


def main() -> None:
    """Do it, and tell."""
    sys.stdout.write(json.dumps(asdict(exercise())))


def exercise() -> Exercised:
    """Let a model decide, switch it off and on again, and roll it back, batch by batch; whatever fails is told."""
    write_use_case(load_settings().usecases_dir)
    workspace = open_workspace(NAME)
    before, champion = install_releases(workspace)
    took: list[float] = []
    try:
        with unannounced():
            took.append(_switch_off_and_on(workspace.ledger, champion))
            took.append(_roll_back(workspace.ledger, champion, before))
    except DrillFailed as failed:
        switched = took[0] if took else None
        return Exercised(switched, None, str(failed))
    return Exercised(took[0], took[1], "")


def _switch_off_and_on(ledger: Ledger, champion: str) -> float:
    """Seconds from engaging the kill switch to a batch that only rules decided; then lift it again.

    Two batches are under way when it is engaged: one is decided and has not left, the other one is scored.
    """
    decided, scored, after = (_batch(week) for week in range(3))
    _prepare(0)
    decide_batch.fn(NAME, decided)
    _require(champion in _deciders(ledger, decided), "no model decided before the kill switch, so nothing was tried")
    _prepare(1)
    began = time.monotonic()
    told = engage(ledger, NAME, WHY, APPROVER, 0)
    decide_batch.fn(NAME, scored)
    dispatch_batch.fn(NAME, scored)
    took = time.monotonic() - began
    by_model = _chosen_by_model(ledger, scored)
    _require(not by_model, f"under the kill switch a model decided for {len(by_model)} of a batch that was scored")
    _require(any(one.last.batch_id == decided for one in told.held), "the kill switch held nothing of what was unsent")
    dispatch_batch.fn(NAME, decided)
    left = _left(ledger, decided) & _chosen_by_model(ledger, decided)
    _require(not left, f"under the kill switch {len(left)} actions left that a model had chosen")
    lift(ledger, NAME, WHY, APPROVER, [APPROVER])
    _decide(2)
    _require(champion in _deciders(ledger, after), "when the kill switch was lifted the model did not decide again")
    return took


def _roll_back(ledger: Ledger, champion: str, before: str) -> float:
    """Seconds from asking for a rollback to a batch that the release before has decided."""
    scored, after = _batch(3), _batch(4)
    _prepare(3)
    began = time.monotonic()
    told = roll_back(ledger, NAME, None, Grounds(Decider("approver", APPROVER), WHY, utc_now()))
    _require(told.champion == before, f"a rollback led to {told.champion} and not to {before}")
    decide_batch.fn(NAME, scored)
    dispatch_batch.fn(NAME, scored)
    _require(not _chosen_by_model(ledger, scored), "after the rollback the model that was rolled back decided")
    _decide(4)
    took = time.monotonic() - began
    deciders = _deciders(ledger, after)
    _require(before in deciders and champion not in deciders, "after the rollback the release before did not decide")
    return took


def _require(is_so: bool, failure: str) -> None:
    """Raises DrillFailed where something is not as it must be."""
    if not is_so:
        raise DrillFailed(f"{failure}.")


def _batch(week: int) -> str:
    return batch_id_of(NAME, as_of(week))


def _prepare(week: int) -> None:
    """Freeze, validate and score the batch of a week."""
    batch_id = freeze_batch.fn(NAME, as_of(week))
    validate_batch.fn(NAME, batch_id)
    score_batch.fn(NAME, batch_id)


def _decide(week: int) -> None:
    """Score the batch of a week, decide it, and let it leave."""
    _prepare(week)
    decide_batch.fn(NAME, _batch(week))
    dispatch_batch.fn(NAME, _batch(week))


def _deciders(ledger: Ledger, batch_id: str) -> set[str]:
    """The releases that chose for anybody in a batch."""
    return set(decisions_of_batch(ledger, batch_id)["release_id"])


def _chosen_by_model(ledger: Ledger, batch_id: str) -> set[str]:
    """The decisions of a batch that a model or an exploration chose."""
    found = decisions_of_batch(ledger, batch_id)
    return set(found.loc[found["role"].isin(CHOSEN_BY_MODEL), "decision_id"])


def _left(ledger: Ledger, batch_id: str) -> set[str]:
    """The decisions of a batch whose actions are outside."""
    tried = attempts_of_batch(ledger, batch_id)
    return set(tried.loc[tried["status"] == "delivered", "decision_id"])


if __name__ == "__main__":
    main()
