"""A release is loaded in a process of its own: what is damaged, crafted or hangs is told, and nothing of it runs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from decisionloop.errors import DeploymentStopped, IntegrityError
from decisionloop.ledger.releases import find_stage, shadows
from decisionloop.release_rehearsal import ToRehearse, rehearse
from tasks.release.checks_before import _to_rehearse
from tests.tasks.installation import Installation

pytestmark = pytest.mark.xdist_group("loop")


class Crafted:
    """What makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def asked_of(life: Installation, **more: object) -> ToRehearse:
    """What the model in shadow would be asked."""
    (stage,) = shadows(life.ledger, "small")
    asked = _to_rehearse(life.workspace, find_stage(life.ledger, stage.release_id).release)
    return ToRehearse(**{**asked.__dict__, **more})


def test_it_reads_what_it_reads_says_what_it_was_compiled_from_and_is_timed(shadowed):
    found = rehearse(asked_of(shadowed))
    assert set(found.reads) <= {"turnover", "debt", "trade"}
    assert found.asked_rows == 200
    assert found.worst_difference <= 1e-12
    assert found.reading_ms > 0
    assert found.lookups > 0


def test_a_crafted_file_of_the_right_digest_is_refused_and_never_executed(shadowed, tmp_path):
    canary = tmp_path / "executed"
    store = shadowed.workspace.snapshots
    crafted = store.put_bytes(pickle.dumps(Crafted(canary)), ".scorer").digest
    manifest = json.dumps({"version": 1, "class": crafted, "amount": None}).encode()
    for digest in (crafted, store.put_bytes(manifest, ".release").digest):
        with pytest.raises(IntegrityError):
            rehearse(asked_of(shadowed, digest=digest))
    assert not canary.exists()
    pickle.loads(pickle.dumps(Crafted(canary)))
    assert canary.exists()  # it would have been noticed


def test_one_that_is_not_there_is_named(shadowed):
    with pytest.raises(IntegrityError, match="f" * 64):
        rehearse(asked_of(shadowed, digest="f" * 64))


def test_one_that_hangs_is_cut_off(shadowed):
    with pytest.raises(DeploymentStopped, match=r"did not answer within 0\.1 s"):
        rehearse(asked_of(shadowed), seconds=0.1)
