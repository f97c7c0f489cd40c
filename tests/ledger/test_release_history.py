"""Which release decided for an entity on a day, and why it was live then: by the order of the ledger, not by clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.release_history import decided_for
from decisionloop.ledger.releases import Release, roster_of
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from tests.ledger.conftest import CONTRACT, RULES, batch_rows, opened_batch
from tests.release_lives import into_shadow, promote

AT = datetime(2005, 7, 8, tzinfo=UTC)
MODEL, CLIENT = "credit_line/scorecard/1", "client-00001"


def decide(ledger: Ledger, as_of: datetime, release_id: str, seq: int | None) -> None:
    """Three clients are decided by a release, as the releases stood at an event."""
    opened_batch(ledger, as_of)
    rows: pd.DataFrame = batch_rows(3, as_of).decisions.assign(release_id=release_id, role="champion")
    with ledger.begin() as connection:
        append_decisions(connection, rows.drop(columns="release_seq") if seq is None else rows.assign(release_seq=seq))


@pytest.fixture
def lived(released: Ledger) -> Ledger:
    """The rules, a model, and the rules again, all as of one day: a replay that somebody rolled back."""
    decide(released, AT, RULES, _seq(released))
    model = Release(MODEL, "credit_line", "scorecard", CONTRACT, None, None, None, "null", "{}", AT)
    into_shadow(released, model, AT)
    promote(released, model, AT, "it earns more")
    decide(released, AT + timedelta(days=7), MODEL, _seq(released))
    roll_back(released, "credit_line", "rules", Grounds(Decider("person", "anna"), "it lost money", AT))
    decide(released, AT + timedelta(days=14), RULES, _seq(released))
    return released


def _seq(ledger: Ledger) -> int:
    return len(roster_of(ledger, "credit_line").moves)


def test_every_decision_is_told_with_the_event_that_made_its_release_decide(lived: Ledger) -> None:
    told = decided_for(lived, "credit_line", CLIENT, AT + timedelta(days=30))
    assert [(one.release_id, one.stage, one.reason) for one in told] == [
        (RULES, "champion", "no model decides"),
        (MODEL, "champion", "it earns more"),
        (RULES, "champion", "it lost money"),
    ]
    assert [one.decided_by for one in told] == ["test", "gate", "anna"]
    assert {one.stage_since for one in told[1:]} == {AT}  # one as-of for all: the ledger's order tells them apart
    assert [one.seq for one in told] == sorted({one.seq for one in told if one.seq})


def test_a_day_asks_for_what_was_decided_up_to_it(lived: Ledger) -> None:
    assert decided_for(lived, "credit_line", CLIENT, AT - timedelta(days=1)) == ()
    assert len(decided_for(lived, "credit_line", CLIENT, AT)) == 1
    assert decided_for(lived, "credit_line", CLIENT, AT + timedelta(days=10))[-1].release_id == MODEL
    assert decided_for(lived, "credit_line", "somebody else", AT + timedelta(days=10)) == ()
    assert decided_for(lived, "another", CLIENT, AT + timedelta(days=10)) == ()


def test_rules_that_decide_one_row_of_a_model_s_batch_are_live_as_the_baseline(lived: Ledger) -> None:
    before = [move.after for move in roster_of(lived, "credit_line").moves].index("baseline") + 1
    decide(lived, AT + timedelta(days=21), RULES, before + 1)
    told = decided_for(lived, "credit_line", CLIENT, AT + timedelta(days=30))[-1]
    assert (told.stage, told.reason) == ("baseline", f"{MODEL} decides")


def test_of_a_decision_of_an_earlier_version_the_as_of_tells(lived: Ledger) -> None:
    decide(lived, AT + timedelta(days=28), MODEL, None)
    told = decided_for(lived, "credit_line", CLIENT, AT + timedelta(days=30))[-1]
    assert told.release_seq is None
    assert (told.release_id, told.stage) == (MODEL, "rolled_back")  # by as-of alone: that is why it is not relied on
