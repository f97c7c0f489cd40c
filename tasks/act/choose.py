"""Steps of act for one part of a batch: choose its actions, log its decisions. Each runs wherever the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.decision_log import BatchFacts, decision_rows
from decisionloop.act.guardrails import Tally
from decisionloop.act.policy import Choice, Situation, choose_part
from decisionloop.act.prices import Plan
from decisionloop.ledger.batch_parts import PartKind, find_part
from decisionloop.ledger.batches import latest_detail
from decisionloop.ledger.decisions import append_decisions
from decisionloop.metering import Meter, StageCost
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.workspace import Workspace, open_workspace
from tasks.act.overtaken import append_unless_overtaken
from tasks.readback.parts import keep_part, read_part
from tasks.readback.situation import score_reference, situation_of
from tasks.readback.stages import release_of, scope_of
from tasks.readback.tables import batch_of
from tasks.step import step


@dataclass(frozen=True)
class ChosenPart:
    """What was chosen in a part, counted: by action, by slice, by protected group; and what choosing took."""

    tally: Tally
    actions: ActionProfile
    groups: GroupTally
    cost: StageCost


@dataclass(frozen=True)
class LoggedPart:
    """How many decisions of a part are in the ledger, how many of them are to be sent, what logging took.

    ``is_overtaken``: the kill switch went on before they were logged, so that the rules' choice was logged instead.
    """

    decisions: int
    messages: int
    cost: StageCost
    is_overtaken: bool = False


def situations(workspace: Workspace, batch_id: str, parts: int) -> Iterator[tuple[pd.DataFrame, Situation]]:
    """The parts of a batch as the plan reads them, one at a time."""
    for part in range(parts):
        frame, _, situation = situation_of(workspace, batch_id, part, is_killed=False)
        yield frame, situation


@step
def choose_actions(
    use_case: str, batch_id: str, part: int, is_killed: bool, totals: BatchTotals, agreed: Plan | None
) -> ChosenPart:
    """Choose an action for everyone in one part, at the prices that the whole batch agreed on."""
    workspace = open_workspace(use_case)
    with Meter("decide", None, scope_of(workspace)) as meter:
        frame, scores, situation = situation_of(workspace, batch_id, part, is_killed)
        kind = _kind(is_killed)
        if find_part(workspace.ledger, batch_id, kind, part) is None:
            as_of = batch_of(workspace, batch_id).as_of
            choice = choose_part(workspace.use_case, frame, as_of, situation, totals, agreed)
            kept = keep_part(workspace, batch_id, kind, part, _table(choice))
            meter.add(len(frame), workspace.snapshots.bytes_of(kept.digest))
        # What was chosen before stands: a run that was killed must not choose anew what is in the ledger already.
        action = read_part(workspace, batch_id, kind, part, ["action"])["action"].to_numpy().astype(np.int64)
        tally = Tally.of(workspace.use_case, frame, action, totals)
        actions = _action_profile(workspace, batch_id, frame, action, None if is_killed else scores)
        groups = GroupTally.of(workspace.use_case, frame, action, situation.rules_action)
    return ChosenPart(tally, actions, groups, meter.cost)


@step
def log_decisions(
    use_case: str, batch_id: str, part: int, champion: str, rules: str, decided_at: datetime, is_killed: bool
) -> LoggedPart:
    """Append one part's decisions to the ledger, which also queues what is to be sent, in one transaction."""
    workspace = open_workspace(use_case)
    with Meter("log", None, scope_of(workspace)) as meter:
        by_whom = (champion, rules, decided_at)
        rows = rows_of_part(workspace, batch_id, part, *by_whom, is_killed)
        is_overtaken = not append_unless_overtaken(workspace, is_killed, lambda to: append_decisions(to, rows))
        if is_overtaken:
            choose_by_rules(workspace, batch_id, part)
            rows = rows_of_part(workspace, batch_id, part, *by_whom, is_killed=True)
            append_unless_overtaken(workspace, True, lambda to: append_decisions(to, rows))
        meter.add(len(rows))
    return counted(rows, meter.cost, is_overtaken)


def choose_by_rules(workspace: Workspace, batch_id: str, part: int) -> None:
    """Keep what the rules choose for a part under the kill switch; what was kept before stands."""
    if find_part(workspace.ledger, batch_id, _kind(True), part) is None:
        frame, _, situation = situation_of(workspace, batch_id, part, is_killed=True)
        as_of = batch_of(workspace, batch_id).as_of
        choice = choose_part(workspace.use_case, frame, as_of, situation, BatchTotals(0, ()), None)
        keep_part(workspace, batch_id, _kind(True), part, _table(choice))


def rows_of_part(
    workspace: Workspace, batch_id: str, part: int, champion: str, rules: str, decided_at: datetime, is_killed: bool
) -> pa.Table:
    """The ledger's rows of one part, from what scoring and choosing left behind.

    The kill switch as it stands now (``is_killed``) says which choice counts; rows that are in the ledger stand.
    """
    features = find_part(workspace.ledger, batch_id, "features", part)
    assert features is not None  # predict left it
    ids = read_part(workspace, batch_id, "features", part, [workspace.use_case.entity.key]).column(0)
    facts = BatchFacts(batch_id, batch_of(workspace, batch_id).as_of, features.digest, champion, rules, decided_at)
    scores, chosen = (read_part(workspace, batch_id, kind, part) for kind in ("scores", _kind(is_killed)))
    return decision_rows(workspace.use_case, facts, scores, _choice(chosen), ids.combine_chunks())


def _action_profile(
    workspace: Workspace, batch_id: str, frame: pd.DataFrame, action: np.ndarray, scores: pa.Table | None
) -> ActionProfile:
    """Actions by slice and, where a model decides, its scores by slice."""
    champion = release_of(workspace, str(latest_detail(workspace.ledger, batch_id, "scored")["champion"]))
    reference = score_reference(champion)
    if scores is None or reference is None:
        return ActionProfile.of(workspace.use_case, frame, action)
    told = scores["score" if workspace.use_case.outcome.class_ else "amount"].to_numpy()
    return ActionProfile.of(workspace.use_case, frame, action, told, reference)


def _kind(is_killed: bool) -> PartKind:
    """What the rules chose under the kill switch is kept apart from what the policy chose."""
    return "rules_choice" if is_killed else "choice"


def counted(rows: pa.Table, cost: StageCost, is_overtaken: bool = False) -> LoggedPart:
    """Rows counted whether or not they are new: a run that was killed in between says the same when it runs again."""
    return LoggedPart(len(rows), int(np.count_nonzero(rows["is_sent"].to_numpy())), cost, is_overtaken)


def _table(choice: Choice) -> pa.Table:
    """What of a choice is logged; the prices are the batch's."""
    return pa.table(
        {
            "action": choice.action.astype(np.int8),
            "propensity": choice.propensity,
            "role": pa.array(choice.role, pa.string()).dictionary_encode(),
            "expected_value": choice.expected_value,
            "fallback_reason": pa.array(choice.fallback_reason, pa.string(), from_pandas=True).dictionary_encode(),
        }
    )


def _choice(table: pa.Table) -> Choice:
    """A stored choice; the propensities of what was not chosen are not kept."""
    return Choice(
        action=table["action"].to_numpy().astype(np.int64),
        propensity=table["propensity"].to_numpy(),
        propensities=np.empty((len(table), 0)),
        role=_texts(table["role"]),
        expected_value=table["expected_value"].to_numpy(),
        fallback_reason=_texts(table["fallback_reason"]),
        prices=(),
    )


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.string()).to_numpy(zero_copy_only=False)
