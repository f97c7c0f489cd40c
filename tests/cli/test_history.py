"""`decisionloop history`: every stage of every release, or who decided for an entity on a day and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.cli.history import end_of
from decisionloop.ledger.batches import open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.releases import Release
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.schema import stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.stream import Segment
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from decisionloop.settings import load_settings
from tests.ledger.conftest import CONTRACT, batch_rows
from tests.release_lives import install_rules, into_shadow, promote

AT = datetime(2005, 7, 8, tzinfo=UTC)
RULES, MODEL = "vouchers/rules/1", "vouchers/scorecard/1"


@pytest.fixture
def lived(home_with_ledger, vouchers):
    """A model has decided a week, and was rolled back."""
    with create_or_upgrade(load_settings().resolved_ledger_url()) as ledger:
        record_use_case(ledger, "vouchers", CONTRACT, 1, "")
        rules = Release(RULES, "vouchers", "rules", CONTRACT, None, None, None, "null", "{}", AT)
        model = Release(MODEL, "vouchers", "scorecard", CONTRACT, None, None, None, "null", "{}", AT)
        install_rules(ledger, rules)
        into_shadow(ledger, model, AT, "passed the first look")
        promote(ledger, model, AT + timedelta(days=1), "it earns more")
        as_of = AT + timedelta(days=7, hours=6)
        open_batch(ledger, "vouchers", as_of, CONTRACT)
        rows = batch_rows(3, as_of, "vouchers").decisions.assign(release_id=MODEL, role="champion", release_seq=6)
        with ledger.begin() as connection:
            append_decisions(connection, rows)
        roll_back(ledger, "vouchers", "rules", Grounds(Decider("person", "anna"), "it lost money", AT))
        yield ledger


def test_the_life_of_every_release_is_told_in_order_with_who_and_why(cli, lived):
    lines = cli("history", "vouchers").out.splitlines()
    assert [line.split()[0] for line in lines] == [str(n) for n in range(1, len(lines) + 1)]
    assert f"   4  2005-07-08  {MODEL}: candidate → shadow, by gate: passed the first look" in lines
    assert f"   6  2005-07-09  {MODEL}: shadow → champion, by gate: it earns more" in lines
    assert f"   7  2005-07-08  {MODEL}: champion → rolled_back, by anna: it lost money" in lines
    told = cli("history", "vouchers", "--json").json
    assert [one["seq"] for one in told] == list(range(1, len(lines) + 1))
    assert told[5]["stage_before"] == "shadow"


def test_who_decided_for_an_entity_on_a_day_and_why(cli, lived):
    told = cli("history", "vouchers", "--entity", "client-00001", "--as-of", "2005-07-15").out
    assert told.splitlines() == [
        f"2005-07-15 06:00:00  hold, by {MODEL} as champion",
        "            champion since 2005-07-09 (event 6), by gate: it earns more",
    ]
    (one,) = cli("history", "vouchers", "--entity", "client-00001", "--json").json
    assert (one["release_id"], one["stage"], one["reason"], one["evidence"]) == (MODEL, "champion", "it earns more", {})


def test_nothing_is_said_of_whom_nobody_has_decided_by_then(cli, lived):
    told = cli("history", "vouchers", "--entity", "client-00001", "--as-of", "2005-07-14")
    assert (told.exit_code, told.out) == (0, "vouchers: nothing was decided for client-00001 by then.\n")
    assert cli("history", "vouchers", "--entity", "client-00001", "--as-of", "2005-07-14", "--json").json == []
    assert cli("history", "vouchers", "--as-of", "yesterday").exit_code == 2


def test_what_is_not_sealed_yet_is_told_of(cli, lived):
    asked = ("history", "vouchers", "--entity", "client-00001")
    assert "sealed" not in cli(*asked).out
    facts.add(lived, stream_segment, [Segment("a", "vouchers", AT, 3, "{}", "{}", AT)])
    assert "3 decisions are not sealed yet" in cli(*asked).out
    assert len(cli(*asked, "--json").json) == 1


def test_a_date_is_its_whole_day_and_a_time_is_a_time():
    assert end_of("2005-07-15") == datetime(2005, 7, 15, 23, 59, 59, 999999, tzinfo=UTC)
    assert end_of("2005-07-15T06:00") == datetime(2005, 7, 15, 6, tzinfo=UTC)
    assert end_of("2005-07-15T00:00") == datetime(2005, 7, 15, tzinfo=UTC)
