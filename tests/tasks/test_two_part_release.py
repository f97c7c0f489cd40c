"""Where most amounts are zero what is trained, stored, and scores is a model in two parts, and its card says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decisionloop.ledger.releases import RULES, current_stages, release_events
from decisionloop.predict.release_model import predict
from decisionloop.predict.two_part import TwoPartScorer
from decisionloop.release_store import load_release
from tasks.readback.sample import sample_of
from tests.small_use_case import write_offers
from tests.tasks.installation import Installation, working_in

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def offers(tmp_path: Path) -> Iterator[Installation]:
    """``offers``, in which a third of the purchases did not happen: who buys nothing spends nothing."""
    written = write_offers(tmp_path / "usecases")
    written.change("experiment.csv", _fewer_buyers)
    with working_in(tmp_path, written) as installation:
        yield installation


def _fewer_buyers(log: pd.DataFrame) -> pd.DataFrame:
    is_kept = np.random.default_rng(1).random(len(log)) < 2 / 3
    return log.assign(bought=log["bought"].where(is_kept, 0), spend=log["spend"].where(is_kept, 0.0))


@pytest.mark.exhaustive
def test_where_a_class_has_no_amounts_it_is_the_first_part_of_what_scores(offers: Installation) -> None:
    for week in range(2):
        offers.turn(week)
    offers.retrain(1, reason="to see its form", is_forced=True)
    trained = [one.release for one in current_stages(offers.ledger, "offers") if one.release.kind != RULES]
    assert trained
    frame = sample_of(offers.workspace, offers.batch(1), 500, "test").frame
    for release in trained:
        card = json.loads(release.card_json)
        assert "zero where the outcome is 0" in card["amount_form"]
        assert card["amount_form"] in release_events(offers.ledger, release.release_id)[0].reason
        assert release.scorer_digest is not None
        model = load_release(offers.workspace.snapshots, release.scorer_digest)
        assert isinstance(model.amount_scorer, TwoPartScorer)
        assert model.has_exact_reasons  # of the class, which leads
        told = predict(offers.workspace.use_case, model, frame)
        assert told.amount is not None
        is_told = ~np.isnan(told.amount).all(axis=(0, 2))
        assert is_told.any()
        assert (told.amount[:, is_told, 0] == 0).all()  # who buys nothing spends nothing, exactly
        assert (told.amount[:, is_told, 1] > 0).all()
