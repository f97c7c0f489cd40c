"""Why somebody did not get what is favourable, in the contract's words: those reasons alone that spoke against it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.predict.reasons.codes import ReasonCatalogue, reason_catalogue
from decisionloop.predict.reasons.wording import WordedReason, read_reasons

MOST = 4
"""So many reasons the official comment to US Reg B, § 1002.9(b)(2), calls enough."""
DRAWN = "chosen by a draw that explores, for no reason that lies in the applicant"


def adverse_reasons(use_case: UseCase, decided: pd.DataFrame, frame: pd.DataFrame | None) -> list[tuple[str, ...]]:
    """For each decision (n rows: action, role, amount, reason_codes) at most `MOST` reasons, the weightiest first.

    None for a favourable action. ``frame``: their features (n rows), by which the contract's money says whether a
    higher score speaks against the favourable action; None, or where it says nothing: every reason that was kept.
    """
    favourable = {one.name for one in use_case.actions if one.is_favourable}
    signs, catalogue = _signs(use_case, decided, frame), reason_catalogue(use_case)
    told = zip(decided["action"], decided["role"], decided["reason_codes"], signs, strict=True)
    return [
        () if not favourable or action in favourable else tuple(_of_one(role, codes, sign, catalogue))[:MOST]
        for action, role, codes, sign in told
    ]


def _of_one(role: str, codes: str, sign: float, catalogue: ReasonCatalogue) -> Iterator[str]:
    if role == "exploration":
        yield DRAWN
        return
    for one in read_reasons(codes, catalogue):
        if _speaks_against(one, sign):
            yield one.wording if one.is_exact else f"{one.wording} (approximately)"


def _speaks_against(one: WordedReason, sign: float) -> bool:
    return one.contribution is None or not sign or one.contribution * sign > 0


def _signs(use_case: UseCase, decided: pd.DataFrame, frame: pd.DataFrame | None) -> np.ndarray:
    """For each decision (n,) 1 where a higher score speaks against the favourable action, -1 for it, 0 unknown."""
    signs = np.zeros(len(decided))
    if frame is None:
        return signs
    chosen = np.array([_index(use_case, name) for name in decided["action"]])
    for place, action in enumerate(use_case.actions):
        if action.is_favourable and not signs.all():
            against = _effect(use_case, frame, chosen) - _effect(use_case, frame, np.full(len(decided), place))
            signs = np.where(signs == 0, np.sign(np.nan_to_num(against)), signs)
    return signs


def _index(use_case: UseCase, name: str) -> int:
    return use_case.action_names.index(name) if name in use_case.action_names else use_case.default_action


def _effect(use_case: UseCase, frame: pd.DataFrame, action: np.ndarray) -> np.ndarray:
    """What the outcome, or one unit more of its amount where there is no class, does to the money of actions (n,)."""
    rows = len(frame)
    no, yes = (pd.Series(np.full(rows, value)) for value in (0.0, 1.0))
    one = pd.Series(np.ones(rows))
    if use_case.outcome.class_ is not None:
        high, low = (realised_values(use_case, frame, action, value, one) for value in (yes, no))
    else:
        high, low = (realised_values(use_case, frame, action, None, value) for value in (yes, no))
    return high - low
