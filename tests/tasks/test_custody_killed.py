"""A process that seals, erases or applies retention is killed (kill -9) in the middle; done again it goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from decisionloop.custody import retention
from decisionloop.custody.erase import Asked, erase
from decisionloop.custody.retention import apply_retention, plan_retention
from decisionloop.custody.snapshot_files import verify_snapshots
from decisionloop.ledger import expired_batches, personal_data
from decisionloop.ledger.audit import seal as sealing
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from tests.tasks.installation import Installation, _forget_workspaces
from tests.tasks.test_retention import LONG_AFTER, SHORT, without_the_model

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def old(modelled: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Three weeks, two of which are kept no longer `LONG_AFTER`, and nothing is sealed that is new."""
    monkeypatch.setattr(retention, "NEWEST_KEPT", 1)
    modelled.contract(retention=SHORT, monitors={"training_days": 14})
    without_the_model(modelled)
    return modelled


def killed_at(life: Installation, place: object, name: str, work: Callable[[], object]) -> None:
    """Do it in a process of its own that is killed where it would call what has this name."""
    life.ledger.close()
    _forget_workspaces()
    child = os.fork()
    if not child:
        setattr(place, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        try:
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), status


def test_killed_while_it_seals_what_waited_waits_still(old: Installation) -> None:
    killed_at(old, sealing, "append_link", lambda: seal(old.ledger))
    assert [one.kind for one in links_of(old.ledger)] == ["start"]
    assert seal(old.ledger).rows
    assert verify(old.ledger).is_whole


@pytest.mark.parametrize(("place", "name"), [(personal_data, "_delete"), (personal_data, "append_cuts")])
def test_killed_while_it_erases_the_person_is_erased_the_next_time(old: Installation, place, name) -> None:
    entity, settings = str(old.decisions(0)["entity_id"].iloc[5]), old.workspace.settings
    killed_at(old, place, name, lambda: erase(settings, old.ledger, "small", entity, Asked("asked", "dpo")))
    assert verify(old.ledger).is_whole
    erase(settings, old.ledger, "small", entity, Asked("asked", "dpo"))
    assert verify(old.ledger).is_whole
    assert verify_snapshots(settings, old.ledger).faults == ()
    assert entity not in set(old.decisions(0)["entity_id"])


@pytest.mark.parametrize(("place", "name"), [(expired_batches, "_delete"), (retention, "tidy")])
def test_killed_while_it_applies_retention_it_goes_on(old: Installation, place, name) -> None:
    def work() -> None:
        apply_retention(old.workspace, plan_retention(old.workspace, LONG_AFTER))

    killed_at(old, place, name, work)
    assert verify(old.ledger).is_whole
    work()
    assert verify(old.ledger).is_whole
    assert verify_snapshots(old.workspace.settings, old.ledger).faults == ()
    assert old.state(0) == "expired"
    assert not len(old.decisions(0))
