"""Random draws that repeat: functions of entity, time, salt and purpose, so that a re-run chooses the same."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from decisionloop.act.hashing import Ids, instant, stable_hash


def uniform_draws(entity_ids: Ids, as_of: datetime, salt: str, purpose: str) -> np.ndarray:
    """One draw in [0, 1) for each entity (n,), independent between times, salts and purposes."""
    return _unit_interval(stable_hash(entity_ids, ("draw", instant(as_of), salt, purpose)))


def in_holdout(entity_ids: Ids, salt: str, share: float) -> np.ndarray:
    """Which entities stay on the rules for good, bool (n,). A larger share keeps everyone of a smaller one."""
    return _unit_interval(stable_hash(entity_ids, ("holdout", salt))) < share


def on_trial(entity_ids: Ids, salt: str, release_id: str, share: float) -> np.ndarray:
    """Which entities a release on trial decides for, bool (n,). A larger share keeps everyone of a smaller one."""
    return _unit_interval(stable_hash(entity_ids, ("canary", salt, release_id))) < share


def _unit_interval(bits: np.ndarray) -> np.ndarray:
    return (bits >> np.uint64(11)) * 2.0**-53  # the 53 bits that a float64 holds exactly
