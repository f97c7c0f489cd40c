"""A model is stopped by losses of its own, known since it decides; whoever lets it decide again knows of older ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from decisionloop.release.stop_loss import Deciding, Loss, losses_of, stopping

SINCE, WEEK = datetime(2024, 1, 8, tzinfo=UTC), timedelta(days=7)


def loss(release_id: str = "model", bound: float = -2.0, weeks: int = 3, alarm_id: str = "a") -> Loss:
    words = f"A decision earned at best {bound:+.2f}."
    return Loss(release_id, alarm_id, "rules", bound, words, SINCE + weeks * WEEK)


def test_nothing_stops_a_model_that_has_not_lost() -> None:
    assert stopping([], SINCE + 9 * WEEK) is None


def test_the_worst_of_its_own_losses_is_the_reason() -> None:
    found = [loss(bound=-1.0), loss(bound=-3.0, alarm_id="b"), loss("other", bound=-9.0)]
    grounds = stopping(losses_of(found, Deciding("model", SINCE), SINCE + 3 * WEEK), SINCE + 3 * WEEK)
    assert grounds is not None
    assert (grounds.by.kind, grounds.reason) == ("guard", "Stop-loss: A decision earned at best -3.00.")
    assert grounds.evidence == {"alarm_id": "b", "against": "rules", "bound": -3.0}


def test_losses_of_others_of_before_and_of_later_say_nothing() -> None:
    others = [loss("other"), loss(weeks=0), loss(weeks=4)]
    assert stopping(losses_of(others, Deciding("model", SINCE), SINCE + 3 * WEEK), SINCE) is None


def test_losses_of_decisions_of_an_earlier_life_say_nothing_whenever_they_become_known() -> None:
    decides = Deciding("model", SINCE, life_began=7)
    known = [replace(loss(weeks=weeks), decided_at_seq=seq) for weeks, seq in ((2, 6), (2, 7), (-1, 8), (9, 8))]
    told = losses_of(known, decides, SINCE + 3 * WEEK)
    # The ledger's own order tells: in a replay as-ofs run backwards.
    assert [one.decided_at_seq for one in told] == [7, 8]
