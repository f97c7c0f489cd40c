"""Between two batches the contract changes: what was decided before is still observed, compared and learnt from."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import champion
from tasks.learn.training_set import build_training_set
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


CHANGES = [_with_new_feature, _without_a_feature, _with_a_renamed_action]


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
