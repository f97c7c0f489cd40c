"""What teaches, what the gate is told, and what follows: every step of a release is a row with its reason."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from decisionloop.errors import IntegrityError
from decisionloop.ledger import schema
from decisionloop.ledger.decisions import decisions_of_batch, shadow_runs
from decisionloop.ledger.releases import challengers, champion, release_events, shadows
from decisionloop.ledger.verdicts import find_training_set
from tasks.learn.training_rows import manifest_of, training_rows_of
from tasks.readback.tables import read_table
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")

CHECKS = ["money", "skill", "auc", "calibration", "adverse_impact", "slices", "latency", "parity", "reasons"]


def _training_set(installation):
    with installation.ledger.connect() as connection:
        (training_set_id,) = connection.execute(select(schema.training_set.c.training_set_id)).scalars()
    return find_training_set(installation.ledger, training_set_id)


def _taught(installation):
    fact = _training_set(installation)
    return read_table(installation.workspace, fact.snapshot_digest).to_pandas().set_index("decision_id")


def _outcomes(installation, week, change):
    """Change the outcomes of the shops of a week, at the source."""

    def changed(outcomes):
        is_week = outcomes["decided_at"] == as_of(week)
        return pd.concat([outcomes[~is_week], change(outcomes[is_week])])

    installation.written.change("outcomes.parquet", changed)


def _flipped(outcomes):
    return outcomes.assign(defaulted=1 - outcomes["defaulted"])


def test_a_training_set_is_rebuilt_exactly_from_the_ledger(shadowed):
    fact = _training_set(shadowed)
    rows, _ = training_rows_of(shadowed.workspace, fact)
    rebuilt = manifest_of(rows)
    assert rebuilt.equals(read_table(shadowed.workspace, fact.snapshot_digest))
    assert len(rows) == fact.rows
    assert (fact.cohort_from, fact.cohort_to, fact.as_of) == (as_of(0), as_of(0), as_of(1))


def test_what_becomes_known_later_does_not_change_a_training_set(shadowed):
    shadowed.tell_when_it_happened()  # else what is seen after the window may have happened after it
    _outcomes(shadowed, 0, lambda seen: _flipped(seen).assign(told_at=as_of(1) + pd.Timedelta(days=1)))
    shadowed.observe(2)
    assert (pd.DataFrame(shadowed.tables()["outcome"])[1] == 2).sum() > 0  # revisions
    rows, _ = training_rows_of(shadowed.workspace, _training_set(shadowed))
    assert len(rows) == len(_taught(shadowed))


def test_a_training_set_that_the_ledger_no_longer_gives_is_refused(shadowed):
    _outcomes(shadowed, 0, lambda seen: _flipped(seen).assign(told_at=as_of(0) + pd.Timedelta(days=6.5)))
    shadowed.observe(2)
    fact = _training_set(shadowed)
    with pytest.raises(IntegrityError, match=fact.training_set_id):
        training_rows_of(shadowed.workspace, fact)


def test_a_damaged_training_set_is_refused(shadowed):
    fact = _training_set(shadowed)
    (file,) = (shadowed.folder / "home" / "snapshots").rglob(f"{fact.snapshot_digest}*")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=fact.snapshot_digest):
        training_rows_of(shadowed.workspace, fact)


def test_holdout_and_fallback_never_teach_and_everything_else_that_is_known_does(small, fast_mlflow):
    small.written.set("debt", 99, 0, slice(0, 40))  # left to the rules, some of them lent to
    small.written.set("turnover", float("nan"), 0, slice(40, 50))
    small.turn(0)
    small.turn(1)
    decisions = decisions_of_batch(small.ledger, small.batch(0)).set_index("decision_id")
    lent = decisions["action"] == "lend"
    fell, held_out = decisions["fallback_reason"].notna(), decisions["role"] == "holdout"
    assert (lent & fell).sum() > 10
    assert (lent & held_out).sum() > 10
    taught = _taught(small)
    assert set(taught.index) == set(decisions.index[lent & ~fell & ~held_out])
    inverse = 1 / decisions["propensity"].loc[taught.index]
    np.testing.assert_allclose(taught["weight"], inverse / inverse.mean())
    outcomes = pd.read_parquet(small.written.folder / "data" / "outcomes.parquet")
    known = outcomes[outcomes["decided_at"] == as_of(0)].set_index("shop_id")["defaulted"]
    assert (taught["outcome_class"] == known.loc[decisions.loc[taught.index, "entity_id"]].to_numpy()).all()


def test_both_looks_are_kept_with_every_check_and_lead_to_stages_with_reasons(modelled):
    first, opening, second = modelled.looks()
    assert [(v.look, v.decision, v.as_of) for v in (first, opening, second)] == [
        (1, "promote", as_of(1)),
        (2, "insufficient", as_of(1)),  # what is staked, before anything has matured
        (2, "promote", as_of(2)),
    ]
    assert first.challenger_id == second.challenger_id
    assert first.champion_id == second.champion_id
    for verdict in (first, second):
        checks = json.loads(verdict.reasons)
        assert [check["name"] for check in checks] == CHECKS
        assert all(check["is_passed"] and check["reason"] for check in checks)
        assert json.loads(verdict.evidence)["money"]["low"] > 0
    trail = release_events(modelled.ledger, first.challenger_id)
    assert [event.stage for event in trail] == ["candidate", "shadow", "champion"]
    assert [event.as_of for event in trail] == [as_of(1), as_of(1), as_of(2)]
    assert all(event.reason for event in trail)
    assert champion(modelled.ledger, "small").release_id == first.challenger_id
    said = [event["payload"]["decision"] for event in modelled.announced("gate.decided")]
    assert said == []  # a copy of that life has emitted nothing itself


def test_the_second_look_is_at_decisions_that_taught_nobody(modelled):
    """Both batches are mature by then; the first one taught the challenger and must not referee it."""
    second = modelled.looks()[-1]
    policy = modelled.decisions(1).query("role != 'holdout'")
    assert json.loads(second.evidence)["money"]["n"] == len(policy)


def test_insufficient_evidence_leaves_the_challenger_beside_the_champion_until_there_is_more(shadowed):
    outcomes = shadowed.written.folder / "data" / "outcomes.parquet"
    complete = outcomes.read_bytes()
    _outcomes(shadowed, 1, lambda seen: seen.head(120))  # the others are slow to arrive
    shadowed.contract(monitors={"minimum_arrived": 0})  # else it is a hole, and is not looked at before they have come
    shadowed.turn(2)
    (shadow,) = challengers(shadowed.ledger, "small")
    look = shadowed.looks()[-1]
    assert (look.look, look.decision) == (2, "insufficient")
    assert "wait for more" in look.reasons
    outcomes.write_bytes(complete)
    shadowed.turn(3)
    decided = [v.decision for v in shadowed.looks()]
    assert decided == ["promote", "insufficient", "insufficient", "promote"]  # the first look, the opening, two looks
    assert champion(shadowed.ledger, "small").release_id == shadow.release_id
    assert len(shadow_runs(shadowed.ledger, shadow.release_id)) == 2


def test_without_a_mature_decision_the_challenger_waits(shadowed):
    """The batch that would have been its referee was halted, so nobody knows yet."""
    (shadow,) = shadows(shadowed.ledger, "small")
    shadowed.contract(outcome={"maturity_days": 14})
    shadowed.turn(2)
    assert len(shadow_runs(shadowed.ledger, shadow.release_id)) == 1
    assert [v.look for v in shadowed.looks()] == [1, 2]  # the second is the opening
    assert [one.release_id for one in challengers(shadowed.ledger, "small")] == [shadow.release_id]


def test_a_refusal_is_final(shadowed):
    """One cohort is too little to say that it surely earns less, so it is refused because its time is over."""
    shadowed.contract(gate={"longest_comparison": 1})
    (shadow,) = shadows(shadowed.ledger, "small")
    outcomes = shadowed.written.folder / "data" / "outcomes.parquet"
    complete = outcomes.read_bytes()
    _outcomes(shadowed, 1, _flipped)  # as if debt were a virtue
    shadowed.turn(2)
    looks = shadowed.looks()
    assert [v.decision for v in looks] == ["promote", "insufficient", "refuse"]
    assert [event.stage for event in release_events(shadowed.ledger, shadow.release_id)][-1] == "refused"
    assert shadowed.workspace.registry.aliases("small").keys() == {"baseline", "champion"}
    outcomes.write_bytes(complete)
    shadowed.turn(3)
    assert shadowed.looks() == looks
    assert len(shadow_runs(shadowed.ledger, shadow.release_id)) == 1
    assert champion(shadowed.ledger, "small").release.kind == "rules"


def test_a_promotion_is_final(modelled):
    decides, looks = champion(modelled.ledger, "small"), modelled.looks()
    _outcomes(modelled, 1, lambda seen: _flipped(seen).assign(told_at=seen["told_at"] + pd.Timedelta(days=5)))
    modelled.turn(2)
    assert champion(modelled.ledger, "small") == decides
    assert modelled.looks() == looks
