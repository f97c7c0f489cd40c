"""What only a replay can know: the true money of what was decided, and of what could have been.

Nothing but the page's section "What the replay knew" may read this; a loop that used it would cheat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.economics import known_values, realised_values
from decisionloop.contract import UseCase
from decisionloop.ledger.batches import batches
from decisionloop.observe.cohort import counts_in_money, rules_within_limits
from decisionloop.report.read.decisions import decided_beside_rules
from decisionloop.sources.base import ReplaySource

if TYPE_CHECKING:
    from decisionloop.workspace import Workspace

TRUTH_COLUMNS = ("policy", "rules", "everyone", "hindsight")
UNRECORDED = "unrecorded_n"
"""Decisions whose outcome nobody recorded: no money of a period with such is known to be its whole."""
LOGGED_ACTION, LOGGED_PROPENSITY = "logged_action", "logged_propensity"
TO_ALL = "to_all_"


def rows_of_replay(workspace: Workspace) -> pd.DataFrame | None:
    """True money a decision: columns as_of, ``TRUTH_COLUMNS`` and, of a recorded experiment, `to_all` of each action.

    Of the decisions that the loop's own money counts (`observe.cohort.counts_in_money`). None for a live source, and
    before anything was decided.
    """
    source = workspace.source
    if not isinstance(source, ReplaySource):
        return None
    truth = source.hidden_truth().rename(columns={"action": LOGGED_ACTION, "propensity": LOGGED_PROPENSITY})
    parts = [
        _truth_of_batch(workspace, batch.batch_id, truth)
        for batch in batches(workspace.ledger, workspace.use_case.name)
        if batch.state in {"decided", "complete"}
    ]
    return pd.concat(parts) if parts else None


def is_of_experiment(rows: pd.DataFrame) -> bool:
    """Whether `rows_of_replay` are estimates by a recorded experiment, and not the truth itself."""
    return any(str(name).startswith(TO_ALL) for name in rows)


def to_all(action: str) -> str:
    """The column of what a decision would have brought if everybody had got that action."""
    return f"{TO_ALL}{action}"


def truth_by_period(money: pd.DataFrame) -> pd.DataFrame:
    """True money by month in the contract's currency: columns period, policy, rules, everyone, hindsight.

    Sums of the rows of `rows_of_replay`. A recorded experiment knows the outcome of the logged action only: what it
    says of the loop and of the rules is an estimate, whose 95 % half-widths (1.96 standard errors of a sum of rows) are
    in policy_error, rules_error, everyone_error and difference_error.
    """
    period = money["as_of"].dt.strftime("%Y-%m").rename("period")
    told = money.groupby(period)[list(TRUTH_COLUMNS)].sum(min_count=1)
    told[UNRECORDED] = money[UNRECORDED].groupby(period).sum().astype("int64") if UNRECORDED in money else 0
    if is_of_experiment(money):
        difference = money["policy"] - money["rules"]
        rows = money[["policy", "rules", "everyone"]].assign(difference=difference).groupby(period)
        errors = 1.96 * rows.std(ddof=0) * np.sqrt(rows.count())
        told = told.join(errors.add_suffix("_error"))
    return told.reset_index()


def _truth_of_batch(workspace: Workspace, batch_id: str, truth: pd.DataFrame) -> pd.DataFrame:
    decided = decided_beside_rules(workspace.ledger, batch_id)
    rules = rules_within_limits(decided, decided["action"].to_numpy(object), decided["rules_action"].to_numpy(object))
    decided = decided.assign(rules_action=rules)
    is_rules_choice = (decided["action"] == decided["rules_action"]).to_numpy()
    decided = decided[counts_in_money(decided, decided["propensity"].to_numpy(np.float64), is_rules_choice)]
    known = recorded(workspace.use_case, decided.merge(truth, how="left", on=["entity_id", "as_of"]))
    unrecorded = len(decided) - len(known)
    if not len(known):
        rest = {"as_of": decided["as_of"].iloc[:1], UNRECORDED: unrecorded}
        return pd.DataFrame(rest, columns=["as_of", *TRUTH_COLUMNS, UNRECORDED])
    money_of = logged_money if LOGGED_ACTION in known else true_money
    money = [
        money_of(workspace.use_case, frozen(workspace, str(digest), of_part), of_part)
        for digest, of_part in known.groupby("snapshot_digest", sort=False)
    ]
    told = pd.concat(money, ignore_index=True).assign(as_of=known["as_of"].iloc[0], **{UNRECORDED: 0})
    told.loc[0, UNRECORDED] = unrecorded
    return told


def recorded(use_case: UseCase, met: pd.DataFrame) -> pd.DataFrame:
    """Those of ``met`` whose outcome is recorded, or is 0 because none is and the contract takes that for a no."""
    has_outcome = met[["outcome_class", "amount"]].notna().any(axis=1)
    if use_case.outcome.means_zero_when_absent and LOGGED_ACTION not in met:
        zero = {name: met[name].mask(~has_outcome, 0.0) for name in ("outcome_class", "amount")}
        return met.assign(**zero)
    return met[has_outcome].reset_index(drop=True)


def frozen(workspace: Workspace, digest: str, decided: pd.DataFrame) -> pd.DataFrame:
    """The frozen features of decisions of one part, in their order."""
    frame = workspace.snapshots.get_table(digest).to_pandas()
    return frame.iloc[decided["snapshot_row"]].reset_index(drop=True)


def true_money(use_case: UseCase, frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Money (n rows) of the action taken, the rules' action, the same action for everyone, and the best action.

    ``frame`` (n) canonical features; ``known`` (n): action, rules_action, outcome_class, amount as they would be
    under any revealing action. "Everyone" gets the first revealing action that is not the default.
    """
    rows, names = len(frame), list(use_case.action_names)
    each = np.arange(rows)
    taken, ruled = _chosen(known, names)
    by_action = np.stack(
        [
            realised_values(use_case, frame, np.full(rows, index), known["outcome_class"], known["amount"])
            for index in range(len(names))
        ],
        axis=1,
    )
    return pd.DataFrame(
        {
            "policy": by_action[each, taken],
            "rules": by_action[each, ruled],
            "everyone": by_action[:, for_everyone(use_case)],
            "hindsight": by_action.max(axis=1),
        }
    )


