"""What only a replay can know: the true money of what was decided, and of what could have been.

Nothing but the page's section "What the replay knew" may read this; a loop that used it would cheat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.ledger.batches import batches
from decisionloop.report.read.decisions import decided_beside_rules
from decisionloop.sources.base import ReplaySource

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace

TRUTH_COLUMNS = ("policy", "rules", "everyone", "hindsight")


def truth_of_replay(workspace: Workspace) -> pd.DataFrame | None:
    """True money by month in the contract's currency: columns period, policy, rules, everyone, hindsight.

    Of the decisions that the loop's own money counts: not the holdout, nor what a fault sent to the rules. None for
    a live source, and for a replayed log, which knows the outcome of the logged action only.
    """
    source = workspace.source
    if not isinstance(source, ReplaySource):
        return None
    truth = source.hidden_truth()
    if "action" in truth:
        return None
    parts = [
        _truth_of_batch(workspace, batch.batch_id, truth)
        for batch in batches(workspace.ledger, workspace.use_case.name)
        if batch.state in {"decided", "complete"}
    ]
    return by_period(pd.concat(parts)) if parts else None


def by_period(money: pd.DataFrame) -> pd.DataFrame:
    """Sums by month of ``money`` (columns as_of and ``TRUTH_COLUMNS``, one row a decision)."""
    period = money["as_of"].dt.strftime("%Y-%m").rename("period")
    return money.groupby(period)[list(TRUTH_COLUMNS)].sum(min_count=1).reset_index()


def _truth_of_batch(workspace: Workspace, batch_id: str, truth: pd.DataFrame) -> pd.DataFrame:
    decided = decided_beside_rules(workspace.ledger, batch_id)
    decided = decided[(decided["role"] != "holdout") & decided["fallback_reason"].isna()]
    known = decided.merge(truth, how="inner", on=["entity_id", "as_of"])
    if not len(known):
        return pd.DataFrame(columns=["as_of", *TRUTH_COLUMNS])
    money = [
        true_money(workspace.use_case, _frozen(workspace, str(digest), of_part), of_part)
        for digest, of_part in known.groupby("snapshot_digest", sort=False)
    ]
    return pd.concat(money, ignore_index=True).assign(as_of=known["as_of"].iloc[0])


def _frozen(workspace: Workspace, digest: str, decided: pd.DataFrame) -> pd.DataFrame:
    """The frozen features of decisions of one part, in their order."""
    frame = workspace.snapshots.get_table(digest).to_pandas()
    return frame.iloc[decided["snapshot_row"]].reset_index(drop=True)


def true_money(use_case: UseCase, frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Money (n rows) of the action taken, the rules' action, the same action for everyone, and the best action.

    ``frame`` (n) canonical features; ``known`` (n): action, rules_action, outcome_class, amount as they would be
    under any revealing action. "Everyone" gets the first revealing action that is not the default.
    """
    rows, names = len(frame), list(use_case.action_names)
    by_action = np.stack(
        [
            realised_values(use_case, frame, np.full(rows, index), known["outcome_class"], known["amount"])
            for index in range(len(names))
        ],
        axis=1,
    )
    revealing = [i for i, action in enumerate(use_case.actions) if action.reveals_outcome and not action.is_default]
    each = np.arange(rows)
    everyone = revealing[0] if revealing else use_case.revealing.index(True)
    taken, ruled = (known[column].map(names.index).to_numpy(dtype=np.int64) for column in ("action", "rules_action"))
    return pd.DataFrame(
        {
            "policy": by_action[each, taken],
            "rules": by_action[each, ruled],
            "everyone": by_action[:, everyone],
            "hindsight": by_action.max(axis=1),
        }
    )
