"""A release beside the champion is audited batch by batch from what is stored; people are told of crossed limits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.cli.shadow import show_shadow
from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import champion, shadows
from decisionloop.ledger.shadow_audits import last_audit, shadow_audits
from decisionloop.predict.release_model import ReleaseModel
from decisionloop.release_store import load_release
from decisionloop.report.words.shadow import shadow_in_brief
from tests.release_lives import into_shadow
from tests.small_use_case import as_of
from tests.tasks.installation import run_task

pytestmark = pytest.mark.xdist_group("loop")


def audit(installation, week):
    """How many audits the step of that week makes."""
    return run_task("tasks.watch.shadows", "audit_shadows", "small", as_of(week))


def told_of(installation):
    return [one for one in alerts(installation.ledger, "small") if one.kind == "shadow"]


def test_each_batch_is_audited_once_and_says_what_was_stored_of_it(shadowed, capsys):
    (shadow,) = shadows(shadowed.ledger, "small")
    assert audit(shadowed, 1) == 0
    shadowed.predict(2)
    shadowed.act(2)
    assert audit(shadowed, 1) == 0
    assert audit(shadowed, 2) == 1
    assert audit(shadowed, 2) == 0
    (found,) = shadow_audits(shadowed.ledger, shadow.release_id)
    assert (found.batch_id, found.n, found.error, found.nan_rows) == (shadowed.batch(2), 600, "", 0)
    assert found.outputs == ()
    assert found.reasons is None
    assert 0 < found.disagreement.otherwise < found.n
    assert found.disagreement.by_itself > 0
    assert found.disagreement.by_champion is None
    assert [one.slice for one in found.by_slice] == ["owner_sex=f", "owner_sex=m"]
    assert sum(one.otherwise for one in found.by_slice) == found.disagreement.otherwise
    assert {one.group for one in found.impact} == {"f", "m"}
    assert {one.feature for one in found.inputs} == {"turnover", "debt", "trade"}
    assert sum(one.shadow for one in found.actions) == 600
    (run,) = shadow_runs(shadowed.ledger, shadow.release_id)
    assert found.time.per_row == pytest.approx(run.latency_ms / 600)
    show_shadow("small", "", True)
    (printed,) = json.loads(capsys.readouterr().out)["audits"]
    assert printed["disagreement"]["otherwise"] == found.disagreement.otherwise
    show_shadow("small", shadow.release_id, False)
    told = capsys.readouterr().out
    assert f"{found.disagreement.otherwise:,} of 600 decisions otherwise" in told
    assert "owner_sex=f" in told
    rules = champion(shadowed.ledger, "small").release_id
    show_shadow("small", rules, False)
    assert "only who is scored beside the champion is audited" in capsys.readouterr().out
    with pytest.raises(UsageError, match="has no release nobody"):
        show_shadow("small", "nobody", False)


class Altered:
    """A scorer that says something else of every hundredth row."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def score(self, frame):
        told = np.array(self._inner.score(frame))
        told[::100] = 1 - told[::100]
        return told


class Hangs:
    """A scorer that never answers, until it is let go."""

    def __init__(self):
        self.let_go = threading.Event()

    def score(self, frame):
        self.let_go.wait()
        raise AssertionError("nobody waits for this any more")


class Raises:
    """A scorer that breaks."""

    def score(self, frame):
        raise ZeroDivisionError("broken")


class SaysNothing:
    """A scorer that has lost its numbers."""

    def score(self, frame):
        return np.full(len(frame), np.nan)


def twin_in_shadow(installation):
    """The champion once more, under another name, beside itself."""
    decides = champion(installation.ledger, "small").release
    twin = replace(decides, release_id=f"{decides.release_id}-twin")
    into_shadow(installation.ledger, twin)
    return twin


def challengers_load(patch, disturbed: Callable[[ReleaseModel], ReleaseModel]):
    """From now on whoever is loaded second, beside the champion, is disturbed."""
    loads = iter(range(100))

    def load(*where):
        model = load_release(*where)
        return disturbed(model) if next(loads) else model

    patch.setattr("tasks.predict.score.load_release", load)


def test_a_release_that_is_the_champion_differs_in_nothing_and_one_row_in_a_hundred_is_told(modelled, monkeypatch):
    twin = twin_in_shadow(modelled)
    modelled.predict(3)
    modelled.act(3)
    assert audit(modelled, 3) == 1
    same = last_audit(modelled.ledger, twin.release_id)
    assert [one.differing for one in same.outputs] == [0] * len(same.outputs)
    assert {one.output for one in same.outputs} >= {"score", "value:lend"}
    assert (same.disagreement.otherwise, same.reasons.share, same.crossed) == (0, 1.0, ())
    assert same.time.champion_per_row > 0
    assert told_of(modelled) == []
    assert "would take 0% of the decisions otherwise" in shadow_in_brief(same)

    challengers_load(monkeypatch, lambda model: replace(model, class_scorer=Altered(model.class_scorer)))
    modelled.predict(4)
    modelled.act(4)
    assert audit(modelled, 4) == 1
    altered = last_audit(modelled.ledger, twin.release_id)
    score = next(one for one in altered.outputs if one.output == "score")
    assert (score.differing, score.beyond, score.usual_beyond) == (6, 6, 0.0)
    assert [one.limit for one in altered.crossed] == ["outputs"]
    assert "on 6 of 600 rows (1.00%)" in altered.crossed[0].words
    (told,) = told_of(modelled)
    assert altered.crossed[0].words in told.message
    assert f"decisionloop shadow small {twin.release_id}" in told.remedy


def test_whatever_a_shadow_does_the_decisions_are_the_same_and_people_are_told(restored, monkeypatch):
    hangs, served = Hangs(), []
    for scorer, error in (
        (None, ""),
        (Raises(), "ZeroDivisionError: broken"),
        (hangs, "TimeIsUp: it did not end within 0.3 s"),
        (SaysNothing(), ""),
    ):
        with restored("shadowed") as installation, monkeypatch.context() as patch:
            installation.contract(version=2, shadow={"maximum_seconds": 0.3 if scorer is hangs else 60})
            (shadow,) = shadows(installation.ledger, "small")
            if scorer is not None:
                patch.setattr("tasks.predict.score.load_release", lambda *_, one=scorer: ReleaseModel(one, None))
            started = time.monotonic()
            installation.predict(2)
            installation.act(2)
            assert time.monotonic() - started < 60
            if scorer is hangs:
                hangs.let_go.set()
            # The rules of another contract are another release; nothing else follows from how long one waits.
            served.append(installation.decisions(2).drop(columns=["contract_digest", "release_id"]))
            assert audit(installation, 2) == 1
            found = last_audit(installation.ledger, shadow.release_id)
            assert found.error == error
            assert [one.limit for one in found.crossed][:1] == ([] if scorer is None else ["errors"])
            assert len(told_of(installation)) == (scorer is not None)
    for disturbed in served[1:]:
        pd.testing.assert_frame_equal(disturbed, served[0])
