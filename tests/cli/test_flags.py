"""`decisionloop flags`: what holds of every scope, until when and how what was set ended; wrong input is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.cli.flag_ends import end_of_flag
from decisionloop.errors import UsageError
from decisionloop.ledger.flags import KILL_SWITCH, Flag, kill_switch, switch_of
from decisionloop.ledger.releases import Release
from decisionloop.ledger.schema import flag, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.settings import load_settings
from tests.ledger.conftest import CONTRACT
from tests.release_lives import install_rules, into_shadow

WHO = ("--reason", "too many complaints", "--by", "anna")
APPROVER = ("--reason", "mended", "--by", "approver@example.com")
ON = ("flags", "set", "kill_switch", "on")
MODEL, NOW = "vouchers/scorecard/0123456789ab", datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def ledger(home_with_ledger):
    with create_or_upgrade(load_settings().resolved_ledger_url()) as opened:
        yield opened


@pytest.fixture
def modelled(vouchers, ledger):
    """A model of the use case is in shadow."""
    record_use_case(ledger, "vouchers", CONTRACT, 1, (vouchers / "usecase.yaml").read_text())
    for kind, release_id in (("rules", "vouchers/rules/000000000001"), ("scorecard", MODEL)):
        release = Release(release_id, "vouchers", kind, CONTRACT, None, None, None, "null", "{}", NOW)
        (install_rules if kind == "rules" else into_shadow)(ledger, release)
    return ledger


def test_the_switch_of_a_use_case_ends_by_itself_and_says_so_everywhere(cli, vouchers, ledger):
    told = cli("kill-switch", "vouchers", "on", "--for", "1h30m", *WHO)
    assert told.exit_code == 0, told.err
    (holding,) = switch_of(ledger, "vouchers").holding
    assert timedelta(minutes=89) < holding.until - utc_now() <= timedelta(minutes=90)
    until = f"until {holding.until:%Y-%m-%d %H:%M} UTC"
    assert f"vouchers: kill switch on {until}: the rules decide" in told.out
    assert "stays held until a person releases it" in told.out
    assert f"holds         vouchers: on {until}, since " in cli("status", "vouchers").out
    assert until in cli("flags", "vouchers").out
    again = cli("kill-switch", "vouchers", "on", "--until", f"{holding.until:%Y-%m-%dT%H:%M:%S.%f}", *WHO)
    assert "as it was already" in again.out


def test_what_has_ended_holds_nothing_and_is_in_the_history_as_expired(cli, vouchers, ledger):
    end = utc_now() - timedelta(minutes=5)
    set_at = end - timedelta(hours=4)
    facts.add(ledger, flag, [Flag("vouchers", KILL_SWITCH, 1, "on", "so", "anna", set_at, None, end, False)])
    out = cli("flags", "vouchers").out
    assert "vouchers: kill switch off" in out
    assert "holds" not in out
    assert f"by anna: so; expired {end:%Y-%m-%d %H:%M}" in out
    assert "kill switch   off" in cli("status", "vouchers").out
    everything, own = cli("flags", "vouchers", "--json").json
    assert (everything["use_case"], everything["position"]) == ("*", "off")
    assert (own["position"], own["holding"], own["history"][0]["ending"]) == ("off", [], "expired")
    lifted = cli("kill-switch", "vouchers", "off", *APPROVER)
    assert "kill switch off, as it was already: " in lifted.out


def test_everything_is_one_flag_that_status_shows_and_an_approver_lifts(cli, vouchers, ledger):
    told = cli("flags", "set", "kill_switch", "default", "--everything", "--for", "4h", *WHO)
    assert told.exit_code == 0, told.err
    assert "everything: kill switch default until " in told.out
    assert "also one that is made later" in told.out
    assert kill_switch(ledger, "vouchers") == kill_switch(ledger, "made_tomorrow") == "default"
    status = cli("status", "vouchers").out
    assert "kill switch   default: everybody gets the default action" in status
    assert "holds         everything: default until " in status
    assert cli("kill-switch", "vouchers", "on", *WHO).out.count("Holds as well: everything: default until ") == 1
    own = cli("kill-switch", "vouchers", "off", *APPROVER).out
    assert own.startswith(
        "vouchers: kill switch off: what else holds goes on.\nHolds as well: everything: default until "
    )
    cli("kill-switch", "vouchers", "on", *WHO)
    refused = cli("flags", "clear", "kill_switch", "--everything", *WHO)
    assert (refused.exit_code, "'anna' may not lift the kill switch of everything" in refused.err) == (2, True)
    cleared = cli("flags", "clear", "kill_switch", "--everything", *APPROVER)
    assert cleared.exit_code == 0, cleared.err
    assert "Still stopped by their own switch: vouchers." in cleared.out
    assert kill_switch(ledger, "vouchers") == "on"


def test_a_release_is_flagged_by_either_command_and_cleared_by_an_approver(cli, modelled):
    told = cli("kill-switch", "vouchers", "on", "--release", MODEL, *WHO)
    assert f"vouchers, release {MODEL}: kill switch on: it decides nobody from now on" in told.out, told.err
    assert switch_of(modelled, "vouchers").stopped == {MODEL}
    assert f"holds         release {MODEL}: on, since " in cli("status", "vouchers").out
    assert "kill switch   off" in cli("status", "vouchers").out  # it is not the champion
    assert cli("flags", "clear", "kill_switch", "--release", MODEL, *WHO).exit_code == 2
    assert cli("flags", "clear", "kill_switch", "--release", MODEL, *APPROVER).exit_code == 0
    assert switch_of(modelled, "vouchers").stopped == frozenset()
    assert cli(*ON, "--use-case", "vouchers", "--release", MODEL, *WHO).exit_code == 0
    assert switch_of(modelled, "vouchers").stopped == {MODEL}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("flags", "set", "exposure", "on", "--everything"), "no flag is called 'exposure'. There is: kill_switch."),
        (("flags", "set", "kill_switch", "maybe", "--everything"), "is on, default or off, not 'maybe'"),
        (ON, "one of --use-case NAME, --release ID and --everything"),
        ((*ON, "--everything", "--use-case", "vouchers"), "one of --use-case"),
        ((*ON, "--use-case", "nobody"), "no use case in"),
        ((*ON, "--use-case", "other", "--release", MODEL), f"'{MODEL}' is no release of other."),
        ((*ON, "--release", "nope"), "'nope' is no id of a release"),
        ((*ON, "--use-case", "*"), "is not the name of a use case"),
        ((*ON, "--release", "vouchers/scorecard/no"), f"is no model of vouchers. Choose one of: {MODEL}."),
        ((*ON, "--release", "vouchers/rules/000000000001"), f"is no model of vouchers. Choose one of: {MODEL}."),
        (("flags", "set", "kill_switch", "default", "--release", MODEL), "is on or off; it cannot be 'default'"),
        ((*ON, "--everything", "--for", "soon"), "--for 'soon' is no time span"),
        ((*ON, "--everything", "--until", "2001-01-01"), "2001-01-01 00:00 UTC has passed"),
        ((*ON, "--everything", "--until", "2099-01-01", "--for", "1h"), "Give one."),
        (("kill-switch", "vouchers", "off", "--for", "1h"), "off has no end"),
        (("flags", "nobody"), "no use case in"),
    ],
    ids=lambda words: "-".join(words[:4]) if isinstance(words, tuple) else "",
)
def test_what_is_wrong_is_refused_with_what_is_right_and_nothing_is_set(cli, modelled, words, told):
    refused = cli(*words, *(() if words[0] == "flags" and len(words) == 2 else WHO))
    assert (refused.exit_code, refused.out) == (2, "")
    assert told in " ".join(refused.err.split())
    assert kill_switch(modelled, "vouchers") == "off"
    assert switch_of(modelled, "vouchers").holding == ()


def test_flags_lists_all_where_no_use_case_is_named(cli, vouchers, ledger):
    assert cli("flags").out.splitlines() == ["everything: kill switch off", "vouchers: kill switch off"]
    assert cli("flags", "--json").json[1]["use_case"] == "vouchers"
    assert cli("flags", "list", "vouchers").out == cli("flags", "vouchers").out


@pytest.mark.parametrize(
    ("until", "lasts"),
    [("", "0m"), ("", ""), ("", "h"), ("", "-1h"), ("", "1h30"), ("", "s"), ("", "9" * 30 + "d"), ("x", "")],
)
def test_an_end_is_a_time_to_come_or_a_span(until, lasts):
    if not until and not lasts:
        assert end_of_flag(until, lasts) is None
        return
    with pytest.raises(UsageError):
        end_of_flag(until, lasts)
