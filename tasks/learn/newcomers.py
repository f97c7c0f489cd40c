"""Steps for whoever has just entered shadow: it is scored on the newest batch at once, and may be on trial by the next.

That batch was decided without it, on features that are frozen, so that it is told there as well as on the next one
whether it fails, how long it takes and whom it would treat otherwise. To wait for the next batch would cost a week of
what it earns; where batches are monthly, a month.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from decisionloop.act.side_by_side import Contenders, ReleaseRun, value_side_by_side
from decisionloop.endings import joined
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import batches
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import challengers, find_stage
from decisionloop.ledger.stage_costs import append_stage_costs
from decisionloop.metering import StageCost
from decisionloop.predict.rules import choose_by_rules
from decisionloop.workspace import Workspace, open_workspace
from tasks.each_part import each_part
from tasks.keep import keep_part, scope_of
from tasks.learn.comparisons import review_challenger
from tasks.predict.score import record_run, scoring_release, total_runs
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.readback.releases import release_of
from tasks.readback.tables import read_part
from tasks.step import step

DECIDED = ("decided", "complete")


@step
def score_newcomers(use_case: str, as_of: datetime) -> tuple[str, ...]:
    """Score whoever stands beside the champion and has scored nothing yet on the newest batch; returns their ids.

    Nobody where the contract does not want that (`shadow.on_newest_batch`), no batch is decided, or the newest was
    decided under another contract or other code.
    """
    workspace = open_workspace(use_case)
    if not workspace.use_case.shadow.on_newest_batch:
        return ()
    hand = _newest(workspace, as_of)
    beside = [one.release_id for one in challengers(workspace.ledger, use_case)]
    new = tuple(one for one in beside if not shadow_runs(workspace.ledger, one))
    if hand is None or not new or _has_scored_others(hand, new):
        return ()
    told = each_part(workspace, score_newcomers_part, hand.batch_id, new)
    with workspace.ledger.begin() as connection:
        costs = [cost for _, of_part in told for cost in of_part]
        append_stage_costs(connection, hand.batch_id, hand.batch.attempt, costs, hand.use_case.serving_cost)
    for run in total_runs([runs for runs, _ in told]):
        record_run(hand, run)
    return new


@step
def score_newcomers_part(
    use_case: str, batch_id: str, part: int, newcomers: tuple[str, ...]
) -> tuple[tuple[ReleaseRun, ...], tuple[StageCost, ...]]:
    """Score one part with them; returns how each fared, and what it took."""
    hand = open_batch_in_hand(use_case, batch_id)
    workspace = hand.workspace
    frame = read_part(workspace, batch_id, "features", part).to_pandas()
    faults = read_part(workspace, batch_id, "faults", part)["reason"].to_pandas().to_numpy(dtype=object)
    ruled = choose_by_rules(hand.use_case, workspace.code, frame, faults)
    beside = [scoring_release(workspace, release_of(workspace, one)) for one in newcomers]
    contenders = Contenders(ruled, None, beside, are_rules_stopped=hand.rules.is_default_action)
    told = value_side_by_side(hand.use_case, frame, hand.as_of, contenders, scope_of(workspace))
    keep_part(workspace, batch_id, "newcomers", part, told.predictions)
    return told.shadows, told.costs


@step
def review_newcomers(use_case: str, as_of: datetime, newcomers: Sequence[str]) -> str:
    """Let them decide for the first share of the entities where enough speaks for it; returns what happened."""
    workspace = open_workspace(use_case)
    stages = [find_stage(workspace.ledger, one) for one in newcomers]
    return joined(review_challenger(workspace, one, as_of) for one in stages if one is not None)


def _has_scored_others(hand: BatchInHand, new: Sequence[str]) -> bool:
    """Whether other newcomers than these have left their word on the batch: a part has room for those of one training.

    These themselves may have, in a run that was killed.
    """
    for part in parts_of(hand.ledger, hand.batch_id, "newcomers"):
        told = read_part(hand.workspace, hand.batch_id, "newcomers", part.part, ["release_id"])
        if "release_id" in told.column_names and not set(told["release_id"].unique().to_pylist()) <= set(new):
            return True
    return False


def _newest(workspace: Workspace, as_of: datetime) -> BatchInHand | None:
    """The newest batch that was decided by then, where it can be scored as it was."""
    name = workspace.use_case.name
    decided = [one for one in batches(workspace.ledger, name) if one.state in DECIDED and one.as_of <= as_of]
    if not decided:
        return None
    hand = open_batch_in_hand(name, decided[-1].batch_id)
    is_same_code = hand.details["opened"].get("code_digest") in {None, workspace.code.digest}
    return hand if is_same_code and hand.use_case.digest == workspace.use_case.digest else None
