"""Rules that lose beside the default action give it their place, are explored meanwhile, and come back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from decisionloop.act.decision_log import RULES_STOPPED
from decisionloop.cli.status import as_text, status_of
from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.kill_switch import engage
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import baseline, champion, events_of_releases, standing
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.stopped_rules import RESUMED, STOPPED
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.known_actions import RULES_OVER_DEFAULT
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider, TransitionRefused
from tasks.release.stop_losses import stop_losses
from tasks.watch.alarms import Occasion, raise_alarms
from tests.lending_years import lends_for_long
from tests.small_use_case import as_of
from tests.tasks.installation import Installation, working_in

pytestmark = pytest.mark.xdist_group("loop")

PRICED = {"kind": "priced", "budget_share": 0.02, "purpose": "See who pays back."}
WEEKS = 15
UNLIMITED = {"action_share": {"lend": [0, 1]}}


def loses(installation: Installation, week: int, against: str, batch: int | None = None) -> None:
    """The value monitor finds in ``week`` that who decides has surely earned less, by the cohort of ``batch``."""
    decides = champion(installation.ledger, "small")
    assert decides is not None
    finding = Finding(
        family="value",
        monitor=f"value_against_{against}",
        slice="action=hold" if against in ("action", "default") else "all",
        figure=Estimate(-2.1, -2.8, -1.4, 600, 600.0, 0.95),
        threshold=0.0,
        bound=-1.4,
        direction="below",
        alpha=0.01,
        words=f"A decision earned -2.10 EUR against {against}.",
        suggestion="Look at it.",
        against=against,
        stake=2.1,
        release_id=decides.release_id,
    )
    batch_id = None if batch is None else installation.batch(batch)
    raise_alarms(installation.workspace, [finding], Occasion(as_of(week), batch_id, 600))


def stop(installation: Installation, week: int) -> str:
    """The step of the turn."""
    told: str = stop_losses.fn("small", as_of(week))
    return told


@pytest.fixture
def stopped(begun: Installation) -> Installation:
    """Week 0 is over, and the rules were stopped at its end."""
    loses(begun, 1, "default")
    assert "hold is what everybody but the holdout gets in the rules' place" in stop(begun, 1)
    return begun


def decided(installation: Installation, week: int):
    installation.predict(week)
    installation.act(week)
    return installation.decisions(week)


def test_everybody_but_the_holdout_and_what_is_explored_gets_the_default_action(stopped: Installation) -> None:
    before = stopped.decisions(0)
    now = decided(stopped, 1)
    place = champion(stopped.ledger, "small")
    assert place is not None
    assert place.release.is_default_action
    assert place == baseline(stopped.ledger, "small")
    by_role = now.groupby("role", observed=True)
    assert set(by_role.groups) == {"baseline", "exploration", "holdout"}
    assert set(by_role.get_group("baseline")["action"]) == {"hold"}
    assert set(by_role.get_group("exploration")["action"]) == {"lend"}
    held = by_role.get_group("holdout")
    assert (held["action"] == held["rules_action"]).all()
    assert set(held["entity_id"]) == set(before.loc[before["role"] == "holdout", "entity_id"])
    assert set(held["release_id"]) == set(before["release_id"])  # the rules themselves
    assert set(now.loc[now["role"] == "baseline", "release_id"]) == {place.release_id}
    assert {one[0] for one in now.loc[now["role"] == "baseline", "reason_codes"].map(json.loads)} == {RULES_STOPPED}
    assert now["fallback_reason"].isna().all()  # so that it teaches
    # Of a fifth that is drawn for exploring, each has the chance that was declared.
    free = now[now["role"] != "holdout"]
    assert np.isclose(free["propensity"].where(free["action"] == "lend", 1 - free["propensity"]), 0.2).all()


def test_it_is_told_once_and_in_every_place(stopped: Installation) -> None:
    assert [one.kind for one in alerts(stopped.ledger, "small")].count(STOPPED) == 1
    assert stop(stopped, 1) == ""  # a run that was killed says it once
    last = events_of_releases(stopped.ledger, "small")[-1]
    assert (last.stage_before, last.stage, last.decider) == ("candidate", "champion", "guard")
    assert last.reason == "Stop-loss: A decision earned -2.10 EUR against default."
    assert "“lend nothing” had the rules' place" in as_text(status_of(stopped.workspace))


def test_they_come_back_when_the_default_action_surely_earns_less(stopped: Installation) -> None:
    decided(stopped, 1)
    loses(stopped, 2, "holdout", batch=1)
    assert "The rules have their place again" in stop(stopped, 2)
    now = standing(stopped.ledger, "small")
    assert now is not None
    assert not now.champion.release.is_default_action
    assert RESUMED in [one.kind for one in alerts(stopped.ledger, "small")]
    assert set(decided(stopped, 2).loc[lambda rows: rows["role"] == "baseline", "release_id"]) == {
        now.champion.release_id
    }


def test_what_they_lost_before_they_came_back_stops_them_no_second_time(stopped: Installation) -> None:
    decided(stopped, 1)
    loses(stopped, 2, "rules", batch=1)
    stop(stopped, 2)
    loses(stopped, 3, "default", batch=0)  # a cohort of their first life is measured only now
    assert stop(stopped, 3) == ""
    decided(stopped, 2)
    loses(stopped, 4, "default", batch=2)
    assert "in the rules' place" in stop(stopped, 4)


def test_what_exploring_costs_is_told_and_stops_no_rules(begun: Installation) -> None:
    loses(begun, 1, "action")  # what was done, exploring and all
    assert stop(begun, 1) == ""


@pytest.mark.parametrize(
    "sections",
    [
        {"guardrails": {"when_rules_lose": "alert"}},
        {"policy": {"exploration": {"kind": "uniform", "share": 0.0}, "holdout_share": 0.0}},
    ],
)
def test_rules_go_on_where_people_want_it_or_a_stop_would_be_a_lock(begun: Installation, sections: dict) -> None:
    begun.contract(**sections)
    loses(begun, 1, "default")
    assert stop(begun, 1) == ""


def test_another_contract_does_not_bring_back_what_loses_and_an_approver_does(stopped: Installation) -> None:
    stopped.contract(policy={"holdout_share": 0.2})
    assert set(decided(stopped, 1).loc[lambda rows: rows["role"] == "baseline", "action"]) == {"hold"}
    anna = Grounds(Decider("person", "anna"), "a mistake", as_of(1))
    with pytest.raises(TransitionRefused, match=r"approval\.approvers"):
        roll_back(stopped.ledger, "small", "rules", anna)
    boss = Grounds(Decider("approver", "approver@example.com"), "the price list is mended", as_of(1))
    told = roll_back(stopped.ledger, "small", "rules", boss)
    assert told.champion.startswith("small/rules/")
    new = stopped.predict(2)
    assert new
    assert champion(stopped.ledger, "small").release.contract_digest == stopped.workspace.use_case.digest
    with pytest.raises(UsageError):
        roll_back(stopped.ledger, "small", None, boss)


def test_the_kill_switch_is_senior(stopped: Installation) -> None:
    engage(stopped.ledger, "small", "look first", "anna", 0)
    rows = decided(stopped, 1)
    assert set(rows["role"]) == {"baseline", "holdout"}  # nothing is explored
    assert set(rows.loc[rows["role"] == "baseline", "action"]) == {"hold"}
    set_flag(stopped.ledger, "small", "kill_switch", "default", "stop it all", "anna")
    assert set(decided(stopped, 2)["action"]) == {"hold"}  # the holdout too


def test_a_model_and_the_rules_that_lose_both_go(modelled: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    modelled.contract(canary={"baking_days": 0})
    loses(modelled, 4, "action")
    monkeypatch.setattr("tasks.release.stop_losses.are_rules_worse", lambda *_: True)
    said = stop(modelled, 4)
    assert "hold is what everybody but the holdout gets" in said
    now = standing(modelled.ledger, "small")
    assert now is not None
    assert now.champion.release.is_default_action
    assert {one.stage for one in events_of_releases(modelled.ledger, "small")[-2:]} == {"rolled_back", "champion"}


def test_where_the_rules_earn_more_they_take_a_losing_models_place(modelled: Installation) -> None:
    modelled.contract(canary={"baking_days": 0})
    loses(modelled, 4, "action")  # of the model's own cohorts nothing is measured yet: the rules are not shown to lose
    stop(modelled, 4)
    now = standing(modelled.ledger, "small")
    assert now is not None
    assert now.champion == now.baseline
    assert not now.champion.release.is_default_action


@pytest.fixture
def losing_first(tmp_path: Path) -> Iterator[Installation]:
    """Rules that lose from the beginning for four weeks, and earn from then on."""
    written = lends_for_long(
        tmp_path / "usecases",
        WEEKS,
        lambda week: 0.75 if week < 4 else 0.01,
        policy={"exploration": PRICED, "holdout_share": 0.2},
        guardrails=UNLIMITED,
    )
    with working_in(tmp_path, written) as installation:
        yield installation


@pytest.mark.exhaustive
def test_a_life_in_which_the_rules_lose_for_a_while(losing_first: Installation) -> None:
    decides = []
    for week in range(WEEKS):
        losing_first.predict(week)
        losing_first.act(week)
        losing_first.observe(week)
        stop(losing_first, week)
        now = champion(losing_first.ledger, "small")
        assert now is not None
        decides.append("default" if now.release.is_default_action else "rules")
    assert decides[0] == "rules"
    assert "default" in decides
    assert decides[-1] == "rules"
    assert decides.count("default") >= 4  # no flapping: there is one stop and one return
    assert sum(one != other for one, other in itertools.pairwise(decides)) == 2
    stopped = losing_first.decisions(decides.index("default") + 1)
    assert (stopped["role"] == "exploration").any()
    over = measurements_of(losing_first.ledger, "small", RULES_OVER_DEFAULT).dropna(subset=["value"])
    assert over["value"].iloc[0] < 0 < over["value"].iloc[-1]
