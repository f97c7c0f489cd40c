"""A shadow decides nothing: whatever it does, the decisions are those of a loop without it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import current_stages, shadows
from decisionloop.ledger.verdicts import verdicts
from decisionloop.predict.release_model import ReleaseManifest, ReleaseModel
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import Refuse
from decisionloop.release.stages import Decider
from tasks.learn.comparisons import FAILED_BATCHES
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")


class SaysNothing:
    """A scorer gone wrong."""

    def score(self, frame):
        return np.full(len(frame), np.nan)


def _leave_it(installation, shadow, patch):
    pass


def _send_it_away(installation, shadow, patch):
    grounds = Grounds(Decider("person", "a person"), "not wanted", as_of(1))
    change_stages(installation.ledger, "small", Refuse(shadow.release_id), grounds)


def _corrupt_it(installation, shadow, patch):
    manifest = installation.workspace.snapshots.get_bytes(shadow.release.scorer_digest)
    digest = ReleaseManifest.from_bytes(manifest).class_digest
    (file,) = (installation.folder / "home" / "snapshots").rglob(f"{digest}*")
    file.write_bytes(file.read_bytes()[:-1] + b"!")


def _silence_it(installation, shadow, patch):
    patch.setattr("tasks.predict.score.load_release", lambda *_: ReleaseModel(SaysNothing(), None))


def _said(installation, week, kind):
    """What the parts of a week's batch left behind of a kind, without stopwatches."""
    parts = parts_of(installation.ledger, installation.batch(week), kind)
    tables = [installation.workspace.snapshots.get_table(part.digest).to_pandas() for part in parts]
    return pd.concat(tables, ignore_index=True).drop(columns="latency_ms", errors="ignore")


def _week_with(restored, monkeypatch, disturb):
    """Decisions, deciding predictions, shadow runs and shadow predictions of a week; and what the next look says."""
    with restored("shadowed") as installation, monkeypatch.context() as patch:
        (shadow,) = shadows(installation.ledger, "small")
        disturb(installation, shadow, patch)
        installation.predict(2)
        installation.act(2)
        deciding, shadowing = (_said(installation, 2, kind) for kind in ("scores", "predictions"))
        runs = shadow_runs(installation.ledger, shadow.release_id)
        installation.observe(2)
        said = installation.learn(2)
        return installation.decisions(2), deciding, runs, shadowing, said


def test_a_shadow_changes_nothing_but_its_record(restored, monkeypatch):
    alone, beside, runs, _, _ = _week_with(restored, monkeypatch, _send_it_away)
    assert runs == ()
    for disturb, status, error, nan_rows, said in (
        (_leave_it, "ok", "", 0, "promote"),
        (_corrupt_it, "failed", "IntegrityError", 0, "failed on 1 of 1 batches in shadow"),
        (_silence_it, "nan", "", 600, "failed on 1 of 1 batches in shadow"),
    ):
        decisions, predictions, (run,), shadow, told = _week_with(restored, monkeypatch, disturb)
        # To be sent away is itself an event of the releases.
        pd.testing.assert_frame_equal(decisions.drop(columns="release_seq"), alone.drop(columns="release_seq"))
        pd.testing.assert_frame_equal(predictions, beside)
        assert (run.status, run.rows, run.nan_rows) == (status, 600, nan_rows)
        assert error in (run.error or "")
        assert len(shadow) == (0 if status == "failed" else 600)
        assert shadow.reindex(columns=["score"]).isna().all(axis=None) == (status != "ok")
        assert said in told


@pytest.mark.exhaustive
def test_a_shadow_that_fails_three_times_is_sent_away_without_a_verdict(restored, monkeypatch):
    with restored("shadowed") as installation:
        (shadow,) = shadows(installation.ledger, "small")
        looks = verdicts(installation.ledger, "small")
        _corrupt_it(installation, shadow, monkeypatch)
        for week in range(2, 2 + FAILED_BATCHES):
            assert shadow.release_id in {one.release.release_id for one in shadows(installation.ledger, "small")}
            installation.turn(week)
        stages = {found.release_id: found for found in current_stages(installation.ledger, "small")}
        assert stages[shadow.release_id].stage == "refused"
        assert "IntegrityError" in stages[shadow.release_id].event.reason
        mine = [one for one in verdicts(installation.ledger, "small") if one.challenger_id == shadow.release_id]
        assert mine == [one for one in looks if one.challenger_id == shadow.release_id]
        # The rules stand alone again, so that another training follows; its challenger has the alias, or nobody.
        assert installation.workspace.registry.aliases("small").get("challenger") != shadow.release.mlflow_version
