"""The kill switch works by the name alone and under one name; only approvers lift it; what is held waits for people."""

from __future__ import annotations

import pytest

from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import flag_history, is_kill_switch_on, kill_switch
from decisionloop.ledger.releases import Release
from decisionloop.ledger.schema import stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.stream import Segment
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.settings import load_settings
from tests.ledger.conftest import AS_OF, CONTRACT, batch_rows
from tests.release_lives import install_rules

WHO = ("--reason", "too many complaints", "--by", "anna")
APPROVER = ("--reason", "mended", "--by", "approver@example.com")
BATCH = "vouchers/2005-07-08"
SPELLINGS = [
    "vouchers/",
    "./vouchers",
    "VOUCHERS",
    " vouchers",
    "vouchers ",
    "../usecases/vouchers",
    "Vouchers",
    "vouchers\n",
]


@pytest.fixture
def ledger(home_with_ledger):
    with create_or_upgrade(load_settings().resolved_ledger_url()) as opened:
        yield opened


@pytest.fixture
def held(cli, vouchers, ledger):
    """Three actions that a model chose are decided and unsent, and the switch is on; returns its acknowledgement."""
    record_use_case(ledger, "vouchers", CONTRACT, 1, (vouchers / "usecase.yaml").read_text())
    open_batch(ledger, "vouchers", AS_OF, CONTRACT)
    with ledger.begin() as connection:
        append_decisions(connection, batch_rows(6, use_case="vouchers").decisions.assign(role="champion"))
    append_batch_event(ledger, BATCH, "decided")
    return cli("kill-switch", "vouchers", "on", *WHO)


def test_the_acknowledgement_says_what_the_switch_does(held):
    assert (held.exit_code, held.err) == (0, "")
    first, second, third = held.out.splitlines()
    assert first.startswith("vouchers: kill switch on: the rules decide everything from now on")
    assert second.startswith(f"3 decided and unsent actions of {BATCH} are held: `decisionloop outbox")
    assert "a claim and no proof" in third


def test_what_waits_is_listed_by_outbox_and_by_status(cli, held):
    listed = cli("outbox", "list", "vouchers").out
    assert listed.startswith(f"{BATCH}: 3 actions held since ")
    assert "by anna: too many complaints" in listed
    assert listed.strip() in cli("status", "vouchers").out
    (one,) = cli("outbox", "list", "vouchers", "--json").json
    assert (one["last"]["batch_id"], one["last"]["state"], one["actions"]) == (BATCH, "held", 3)


def test_an_approver_releases_and_nobody_else_does(cli, held):
    refused = cli("outbox", "release", "vouchers", "--batch", BATCH, *WHO)
    assert (refused.exit_code, refused.out) == (2, "")
    assert (
        "'anna' may not release what is held of vouchers: approval.approvers names approver@example.com" in refused.err
    )
    assert "3 actions held since" in cli("outbox", "list", "vouchers").out
    told = cli("outbox", "release", "vouchers", "--batch", BATCH, *APPROVER)
    assert told.exit_code == 0
    assert f"{BATCH}: 3 actions released." in told.out
    assert "3 actions released since" in cli("outbox", "list", "vouchers").out


def test_a_person_cancels_for_good(cli, held):
    told = cli("outbox", "cancel", "vouchers", *WHO)
    assert told.exit_code == 0
    assert f"{BATCH}: 3 actions cancelled for good." in told.out
    assert cli("outbox", "list", "vouchers").out == "vouchers: no action is held.\n"
    refused = cli("outbox", "release", "vouchers", *APPROVER)
    assert (refused.exit_code, refused.out) == (2, "")
    assert "no action of vouchers is held" in refused.err


@pytest.mark.parametrize("words", [("--reason", " ", "--by", "anna"), ("--reason", "why", "--by", "")])
@pytest.mark.parametrize("command", [("kill-switch", "vouchers", "on"), ("outbox", "release", "vouchers")], ids=str)
def test_a_blank_reason_or_name_is_refused(cli, vouchers, command, words):
    told = cli(*command, *words)
    assert told.exit_code == 2
    assert "is blank" in told.err


