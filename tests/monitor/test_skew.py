"""Skew: what counts as another value, and when a share of them is surely too much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from decisionloop.errors import UsageError
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.skew import FeatureSkew, compare_features, judge_skew
from tests.monitor.impact_world import loans, people


def served(n: int = 400) -> pd.DataFrame:
    frame = people({("f", "mid"): n})
    frame["income"] = np.linspace(0, 100, n)
    return frame


def judged(skew: FeatureSkew, **stakes: float) -> dict[str, Finding]:
    found = judge_skew(loans(), skew, budget_of(loans()), Stakes(**stakes))
    return {finding.slice: finding for finding in found}


def test_the_same_values_in_another_order_are_no_skew() -> None:
    frame = served()
    frame.loc[3, "late"] = np.nan
    again = frame.sample(frac=1, random_state=1).assign(income=lambda rows: rows["income"] * (1 + 1e-12))
    skew = compare_features(frame, again, loans())
    assert skew == FeatureSkew(400, 0, {"income": 0, "late": 0, "plan": 0})
    assert not any(finding.is_alarm for finding in judged(skew).values())


def test_every_kind_of_difference_is_counted_by_feature() -> None:
    frame, again = served(), served()
    again.loc[:9, "income"] += 1e-6
    again.loc[5:6, "late"] = np.nan
    again.loc[0, "plan"] = None
    again.loc[1, "plan"] = "family"
    frame.loc[390, "late"], again.loc[390, "late"] = np.inf, 1e300
    again = again.drop(index=range(395, 400))
    assert compare_features(frame, again, loans()) == FeatureSkew(400, 5, {"income": 10, "late": 3, "plan": 2})


def test_a_feature_that_the_source_no_longer_gives_differs_everywhere() -> None:
    skew = compare_features(served(), served().drop(columns="plan"), loans())
    found = judged(skew, worth=20.0)
    assert found["feature=plan"].is_alarm
    assert found["feature=plan"].stake == 20.0
    assert not found["feature=income"].is_alarm
    assert (
        found["feature=plan"].words
        == "plan: 400 of 400 served values (100.0%) differ from what the source gives again."
    )


def test_vanished_entities_have_a_finding_of_their_own() -> None:
    found = judged(compare_features(served(), served().iloc[:300], loans()))
    assert found["feature=client_id"].is_alarm
    assert found["feature=client_id"].figure.value == 0.25
    assert found["feature=income"].figure.n == 300
    assert set(judged(FeatureSkew(5, 5, {"income": 0, "late": 0, "plan": 0}))) == {"feature=client_id"}
    assert judge_skew(loans(), FeatureSkew(0, 0, {}), budget_of(loans())) == ()


def test_the_bound_is_exact_and_a_small_share_never_alarms() -> None:
    finding = judged(FeatureSkew(500, 0, {"income": 17, "late": 0, "plan": 0}))["feature=income"]
    assert finding.bound is not None
    assert binom.sf(16, 500, finding.bound) == pytest.approx(finding.alpha, rel=1e-6)
    many = judged(FeatureSkew(5_000_000, 0, {"income": 49_000, "late": 0, "plan": 0}))
    assert not many["feature=income"].is_alarm


def test_samples_add_up_and_an_entity_twice_is_refused() -> None:
    one, two = FeatureSkew(10, 1, {"income": 2}), FeatureSkew(5, 0, {"income": 1, "late": 4})
    assert one + two == FeatureSkew(15, 1, {"income": 3, "late": 4})
    frame = served(3)
    with pytest.raises(UsageError, match="recomputed features have an entity twice"):
        compare_features(frame, pd.concat([frame, frame]), loans())
