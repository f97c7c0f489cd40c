"""What the rules would have earned beside the default action for everybody, while a release decided."""

from __future__ import annotations

from decisionloop.ledger.batches import batches, cohort_name, latest_details
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.measurements import measurements_of
from decisionloop.observe.known_actions import RULES_OVER_DEFAULT
from decisionloop.workspace import Workspace
from tasks.readback.measured import estimates_of


def are_rules_worse(workspace: Workspace, release_id: str) -> bool:
    """Whether the rules, as far as the cohorts of a release tell, earn less than the default action for everybody.

    The best guess and not a bound: one of the two must take its place. False where nothing tells.
    """
    ledger, name = workspace.ledger, workspace.use_case.name
    found = batches(ledger, name)
    told = latest_details(ledger, [one.batch_id for one in found], "decided")
    own = {
        cohort_name(one.as_of)
        for one, detail in zip(found, told, strict=True)
        if detail.get("decided_by") == release_id
    } - set(held_cohorts(ledger, name))
    rows = measurements_of(ledger, name, RULES_OVER_DEFAULT)
    estimates = estimates_of(rows[rows["cohort"].isin(own)])
    return sum(one.n * one.value for one in estimates if one.value is not None) < 0
