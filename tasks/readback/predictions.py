"""What every release predicted of a batch, read back from the parts that scoring left behind."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from decisionloop.act.action_names import actions_by_index
from decisionloop.ledger.batch_parts import PartKind, parts_of
from decisionloop.ledger.batches import latest_detail
from decisionloop.observe.release_predictions import ReleasePredictions
from decisionloop.release.stages import is_default_action
from decisionloop.workspace import Workspace
from tasks.readback.releases import on_trial_of
from tasks.readback.tables import read_table

REASON = "rules_reason_codes"


def read_predictions(workspace: Workspace, batch_id: str, log: pd.DataFrame) -> ReleasePredictions:
    """The predictions of the decisions of ``log`` (n rows of one batch with ``decision_id``), in its order.

    Raises IntegrityError where a part is not what was recorded.
    """
    use_case = workspace.use_case
    names = [f"value:{name}" for name in use_case.action_names]
    bounds = [f"supported:{name}" for name in use_case.action_names]
    scores = _parts(workspace, batch_id, "scores", ["decision_id", "rules_action", REASON, "score", *names, *bounds])
    place = pd.Index(scores["decision_id"]).get_indexer(pd.Index(log["decision_id"]))
    has_model = "score" in scores
    scored = latest_detail(workspace.ledger, batch_id, "scored")
    return ReleasePredictions(
        rules_action=actions_by_index(use_case, scores["rules_action"])[place],
        champion_id=str(scored["champion"]),
        values=scores[names].to_numpy(dtype=np.float64)[place] if has_model else None,
        champion_score=scores["score"].to_numpy(dtype=np.float64)[place] if has_model else None,
        shadows=_shadows(workspace, batch_id, scores, place),
        supported=scores[bounds].to_numpy(dtype=bool)[place] if bounds[0] in scores else None,
        on_trial=on_trial_of(scored),
        are_rules_stopped=is_default_action(str(scored.get("rules") or "")),
        rules_reason=_words(scores[REASON])[place] if REASON in scores else None,
    )


def _words(codes: pd.Series) -> np.ndarray:
    """The rules' words (n,) from their reason codes, JSON lists of one text each."""
    place, texts = pd.factorize(codes.astype("str"))
    return np.array([json.loads(one)[0] for one in texts], dtype=object)[place]


def _shadows(
    workspace: Workspace, batch_id: str, scores: pd.DataFrame, place: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    columns = ["row", "release_id", "score", "action"]
    predicted = _parts(workspace, batch_id, "predictions", [*columns, "decision_id", "role"])
    if "release_id" not in predicted:  # nobody was in shadow
        return {}
    if "role" in predicted:
        predicted = _of_first_version(workspace, predicted, scores)
    start = scores.groupby("part", sort=True).size().cumsum().shift(fill_value=0)
    at = predicted["row"].to_numpy() + start.loc[predicted["part"]].to_numpy()
    preferred = actions_by_index(workspace.use_case, predicted["action"])
    shadows = {}
    for release_id, rows in predicted.groupby("release_id", observed=True, sort=False).indices.items():
        score, action = np.full(len(scores), np.nan), np.full(len(scores), -1)
        score[at[rows]] = predicted["score"].to_numpy(dtype=np.float64)[rows]
        action[at[rows]] = preferred[rows]
        shadows[str(release_id)] = (score[place], action[place])
    return shadows


def _of_first_version(workspace: Workspace, predicted: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Tables from before revision 0003: every release's answers, by decision, actions by name. Batches had one part."""
    shadows = predicted[predicted["role"] == "shadow"].reset_index(drop=True)
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
