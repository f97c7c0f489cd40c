"""What is decided one at a time is decided as in a batch, and is a batch once it is sealed."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from decisionloop.ledger.batches import batches, find_batch
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.stream.asked import Asked, AskedRow
from decisionloop.stream.decider import Decider
from decisionloop.stream.desk import open_desk
from tasks.predict.register_rules import ensure_rules
from tasks.readback.tables import read_part
from tasks.seal.seal import seal_stream
from tests.small_use_case import as_of

pytestmark = pytest.mark.xdist_group("loop")
NAME = "small"


def begin(installation):
    """Let the use case be decided one at a time, as the service does when it starts; returns who decides."""
    installation.contract(online={})
    workspace = installation.workspace
    record_use_case(
        workspace.ledger, NAME, workspace.use_case.digest, workspace.use_case.version, workspace.folder.text
    )
    ensure_rules(workspace, as_of(3))
    return Decider(lambda: open_desk(NAME, workspace.settings))


def asked_of(frame, moment, key=None):
    """One request about every row of a canonical frame."""
    plain = frame.astype(object).where(frame.notna(), None)
    rows = [AskedRow(row.pop("shop_id"), row) for row in plain.to_dict("records")]
    return Asked(rows, moment, key, "digest")


def answered(decider, asked):
    """The answers of one request."""
    decider._answer([asked])
    return json.loads(asked.told.result(timeout=0))


@pytest.mark.parametrize("moment", ["begun", "modelled"])
def test_the_same_rows_are_decided_to_the_bit_as_in_a_batch(restored, moment):
    with restored(moment) as in_a_batch:
        in_a_batch.contract(online={})
        in_a_batch.predict(3)
        frame = read_part(in_a_batch.workspace, in_a_batch.batch(3), "features", 0).to_pandas()
        in_a_batch.act(3)
        expected = in_a_batch.decisions(3)
    with restored(moment) as online:
        decider = begin(online)
        told = answered(decider, asked_of(frame, as_of(3)))
        assert seal_stream.fn(NAME) == 1
        found = online.decisions(3)
    pd.testing.assert_frame_equal(found.drop(columns="is_sent"), expected.drop(columns="is_sent"))
    assert not found["is_sent"].any()
    by_id = {one["decision_id"]: one for one in told}
    assert list(by_id) == list(expected["decision_id"])
    assert [by_id[one]["action"] for one in expected["decision_id"]] == list(expected["action"])
    assert [by_id[one]["propensity"] for one in expected["decision_id"]] == list(expected["propensity"])