@pytest.mark.parametrize(("name", "by", "blank"), [(" ", "anna", "NAME"), ("checkout", "", "--by")])
def test_a_key_of_nobody_or_by_nobody_is_refused_by_what_is_blank(cli, home, name, by, blank):
    told = cli("keys", "make", name, "--scope", "decide", "--by", by)
    assert (told.exit_code, told.out) == (2, "")
    assert f"{blank} is blank" in told.err
    assert "--reason" not in told.err


def test_a_champion_that_decides_one_at_a_time_decides_again_from_now_on(cli, held, ledger):
    facts.add(ledger, stream_segment, [Segment("a", "vouchers", AS_OF, 1, "{}", "{}", AS_OF)])
    assert "decides again from now on." in cli("kill-switch", "vouchers", "off", *APPROVER).out


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "command",
    [
        ("kill-switch", None, "on", *WHO), ("run", None, "--as-of", "2026-01-05"), ("status", None), ("story", None),
        ("demo", None), ("monitors", "report", None), ("incidents", "list", None), ("outbox", "list", None),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_use_case_has_one_name(cli, vouchers, home, command, spelling):
    told = cli(*(spelling if word is None else word for word in command))
    assert (told.exit_code, told.out) == (2, "")
    assert f"{spelling!r} is not the name of a use case" in told.err
    assert "Write vouchers." in told.err
    assert not list(home.iterdir())


def test_a_link_to_a_use_case_is_not_another_one(cli, vouchers):
    (vouchers.parent / "alias").symlink_to(vouchers)
    for words in (("kill-switch", "alias", "on", *WHO), ("run", "alias", "--as-of", "2026-01-05")):
        told = cli(*words)
        assert told.exit_code == 2
        assert "Write vouchers." in told.err


def _no_contract(folder):
    (folder / "usecase.yaml").write_text("name: [")


def _bytes_for_a_contract(folder):
    (folder / "usecase.yaml").write_bytes(b"\xff\xfe\x00")


def _no_code(folder):
    (folder / "features.py").write_text("def features(:")


def _deleted(folder):
    folder.rename(folder.parent.parent / "moved")


@pytest.mark.parametrize("damage", [_no_contract, _bytes_for_a_contract, _no_code, _deleted])
def test_the_switch_needs_the_ledger_and_the_name_only(cli, vouchers, ledger, damage):
    record_use_case(ledger, "vouchers", CONTRACT, 1, (vouchers / "usecase.yaml").read_text())
    damage(vouchers)
    told = cli("kill-switch", "vouchers", "on", *WHO)
    assert (told.exit_code, told.err) == (0, "")
    assert is_kill_switch_on(ledger, "vouchers")
    refused = cli("kill-switch", "vouchers", "off", *WHO)  # the last recorded contract says who may
    assert refused.exit_code == 2
    assert "approval.approvers names approver@example.com" in refused.err
    assert cli("kill-switch", "vouchers", "off", *APPROVER).exit_code == 0
    assert not is_kill_switch_on(ledger, "vouchers")


def test_the_switch_needs_no_registry(cli, vouchers, home):
    (home / "mlflow.db").write_text("no database")
    assert cli("kill-switch", "vouchers", "on", *WHO).exit_code == 0


def test_only_approvers_lift_it(cli, vouchers, ledger):
    cli("kill-switch", "vouchers", "on", *WHO)
    told = cli("kill-switch", "vouchers", "off", *WHO)
    assert (told.exit_code, told.out) == (2, "")
    assert "'anna' may not lift the kill switch of vouchers" in told.err
    assert is_kill_switch_on(ledger, "vouchers")
    lifted = cli("kill-switch", "vouchers", "off", *APPROVER)
    assert lifted.exit_code == 0
    assert "a claim and no proof" in lifted.out
    assert [flag.value for flag in flag_history(ledger, "vouchers", "kill_switch")] == ["on", "off"]


def test_while_nobody_can_be_asked_it_stays_on(cli, vouchers, ledger):
    _no_contract(vouchers)
    assert cli("kill-switch", "vouchers", "on", *WHO).exit_code == 0
    told = cli("kill-switch", "vouchers", "off", *APPROVER)
    assert told.exit_code == 2
    assert "nobody can tell who may lift" in told.err
    assert is_kill_switch_on(ledger, "vouchers")


def test_with_rules_as_champion_lifting_it_lets_no_model_decide(cli, vouchers, ledger):
    record_use_case(ledger, "vouchers", CONTRACT, 1, "name: vouchers")
    install_rules(
        ledger, Release("vouchers/rules/1", "vouchers", "rules", CONTRACT, None, None, None, "null", "{}", AS_OF)
    )
    told = cli("kill-switch", "vouchers", "off", *APPROVER).out
    assert "the rules are champion, so they go on deciding (vouchers/rules/1); no model does." in told


def test_who_turns_it_the_way_it_stands_is_told_since_when_and_by_whom(cli, vouchers, ledger):
    assert (
        "kill switch off, as it was already: the champion decides"
        in cli("kill-switch", "vouchers", "off", *APPROVER).out
    )
    assert "already" not in cli("kill-switch", "vouchers", "on", *WHO).out
    since = flag_history(ledger, "vouchers", "kill_switch")[-1].at
    for words in (WHO, ("--reason", "again", "--by", "ben")):
        told = cli("kill-switch", "vouchers", "on", *words)
        assert told.exit_code == 0
        already = f"kill switch on, as it was already since {since:%Y-%m-%d %H:%M} (by anna: "
        assert already in told.out
    assert [flag.set_by for flag in flag_history(ledger, "vouchers", "kill_switch")][1:] == ["anna", "ben"]
    assert "already" not in cli("kill-switch", "vouchers", "off", *APPROVER).out


def test_everything_is_stopped_by_one_command(cli, vouchers, folder, ledger):
    """Also what is broken, and what the ledger alone knows of; each is lifted by itself."""
    record_use_case(ledger, "gone", CONTRACT, 1, (vouchers / "usecase.yaml").read_text())
    broken = folder / "usecases" / "broken"
    broken.mkdir()
    (broken / "usecase.yaml").write_text("name: [")
    told = cli("kill-switch-all", "default", *WHO)
    assert told.exit_code == 0, told.err
    for name in ("broken", "gone", "vouchers"):
        assert kill_switch(ledger, name) == "default"
        assert f"{name}: kill switch default: everybody gets the default action from now on" in told.out
    assert cli("kill-switch-all", "off", *APPROVER).exit_code == 2
    assert kill_switch(ledger, "vouchers") == "default"


@pytest.mark.parametrize(("stands", "asked"), [(("default",), ("on",)), (("on",), ("on", "--for", "90s"))])
def test_what_is_stopped_more_strictly_or_for_longer_stays_so_whoever_stops_everything(
    cli, vouchers, folder, ledger, stands, asked
):
    assert cli("kill-switch", "vouchers", *stands, *WHO).exit_code == 0
    other = folder / "usecases" / "a_first"
    other.mkdir()
    (other / "usecase.yaml").write_text("name: [")
    before = flag_history(ledger, "vouchers", "kill_switch")
    told = cli("kill-switch-all", *asked, *APPROVER)
    assert told.exit_code == 0, told.err
    assert f"vouchers: stopped already, and left as it is: vouchers: {stands[0]}, since " in told.out
    assert kill_switch(ledger, "a_first") == "on"
    assert flag_history(ledger, "vouchers", "kill_switch") == before


def test_where_there_is_nothing_to_stop_it_says_so(cli):
    told = cli("kill-switch-all", "on", *WHO)
    assert (told.exit_code, "knows no use case" in told.err) == (2, True)
