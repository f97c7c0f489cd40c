"""The checks of a release that wait for nobody: the newest data, its files, its contract, its parity, its latency."""

from __future__ import annotations

import json

from decisionloop.errors import BatchHalted, DeploymentStopped, IntegrityError
from decisionloop.learn.compatibility import compatibility
from decisionloop.learn.parity import TOLERANCE
from decisionloop.learn.serving import CALLS, ServingTime
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.batches import Batch, attempt_details, batches
from decisionloop.ledger.releases import Release, ReleaseStage
from decisionloop.ledger.use_cases import contract
from decisionloop.ledger.validation import results
from decisionloop.ledger.watching_periods import unfinished_of_stream
from decisionloop.release_rehearsal import Rehearsal, ToRehearse, rehearse
from decisionloop.workspace import Workspace
from tasks.release.deployment import Deployment, passed, stop, tell_of_stop
from tasks.step import step
from tasks.tell.progress import say

UNCHECKED = ("opened", "due", "frozen")
"""States of a batch whose data nobody has looked at."""


@step
def check_newest_data(asked: Deployment) -> None:
    """The newest batch has passed its checks. Raises BatchHalted (exit code 1) where it has not; people are told."""
    workspace = asked.workspace
    batch = _newest_with_rows(workspace)
    if batch is None:
        stop(asked, "data", "there is no batch yet. Run one first.", is_alarm=False)
    if batch.state in UNCHECKED:
        stop(asked, "data", f"{batch.batch_id} is {batch.state}, its data unchecked. Run it first.", is_alarm=False)
    told = results(workspace.ledger, batch.batch_id, batch.attempt)
    failed = [one for one in told if not one.is_success]
    critical = [one for one in failed if one.severity == "critical"]
    if batch.state == "halted" or critical:
        halted = attempt_details(workspace.ledger, batch.batch_id).get("halted", {})
        check = str(halted.get("check") or "; ".join(f"{one.expectation} {one.column_name or ''}" for one in critical))
        say("data", f"STOPPED. {batch.batch_id} was halted: {check}.")
        tell_of_stop(asked, f"the newest batch, {batch.batch_id}, was halted ({check}).")
        raise BatchHalted(
            batch.batch_id, check, "Mend the data and run the batch again; nobody else decides meanwhile."
        )
    others = f", {len(failed)} of them not (none critical)" if failed else ""
    passed("data", f"{batch.batch_id} passed {len(told)} checks{others}.")


@step
def load_alone(asked: Deployment, stage: ReleaseStage) -> Rehearsal:
    """Load the release by its digest in a process of its own, ask and time it there.

    Raises IntegrityError where a file is not what the ledger recorded, DeploymentStopped where it does not load.
    """
    release = stage.release
    try:
        found = rehearse(_to_rehearse(asked.workspace, release))
    except IntegrityError as damaged:
        say("load", f"STOPPED. {damaged}")
        tell_of_stop(asked, str(damaged))
        raise
    except DeploymentStopped as stopped:
        stop(asked, "load", stopped.problem)
    passed("load", f"every file has the digest of the ledger ({str(release.scorer_digest)[:12]}…), and loads alone.")
    return found


@step
def check_contract(asked: Deployment, stage: ReleaseStage, found: Rehearsal) -> None:
    """The release may decide under the present contract, which it need not have been taught under."""
    workspace = asked.workspace
    recorded = _taught_under(workspace, stage.release)
    held = compatibility(recorded, workspace.folder.text, found.reads)
    if held.retrain:
        stop(asked, "contract", f"the contract has changed: {'; '.join(held.retrain)}. Retrain it.")
    notes = f"; {'; '.join(held.notes)}" if held.notes else ""
    passed(
        "contract", f"what it reads and learnt from means the same under version {workspace.use_case.version}{notes}."
    )


@step
def check_parity(asked: Deployment, found: Rehearsal) -> None:
    """What decides says what it was compiled from, where that was kept, and its reasons add up."""
    if not found.is_explained:
        stop(asked, "parity", "its scores come without reasons, or with reasons that do not add up to them.")
    if found.worst_difference is None:
        return passed("parity", "not asked: it was trained before the answers of its pipelines were kept.")
    if not found.worst_difference <= TOLERANCE:
        problem = f"it differs by {found.worst_difference:.3g} of the largest answer from what it was compiled from."
        stop(asked, "parity", f"{problem} This machine computes otherwise than the one that trained it.")
    return passed("parity", f"it says what it was compiled from, on {found.asked_rows} rows, and explains it.")


@step
def check_latency(asked: Deployment, stage: ReleaseStage, found: Rehearsal) -> None:
    """A decision keeps its time budget, by the gate's rule: a slow reading may be the machine's, and refuses nobody."""
    budget = asked.workspace.use_case.latency.online_ms
    recorded = float(json.loads(stage.release.card_json)["latency_ms"])
    told = ServingTime(min(found.reading_ms, recorded), found.lookups).against(budget)
    if told.least_ms > budget:
        stop(
            asked,
            "latency",
            f"a decision surely takes {told.least_ms:.3g} ms anywhere, over the {budget:g} ms allowed.",
        )
    if told.over_ms is not None:
        problem = (
            f"insufficient: the best of {CALLS} decisions took {told.over_ms:.3g} ms, over the {budget:g} ms allowed."
        )
        stop(asked, "latency", f"{problem} A busy machine reads so too: ask again.", is_alarm=False)
    passed("latency", f"a decision keeps the budget of {budget:g} ms.")


def _newest_with_rows(workspace: Workspace) -> Batch | None:
    """The newest batch that had anybody to decide; one of the stream counts once its watching period is over."""
    ledger, name = workspace.ledger, workspace.use_case.name
    gathers = set(unfinished_of_stream(ledger, name))
    known = [one for one in batches(ledger, name) if one.state != "covered" and one.batch_id not in gathers]
    return known[-1] if known else None


def _to_rehearse(workspace: Workspace, release: Release) -> ToRehearse:
    kept = json.loads(release.card_json).get("parity")
    return ToRehearse(
        snapshots_url=workspace.snapshots.url,
        digest=str(release.scorer_digest),
        engine=workspace.settings.scorer_engine,
        contract=_taught_under(workspace, release),
        rows=_newest_rows(workspace) if kept is None else kept["rows"],
        answers=None if kept is None else kept["answers"],
    )


def _newest_rows(workspace: Workspace) -> str:
    """Digest of the first features of the newest batch: what a release without rows of its own is asked."""
    batch = _newest_with_rows(workspace)
    part = None if batch is None else find_part(workspace.ledger, batch.batch_id, "features", 0)
    assert part is not None  # a batch whose data was checked has rows
    return part.digest


def _taught_under(workspace: Workspace, release: Release) -> str:
    recorded = contract(workspace.ledger, release.contract_digest)
    assert recorded is not None  # held by a foreign key
    return recorded.contract_yaml
