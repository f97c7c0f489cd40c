"""Moving releases from stage to stage: what the state machine allows, checked and appended in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from decisionloop.errors import IntegrityError, UsageError
from decisionloop.ledger.releases import RULES, Release, ReleaseEvent, roster_of
from decisionloop.ledger.schema import release, release_event, utc_now, verdict
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.grounds import Evidence, Grounds, Judgement
from decisionloop.release.requests import Register, Request, planned
from decisionloop.release.stages import Decider


def register_release(
    target: Ledger | Connection, new: Release, reason: str, decided_by: str, evidence: Evidence | None = None
) -> bool:
    """Keep a release as a candidate; False, and nothing done, where it is registered already."""
    with facts.writing(target) as connection:
        is_new = facts.add(connection, release, [new]) == 1
        if is_new:
            grounds = Grounds(Decider("decisionloop", decided_by), reason, new.created_at, evidence or {})
            change_stages(connection, new.use_case, Register(new.release_id, new.kind == RULES), grounds)
        return is_new


def change_stages(
    target: Ledger | Connection, use_case: str, request: Request, grounds: Grounds
) -> tuple[ReleaseEvent, ...]:
    """Do what is asked of the releases of a use case; returns what happened, () where it was so already.

    Nobody else moves a release of any use case until the transaction ends: two processes that saw the same state cannot
    both act on it. Raises `TransitionRefused`, and writes nothing, where the state machine does not allow it.
    """
    with facts.writing(target) as connection:
        # First, for it also keeps other writers out until this one has read and written.
        seq = facts.next_seq(connection, release_event, release_event.c.use_case == use_case)
        moves = planned(roster_of(connection, use_case), request, grounds.by)
        happened = tuple(
            ReleaseEvent(
                use_case=use_case,
                seq=seq + number,
                release_id=move.release_id,
                stage_before=move.before,
                stage=move.after,
                share=move.share,
                decider=grounds.by.kind,
                decided_by=grounds.by.name,
                reason=move.because or grounds.reason,
                evidence=facts.canonical_json(grounds.evidence),
                as_of=grounds.as_of,
                recorded_at=utc_now(),
            )
            for number, move in enumerate(moves)
        )
        if facts.add(connection, release_event, happened) != len(happened):
            raise IntegrityError(f"somebody else moved a release of {use_case} at the same time. Try again.")
        return happened


def judgement_of(source: Ledger | Connection, verdict_id: str) -> Judgement:
    """A verdict of the gate as a promotion rests on it. Raises `UsageError` where the ledger does not know it."""
    found = facts.one(source, Judgement, verdict, verdict.c.verdict_id == verdict_id)
    if found is None:
        raise UsageError(f"the ledger knows no verdict {verdict_id}. Let the gate look at the release first.")
    return found
