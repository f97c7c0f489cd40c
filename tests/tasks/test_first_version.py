"""Batches from before batches had parts: what was said of them is still read, and those under way are completed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.releases import baseline, champion, shadows
from tasks.readback import predictions as reading
from tasks.readback.predictions import read_predictions
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")


def _first_version(scores, predictions, rules_id):
    """The table of predictions as it was: every release's answers by decision, actions by name."""
    ids = scores["decision_id"]
    rules = pd.DataFrame({"decision_id": ids, "action": scores["rules_action"].astype("str")})
    rules = rules.assign(release_id=rules_id, role="baseline", score=np.nan)
    beside = pd.DataFrame(
        {"decision_id": ids.to_numpy()[predictions["row"]], "action": predictions["action"].astype("str")}
    )
    beside = beside.assign(
        release_id=predictions["release_id"].astype("str"), role="shadow", score=predictions["score"]
    )
    shuffled = beside.sample(frac=1.0, random_state=1)
    return pa.Table.from_pandas(pd.concat([rules, shuffled]), preserve_index=False)


def test_what_shadows_said_is_read_from_tables_of_the_first_version(restored, monkeypatch):
    with restored("shadowed") as installation:
        (shadow,) = shadows(installation.ledger, "small")
        installation.predict(2)
        installation.act(2)
        workspace, batch_id = installation.workspace, installation.batch(2)
        log = installation.decisions(2).sample(frac=0.5, random_state=0)
        first = read_predictions(workspace, batch_id, log)
        (scores,), (predictions,) = (parts_of(workspace.ledger, batch_id, k) for k in ("scores", "predictions"))
        old = workspace.snapshots.put_table(
            _first_version(
                workspace.snapshots.get_table(scores.digest).to_pandas(),
                workspace.snapshots.get_table(predictions.digest).to_pandas(),
                baseline(workspace.ledger, "small").release_id,
            )
        )

        def found(ledger, of_batch, kind):
            parts = parts_of(ledger, of_batch, kind)
            return tuple(replace(part, digest=old.digest) for part in parts) if kind == "predictions" else parts

        monkeypatch.setattr(reading, "parts_of", found)
        again = read_predictions(workspace, batch_id, log)
    assert list(first.shadows) == list(again.shadows) == [shadow.release_id]
    for one, other in zip(first.shadows[shadow.release_id], again.shadows[shadow.release_id], strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.isfinite(first.shadows[shadow.release_id][0]).all()
    np.testing.assert_array_equal(first.rules_action, again.rules_action)


@pytest.mark.parametrize("reached", [1, 2, 3])
def test_a_batch_that_was_under_way_is_frozen_anew_and_completed(restored, reached):
    with restored("begun") as installation:
        installation.predict(1)
        installation.act(1)
        expected = installation.decisions(1)
    with restored("begun") as installation:
        ledger, use_case = installation.ledger, installation.workspace.use_case
        batch = open_batch(ledger, "small", as_of(1), use_case.digest)
        decides = champion(ledger, "small").release_id
        details = {
            "frozen": {"snapshot": "a" * 64, "rows": 600, "newest": None},
            "validated": {"faults": "b" * 64, "fault_rows": 0, "reference": "{}"},
            "scored": {"scores": "c" * 64, "predictions": "d" * 64, "champion": decides},
        }
        for state in list(details)[:reached]:
            append_batch_event(ledger, batch.batch_id, state, details[state])
        installation.predict(1)
        installation.act(1)
        assert installation.state(1) == "complete"
        # Which event of the releases a batch was scored after, an earlier version did not write down.
        told = installation.decisions(1).drop(columns="release_seq")
        pd.testing.assert_frame_equal(told, expected.drop(columns="release_seq"))
