"""What every release predicted of the same decisions: the rules, the champion, and the challengers beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.act.canary import OnTrial


@dataclass(frozen=True)
class ReleasePredictions:
    """Predictions of n decisions.

    ``rules_action`` (n,) index. ``champion_id``: the release that was to decide; ``values`` (n, A) and
    ``champion_score`` (n,): its expected money and logged scores, None where that was the rules. ``shadows``: release
    to its scores and preferred actions (n,), NaN and -1 where it predicted nothing. ``supported`` bool (n, A): where
    the champion may decide, None: everywhere. ``on_trial``: which of the challengers decided for some of them, and
    for which share, None where none did. ``are_rules_stopped``: whether the default action had the rules' place.
    ``rules_reason`` (n,) why the rules chose so, in their words; None where nobody kept it.
    """

    rules_action: np.ndarray
    champion_id: str
    values: np.ndarray | None
    champion_score: np.ndarray | None
    shadows: dict[str, tuple[np.ndarray, np.ndarray]]
    supported: np.ndarray | None = None
    on_trial: OnTrial | None = None
    are_rules_stopped: bool = False
    rules_reason: np.ndarray | None = None

    @property
    def worth(self) -> float | None:
        """What choosing is worth: mean of the best less the worst action's expected money; None: nobody knows."""
        if self.values is None:
            return None
        apart = self.values.max(axis=1) - self.values.min(axis=1)
        return float(np.nanmean(apart)) if np.isfinite(apart).any() else None
