"""`status`, `kill-switch` and `ledger upgrade`: what the ledger says, and who may change it."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from decisionloop.cli.figures import MoneyStatus
from decisionloop.cli.status import status_of
from decisionloop.cli.value_status import bounds_text
from decisionloop.ledger.flags import flag_history
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.outcomes import OutcomeIntake, append_intake
from decisionloop.ledger.releases import Release
from decisionloop.ledger.storage.revision import HEAD_REVISION, VERSION_TABLE
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.report.assemble import assemble_story
from decisionloop.report.page import paragraphs, render_story
from decisionloop.report.record.claims import claims_of, disagreements
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import greatest_stake
from decisionloop.report.record.totals import total_of
from decisionloop.report.words.evidence import action_in_brief
from decisionloop.report.words.explaining import verdict_sentence
from decisionloop.workspace import open_workspace
from tests.release_lives import install_rules, into_shadow, promote
from tests.watched_ledger import watch_for_a_while

WHO = ("--reason", "too many complaints", "--by", "anna")
APPROVED = ("--reason", "mended", "--by", "approver@example.com")


def test_an_empty_home_has_a_status(cli, vouchers):
    told = cli("status")
    assert (told.exit_code, told.err) == (0, "")
    assert told.out.splitlines()[0] == "vouchers: Send a voucher"
    assert "decides       nobody yet" in told.out
    (state,) = cli("status", "vouchers", "--json").json
    assert state["use_case"] == "vouchers"
    assert state["kill_switch"] == "off"
    assert state["last_batches"] == []
    assert state["undelivered"] == 0


def test_without_a_name_it_is_of_all(cli, vouchers, home_with_ledger):
    cli("usecase", "new", "another")
    assert [state["use_case"] for state in cli("status", "--json").json] == ["another", "vouchers"]
    assert [state["use_case"] for state in cli("status", "another", "--json").json] == ["another"]


def test_contracts_that_cannot_be_read_hide_no_other_use_case(cli, vouchers):
    for name in ("aaa", "bbb"):
        broken = vouchers.parent / name
        broken.mkdir()
        (broken / "usecase.yaml").write_text("name: [", encoding="utf-8")
    told = cli("status")
    assert told.exit_code == 2
    assert told.out.splitlines()[0] == "vouchers: Send a voucher"
    assert told.err.count("1 fault") == 2
    assert [one["use_case"] for one in cli("status", "--json").json] == ["vouchers"]


def test_a_contract_that_cannot_be_read_hides_nothing_that_the_ledger_knows(cli, vouchers, home_with_ledger):
    assert cli("kill-switch", "vouchers", "on", *WHO).exit_code == 0
    (vouchers / "usecase.yaml").write_text("name: [", encoding="utf-8")
    told = cli("status", "vouchers")
    assert (told.exit_code, "1 fault" in told.err) == (2, True)
    assert told.out.startswith("vouchers: its contract cannot be read")
    assert "  kill switch   on" in told.out
    assert "by anna: too many complaints" in told.out


def test_without_any_use_case_it_says_how_to_begin(cli):
    told = cli("status")
    assert (told.exit_code, told.out) == (2, "")
    assert "decisionloop usecase new" in told.err


def test_the_kill_switch_holds_with_who_and_why(cli, vouchers, home_with_ledger):
    thrown = cli("kill-switch", "vouchers", "on", *WHO)
    assert thrown.exit_code == 0
    assert "the rules decide" in thrown.out
    assert "on: the rules decide" in cli("status", "vouchers").out
    assert cli("kill-switch", "vouchers", "off", *APPROVED).exit_code == 0
    assert cli("status", "vouchers", "--json").json[0]["kill_switch"] == "off"
    history = flag_history(open_workspace("vouchers").ledger, "vouchers", "kill_switch")
    assert [(flag.value, flag.reason, flag.set_by) for flag in history] == [
        ("on", "too many complaints", "anna"),
        ("off", "mended", "approver@example.com"),
    ]


@pytest.mark.parametrize("position", ["ON", "up", ""])
def test_the_kill_switch_has_two_positions(cli, vouchers, home, position):
    told = cli("kill-switch", "vouchers", position, *WHO)
    assert told.exit_code == 2
    assert repr(position) in told.err
    assert not list(home.iterdir())


@pytest.mark.parametrize("missing", ["--reason", "--by"])
def test_nobody_throws_it_without_a_name_and_a_reason(cli, vouchers, missing):
    words = list(WHO)
    del words[words.index(missing) : words.index(missing) + 2]
    told = cli("kill-switch", "vouchers", "on", *words)
    assert told.exit_code == 2
    assert missing in told.err


def _revision(path):
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0]


def test_the_ledger_is_made_and_upgrading_again_changes_nothing(cli, home):
    for _ in range(2):
        told = cli("ledger", "upgrade")
        assert (told.exit_code, told.err) == (0, "")
        assert told.out == f"sqlite:///{home / 'ledger.db'}: up to date.\n"
        assert _revision(home / "ledger.db") == HEAD_REVISION


def test_a_ledger_of_a_newer_version_is_4_and_left_alone(cli, home, vouchers):
    cli("ledger", "upgrade")
    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    for words in (("ledger", "upgrade"), ("status",), ("doctor",)):
        told = cli(*words)
        assert told.exit_code == 4
        assert "9999" in told.out + told.err
        assert "Install that newer version" in told.out + told.err
    assert _revision(home / "ledger.db") == "9999"


def test_a_database_of_somebody_else_is_4_and_left_alone(cli, tmp_path, monkeypatch):
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", f"sqlite:///{path}")
    told = cli("ledger", "upgrade")
    assert told.exit_code == 4
    assert "DECISIONLOOP_LEDGER_URL" in told.err
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_release_that_was_not_compiled_says_why(cli, vouchers, home_with_ledger):
    workspace, at = open_workspace("vouchers"), datetime(2024, 3, 4, tzinfo=UTC)
    ledger, digest = workspace.ledger, workspace.use_case.digest
    record_use_case(ledger, "vouchers", digest, 1, "", at)
    card = '{"refusals": ["tree 3 has 80 leaves. Train with max_leaf_nodes <= 64."]}'
    slow = Release("vouchers/slow/1", "vouchers", "gradient_boosting", digest, None, None, None, "null", card, at)
    quick = replace(slow, release_id="vouchers/quick/1", card_json="{}")
    for release in (slow, quick):
        into_shadow(ledger, release)
    told = cli("status", "vouchers")
    lines = [line for line in told.out.splitlines() if "not compiled" in line]
    assert lines == ["  not compiled  vouchers/slow/1: tree 3 has 80 leaves. Train with max_leaf_nodes <= 64."]
    assert cli("status", "vouchers", "--json").json[0]["not_compiled"] == [lines[0].split("  ")[-1]]


def test_what_each_action_brought_is_said_alike_by_status_command_and_page(cli, vouchers, home_with_ledger):
    workspace, at = open_workspace("vouchers"), datetime(2024, 3, 4, tzinfo=UTC)
    record_use_case(workspace.ledger, "vouchers", workspace.use_case.digest, 1, "", at)
    figures = [
        Measurement("vouchers", None, name, "action=voucher", "2024-03-04", value, low, high, 50, 50.0, True, at)
        for name, value, low, high in (
            ("value_of_action", 1.5, 1.0, 2.0),
            ("lift_of_action", None, None, None),
            ("conversion_of_action", 0.1, 0.05, 0.2),
            ("cost_of_action", 0.5, 0.5, 0.5),
            ("amount_of_action", 4.0, 3.0, 5.0),
        )
    ]
    append_measurements(workspace.ledger, figures)
    (state,) = cli("status", "vouchers", "--json").json
    (told,) = state["actions"]
    assert (told["action"], told["decisions"]) == ("voucher", 50)
    assert {name: told[name] for name in ("value", "lift", "acquisition_cost", "customer_value")} == {
        "value": _figure(1.5, 1.0, 2.0),
        "lift": _figure(None, None, None),
        "acquisition_cost": _figure(5.0, 2.5, 10.0),
        "customer_value": _figure(40.0, 15.0, 100.0),
    }
    assert cli("actions", "vouchers", "--json").json["actions"] == [told]
    assert f"by action     {told['text']}" in cli("status", "vouchers").out
    assert told["text"].startswith("voucher: a decision earned")
    assert "against the rules: cannot be told" in told["text"]
    story = assemble_story(workspace.ledger, workspace.use_case)
    (action,) = story.actions
    assert action.acquisition_cost == Estimate(5.0, 2.5, 10.0)
    assert disagreements([action_in_brief(action, "EUR"), *paragraphs(story)["actions"]]) == ()
    nothing = replace(action, value=Estimate(0.0, 0.0, 0.0), lift=Estimate(0.0, 0.0, 0.0))
    told = action_in_brief(nothing, "EUR")
    assert "a decision earned nothing, no more and no less than the rules, over 50" in told


def test_what_an_action_earned_says_of_how_many_it_can_be_told(cli, vouchers, home_with_ledger):
    workspace, at = open_workspace("vouchers"), datetime(2024, 3, 4, tzinfo=UTC)
    record_use_case(workspace.ledger, "vouchers", workspace.use_case.digest, 1, "", at)
    figures = [
        Measurement("vouchers", None, name, "action=voucher", cohort, value, low, high, n, n, True, at)
        for cohort, n, value, low, high in (("2024-03-04", 50, 1.5, 1.0, 2.0), ("2024-03-11", 950, None, None, None))
        for name in ("value_of_action", "lift_of_action")
    ]
    append_measurements(workspace.ledger, figures)
    (told,) = cli("actions", "vouchers", "--json").json["actions"]
    assert (told["decisions"], told["valued"], told["compared"]) == (1000, 50, 50)
    assert told["text"] == (
        "voucher: a decision earned EUR 1.50 (1.00 to 2.00) of 50 where it can be told, EUR 1.50 more than the rules "
        "(1.00 to 2.00 more) of 50 where it can be told, over 1,000 for which it was preferred"
    )
    page = render_story(assemble_story(workspace.ledger, workspace.use_case))
    assert page.count("of 50 where it can be told") == 2


def test_without_a_mature_cohort_no_action_has_brought_anything(cli, vouchers, home_with_ledger):
    assert cli("actions", "vouchers").out == "vouchers: no cohort is mature yet.\n"
    assert cli("actions", "vouchers", "--json").json["actions"] == []


def test_a_script_reads_money_with_its_bounds_as_numbers(cli, vouchers, home_with_ledger):
    """Two cohorts that earned 100 and 200 more than the rules, each 150 less at worst."""
    workspace, at = open_workspace("vouchers"), datetime(2024, 3, 4, tzinfo=UTC)
    record_use_case(workspace.ledger, "vouchers", workspace.use_case.digest, 1, "", at)
    assert cli("status", "vouchers", "--json").json[0]["money"] is None

    def figure(name, slice_, cohort, value):
        ends = value - 50.0, value + 50.0
        return Measurement(
            "vouchers", None, name, slice_, cohort, value, *ends, 50, 50.0, True, at,
            worst=value - 200.0, best=value + 50.0, missing_n=7, to_come_n=1.0,
        )  # fmt: skip

    append_measurements(
        workspace.ledger,
        [
            *(figure("value_policy_total", "all", cohort, 400.0) for cohort in ("2024-03-04", "2024-03-11")),
            *(figure("value_rules_total", "all", cohort, 200.0) for cohort in ("2024-03-04", "2024-03-11")),
            figure("value_difference_total", "all", "2024-03-04", 100.0),
            figure("value_difference_total", "all", "2024-03-11", 200.0),
            figure("value_of_action", "action=voucher", "2024-03-04", 1.5),
            figure("lift_of_action", "action=voucher", "2024-03-04", 100.0),
        ],
    )
    (state,) = cli("status", "vouchers", "--json").json
    money, half = state["money"], math.hypot(50.0, 50.0)
    assert (money["periods"], money["decisions"], money["held_back"]) == (2, 100, [])
    assert money["difference"] == pytest.approx(_figure(300.0, 300 - half, 300 + half, 0.0 - half, 300 + half, 14))
    (told,) = state["actions"]
    assert told["lift"] == _figure(100.0, 50.0, 150.0, -100.0, 150.0, 7)
    assert "(50.00 to 150.00 more; whatever has not come, 100.00 less to 150.00 more)" in told["text"]
    said = paragraphs(assemble_story(workspace.ledger, workspace.use_case))["actions"]
    assert any("it earned more, exploring included, if the outcomes that have not come are as the others" in one
               for one in said)  # fmt: skip


def test_status_and_page_say_the_same_of_one_ledger(cli, vouchers, home_with_ledger):
    """An open incident, money with missing outcomes, what an action brought, and a verdict that let a model decide."""
    workspace, at = open_workspace("vouchers"), datetime(2024, 3, 25, tzinfo=UTC)
    ledger, use_case = workspace.ledger, workspace.use_case
    watch_for_a_while(ledger, "vouchers", use_case.digest)
    figures = [
        ("value_policy_total", "all", 400.0),
        ("value_rules_total", "all", 380.0),
        ("value_difference_total", "all", 20.0),
        ("value_of_action", "action=voucher", 1.5),
        ("lift_of_action", "action=voucher", 0.5),
    ]
    whole = Measurement("vouchers", None, "", "all", "2024-03-04", None, None, None, 50, 50.0, True, at)
    few = replace(whole, missing_n=7, to_come_n=1.0)
    ends = ({"low": value - 5, "high": value + 5, "worst": value - 200, "best": value + 50} for *_, value in figures)
    append_measurements(
        ledger,
        [
            replace(few, monitor=name, slice=part, value=value, **around)
            for (name, part, value), around in zip(figures, ends, strict=True)
        ],
    )
    rules = Release("vouchers/rules/1", "vouchers", "rules", use_case.digest, None, None, None, "null", "{}", at)
    model = replace(rules, release_id="vouchers/scorecard/1", kind="scorecard")
    install_rules(ledger, rules)
    into_shadow(ledger, model)
    promote(ledger, model, at + timedelta(days=7))
    state, story = status_of(workspace), assemble_story(ledger, use_case)
    assert cli("status", "vouchers", "--json").json == [json.loads(json.dumps(asdict(state)))]

    said = (state.at_stake, state.last_verdict, *state.caveats, *state.promises, *(one.text for one in state.actions))
    page = [story.headline.verdict, *story.headline.standfirst, *map(verdict_sentence, story.verdicts)]
    page += [sentence for sentences in paragraphs(story).values() for sentence in sentences]
    assert disagreements([*page, *said]) == ()
    both = {key for one in page for key in claims_of(one)} & {key for one in said for key in claims_of(one)}
    assert {"at_stake", "incidents.open"} <= both
    for start in ("verdict[", "promised[", "action.value[", "money.difference["):
        assert any(key.startswith(start) for key in both), start

    total = total_of(story.money)
    assert state.money == MoneyStatus.of(story.money)
    assert (state.money.difference.value, state.money.difference.worst) == (20.0, total.difference.at_the_bounds.low)
    assert state.at_stake_per_batch == greatest_stake([one.stake for one in story.monitoring.still_open])
    assert {one.incident_id for one in state.monitors if one.incident_id} == {
        one.incident_id for one in story.monitoring.still_open
    }


def test_a_feed_of_outcomes_that_contradicts_itself_is_said(cli, vouchers, home_with_ledger):
    ledger = open_workspace("vouchers").ledger
    found = {11: (0, 0, 0, 0), 18: (12, 3, 40, 1), 25: (0, 0, 2, 0)}  # 2024-03-04 is too long ago to be told of
    found = {4: (7, 7, 7, 7)} | found | {26: (0, 0, 0, 0), 27: (0, 0, 0, 0)}
    for day, (contradictory, duplicate, unknown, invalid) in found.items():
        counts = {"rows_read": 1_234, "matched": 1_000, "first": 900, "late": 0, "duplicate": duplicate}
        counts |= {"contradictory": contradictory, "unknown": unknown, "invalid": invalid}
        append_intake(ledger, OutcomeIntake("vouchers", datetime(2024, 3, day, tzinfo=UTC), **counts))
    lines = [line for line in cli("status", "vouchers").out.splitlines() if line.startswith("  outcomes")]
    assert lines == [
        "  outcomes      2024-03-18: of 1,234 rows read: 12 contradicting what was known, 3 repeating what was known, "
        "40 matching no decision, 1 invalid",
        "  outcomes      2024-03-25: of 1,234 rows read: 2 matching no decision",
    ]
    first, second = cli("status", "vouchers", "--json").json[0]["outcome_readings"]
    assert (first["as_of"], first["contradictory"], first["duplicate"], first["unknown"]) == ("2024-03-18", 12, 3, 40)
    assert (second["as_of"], second["unknown"], second["contradictory"]) == ("2024-03-25", 2, 0)


def test_outcomes_of_before_the_loop_began_are_told_as_that(cli, vouchers, home_with_ledger):
    nothing = {"matched": 0, "first": 0, "late": 0, "duplicate": 0, "contradictory": 0, "invalid": 0}
    began = OutcomeIntake("vouchers", datetime(2024, 3, 4, tzinfo=UTC), rows_read=900, unknown=900, **nothing)
    append_intake(open_workspace("vouchers").ledger, began)
    (line,) = [line for line in cli("status", "vouchers").out.splitlines() if line.startswith("  outcomes")]
    assert line.endswith("of 900 rows read: 900 matching no decision, as all of before the loop began do")


def _figure(value, low, high, worst=None, best=None, missing=0):
    return {"value": value, "low": low, "high": high, "worst": worst, "best": best, "missing": missing}


@pytest.mark.parametrize(
    ("missing", "worst", "best", "expected"),
    [
        (math.nan, math.nan, math.nan, ""),
        (1_200.0, -0.5, 2.25, "; whatever the 1,200 outcomes are that have not come, -0.50 to 2.25"),
        (3.0, math.nan, math.nan, "; whatever the 3 outcomes are that have not come, nobody knows"),
    ],
)
def test_what_was_earned_stands_beside_what_missing_outcomes_could_make_of_it(missing, worst, best, expected):
    row = pd.Series({"missing_n": missing, "worst": worst, "best": best})
    assert bounds_text(row) == expected
