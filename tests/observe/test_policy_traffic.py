"""Which logged decisions were free to be explored, and so tell of the policy."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.act.situation import KILL_SWITCH, STANDING_IN
from decisionloop.observe.cohort import is_policy_traffic

LOGGED = {
    "chosen by a model": ("champion", None, True),
    "explored": ("exploration", None, True),
    "held out": ("holdout", None, False),
    "rules stood in for the batch": ("baseline", f"{STANDING_IN}jump", True),
    "rules stood in, and the row was cut by a limit": ("baseline", f"{STANDING_IN}jump; limit: cost", False),
    "rules stood in for a row held out": ("holdout", f"{STANDING_IN}jump", False),
    "kill switch": ("baseline", KILL_SWITCH, False),
    "a fault of the row": ("baseline", "debt is missing", False),
}


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_everything_but_holdout_and_fallbacks_of_single_rows_was_free(dtype):
    role, reason, expected = zip(*LOGGED.values(), strict=True)
    log = pd.DataFrame({"role": role, "fallback_reason": pd.Series(reason, dtype=dtype)})
    assert is_policy_traffic(log).tolist() == list(expected)


def test_a_batch_without_any_reason_was_free_as_a_whole():
    log = pd.DataFrame({"role": ["champion"] * 3, "fallback_reason": [None] * 3})
    assert is_policy_traffic(log).all()
    assert is_policy_traffic(log.iloc[:0]).shape == (0,)
