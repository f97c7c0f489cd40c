"""A model that is inverted says of everybody the opposite, and stays one that can be kept and explained."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.learn.inverted import inverted
from decisionloop.predict.scorer.scorer import CompiledScorer
from tests.learn.test_serving import shops, trained, use_case  # noqa: F401  fixtures


@pytest.mark.parametrize("kind", ["scorecard", "gradient_boosting"])
def test_it_lies_as_far_from_the_expected_margin_on_the_other_side_and_its_reasons_add_up(use_case, shops, kind):  # noqa: F811
    model = trained(use_case, kind, shops)
    scorer, turned = model.class_scorer, inverted(model).class_scorer
    margin, other, base = scorer.margin(shops), turned.margin(shops), scorer.base_margin
    assert np.ptp(margin) > 1
    assert np.allclose(margin + other, 2 * base)
    assert turned.base_margin == pytest.approx(base)
    assert np.allclose(turned.contributions(shops), -scorer.contributions(shops))
    assert CompiledScorer.from_bytes(turned.to_bytes()).digest == turned.digest != scorer.digest
    assert inverted(inverted(model)).class_scorer.score(shops) == pytest.approx(scorer.score(shops))
