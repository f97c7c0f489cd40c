"""What learning looks back on: decisions of whole batches, read back once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.exploration.seen_money import SeenMoney
from decisionloop.observe.cohort import is_policy_traffic


@dataclass(frozen=True)
class LoggedBatches:
    """Mature decisions of whole batches with outcomes, their canonical features, the rules' actions and words (n,).

    ``seen``: what outcomes had shown when each batch was decided, by its as-of. ``known_at``: outcomes are those that
    were known then; None: nobody says, so that nothing is known of what still comes. ``are_rules_stopped``: whether
    the default action has the rules' place now, so that releases are held against it.
    """

    log: pd.DataFrame
    frame: pd.DataFrame
    rules_action: np.ndarray
    rules_reason: np.ndarray | None = None
    seen: Mapping[datetime, SeenMoney] = field(default_factory=dict)
    known_at: datetime | None = None
    are_rules_stopped: bool = False

    def policy_traffic(self) -> LoggedBatches:
        """Without the holdout and without fallbacks."""
        return self.rows(is_policy_traffic(self.log))

    def since(self, as_of: datetime) -> LoggedBatches:
        """The batches from ``as_of`` on."""
        return self.rows((self.log["as_of"] >= as_of).to_numpy())

    def before(self, as_of: datetime | None) -> LoggedBatches:
        """The batches before ``as_of``; None: all."""
        return self if as_of is None else self.rows((self.log["as_of"] < as_of).to_numpy())

    def rows(self, keep: np.ndarray) -> LoggedBatches:
        """Some of the decisions: a mask (n,)."""
        return replace(
            self,
            log=self.log.loc[keep].reset_index(drop=True),
            frame=self.frame.loc[keep].reset_index(drop=True),
            rules_action=self.rules_action[keep],
            rules_reason=None if self.rules_reason is None else self.rules_reason[keep],
        )
