"""Figures of one release on a cohort: of the revealed rows of the policy's traffic, plain and for everybody."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from decisionloop.observe.cohort import ranking_figures


def cohort(n: int = 40_000) -> tuple[pd.DataFrame, np.ndarray]:
    """Safe rows are revealed with 95 %, others with 5 %; the score is right."""
    rng = np.random.default_rng(1)
    p = 1 / (1 + np.exp(-rng.normal(-2, 1.3, n)))
    chance = np.where(p < 0.15, 0.95, 0.05)
    outcome = np.where(rng.random(n) < chance, (rng.random(n) < p).astype(float), np.nan)
    role = np.where(rng.random(n) < 0.1, "holdout", "champion")
    log = pd.DataFrame({"outcome_class": outcome, "propensity": chance, "role": role, "fallback_reason": None})
    return log, p


def test_every_figure_is_what_its_name_says() -> None:
    log, p = cohort()
    told = {figure.monitor: figure.estimate for figure in ranking_figures(log, p, "r1")}
    used = ((log["role"] == "champion") & log["outcome_class"].notna()).to_numpy()
    y, score, weight = log["outcome_class"].to_numpy()[used], p[used], 1 / log["propensity"].to_numpy()[used]
    assert told["auc"].value == pytest.approx(roc_auc_score(y, score))
    assert told["auc_weighted"].value == pytest.approx(roc_auc_score(y, score, sample_weight=weight))
    assert told["log_loss"].value == pytest.approx(log_loss(y, score, sample_weight=weight))
    assert told["brier_score"].value == pytest.approx(np.average((y - score) ** 2, weights=weight))
    assert told["calibration_gap"].value == pytest.approx((y - score).mean())
    assert told["calibration_gap_weighted"].value == pytest.approx(np.average(y - score, weights=weight))
    assert told["predicted_rate"].value == pytest.approx(np.average(score, weights=weight))
    assert all(estimate.n == used.sum() for estimate in told.values())


def test_a_right_score_is_told_to_be_right_and_the_plain_gap_far_more_sharply() -> None:
    log, p = cohort()
    told = {figure.monitor: figure.estimate for figure in ranking_figures(log, p, "r1")}
    for monitor, truth in {"calibration_gap": 0.0, "calibration_gap_weighted": 0.0, "calibration_slope": 1.0}.items():
        assert told[monitor].low < truth < told[monitor].high
    plain, weighted = (told[name].high - told[name].low for name in ("calibration_gap", "calibration_gap_weighted"))
    assert plain < weighted / 3


def test_where_nothing_is_revealed_there_are_no_figures() -> None:
    log, p = cohort(100)
    assert list(ranking_figures(log.assign(outcome_class=np.nan), p, "r1")) == []