def logged_money(use_case: UseCase, frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The same by a recorded experiment: one unbiased row a decision, its mean the policy's (doubly robust).

    q + [logged = chosen] (r - q) / p with q the mean money of the chosen action in the log, r the logged decision's
    money and p its propensity (Dudik, Langford and Li 2011); the exact money of an action that needs no outcome.
    Hindsight is not known: each outcome is known of one action only. ``known`` (n) further holds logged_action and
    logged_propensity. A column `to_all` of each action says the same of giving everybody that action.
    """
    names, n = list(use_case.action_names), len(frame)
    logged = known[LOGGED_ACTION].map(names.index).to_numpy(dtype=np.int64)
    money = realised_values(use_case, frame, logged, known["outcome_class"], known["amount"])
    exact, is_told = known_values(use_case, frame), ~np.isnan(money)
    count = np.bincount(logged[is_told], minlength=len(names))
    total = np.bincount(logged[is_told], weights=money[is_told], minlength=len(names))
    mean = np.divide(total, count, out=np.zeros(len(names)), where=count > 0)
    weight = np.where(is_told, 1.0 / known[LOGGED_PROPENSITY].to_numpy(dtype=np.float64), 0.0)

    def of(chosen: np.ndarray) -> np.ndarray:
        surprise = np.where(is_told & (logged == chosen), weight * (np.nan_to_num(money) - mean[chosen]), 0.0)
        certain = exact[np.arange(n), chosen]
        return np.where(np.isnan(certain), mean[chosen] + surprise, certain)

    taken, ruled = _chosen(known, names)
    alike = {to_all(name): of(np.full(n, index)) for index, name in enumerate(names)}
    everyone = alike[to_all(names[for_everyone(use_case)])]
    told = {"policy": of(taken), "rules": of(ruled), "everyone": everyone, "hindsight": np.nan}
    return pd.DataFrame({**told, **alike})


def _chosen(known: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Indices (n,) of the action taken and of the rules' action."""
    columns = (known["action"], known["rules_action"])
    taken, ruled = (column.map(names.index).to_numpy(dtype=np.int64) for column in columns)
    return taken, ruled


def for_everyone(use_case: UseCase) -> int:
    """The first revealing action that is not the default."""
    revealing = [i for i, action in enumerate(use_case.actions) if action.reveals_outcome and not action.is_default]
    return revealing[0] if revealing else use_case.revealing.index(True)
