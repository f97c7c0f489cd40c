"""What is added up in one pass is what each look's definition says, however many cohorts are taken together."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.observe import entity_lift as module
from decisionloop.observe.entity_lift import EntityMoney, entity_lift


def _cohort(number: int, chance: np.random.Generator) -> EntityMoney:
    entity = chance.integers(0, 60, 80)  # some twice
    return EntityMoney(
        entity=entity,
        money=chance.normal(1e4, 3, 80),  # far from 0, where squares would cancel
        is_held=entity % 5 == 0,
        possible=None if number % 2 else (chance.random(80), chance.random(80)),
        error=0.01 * number,
    )


def _variance(cohorts: list[EntityMoney], is_held: bool) -> tuple[float, float, int]:
    """Mean, its cluster-robust variance, and decisions of a side, from all of its decisions."""
    held = np.concatenate([one.is_held for one in cohorts]) == is_held
    entity = np.concatenate([np.asarray(one.entity) for one in cohorts])[held]
    money = np.concatenate([one.money for one in cohorts])[held]
    residuals = [(money[entity == one] - money.mean()).sum() for one in np.unique(entity)]
    groups = len(residuals)
    return money.mean(), float(np.square(residuals).sum() * groups / (groups - 1) / len(money) ** 2), len(money)


@pytest.mark.parametrize("together", [1, 200, 1 << 17])
def test_every_look_is_what_all_decisions_until_then_say(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS_TOGETHER", together)
    chance = np.random.default_rng(7)
    cohorts = [_cohort(number, chance) for number in range(9)]
    sequence = entity_lift(cohorts, burn_in=1)
    assert sequence is not None
    assert sequence.looks == len(cohorts)
    path = sequence.path
    for look, told in enumerate(zip(path.n, path.money, path.variance, strict=True), start=1):
        (ours, variance, n), (theirs, other, _) = (_variance(cohorts[:look], side) for side in (False, True))
        missing = sum(one.error * (~one.is_held).sum() for one in cohorts[:look])
        assert told[0] == n
        assert told[1] / n == pytest.approx(ours - theirs, abs=1e-9)
        assert told[2] == pytest.approx((variance + other) * n**2 + missing**2, rel=1e-9)
