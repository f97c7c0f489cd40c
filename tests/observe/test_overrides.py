"""Money where people do otherwise for reasons that the loop does not see: of recommendations, in a world that is known.

Officers know who is bad. They lend to whom the loop would not, if he is good, and do not lend to whom it would, if he
is bad. To say "lend" of more people is then worth less than it seems: the good ones get it anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from decisionloop.contract import UseCase
from decisionloop.learn.comparison import opened, progress, rows_of
from decisionloop.learn.seen_outcomes import Policies
from decisionloop.learn.training_set import build_training_rows
from decisionloop.observe.cohort import logged_decisions, ranking_figures
from decisionloop.observe.executed_actions import as_executed, as_named
from decisionloop.observe.legacy_money import beside
from decisionloop.observe.off_policy import OffPolicyEstimate, difference, one_hot, policy_value
from decisionloop.observe.value import realised_value

MARGIN, LOSS, EXPLORED = 10.0, 40.0, 0.5
P_LOST = {"good": 0.02, "bad": 0.5}
TIMES = 80


CONTRACT = {
    "name": "lending",
    "version": 1,
    "title": "-",
    "description": "-",
    "entity": {"key": "client_id", "noun": "client"},
    "features": [{"name": "spend", "type": "number", "wording": "-", "purpose": "-"}],
    "outcome": {
        "class": {"column": "lost", "wording": "did not pay back"},
        "window_days": 7,
        "maturity_days": 7,
        "executed": {"action": "executed_action"},
    },
    "actions": [
        {"name": "hold", "wording": "-", "is_default": True, "reveals_outcome": False},
        {"name": "lend", "wording": "-", "reveals_outcome": True},
    ],
    "model": {"action_as": "input"},
    "economics": {
        "currency": "EUR",
        "constants": {"margin": MARGIN, "loss": LOSS},
        "value": {"hold": "0", "lend": "where(outcome, -loss, margin)"},
        "explanation": "-",
    },
    "policy": {"exploration": {"kind": "uniform", "share": EXPLORED}, "holdout_share": 0.0},
    "guardrails": {},
    "data_quality": {"rows": [1, 9], "maximum_age_days": 30},
    "schedule": {"cron": "0 6 * * 1", "covers_days": 7},
    "actuator": {"kind": "file"},
    "source": {"kind": "custom"},
    "approval": {"owner": "o", "approvers": ["a"]},
}


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    return UseCase.model_validate(CONTRACT)


@dataclass(frozen=True)
class World:
    """What was logged of n clients, and both policies on them (n, 2)."""

    log: pd.DataFrame
    frame: pd.DataFrame
    champion: NDArray
    challenger: NDArray
    values: NDArray

    @property
    def policies(self) -> Policies:
        """Both, as the gate compares them."""
        return Policies(self.challenger, self.champion, self.values)


def drawn(rng: np.random.Generator, n: int = 1500) -> World:
    """The champion lends to the better half by x, the challenger to four fifths; who is bad nobody sees in x."""
    x, is_bad = rng.random(n), rng.random(n) < 0.5
    champion, challenger = (x > 0.5).astype(int), (x > 0.2).astype(int)
    is_explored = rng.random(n) < EXPLORED / 2
    chosen = np.where(is_explored, 1 - champion, champion)
    executed = np.where(is_bad, np.where(rng.random(n) < 0.9, 0, chosen), 1)
    lost = (rng.random(n) < np.where(is_bad, P_LOST["bad"], P_LOST["good"])).astype(float)
    names = np.array(["hold", "lend"], dtype=object)
    log = pd.DataFrame(
        {
            "decision_id": np.arange(n).astype(str),
            "entity_id": np.arange(n).astype(str),
            "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
            "role": "champion",
            "action": names[chosen],
            "executed_action": names[executed],
            "propensity": np.where(is_explored, EXPLORED / 2, 1 - EXPLORED / 2),
            "fallback_reason": None,
            "outcome_class": np.where(executed == 1, lost, np.nan),
            "outcome_amount": np.nan,
        }
    )
    values = np.column_stack([np.zeros(n), np.full(n, 2.0)])
    return World(log, pd.DataFrame({"spend": x}), one_hot(champion, 2), one_hot(challenger, 2), values)


def worth(lends: float) -> float:
    """Money a decision where the loop lends to a share and officers do as above: bad ones get it once in ten then."""
    good, bad = (MARGIN - p * (MARGIN + LOSS) for p in P_LOST.values())
    return 0.5 * good + 0.5 * lends * 0.1 * bad


def gain(use_case: UseCase, world: World, log: pd.DataFrame) -> OffPolicyEstimate:
    return difference(logged_decisions(use_case, log, world.frame, world.values), world.challenger, world.champion)


def test_the_money_of_recommendations_is_unbiased_and_covered(use_case: UseCase) -> None:
    rng, hits, gains = np.random.default_rng(32), [], []
    truth = worth(0.8) - worth(0.5)
    for _ in range(TIMES):
        world = drawn(rng)
        log = as_executed(use_case, world.log)
        logged = logged_decisions(use_case, log, world.frame, world.values)
        told = (
            (policy_value(logged, world.challenger).money, worth(0.8)),
            (gain(use_case, world, log).money, truth),
            (realised_value(logged).per_decision, worth(0.5)),
        )
        hits.append([estimate.low <= true <= estimate.high for estimate, true in told])
        gains.append(told[1][0].value)
    assert (np.mean(hits, axis=0) >= 0.92).all(), np.mean(hits, axis=0)
    assert np.mean(gains) == pytest.approx(truth, abs=3 * np.std(gains) / np.sqrt(TIMES))


def test_who_looks_better_for_overrides_alone_is_not_believed(use_case: UseCase) -> None:
    rng, believed, naive, proven = np.random.default_rng(33), 0, 0, 0
    for _ in range(TIMES):
        world = drawn(rng)
        believed += gain(use_case, world, as_executed(use_case, world.log)).money.low > 0
        # As if what was executed had been drawn, and holding earned nothing for certain.
        treated = world.log.assign(action=world.log["executed_action"]).drop(columns="executed_action")
        silent = use_case.model_copy(update={"outcome": use_case.outcome.model_copy(update={"executed": None})})
        naive += gain(silent, world, treated).money.low > 0
    assert believed <= 0.05 * TIMES
    assert naive > 0.9 * TIMES  # so this test can fail
    for _ in range(25):
        before, after = drawn(rng, 600), drawn(rng, 3000)
        both = [
            rows_of(
                use_case, as_executed(use_case, one.log), one.frame, Policies(one.challenger, one.champion, one.values)
            )
            for one in (before, after)
        ]
        reached = progress(opened("2024-01-01", 0.1, both[0]), both[1], 0.0)
        proven += reached.capital >= reached.required
    assert proven <= 2


def test_what_people_may_depart_from_is_not_known_for_certain(use_case: UseCase) -> None:
    world = drawn(np.random.default_rng(1), 200)
    as_chosen = world.log.assign(executed_action=world.log["action"])
    log = as_executed(use_case, as_chosen)
    assert "executed_action" not in log
    logged = logged_decisions(use_case, log, world.frame, world.values)
    assert not logged.is_exact.any()
    assert np.unique(logged.possible.worst).tolist() == [-LOSS]
    assert np.unique(logged.possible.best).tolist() == [MARGIN]


def test_beside_another_system_nothing_is_told_of_what_people_would_have_made_of_other_advice(
    use_case: UseCase,
) -> None:
    world = drawn(np.random.default_rng(3))
    log = as_executed(use_case, world.log.assign(role="legacy", propensity=np.nan))
    logged = logged_decisions(use_case, log, world.frame, world.values)
    same, other = logged.action, np.zeros(len(log), dtype=int)
    earned = realised_value(logged).per_decision
    assert beside(use_case, log, world.frame, logged, same).value.value == pytest.approx(earned.value)
    assert earned.low <= worth(0.5) <= earned.high
    assert not beside(use_case, log, world.frame, logged, other).value.is_known  # to hold back is not to have held back


def test_missing_outcomes_are_those_of_the_executed_action(use_case: UseCase) -> None:
    rng, told = np.random.default_rng(5), []
    for _ in range(40):
        world = drawn(rng)
        is_lost = rng.random(len(world.log)) < 0.5
        log = as_executed(use_case, world.log.assign(outcome_class=world.log["outcome_class"].mask(is_lost)))
        told.append(realised_value(logged_decisions(use_case, log, world.frame, world.values)).per_decision.value)
    assert np.mean(told) == pytest.approx(worth(0.5), abs=3 * np.std(told) / np.sqrt(40))


def test_an_outcome_teaches_what_was_executed_or_nothing(use_case: UseCase) -> None:
    log = pd.DataFrame(
        {
            "decision_id": list("abcd"),
            "entity_id": list("abcd"),
            "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
            "role": "champion",
            "action": ["lend", "lend", "hold", "hold"],
            "executed_action": [None, "hold", "lend", None],
            "propensity": [0.1, 0.1, 0.1, 0.9],
            "fallback_reason": None,
            "outcome_class": [1.0, 1.0, 0.0, np.nan],
            "outcome_amount": np.nan,
        }
    )
    frame = pd.DataFrame({"spend": [1.0, 2.0, 3.0, 4.0]})
    for action_as in ("input", "revealing_action"):
        model = use_case.model.model_copy(update={"action_as": action_as})
        rows = build_training_rows(use_case.model_copy(update={"model": model}), as_executed(use_case, log), frame)
        assert rows.decision_id.tolist() == ["a", "c"]  # b was not lent to: its outcome is nobody's
        assert rows.outcome_class.tolist() == [1.0, 0.0]
        assert rows.inverse.tolist() == [10.0, 1.0]  # nobody knows with which chance an officer lends
        if action_as == "input":
            assert rows.frame["action"].tolist() == ["lend", "lend"]


def test_how_scores_rank_is_told_of_what_was_executed_as_chosen(use_case: UseCase) -> None:
    world = drawn(np.random.default_rng(2), 800)
    log = as_executed(use_case, world.log)
    kept = log["executed_action"] == log["action"]
    scores = world.frame["spend"].to_numpy()
    told, alone = (
        {one.monitor: one.estimate.value for one in ranking_figures(log[rows], scores[rows], "r")}
        for rows in (np.ones(len(log), dtype=bool), kept.to_numpy())
    )
    assert told == alone


def test_an_action_that_the_contract_of_the_decision_does_not_name_is_no_override(use_case: UseCase) -> None:
    """A later contract may name it; what was decided before is measured as it was chosen."""
    first, last = use_case.action_names[0], use_case.action_names[-1]
    log = pd.DataFrame(
        {
            "action": [first, first, last],
            "executed_action": pd.Series(["overhaul", last, None], dtype="str"),
            "outcome_class": [1.0, 0.0, 0.0],
            "outcome_amount": np.nan,
        }
    )
    told = as_executed(use_case, as_named(use_case, log))
    assert told["executed_action"].tolist() == [first, last, last]
