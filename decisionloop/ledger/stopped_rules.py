"""The rules stopped, and back in their place: moved and told in one transaction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.release_changes import change_stages, register_release
from decisionloop.ledger.releases import RULES, Release, ReleaseEvent
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.facts import canonical_json, fact_id
from decisionloop.ledger.switch_lock import take_switch
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import ResumeRules, StopRules
from decisionloop.release.stages import DEFAULT_ACTION

STOPPED: Final = "rules stopped"
RESUMED: Final = "rules resumed"
"""The kinds of the alerts that tell of it."""
Tell = Callable[[Connection, NewAlert], object]
"""Tells people in the transaction that moves the releases."""


def stop_rules(ledger: Ledger, rules: Release, default_action: str, grounds: Grounds, tell: Tell | None = None) -> str:
    """Let the ``default_action`` (its name) take the place of ``rules``; returns what people are told, "" if it has.

    Every stop is a release of its own, so that what is measured of it begins with it.
    """
    stop = _release(rules, default_action, grounds)
    with ledger.begin() as connection:
        take_switch(connection, rules.use_case)
        register_release(connection, stop, f"{default_action} for everybody, for {rules.release_id}", grounds.by.name)
        happened = change_stages(connection, rules.use_case, StopRules(stop.release_id), grounds)
        said = (
            f"{grounds.reason.rstrip('.')}. {default_action} is what everybody but the holdout gets in the rules' place"
        )
        remedy = (
            "What the rules would do is explored within the budget, and the holdout stays on them: they come back by "
            "themselves once they surely earn more, and a model decides once it is proven to. Look at what they take "
            f"to be worth it. `decisionloop rollback {rules.use_case} --to rules` brings them back at once."
        )
        return _told(connection, rules.use_case, happened, NewAlert("warning", STOPPED, f"{said}.", remedy), tell)


def resume_rules(ledger: Ledger, use_case: str, grounds: Grounds, tell: Tell | None = None) -> str:
    """Let the rules take their place again; returns what people are told, "" where they have it."""
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        happened = change_stages(connection, use_case, ResumeRules(), grounds)
        said = f"{grounds.reason.rstrip('.')}. The rules have their place again."
        remedy = f"Nothing need be done. `decisionloop history {use_case}` says what happened."
        return _told(connection, use_case, happened, NewAlert("warning", RESUMED, said, remedy), tell)


def _told(
    connection: Connection, use_case: str, happened: tuple[ReleaseEvent, ...], alert: NewAlert, tell: Tell | None
) -> str:
    if not happened:
        return ""
    told = NewAlert(alert.severity, alert.kind, alert.message, alert.remedy, occasion=str(happened[-1].seq))
    (tell or functools.partial(_keep, use_case))(connection, told)
    return alert.message


def _keep(use_case: str, connection: Connection, alert: NewAlert) -> None:
    append_alert(connection, use_case, alert)


def _release(rules: Release, default_action: str, grounds: Grounds) -> Release:
    number = fact_id(rules.release_id, default_action, grounds.as_of, grounds.reason)[:12]
    return Release(
        release_id=f"{rules.use_case}/{DEFAULT_ACTION}/{number}",
        use_case=rules.use_case,
        kind=RULES,
        contract_digest=rules.contract_digest,
        scorer_digest=None,
        training_set_id=None,
        mlflow_version=None,
        reference_scores="null",
        card_json=canonical_json({"kind": DEFAULT_ACTION, "action": default_action, "in_place_of": rules.release_id}),
        created_at=grounds.as_of,
    )
