"""The kill switch hands over to the rules, within the limits; a violated guardrail keeps a model's choice inside."""

from __future__ import annotations

import pandas as pd
import pytest

from decisionloop.errors import BatchHalted
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.outbox import messages_of_batch
from decisionloop.ledger.releases import baseline, champion

pytestmark = pytest.mark.xdist_group("loop")


def _rules_choice(installation, week):
    history = pd.read_csv(installation.written.folder / "data" / "history.csv", parse_dates=["seen_at"])
    rows = history[history["seen_at"].dt.strftime("small/%Y-%m-%d") == installation.batch(week)]
    return rows.set_index("shop_id")["turnover"].gt(80).map({True: "lend", False: "hold"}).rename("action")


def test_the_kill_switch_hands_every_decision_to_the_rules(modelled):
    set_flag(modelled.ledger, "small", "kill_switch", "on", "complaints", "head")
    modelled.turn(3)
    decisions = modelled.decisions(3).set_index("entity_id")
    assert set(decisions["fallback_reason"]) == {"kill switch"}
    assert set(decisions["role"]) == {"baseline", "holdout"}
    assert set(decisions["propensity"]) == {1.0}
    assert set(decisions["release_id"]) == {baseline(modelled.ledger, "small").release_id}
    pd.testing.assert_series_equal(
        decisions["action"], _rules_choice(modelled, 3), check_names=False, check_dtype=False, check_index_type=False
    )
    assert modelled.state(3) == "complete"
    set_flag(modelled.ledger, "small", "kill_switch", "off", "mended", "head")
    modelled.turn(4)
    after = modelled.decisions(4)
    assert after["fallback_reason"].isna().all()
    assert set(after["role"]) == {"champion", "exploration", "holdout", "baseline"}
    is_outside = after["reason_codes"].str.contains("outside support")
    assert (is_outside == (after["role"] == "baseline")).all()


def test_the_kill_switch_needs_no_guardrail_to_agree_and_keeps_the_limits(modelled):
    """Shares and scores outside their bounds must not keep anybody from switching to the rules."""
    modelled.written.set("turnover", 500, 3)
    modelled.written.set("debt", 9.5, 3)
    set_flag(modelled.ledger, "small", "kill_switch", "on", "complaints", "head")
    modelled.predict(3)
    modelled.act(3)
    decisions = modelled.decisions(3)
    assert (decisions["action"] == "lend").sum() == 570  # at most 95 % of 600
    is_cut = decisions["action"] == "hold"
    assert set(decisions.loc[is_cut, "fallback_reason"]) == {"kill switch; limit: largest share of lend"}
    assert set(decisions.loc[~is_cut, "fallback_reason"]) == {"kill switch"}


def test_a_violated_guardrail_halts_before_anything_leaves_where_the_contract_says_so(modelled):
    modelled.contract(guardrails={"maximum_feature_shift": 1, "when_halted": "hold"})
    modelled.written.set("debt", 9.5, 3)
    sent = modelled.sent()
    modelled.predict(3)
    with pytest.raises(BatchHalted, match="score shift"):
        modelled.act(3)
    assert modelled.state(3) == "halted"
    assert modelled.decisions(3).empty
    assert messages_of_batch(modelled.ledger, modelled.batch(3)).empty
    assert modelled.sent() == sent
    (alert,) = alerts(modelled.ledger, "small", modelled.batch(3))
    assert (alert.severity, alert.kind) == ("critical", "guardrail")
    assert "score shift" in alert.message
    assert len(modelled.announced("batch.halted")) == 1


def test_scores_that_have_not_jumped_pass(modelled):
    """The reference is what the release logs: an ordinary batch after its promotion is not a jump."""
    for week in (3, 4):
        modelled.predict(week)
        modelled.act(week)
    assert champion(modelled.ledger, "small").release.kind == "scorecard"
    assert modelled.state(4) == "complete"
