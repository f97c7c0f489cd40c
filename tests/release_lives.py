"""Releases brought where a test wants them, by the way that every release goes."""

from __future__ import annotations

from datetime import datetime

from decisionloop.ledger.release_changes import change_stages, judgement_of, register_release
from decisionloop.ledger.releases import Release, ReleaseEvent, roster_of
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.verdicts import Verdict, append_verdict
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import EnterShadow, InstallRules, Promote
from decisionloop.release.stages import Decider

OURSELVES = Decider("decisionloop", "test")


def install_rules(ledger: Ledger, rules: Release, reason: str = "no model decides") -> None:
    """Register rules, and let them be the rules from now on."""
    register_release(ledger, rules, "the rules as they stand", "test")
    change_stages(ledger, rules.use_case, InstallRules(rules.release_id), Grounds(OURSELVES, reason, rules.created_at))


def into_shadow(ledger: Ledger, model: Release, as_of: datetime | None = None, reason: str = "to be seen") -> None:
    """Register a model, and let the gate bring it into shadow."""
    register_release(ledger, model, "trained", "test")
    grounds = Grounds(GATE, reason, as_of or model.created_at)
    change_stages(ledger, model.use_case, EnterShadow(model.release_id), grounds)


def promote(
    ledger: Ledger, model: Release, as_of: datetime | None = None, reason: str = "it earns more", look: int = 2
) -> tuple[ReleaseEvent, ...]:
    """Let a model in shadow become champion by a verdict of the gate."""
    at, roster = as_of or model.created_at, roster_of(ledger, model.use_case)
    verdict = Verdict(
        use_case=model.use_case,
        challenger_id=model.release_id,
        champion_id=str(roster.champion),
        look=look,
        as_of=at,
        decision="promote",
        reasons="[]",
        evidence="{}",
        attempt=roster.attempt_of(model.release_id),
    )
    append_verdict(ledger, verdict)
    request = Promote(model.release_id, judgement_of(ledger, verdict.verdict_id))
    return change_stages(ledger, model.use_case, request, Grounds(GATE, reason, at))
