"""A model within its support, from its training to what becomes of its decisions, by the product's own functions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from decisionloop.cli.status import as_text, status_of
from decisionloop.errors import IntegrityError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import latest_detail
from decisionloop.ledger.releases import baseline, champion, current_stages, find_stage, release_events
from decisionloop.ledger.summary import batch_summary
from decisionloop.ledger.verdicts import verdicts
from decisionloop.predict.release_model import ReleaseManifest
from decisionloop.release_store import load_release
from tasks.tell.batch_page import batch_markdown
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")


def _deciding(installation):
    release = champion(installation.ledger, "small").release
    return release, load_release(installation.workspace.snapshots, release.scorer_digest)


def _rules_alone(decisions):
    return (decisions["role"] == "baseline") & decisions["fallback_reason"].isna()


def test_one_training_gives_the_model_everywhere_and_within_its_support_and_the_surest_goes_on(modelled):
    looks = [one for one in verdicts(modelled.ledger, "small") if one.look == 1]
    shares = {one.challenger_id: json.loads(one.evidence)["deciding_share"] for one in looks}
    assert sorted(share is None for share in shares.values()) == [False, True]
    release, model = _deciding(modelled)
    card = json.loads(release.card_json)
    assert model.support is not None
    assert card["support"]["minimum"] == modelled.workspace.use_case.gate.minimum_effective_n
    assert card["support"]["may_decide"] == pytest.approx(shares[release.release_id])
    assert "elsewhere does what the rules do" in release_events(modelled.ledger, release.release_id)[0].reason
    (other,) = [one for one in shares if one != release.release_id]
    stage = find_stage(modelled.ledger, other)
    assert (stage.stage, stage.release.training_set_id) == ("refused", release.training_set_id)
    assert "support" not in json.loads(stage.release.card_json)


def test_its_card_says_where_it_decides_and_the_rule_lies_beside_its_scorers(modelled):
    import mlflow

    release, model = _deciding(modelled)
    uri = modelled.workspace.settings.resolved_mlflow_uri()
    run = mlflow.MlflowClient(uri, uri).get_model_version("small", release.mlflow_version).run_id
    card = mlflow.artifacts.load_text(f"runs:/{run}/release/model_card.md")
    share = json.loads(release.card_json)["support"]["may_decide"]
    assert "**Decides within its support.**" in card
    assert f"| it may depart from the rules | {share:.1%} |" in card
    assert mlflow.artifacts.load_text(f"runs:/{run}/release/support.json").encode() == model.support.to_bytes()


def test_outside_support_the_batch_does_what_the_rules_do_and_says_so_everywhere(decided):
    decisions, release = decided.decisions(3), champion(decided.ledger, "small").release
    outside = decisions[_rules_alone(decisions)]
    assert len(outside) > 20
    assert (outside["action"] == outside["rules_action"]).all()
    assert set(outside["release_id"]) == {baseline(decided.ledger, "small").release_id}
    for told in outside["reason_codes"]:
        own, why = json.loads(told)
        assert own in {"high turnover", "low turnover"}
        assert why.startswith("outside support: too little is known")
    assert set(decisions.query("role == 'champion'")["release_id"]) == {release.release_id}
    detail = latest_detail(decided.ledger, decided.batch(3), "decided")
    assert detail["decided_by"] == release.release_id
    assert detail["outside_support"] >= len(outside)  # some of them explored
    summary = batch_summary(decided.ledger, decided.batch(3))
    assert summary.outside_support == detail["outside_support"]
    told = as_text(status_of(decided.workspace))
    assert f"{summary.outside_support:,} outside its support as the rules would" in told
    assert "too little is known of such cases" in batch_markdown(decided.workspace, decided.batch(3))


def test_it_departs_from_the_rules_where_its_rule_supports_both_actions_and_nowhere_else(decided):
    decisions, (_, model) = decided.decisions(3), _deciding(decided)
    use_case = decided.workspace.use_case
    from decisionloop.frozen_rows import frozen_rows

    frame = frozen_rows(decided.workspace, decisions)
    rules, taken = (pd.Index(use_case.action_names).get_indexer(decisions[one]) for one in ("rules_action", "action"))
    supported, row = model.support.supported(use_case.action_names, frame, rules), np.arange(len(rules))
    departs = (decisions["role"] == "champion").to_numpy() & (taken != rules)
    assert departs.sum() > 50
    assert (supported[row, taken] & supported[row, rules])[departs].all()


def test_a_batch_that_the_rules_decided_and_one_of_a_model_everywhere_tell_of_no_support(modelled):
    for week in (0, 1, 2):
        assert latest_detail(modelled.ledger, modelled.batch(week), "decided")["outside_support"] is None
        assert batch_summary(modelled.ledger, modelled.batch(week)).outside_support is None


def test_a_support_rule_that_was_changed_is_found_by_its_digest_and_the_rules_decide(modelled):
    release, _ = _deciding(modelled)
    snapshots = modelled.workspace.snapshots
    manifest = ReleaseManifest.from_bytes(snapshots.get_bytes(release.scorer_digest))
    (file,) = (modelled.folder / "home" / "snapshots").rglob(f"{manifest.support_digest}*")
    file.write_bytes(file.read_bytes().replace(b'"minimum":60', b'"minimum":1.'))
    from decisionloop.release_store import _load

    _load.cache_clear()  # another process would read it anew
    with pytest.raises(IntegrityError, match="damaged or changed"):
        load_release(snapshots, release.scorer_digest)
    modelled.predict(3)
    modelled.act(3)
    assert set(modelled.decisions(3)["fallback_reason"].str.partition("; ")[0]) == {"rules stand in: champion failed"}
    (alert,) = [one for one in alerts(modelled.ledger, "small", modelled.batch(3)) if one.kind == "champion"]
    assert "damaged or changed" in alert.message


def test_what_it_leaves_to_the_rules_teaches_and_the_next_training_knows_it(decided):
    decided.turn(4)
    decisions = decided.decisions(3)
    outside = set(decisions[_rules_alone(decisions) & (decisions["action"] == "lend")]["decision_id"])
    decided.retrain(4, reason="To see.", is_forced=True)
    newest = max((one.release for one in current_stages(decided.ledger, "small")), key=lambda one: one.created_at)
    assert newest.created_at == as_of(4)
    from tasks.learn.training_rows import training_rows_of, training_set_of

    rows, _ = training_rows_of(decided.workspace, training_set_of(decided.workspace, newest.training_set_id))
    known = decisions[decisions["decision_id"].isin(rows.decision_id)]
    assert outside
    assert outside <= set(known["decision_id"])
