"""Between two batches the contract changes: what was decided before is still observed, compared and learnt from."""

from __future__ import annotations

import json

import pytest

from decisionloop.cli.usecase import change_lines
from decisionloop.errors import ContractError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import baseline, champion, current_stages, events_of_releases, find_stage
from tasks.learn.release_stages import by_gate, enter_canary
from tasks.learn.training_set import build_training_set
from tasks.release.changed_contract import what_changes
from tasks.release.fitness import unfit
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")


def _features(installation):
    import yaml

    return yaml.safe_load((installation.written.folder / "usecase.yaml").read_text())["features"]


def _with_new_feature(installation):
    """``spare``, twice the turnover, from now on."""
    new = {"name": "spare", "type": "number", "wording": "spare money", "is_nullable": True, "purpose": "It matters."}
    installation.contract(features=[*_features(installation), new])
    code = installation.written.folder / "features.py"
    columns = 'columns = ["shop_id", "turnover", "debt", "trade", "owner_sex"]'
    text = code.read_text().replace(columns, columns.replace("]", ', "spare"]'))
    code.write_text(
        text.replace(
            "    return known.drop", '    known = known.assign(spare=known["turnover"] * 2)\n    return known.drop'
        )
    )


def _without_a_feature(installation):
    installation.contract(features=[one for one in _features(installation) if one["name"] != "debt"])
    code = installation.written.folder / "features.py"
    code.write_text(code.read_text().replace('"debt", ', ""))


def _with_a_renamed_action(installation):
    installation.contract(
        actions=[
            {"name": "hold", "wording": "lend nothing", "is_default": True, "reveals_outcome": False, "is_sent": False},
            {"name": "loan", "wording": "lend", "reveals_outcome": True, "is_favourable": True},
        ],
        economics={"value": {"hold": "0", "loan": "where(outcome, -loss, margin)"}},
        guardrails={"action_share": {"loan": [0, 1]}},
    )
    rules = installation.written.folder / "rules.py"
    rules.write_text(rules.read_text().replace('"lend"', '"loan"'))


CHANGES = [
    _with_new_feature,
    pytest.param(_without_a_feature, marks=pytest.mark.exhaustive),
    pytest.param(_with_a_renamed_action, marks=pytest.mark.exhaustive),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_loop_goes_on_over_a_changed_contract(modelled, change):
    change(modelled)
    for week in (3, 4):
        modelled.turn(week)
        assert modelled.state(week) == "complete"
        assert len(modelled.decisions(week)) == 600
    measured = measurements_of(modelled.ledger, "small")
    mature = set(measured.loc[measured["is_mature"], "cohort"])
    assert {f"{as_of(week):%Y-%m-%d}" for week in (1, 2, 3)} <= mature
    assert champion(modelled.ledger, "small") is not None


@pytest.mark.parametrize("change", CHANGES[:2])  # what a renamed action brought is nobody's any more
def test_what_was_decided_before_still_teaches_as_far_as_it_can(modelled, change):
    modelled.turn(3)
    change(modelled)
    training_set_id = build_training_set.fn("small", as_of(4))
    rows = [one for one in modelled.tables()["training_set"] if training_set_id in one]
    assert rows


def test_skew_says_what_it_cannot_compare(modelled):
    modelled.predict(3)
    modelled.act(3)
    _with_new_feature(modelled)
    modelled.observe(4)
    (told,) = [one for one in alerts(modelled.ledger, "small", modelled.batch(3)) if one.kind == "skew"]
    assert told.severity == "info"
    assert told.message.startswith("spare cannot be compared")


def _with_other_money(installation):
    installation.contract(economics={"constants": {"margin": 12, "loss": 40}})


@pytest.mark.parametrize("change", CHANGES[1:])
def test_a_model_decides_under_no_contract_that_it_does_not_fit(modelled, change):
    model = champion(modelled.ledger, "small")
    change(modelled)
    modelled.predict(3)
    assert champion(modelled.ledger, "small") == baseline(modelled.ledger, "small")
    last = find_stage(modelled.ledger, model.release_id).event
    assert (last.stage, last.decider) == ("rolled_back", "guard")
    assert last.reason.startswith("The contract has changed, and it must be retrained: ")
    modelled.act(3)
    assert set(modelled.decisions(3)["release_id"]) == {baseline(modelled.ledger, "small").release_id}
    (told,) = [one for one in alerts(modelled.ledger, "small") if one.kind == "rollback"]
    assert "must be retrained" in told.message
    before = modelled.tables()["release_event"]
    modelled.predict(4)  # what has gone is gone
    assert modelled.tables()["release_event"] == before


def test_a_contract_whose_code_does_not_work_is_refused_before_it_is_in_force(modelled):
    _without_a_feature(modelled)
    code = modelled.written.folder / "features.py"
    code.write_text(code.read_text().replace('columns = ["shop_id", ', 'columns = ["shop_id", "debt", '))
    before = modelled.tables()["release_event"]
    with pytest.raises(ContractError, match="debt"):
        modelled.predict(3)
    assert modelled.tables()["release_event"] == before
    assert modelled.state(3) is None


def test_a_model_that_fits_goes_on_and_the_history_says_what_was_put_in_force(modelled):
    model = champion(modelled.ledger, "small").release_id
    _with_other_money(modelled)
    modelled.predict(3)
    assert champion(modelled.ledger, "small").release_id == model
    new = [one for one in events_of_releases(modelled.ledger, "small") if "economics" in one.evidence]
    assert [one.stage for one in new] == ["candidate", "retired", "baseline"]
    told = json.loads(new[-1].evidence)
    assert told["changed"] == "economics.constants.margin"
    assert (told["version_before"], told["contract_version"]) == (1, 2)
    assert told["by"]  # the account that opened the batch
    assert "version 2 of the contract (changed: economics.constants.margin)" in new[0].reason


def test_beforehand_one_is_told_what_it_means(modelled):
    assert what_changes(modelled.workspace) is None
    _with_a_renamed_action(modelled)
    told = what_changes(modelled.workspace)
    assert told.is_anybody_stopped
    (model,) = [one for one in told.releases if one.stage == "champion"]
    assert "it knows the actions hold, lend, not hold, loan" in model.retrain
    decided = [modelled.decisions(week)["action"] for week in range(3)]
    lent, everybody = sum(int((one == "lend").sum()) for one in decided), sum(len(one) for one in decided)
    log = next(one.words for one in told.consequences if one.subject == "log")
    assert log.startswith(f"{lent:,} of {everybody:,} decisions took lend")
    assert any("the rules take its place, and it must be retrained" in line for line in change_lines(told))
    assert champion(modelled.ledger, "small").release_id == model.release_id  # nothing was done


def test_the_gate_lets_nobody_decide_under_a_contract_that_does_not_fit(shadowed):
    (challenger,) = [one for one in current_stages(shadowed.ledger, "small") if one.stage in ("shadow", "canary")]
    _without_a_feature(shadowed)
    assert "must be retrained" not in unfit(shadowed.workspace, challenger.release)
    assert "it reads debt" in unfit(shadowed.workspace, challenger.release)
    said = enter_canary(shadowed.workspace, challenger.release, 0.9, by_gate("it would earn more", as_of(2)))
    assert "the contract has changed, and it must be retrained: it reads debt" in said
    shadowed.predict(2)
    assert find_stage(shadowed.ledger, challenger.release_id).stage in ("refused", "rolled_back")
