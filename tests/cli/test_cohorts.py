"""`cohorts list`, `exclude` and `include`: who keeps a cohort from teaching and judging, and who lets it again."""

from __future__ import annotations

import pytest

from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.held_cohorts import cohort_events
from decisionloop.ledger.incidents import close
from decisionloop.ledger.measurements import append_measurements
from decisionloop.workspace import open_workspace
from tests.watched_ledger import WEEKS, WORDS, figure, raise_alarm, watch_for_a_while

WHO = ("--by", "anna", "--reason", "the branch was closed")
COHORT = "2024-01-01"


@pytest.fixture
def watched(cli, vouchers, home_with_ledger):
    """A ledger with some decided weeks."""
    workspace = open_workspace("vouchers")
    watch_for_a_while(workspace.ledger, "vouchers", workspace.use_case.digest)
    for week in WEEKS[:3]:
        batch = open_batch(workspace.ledger, "vouchers", week, workspace.use_case.digest)
        append_batch_event(workspace.ledger, batch.batch_id, "decided")
    return workspace.ledger


def lose_outcomes(ledger):
    return raise_alarm(ledger, "vouchers", WEEKS[4], "labels", "missing_labels", cohort=COHORT)


def test_without_any_it_says_so(cli, vouchers):
    assert cli("cohorts", "list", "vouchers").out == "vouchers: no cohort is held back.\n"
    assert cli("cohorts", "list", "vouchers", "--json").json == []


def test_what_an_alarm_holds_is_listed_with_the_command_that_releases_it(cli, watched):
    incident = lose_outcomes(watched)
    line = cli("cohorts", "list", "vouchers").out
    assert line == (
        f"{COHORT}: held back since 2024-01-29 by monitors ({incident}): {WORDS} "
        f'`decisionloop cohorts include vouchers {COHORT} --reason "…" --by "…"`\n'
    )
    assert f"held back     {line}" in cli("status", "vouchers").out
    assert cli("status", "vouchers", "--json").json[0]["held_cohorts"] == [line.rstrip("\n")]
    close(watched, incident, "ben", "we know")
    (told,) = cli("cohorts", "list", "vouchers", "--json").json
    assert (told["cohort"], told["by"], told["incident_id"]) == (COHORT, "monitors", incident)
    released = cli("cohorts", "include", "vouchers", COHORT, *WHO)
    assert released.out.startswith(f"{COHORT}: released.")
    assert cli("cohorts", "list", "vouchers").out == "vouchers: no cohort is held back.\n"


def test_a_person_excludes_several_and_both_are_kept_with_who_and_why(cli, watched):
    told = cli("cohorts", "exclude", "vouchers", COHORT, "2024-01-08", *WHO)
    assert told.out.startswith(f"{COHORT}: held back. It neither teaches nor judges")
    assert "by anna: the branch was closed." in cli("cohorts", "list", "vouchers").out
    assert [(one.cohort, one.state, one.by, one.reason) for one in cohort_events(watched, "vouchers")] == [
        (COHORT, "excluded", "anna", "the branch was closed"),
        ("2024-01-08", "excluded", "anna", "the branch was closed"),
    ]


def test_who_excludes_what_is_held_back_already_is_told_since_when_and_by_whom(cli, watched):
    lose_outcomes(watched)
    first = cli("cohorts", "exclude", "vouchers", COHORT, "2024-01-08", *WHO).out.splitlines()
    assert first[0].startswith(f"{COHORT}: held back, as it was already since 2024-01-29 by monitors: ")
    assert first[1].startswith("2024-01-08: held back. It neither teaches")
    again = cli("cohorts", "exclude", "vouchers", "2024-01-08", "--by", "ben", "--reason", "me too").out
    assert again.startswith("2024-01-08: held back, as it was already since ")
    assert "by anna: the branch was closed. It neither teaches" in again


def test_status_says_when_its_value_leans_on_a_held_cohort(cli, watched):
    append_measurements(watched, [figure("vouchers", WEEKS[0], "value_policy", 2.0, is_mature=True)])
    assert cli("status", "vouchers", "--json").json[0]["is_value_of_held_cohort"] is False
    lose_outcomes(watched)
    assert cli("status", "vouchers", "--json").json[0]["is_value_of_held_cohort"] is True
    assert f"cohort {COHORT}, held back" in cli("status", "vouchers").out


@pytest.mark.parametrize("command", ["exclude", "include"])
@pytest.mark.parametrize("cohort", ["1999-01-01", "2024-02-26", "", "all"])
def test_a_cohort_that_is_none_is_2_and_changes_nothing(cli, watched, command, cohort):
    lose_outcomes(watched)
    told = cli("cohorts", command, "vouchers", COHORT, cohort, *WHO)
    assert (told.exit_code, told.out) == (2, "")
    assert repr(cohort) in told.err
    assert cohort_events(watched, "vouchers") == ()


@pytest.mark.parametrize("command", ["exclude", "include"])
@pytest.mark.parametrize("blank", ["--reason", "--by"])
@pytest.mark.parametrize("is_missing", [True, False])
def test_nobody_does_it_without_a_name_and_a_reason(cli, watched, command, blank, is_missing):
    lose_outcomes(watched)
    words, place = list(WHO), WHO.index(blank)
    words[place : place + 2] = [] if is_missing else [blank, "  "]
    told = cli("cohorts", command, "vouchers", COHORT, *words)
    assert told.exit_code == 2
    assert blank in told.err
    assert cohort_events(watched, "vouchers") == ()


def test_it_needs_no_contract_and_knows_no_stranger(cli, watched, tmp_path):
    (open_workspace("vouchers").folder.folder / "usecase.yaml").write_text("no: contract")
    assert cli("cohorts", "exclude", "vouchers", COHORT, *WHO).exit_code == 0
    told = cli("cohorts", "list", "nobody")
    assert told.exit_code == 2
    assert "decisionloop usecase new" in told.err
