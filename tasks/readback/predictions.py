"""What every release said of a batch, read back from the parts that scoring left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.action_names import actions_by_index
from decisionloop.ledger.batch_parts import PartKind, parts_of
from decisionloop.ledger.batches import latest_detail
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_table


@dataclass(frozen=True)
class Said:
    """What was said of n decisions.

    ``rules_action`` (n,) index. ``champion_id``: who decided; ``values`` (n, A) and ``champion_score`` (n,): its
    expected money and scores, None where that was the rules. ``shadows``: release to its scores and preferred
    actions (n,), NaN and -1 where it had nothing to say.
    """

    rules_action: np.ndarray
    champion_id: str
    values: np.ndarray | None
    champion_score: np.ndarray | None
    shadows: dict[str, tuple[np.ndarray, np.ndarray]]

    def scores(self, preferred: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Each model with its scores and the actions that it preferred; those of the champion are ``preferred``."""
        if self.champion_score is not None:
            yield self.champion_id, self.champion_score, preferred
        for release_id, (score, action) in self.shadows.items():
            yield release_id, score, action


def said_of(workspace: Workspace, batch_id: str, log: pd.DataFrame) -> Said:
    """What was said of the decisions of ``log`` (n rows of one batch with ``decision_id``), in its order."""
    use_case = workspace.use_case
    names = [f"value:{name}" for name in use_case.action_names]
    scores = _parts(workspace, batch_id, "scores", ["decision_id", "rules_action", "score", *names])
    place = pd.Index(scores["decision_id"]).get_indexer(pd.Index(log["decision_id"]))
    has_model = "score" in scores
    return Said(
        rules_action=actions_by_index(use_case, scores["rules_action"])[place],
        champion_id=str(latest_detail(workspace.ledger, batch_id, "scored")["champion"]),
        values=scores[names].to_numpy(dtype=np.float64)[place] if has_model else None,
        champion_score=scores["score"].to_numpy(dtype=np.float64)[place] if has_model else None,
        shadows=_shadows(workspace, batch_id, scores, place),
    )


def _shadows(
    workspace: Workspace, batch_id: str, scores: pd.DataFrame, place: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    columns = ["row", "release_id", "score", "action"]
    told = _parts(workspace, batch_id, "predictions", [*columns, "decision_id", "role"])
    if "release_id" not in told:  # nobody was in shadow
        return {}
    if "role" in told:
        told = _of_first_version(workspace, told, scores)
    start = scores.groupby("part", sort=True).size().cumsum().shift(fill_value=0)
    at = told["row"].to_numpy() + start.loc[told["part"]].to_numpy()
    preferred = actions_by_index(workspace.use_case, told["action"])
    found = {}
    for release_id, rows in told.groupby("release_id", observed=True, sort=False).indices.items():
        score, action = np.full(len(scores), np.nan), np.full(len(scores), -1)
        score[at[rows]] = told["score"].to_numpy(dtype=np.float64)[rows]
        action[at[rows]] = preferred[rows]
        found[str(release_id)] = (score[place], action[place])
    return found


def _of_first_version(workspace: Workspace, told: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Tables from before revision 0003: every release's answers, by decision, actions by name. Batches had one part."""
    shadows = told[told["role"] == "shadow"].reset_index(drop=True)
    row = pd.Index(scores["decision_id"]).get_indexer(pd.Index(shadows["decision_id"]))
    action = pd.Index(workspace.use_case.action_names).get_indexer(pd.Index(shadows["action"]))
    return shadows.assign(row=row, action=action)


def _parts(workspace: Workspace, batch_id: str, kind: PartKind, columns: list[str]) -> pd.DataFrame:
    """The tables of a kind below each other, with the number of the part that each row is of."""
    tables = [
        read_table(workspace, part.digest, columns).to_pandas().assign(part=part.part)
        for part in parts_of(workspace.ledger, batch_id, kind)
    ]
    return pd.concat(tables, ignore_index=True)
