"""Beside another system: its decisions are logged, nothing is sent or drawn, and what is told of them is true."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.agreement import Agreement
from decisionloop.errors import BatchHalted, ContractError, UsageError
from decisionloop.ledger.batches import latest_detail
from decisionloop.ledger.flags import stop_model
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.outbox import count_pending
from decisionloop.ledger.releases import challengers, champion
from decisionloop.ledger.shadow_audits import last_audit
from decisionloop.ledger.validation import results
from tests.observed_use_case import write_observed
from tests.small_use_case import as_of
from tests.tasks.installation import copy, run_flow, run_task, working_in
from tests.tasks.moment import PARTS

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture(scope="module")
def looked_on(saved, tmp_path_factory):
    """Weeks 0 and 1 are over, and week 2 is scored, by a model in shadow as well; beside it the world's truth."""
    folder = tmp_path_factory.mktemp("looked_on") / "life"
    world = write_observed(folder / "usecases")
    (folder / "home").mkdir()
    (folder / "home" / "mlflow.db").write_bytes((saved / "modelled" / "home" / "mlflow.db").read_bytes())
    with working_in(folder, world.written) as installation:
        installation.turn(0)
        installation.turn(1)
        installation.predict(2)
    return folder, world


@pytest.fixture
def world(looked_on):
    return looked_on[1]


@pytest.fixture
def observed(looked_on, tmp_path):
    """A copy of it."""
    folder = tmp_path / "life"
    with working_in(folder, copy(looked_on[0], folder)) as installation:
        yield installation


@pytest.fixture
def begun(tmp_path):
    """Nothing has happened yet."""
    with working_in(tmp_path, write_observed(tmp_path / "usecases").written) as installation:
        yield installation


def figure(installation, monitor, week=0, part="all"):
    rows = measurements_of(installation.ledger, "observed", monitor)
    (row,) = rows[(rows["cohort"] == f"{as_of(week):%Y-%m-%d}") & (rows["slice"] == part)].to_dict("records")
    return row


def detail(installation, week, name):
    return latest_detail(installation.ledger, installation.batch(week), "decided")[name]


def of_week(world, week):
    return world.truth[world.truth["decided_at"] == as_of(week)]


def by_rules(rows):
    return (rows["turnover"] > 80).to_numpy()


def by_them(rows):
    return rows["is_lent"].to_numpy()


def change(installation, column, value, week, shops):
    """Write something else into a column of the other system's decisions of a week, for some shops."""

    def put(decided):
        rows = decided.index[pd.to_datetime(decided["decided_at"]) == as_of(week)][:shops]
        decided[column] = decided[column].astype(object)
        decided.loc[rows, column] = value
        return decided

    installation.written.change("decided.csv", put)


def test_what_the_other_system_did_is_logged_and_nothing_is_sent_or_drawn(world, observed):
    made, truth = observed.decisions(0), of_week(world, 0).set_index("shop_id")
    assert set(made["role"]) == {"legacy"}
    assert not made["is_sent"].any()
    assert made["propensity"].isna().all()
    assert (made["action"] == np.where(truth.loc[made["entity_id"], "is_lent"], "lend", "hold")).all()
    assert (count_pending(observed.ledger, "observed"), observed.sent()) == (0, [])
    assert observed.state(0) == "complete"


def test_money_is_the_truth_where_it_can_be_told(world, observed):
    theirs, ours = world.money(0, by_them), world.money(0, by_rules)
    # The rules lend to some of those to whom the other system lends, and to nobody else: their money is known.
    assert figure(observed, "value_policy")["value"] == pytest.approx(theirs)
    assert figure(observed, "value_rules")["value"] == pytest.approx(ours)
    told = figure(observed, "value_difference")
    assert told["value"] == pytest.approx(theirs - ours)
    assert told["low"] < theirs - ours < told["high"]


def test_agreement_and_adverse_impact_are_the_truth(world, observed):
    rows = of_week(world, 0)
    same = float((by_them(rows) == by_rules(rows)).mean())
    counted = Agreement.from_json(str(detail(observed, 0, "agreement")))
    assert (counted.share("rules"), counted.share("rules", "hold")) == (pytest.approx(same), 1.0)
    rates = rows.groupby("owner_sex")["is_lent"].mean()
    assert figure(observed, "impact_ratio", part="owner_sex=f")["value"] == pytest.approx(rates["f"] / rates.max())
    audit = last_audit(observed.ledger, champion(observed.ledger, "observed").release_id)
    rows = of_week(world, 1)
    assert audit.is_beside_legacy
    assert audit.disagreement.share == pytest.approx((by_them(rows) != by_rules(rows)).mean())
    assert (audit.disagreement.by_itself, audit.disagreement.by_champion) == (None, None)
    women = next(one for one in audit.impact if (one.attribute, one.group) == ("owner_sex", "f"))
    is_woman = (rows["owner_sex"] == "f").to_numpy()
    assert women.rate == pytest.approx(by_rules(rows)[is_woman].mean())
    assert women.champion_rate == pytest.approx(by_them(rows)[is_woman].mean())


def test_a_model_is_taught_without_weights_and_nothing_is_claimed_of_its_money(observed):
    observed.act(2)
    observed.observe(3)
    (beside,) = challengers(observed.ledger, "observed")
    assert beside.stage == "shadow"
    assert "cannot be told" in beside.event.reason
    gains = measurements_of(observed.ledger, "observed", "gain_beside", release_id=beside.release_id)
    untold = measurements_of(observed.ledger, "observed", "untold_beside", release_id=beside.release_id)
    assert len(gains) == len(untold) == 1
    assert untold["value"].iloc[0] > 0
    assert gains["value"].isna().all()
    evidence = json.loads(observed.looks()[0].evidence)
    assert (evidence["money"]["value"], evidence["gain_ranking"], evidence["slices"]) == (None, None, [])
    run_task("tasks.watch.shadows", "audit_shadows", "observed", as_of(3))
    assert last_audit(observed.ledger, beside.release_id).disagreement.by_itself is None
    assert "goes on beside the other system" in run_task(
        "tasks.learn.comparisons", "review_challengers", "observed", as_of(3)
    )


