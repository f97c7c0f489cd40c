"""What outcomes have shown prices the exploration of the next batch: counted once, frozen, and without holes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.act.exploration.seen_money import NOTHING_SEEN
from decisionloop.learn.deployed_policy import deployed_policy
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batch_parts import find_part, parts_of
from decisionloop.ledger.batches import cohort_name, latest_detail
from decisionloop.ledger.held_cohorts import exclude_cohorts
from decisionloop.ledger.outcomes import append_outcomes, latest_outcomes
from tasks.readback.mature_decisions import mature_batches
from tasks.readback.seen_cohorts import seen_so_far
from tasks.readback.seen_money import seen_money_of
from tests.small_use_case import as_of, write_small
from tests.tasks.installation import copy, working_in

pytestmark = pytest.mark.xdist_group("loop")

PRICED = {"exploration": {"kind": "priced", "budget_share": 0.05, "smallest_share": 0.05}, "holdout_share": 0.1}


def decide(installation, week: int) -> None:
    installation.predict(week)
    installation.act(week)


@pytest.fixture(scope="module")
def priced_life(tmp_path_factory):
    """Weeks 0 and 1 are decided by the rules, and the outcomes of week 0 are known."""
    folder = tmp_path_factory.mktemp("priced") / "life"
    with working_in(folder, write_small(folder / "usecases")) as life:
        life.contract(policy=PRICED)
        for week in (0, 1):
            decide(life, week)
            life.observe(week)
    return folder


@pytest.fixture
def priced(priced_life, tmp_path):
    """A copy of that life, to go on with."""
    with working_in(tmp_path / "life", copy(priced_life, tmp_path / "life")) as life:
        yield life


def figures(installation, week: int) -> ExploringFigures:
    return ExploringFigures.from_json(
        str(latest_detail(installation.ledger, installation.batch(week), "decided")["exploring"])
    )


def test_the_first_batches_know_nothing_and_a_later_one_what_has_come_since(priced):
    assert seen_money_of(priced.workspace, priced.batch(0)) == NOTHING_SEEN
    decide(priced, 2)
    seen, log = seen_money_of(priced.workspace, priced.batch(2)), priced.decisions(0)
    free = log[(log["role"] != "holdout") & log["fallback_reason"].isna() & (log["action"] == "lend")]
    assert {cell.reason for cell in seen.cells} <= {"high turnover", "low turnover"}
    assert sum(cell.weight for cell in seen.cells) == pytest.approx((1 / free["propensity"]).sum())
    told = figures(priced, 2)
    assert told.rows == len(priced.decisions(2))
    assert told.share > 0
    assert told.value_expected != figures(priced, 0).value_expected
    assert {group.attribute for group in told.groups} == {"owner_sex"}


def test_an_outcome_that_has_not_come_is_not_seen(small):
    small.contract(policy=PRICED)

    def lost(outcomes):
        is_lost = pd.util.hash_array(outcomes["shop_id"].to_numpy(dtype=object)) % 20 == 0
        return outcomes.assign(told_at=outcomes["told_at"].mask(is_lost, pd.Timestamp("2030-01-01", tz="UTC")))

    small.written.change("outcomes.parquet", lost)
    for week in (0, 1):
        decide(small, week)
        small.observe(week)
    (cohort,) = seen_so_far(small.workspace, as_of(2)).cohorts
    log = mature_batches(small.workspace, as_of(0), as_of(0), as_of(2), ()).policy_traffic().log
    lent = log[log["action"] == "lend"]
    assert lent["outcome_class"].isna().any()
    has_come = lent[lent["outcome_class"].notna()]
    assert sum(cell.weight for cell in cohort.seen.cells) == pytest.approx((1 / has_come["propensity"]).sum())


def test_outcomes_that_are_told_otherwise_are_counted_anew_though_there_are_as_many(priced):
    """Two that change places leave the counts of a cohort as they are, and not its money."""
    decide(priced, 2)
    before = seen_money_of(priced.workspace, priced.batch(2))
    lent = priced.decisions(0).query("action == 'lend' and role != 'holdout'")
    known = latest_outcomes(priced.ledger, "small", as_of(0), as_of(0)).set_index("decision_id")["outcome_class"]
    classes = known.reindex(lent["decision_id"]).dropna()
    ids = [classes.index[classes == one][0] for one in (0, 1)]
    seen = pd.Timestamp(as_of(2))
    rows = pd.DataFrame({"decision_id": ids, "outcome_class": [1.0, 0.0], "amount": np.nan, "happened_at": None})
    told = rows.assign(revision=2, kind="contradiction", observed_at=seen, recorded_at=seen)
    append_outcomes(priced.ledger, told)
    (again,) = [one for one in seen_so_far(priced.workspace, as_of(3)).cohorts if one.cohort == cohort_name(as_of(0))]
    counted = sum(cell.weight for cell in again.seen.cells)
    assert counted == pytest.approx(sum(cell.weight for cell in before.cells))
    assert again.seen != before


def test_a_cohort_that_is_held_back_does_not_count_as_seen(priced):
    exclude_cohorts(priced.ledger, "small", [cohort_name(as_of(0))], "a hole", "anna")
    assert seen_so_far(priced.workspace, as_of(2)).cohorts == ()
    decide(priced, 2)
    assert seen_money_of(priced.workspace, priced.batch(2)).is_nothing


def test_a_later_batch_takes_over_what_was_counted_of_a_cohort(priced, monkeypatch):
    decide(priced, 2)
    monkeypatch.setattr("tasks.readback.seen_cohorts._count", None)  # nothing is counted again
    (again,) = seen_so_far(priced.workspace, as_of(2) + pd.Timedelta(days=1)).cohorts
    assert again.seen == seen_money_of(priced.workspace, priced.batch(2))


def test_a_run_that_was_killed_and_repeated_prices_with_what_was_frozen(priced, monkeypatch):
    priced.predict(2)
    with monkeypatch.context() as broken:
        broken.setattr("tasks.act.choose.choose_part", None)
        with pytest.raises(TypeError):
            priced.act(2)
    frozen = find_part(priced.ledger, priced.batch(2), "seen_money", 0)
    exclude_cohorts(priced.ledger, "small", [cohort_name(as_of(0))], "found out meanwhile", "anna")
    priced.act(2)
    assert find_part(priced.ledger, priced.batch(2), "seen_money", 0) == frozen
    assert not seen_money_of(priced.workspace, priced.batch(2)).is_nothing


def test_the_gate_explores_a_logged_batch_again_with_the_very_same_chances(priced):
    for week in (2, 3, 4):
        decide(priced, week)
        priced.observe(week)
    batches = mature_batches(priced.workspace, as_of(0), as_of(3), as_of(4), ())
    chances = deployed_policy(priced.workspace.use_case, batches, None)
    taken = batches.log["action"].map({"hold": 0, "lend": 1}).to_numpy()
    np.testing.assert_array_equal(
        chances[np.arange(len(taken)), taken], batches.log["propensity"].to_numpy(dtype=np.float64)
    )
    assert (batches.log["role"] == "exploration").any()


def test_a_lost_file_of_an_earlier_batch_is_told_and_holds_up_nobody(priced):
    for part in parts_of(priced.ledger, priced.batch(0), "features"):
        (path,) = (priced.folder / "home").rglob(f"*{part.digest}*")
        path.unlink()
    decide(priced, 2)
    assert priced.state(2) == "complete"
    assert seen_money_of(priced.workspace, priced.batch(2)).is_nothing
    (told,) = [one for one in alerts(priced.ledger, "small") if one.kind == "exploration"]
    assert cohort_name(as_of(0)) in told.message
    assert "Restore" in told.remedy
