"""The gate asks whether a release says what it was compiled from, and whether its reasons add up to its scores."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from decisionloop.learn.soundness import soundness
from decisionloop.ledger.releases import shadows
from decisionloop.ledger.verdicts import verdicts
from decisionloop.release_store import load_release
from tasks.readback.soundness import soundness_of
from tasks.readback.tables import read_table

pytestmark = pytest.mark.xdist_group("loop")


class Embellished:
    """A scorer that tells half of its reasons."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def contributions(self, frame):
        return self._inner.contributions(frame) / 2


def test_what_the_gate_has_let_into_shadow_says_what_it_was_compiled_from_and_explains_it(shadowed):
    (stage,) = shadows(shadowed.ledger, "small")
    found = soundness_of(shadowed.workspace, stage.release)
    assert (found.asked_rows, found.unexplained) == (200, 0)
    assert found.is_parity_kept
    assert found.worst_difference is not None
    assert found.is_explained
    assert found.reasons_gap is not None
    told = {
        check["name"]: check
        for verdict in verdicts(shadowed.ledger, "small", stage.release_id)
        for check in json.loads(verdict.reasons)
    }
    assert told["parity"]["reason"] == "It says what it was compiled from, on 200 rows."
    assert told["reasons"]["reason"] == "Every score comes with its reasons, and they add up to it."
    assert told["slices"]["is_passed"]


def test_reasons_that_do_not_add_up_are_found(shadowed, monkeypatch):
    (stage,) = shadows(shadowed.ledger, "small")
    workspace = shadowed.workspace
    model = load_release(workspace.snapshots, stage.release.scorer_digest)
    frame = read_table(workspace, json.loads(stage.release.card_json)["parity"]["rows"]).to_pandas()
    monkeypatch.setattr(type(model), "has_exact_reasons", True)
    told = soundness(workspace.use_case, replace(model, class_scorer=Embellished(model.class_scorer)), frame, None)
    assert told.is_parity_kept
    assert not told.is_explained
    assert told.reasons_gap > 0.01