def test_no_release_is_let_decide(observed):
    (beside,) = challengers(observed.ledger, "observed")
    with pytest.raises(UsageError, match="mode: observe: another system decides"):
        run_flow("deploy_release", "observed", beside.release_id)


def test_going_to_decide_is_another_version_and_the_rules_decide_from_then_on(observed):
    before = champion(observed.ledger, "observed").release_id
    observed.contract(mode="decide")
    with pytest.raises(UsageError, match="was begun in mode observe, and another system has decided it"):
        observed.predict(2)
    observed.act(2)  # opened before the change, and finished as it was
    assert set(observed.decisions(2)["role"]) == {"legacy"}
    observed.turn(3)
    made, after = observed.decisions(3), champion(observed.ledger, "observed")
    assert set(made["role"]) == {"baseline", "holdout", "exploration"}
    assert made["propensity"].notna().all()
    assert len(observed.sent()) == made["is_sent"].sum() > 0
    assert after.release.kind == "rules"
    assert after.release_id != before
    # What the model was taught beside the other system compares it with nobody: it waits for what is drawn.
    told = run_task("tasks.learn.comparisons", "review_challengers", "observed", as_of(3))
    assert "no decision that was drawn with a known chance is mature" in told
    observed.observe(4)
    told = run_task("tasks.learn.comparisons", "review_challengers", "observed", as_of(4))
    assert "no decision that it has not learnt from is mature" in told  # the comparison is opened, and begins
    assert figure(observed, "value_difference", 3)["value"] is not None


def test_the_same_version_with_another_mode_is_refused(observed):
    path = observed.written.folder / "usecase.yaml"
    path.write_text(path.read_text().replace("mode: observe", "mode: decide"))
    with working_in(observed.folder, observed.written) as again, pytest.raises(ContractError, match="mode"):
        again.predict(3)


@pytest.mark.parametrize(("fault", "written"), [("no action", ""), ("unknown action", "promote")])
def test_what_cannot_be_told_is_left_out_counted_and_said_with_its_remedy(begun, fault, written):
    change(begun, "action", written, week=0, shops=5)
    begun.predict(0)
    stop_model(begun.ledger, "observed", "complaints", "head")  # what others did is known, whatever is switched
    begun.act(0)
    made = begun.decisions(0)
    assert len(made) == len(set(made["snapshot_row"])) == 595
    assert detail(begun, 0, "left_out") == f'{{"legacy: {fault}": 5}}'
    failed = [one for one in results(begun.ledger, begun.batch(0), 1) if not one.is_success]
    assert [(one.column_name, one.severity, one.unexpected_count) for one in failed] == [(fault, "row", 5)]
    assert all(one.remedy for one in failed)


def test_too_much_that_cannot_be_told_halts_the_batch_and_nothing_of_it_is_written(begun):
    change(begun, "action", "promote", week=0, shops=100)
    with pytest.raises(BatchHalted, match=r"unknown action: 100 of 600 rows: promote\. Declare the action"):
        begun.predict(0)
    assert begun.decisions(0).empty
    change(begun, "action", "lend", week=0, shops=100)
    begun.predict(0)
    begun.act(0)
    assert len(begun.decisions(0)) == 600


def test_with_known_propensities_the_rules_money_is_told_and_the_interval_holds_it(tmp_path):
    world = write_observed(tmp_path / "usecases", lambda rows: np.where(rows["turnover"] > 100, 0.7, 0.3))
    with working_in(tmp_path, world.written) as observed:
        change(observed, "propensity", "1.5", week=0, shops=3)
        observed.predict(0)
        observed.act(0)
        observed.observe(1)
        assert detail(observed, 0, "left_out") == '{"legacy: no propensity in (0, 1]": 3}'
        told = figure(observed, "value_rules")
        assert told["low"] < world.money(0, by_rules) < told["high"]
        assert figure(observed, "value_policy")["value"] == pytest.approx(world.money(0, by_them), abs=0.2)


@pytest.mark.exhaustive
def test_neither_the_engine_nor_the_cut_into_parts_changes_what_is_known(
    begun, tmp_path, postgres_url_with_tables, monkeypatch
):
    def live(installation):
        change(installation, "action", "promote", week=0, shops=5)
        installation.predict(0)
        installation.act(0)
        installation.observe(1)
        money = [figure(installation, monitor)["value"] for monitor in ("value_policy", "value_rules")]
        told = [detail(installation, 0, name) for name in ("agreement", "left_out", "decisions")]
        return installation.decisions(0).drop(columns=["snapshot_digest", "snapshot_row"]), money, told

    whole = live(begun)
    monkeypatch.setenv(PARTS, "170")
    for url in ("", postgres_url_with_tables):
        folder = tmp_path / ("postgresql" if url else "sqlite")
        with working_in(folder, write_observed(folder / "usecases").written, url) as other:
            made, money, told = live(other)
            assert made["entity_id"].nunique() == 595
            key = ["entity_id"]
            expected = whole[0].sort_values(key, ignore_index=True)
            pd.testing.assert_frame_equal(made.sort_values(key, ignore_index=True), expected)
            assert (money, told) == (pytest.approx(whole[1]), whole[2])
