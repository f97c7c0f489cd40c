"""`usecase check` says beforehand whether enough is tried to tell anything, and which setting would bring enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.code import load_code
from decisionloop.contract.exploration import PricedExploration, UniformExploration
from decisionloop.draft.draft import draft_use_case
from decisionloop.draft.roles import SHARES, Asked
from decisionloop.sources.batches_ahead import Drawn
from decisionloop.sources.coming import decisions_coming
from decisionloop.sources.data_answers import _no_setting
from decisionloop.sources.expected_trying import expected_trying
from decisionloop.sources.opening import open_source
from decisionloop.sources.seen_of_tried import seen_of_tried
from decisionloop.sources.tried_batches import moments_to_try, try_batch


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A small clean experiment of 4,000 rows in 40 weeks: half got an e-mail, which does nothing.

    What is expected of it when the contract explores like that.
    """
    folder, rng, rows = tmp_path_factory.mktemp("experiment"), np.random.default_rng(5), 4_000
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 280, rows)), unit="D")
    table = pd.DataFrame(
        {
            "customer_id": [f"c{one:06d}" for one in range(rows)],
            "date": days.strftime("%Y-%m-%d"),
            "visits": rng.poisson(4, rows),
            "treatment": rng.choice(["none", "email"], rows),
            "bought": (rng.random(rows) < 0.1).astype(int),
        }
    )
    table.to_csv(folder / "rows.csv", index=False)
    drafted = load_use_case(draft_use_case(folder, "mails", folder / "rows.csv", Asked(propensity=SHARES)).folder)
    use_case, code, source = drafted.use_case, load_code(drafted), open_source(drafted)
    tried = [try_batch(use_case, code, source, one) for one in moments_to_try(use_case, source)]
    everyone = pd.concat([one.frame for one in tried], ignore_index=True)
    seen = seen_of_tried(use_case, source, tried, everyone, source.calendar()[-1])
    coming = decisions_coming(use_case, source, source.calendar()[-1])

    def expected(exploration, needed=100):
        policy = use_case.policy.model_copy(update={"exploration": exploration})
        gate = use_case.gate.model_copy(update={"minimum_effective_n": needed})
        changed = use_case.model_copy(update={"policy": policy, "gate": gate})
        return expected_trying(changed, tried, everyone, seen, coming)

    return expected


def test_too_little_trying_is_said_with_a_setting_that_brings_enough(experiment):
    told = experiment(PricedExploration())
    assert not told.is_enough
    assert told.tried.setting == "policy.exploration.budget_share (now 0.01)"
    name, _, value = told.remedy.partition(": ")
    assert experiment(PricedExploration(**{name: float(value)})).is_enough


def test_a_flat_share_brings_what_it_says(experiment):
    """4 % of some 95 a week who are not held out, half of them with an outcome: 76 in 40 weeks, give or take luck."""
    told = experiment(UniformExploration(kind="uniform", share=0.04))
    assert (told.weeks, told.is_replay) == (40, True)
    assert 50 <= told.unlucky < told.in_all < told.lucky <= 105
    assert told.tried.a_week == pytest.approx(told.in_all / 40)
    assert told.remedy in {"{kind: uniform, share: 0.1}", "{kind: uniform, share: 0.2}"}


def test_where_nothing_is_tried_nothing_comes(experiment):
    told = experiment(PricedExploration(budget_share=0.0))
    assert (told.in_all, told.tried.setting) == (0, "")
    assert told.remedy


def test_too_few_people_are_no_matter_of_settings(experiment):
    assert experiment(UniformExploration(kind="uniform", share=0.5), needed=5_000).remedy == ""


def test_what_is_drawn_seldom_counts_as_the_gate_counts_it():
    """Ten outcomes that were as good as certain and one of 1 in 1,000 tell as much as hardly more than one."""
    chances = np.array([[1.0, 0.0]] * 10 + [[0.001, 0.0]])
    told = Drawn.nothing().and_of(chances, np.array([[1, 0]] * 11), np.inf, np.random.default_rng(1))
    assert len(told) == 11
    assert told.worth == pytest.approx(1010**2 / (10 + 1000**2))


def test_of_several_actions_each_outcome_tells_of_its_own_and_of_one_person_once():
    chances, rng = np.full((8, 2), 0.1), np.random.default_rng(1)
    assert Drawn.nothing().and_of(chances, np.ones((8, 2), dtype=np.int64), np.inf, rng).worth == pytest.approx(8)
    assert Drawn.nothing().and_of(chances, np.ones((8, 2), dtype=np.int64), 1, rng).worth == pytest.approx(1)


def test_twice_as_much_is_aimed_at_as_the_gate_needs_where_a_candidate_departs(experiment):
    told = experiment(UniformExploration(kind="uniform", share=0.07))
    assert told.tried.needed < told.unlucky < told.tried.aimed_at
    assert not told.is_enough
    assert told.remedy in {"{kind: uniform, share: 0.1}", "{kind: uniform, share: 0.2}"}


def test_where_as_much_is_tried_as_may_be_nothing_larger_is_advised(experiment):
    """Half of everybody is the most: it says how much that brings, and so how long enough would take."""
    told = experiment(UniformExploration(kind="uniform", share=0.5), needed=5_000)
    assert (told.tried.is_at_most, told.remedy, told.at_most) == (True, "", told.unlucky)
    said = _no_setting(told)
    assert said.startswith("policy.exploration tries as much as it may: bring more rows")
    assert f"about {40 * 10_000 / told.unlucky:,.0f} weeks" in said
