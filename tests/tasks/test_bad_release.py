"""A release that is shipped bad on purpose is stopped by the turn that it first decides in, and its cost is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decisionloop.drill.bad_release import can_ship, ship, stop_unseen
from decisionloop.learn.inverted import INVERTED
from decisionloop.ledger.batches import batches
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.releases import canary, champion, current_stages, find_stage, release_events
from decisionloop.predict.release_model import predict
from decisionloop.release_store import load_release
from decisionloop.report.assemble import assemble_story
from decisionloop.report.page import paragraphs, render_story
from decisionloop.report.read.bad_release import bad_release_of
from decisionloop.report.read.gathered import names_of_releases
from tasks.learn.trigger_state import trigger_state
from tests.small_use_case import as_of
from tests.tasks.installation import Installation

pytestmark = pytest.mark.xdist_group("loop")

SHARE = 0.3
QUICK = {"steps": [{"share": SHARE, "confidence": 0.55}], "baking_days": 1}


@pytest.fixture
def watched(modelled: Installation) -> Installation:
    """A model decides alone since a week, and is not watched as a new one any more."""
    modelled.contract(canary=QUICK)
    return modelled


def told_of(life: Installation):
    ledger = life.ledger
    return bad_release_of(life.workspace, names_of_releases(ledger, "small", batches(ledger, "small")))


def test_the_turn_in_which_it_first_decides_stops_it_and_its_cost_is_what_the_truth_says(watched):
    before = trigger_state(watched.workspace, as_of(3))
    shipped = ship(watched.workspace, as_of(3))
    assert canary(watched.ledger, "small").release_id == shipped
    assert ship(watched.workspace, as_of(3)) is None  # one is on trial
    assert trigger_state(watched.workspace, as_of(3)).last_trained_at == before.last_trained_at
    watched.turn(3)
    assert not stop_unseen(watched.workspace, as_of(3))
    last = release_events(watched.ledger, shipped)[-1]
    assert (last.stage, last.decider) == ("rolled_back", "guard")
    assert "in the opposite order to the champion's" in last.reason
    assert champion(watched.ledger, "small").release_id != shipped
    assert not can_ship(watched.workspace, as_of(4))  # one was enough

    told = told_of(watched)
    rows = decisions_of_batch(watched.ledger, watched.batch(3))
    its = rows[(rows["release_id"] == shipped) & (rows["role"] == "canary")]
    assert 0 < len(its) == told.cost.decisions < SHARE * 1.3 * len(rows)
    assert (told.shipped_on, told.stopped_on, told.is_caught) == (as_of(3).date(), as_of(3).date(), True)
    assert told.cost.lost == pytest.approx(_lost(watched, its))
    assert told.at_once.decisions == int((rows["role"] != "holdout").sum() - rows["fallback_reason"].notna().sum())
    assert told.at_once.lost > told.cost.lost > 0


def _lost(life: Installation, its) -> float:
    """By hand: what the champion would have earned with its people less what they brought."""
    decides = champion(life.ledger, "small").release
    model = load_release(life.workspace.snapshots, decides.scorer_digest)
    (digest,) = set(its["snapshot_digest"])
    frame = life.workspace.snapshots.get_table(digest).to_pandas().iloc[its["snapshot_row"]].reset_index(drop=True)
    case = life.workspace.use_case
    may = model.support.supported(case.action_names, frame, its["rules_action"].map(case.action_names.index).to_numpy())
    is_cheap = predict(case, model, frame).probability[:, 1] < 10 / 50
    lends = np.where(may.all(axis=1), is_cheap, its["rules_action"] == "lend")
    truth = life.workspace.source.hidden_truth()
    met = its[["entity_id", "as_of", "action"]].merge(truth, how="left", on=["entity_id", "as_of"])
    worth = np.where(met["outcome_class"] == 1, -40.0, 10.0)
    return float(worth[lends].sum() - worth[(met["action"] == "lend").to_numpy()].sum())


def test_the_page_tells_it_and_has_no_such_chapter_without(watched):
    names = {"ledger": watched.ledger, "use_case": watched.workspace.use_case}
    assert "A bad release, on purpose" not in render_story(assemble_story(**names))
    assert told_of(watched) is None
    ship(watched.workspace, as_of(3))
    watched.turn(3)
    story = replace(assemble_story(**names), bad_release=told_of(watched))
    said = paragraphs(story)["bad_release"]
    assert [one for one in said if "The loop itself stopped it the same day" in one]
    assert "A bad release, on purpose" in render_story(story)


def test_killed_in_the_middle_it_goes_on(watched, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("decisionloop.drill.bad_release.let_decide", killed)
        with pytest.raises(KeyboardInterrupt):
            ship(watched.workspace, as_of(3))
    assert canary(watched.ledger, "small") is None
    assert ship(watched.workspace, as_of(3)) == canary(watched.ledger, "small").release_id
    assert [one.release.kind for one in current_stages(watched.ledger, "small")].count(INVERTED) == 1


def test_what_nothing_has_seen_goes_by_hand(watched):
    shipped = ship(watched.workspace, as_of(3))
    watched.predict(3)
    watched.act(3)
    assert stop_unseen(watched.workspace, as_of(3))
    assert find_stage(watched.ledger, shipped).stage == "rolled_back"
    assert not told_of(watched).is_caught


def test_nothing_is_shipped_beside_a_new_champion_nor_past_an_approval(watched):
    assert can_ship(watched.workspace, as_of(3))
    watched.contract(canary={"baking_days": 30})
    assert not can_ship(watched.workspace, as_of(3))
    watched.contract(canary=QUICK, approval={"is_required": True})
    assert not can_ship(watched.workspace, as_of(3))
    assert ship(watched.workspace, as_of(3)) is None
