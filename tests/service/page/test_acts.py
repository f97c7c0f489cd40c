"""What people do from the page is what the command line does, by whoever's key it is, and by nobody else."""

from __future__ import annotations

import re

import pytest

from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.api_keys import revoke_key, valid_keys
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import KILL_SWITCH, current_flag, is_kill_switch_on, kill_switch
from decisionloop.ledger.held_actions import last_hold_event, withdrawn_ids
from decisionloop.ledger.incidents import incidents
from tests.ledger.conftest import batch_rows
from tests.report.test_assemble import MODEL_ID, day, decision_id
from tests.service.page.conftest import APPROVER, CASE, HELD, INCIDENT, write_contract
from tests.watched_ledger import raise_alarm

ON, OFF = f"{CASE}/kill-switch-on", f"{CASE}/kill-switch-off"
WHO = {"by": "anna", "reason": "too many complaints"}
SCRIPT = "<script>alert(1)</script>"
FOUND = "/decisions?use_case=credit_line"
EVERY_PAGE = ("/", CASE, f"/releases/{MODEL_ID}", f"/decisions/{decision_id(2, 3)}", "/decisions", FOUND)


def test_the_kill_switch_goes_on_and_an_approver_alone_turns_it_off(site, ledger):
    answer = site.send(ON, **WHO)
    assert (answer.status_code, answer.headers["location"]) == (303, CASE)
    flag = current_flag(ledger, "credit_line", KILL_SWITCH)
    assert (flag.value, flag.set_by, flag.reason) == ("on", "anna", "too many complaints")
    assert last_hold_event(ledger, HELD).state == "held"
    refused = site.send(OFF, **WHO)
    assert (refused.status_code, APPROVER in refused.text) == (409, True)
    assert is_kill_switch_on(ledger, "credit_line")
    assert site.send(OFF, by=APPROVER, reason="mended").status_code == 303
    assert not is_kill_switch_on(ledger, "credit_line")


def test_both_ways_to_stop_are_offered_while_nothing_is_stopped(site):
    """Where the rules decide already the second is the one that stops anything."""
    assert "Give everybody the default action of" in site.look(CASE).text
    assert "to the rules at once" in site.look(CASE).text
    site.send(f"{CASE}/kill-switch-default", **WHO)
    stopped = site.look(CASE).text
    assert "Let the rules decide again; only an approver may" in stopped
    assert "to the rules at once" not in stopped


def test_where_the_rules_are_wrong_everybody_gets_the_default_action_until_an_approver_says_otherwise(site, ledger):
    assert site.send(f"{CASE}/kill-switch-default", **WHO).status_code == 303
    assert kill_switch(ledger, "credit_line") == "default"
    assert "everybody gets the default action: the kill switch is at “default” since" in site.look().text
    assert site.send(ON, **WHO).status_code == 409
    assert site.send(ON, by=APPROVER, reason="the rules are mended").status_code == 303
    assert kill_switch(ledger, "credit_line") == "on"


def test_held_actions_are_let_go_or_cancelled(site, ledger):
    site.hold()
    assert site.send(f"{CASE}/release-held", batch=HELD, **WHO).status_code == 409  # anna is no approver
    assert last_hold_event(ledger, HELD).state == "held"
    head = {**WHO, "by": APPROVER}
    assert site.send(f"{CASE}/release-held", batch=HELD, **head).status_code == 303
    assert last_hold_event(ledger, HELD).state == "released"
    assert site.send(f"{CASE}/release-held", batch=HELD, **head).status_code == 409
    assert site.send(f"{CASE}/cancel-held", batch=HELD, **WHO).status_code == 303
    assert last_hold_event(ledger, HELD).by == "anna"
    assert withdrawn_ids(ledger, HELD)


def test_an_incident_is_acknowledged_once_and_told_so(site, ledger):
    assert site.send(f"{CASE}/acknowledge", incident=INCIDENT, **WHO).status_code == 303
    (one,) = incidents(ledger, "credit_line")
    assert [(event.state, event.by) for event in one.events] == [("opened", "monitors"), ("acknowledged", "anna")]
    assert "anna looks after it since" in site.look(CASE).text
    assert site.send(f"{CASE}/acknowledge", incident="another/inputs/2005-07-15", **WHO).status_code == 409


def test_nothing_is_done_without_who_and_why(site, ledger):
    for by, reason in (("anna", ""), ("", "so"), (" ", "so"), ("anna", " "), ("anna", "x" * 1_001)):
        assert site.send(ON, by=by, reason=reason).status_code == 422
    assert not is_kill_switch_on(ledger, "credit_line")


def test_a_form_that_was_not_shown_here_does_nothing(site, open_site, ledger):
    other = open_site()  # another browser: its forms are of another session
    stolen = other.look(CASE).fields["form_token"]
    site.look(CASE)
    for token in ("", "guessed", stolen):
        assert site.client.post(ON, data={**WHO, "form_token": token}).status_code == 403
    ours = site.look(CASE).fields["form_token"]
    crossed = site.client.post(ON, data={**WHO, "form_token": ours}, headers={"sec-fetch-site": "cross-site"})
    assert crossed.status_code == 403
    assert site.client.post(ON, json=WHO).status_code == 415
    assert not is_kill_switch_on(ledger, "credit_line")


def test_a_form_is_old_after_an_hour(site, ledger, monkeypatch):
    token = site.look(CASE).fields["form_token"]
    monkeypatch.setattr("decisionloop.service.page.visitors.LASTS_SECONDS", -1)
    assert site.client.post(ON, data={**WHO, "form_token": token}).status_code == 403


def test_with_keys_one_signs_in_and_acts_in_the_name_of_the_key(site, ledger):
    key = site.make_key("carla", "read", "flag")
    asked = site.look(CASE)
    assert (asked.answer.status_code, "Sign in" in asked.text, "credit line" in asked.text) == (401, True, False)
    assert site.sign_in("guessed").status_code == 401
    answer = site.sign_in(key)
    assert (answer.status_code, answer.headers["location"]) == (303, CASE)
    cookie = answer.headers["set-cookie"]
    assert all(said in cookie for said in ("HttpOnly", "SameSite=strict", "Max-Age=3600", "Path=/"))
    assert key not in cookie
    assert "carla" in site.look(CASE).text
    assert site.send(ON, by="somebody else", reason="so").status_code == 303
    assert current_flag(ledger, "credit_line", KILL_SWITCH).set_by == "carla"
    assert site.send(f"{CASE}/release-held", batch=HELD, reason="so").status_code == 403
    assert "Let them leave" not in site.look(CASE).text
    assert site.send("/sign-out").status_code == 303
    assert site.look(CASE).answer.status_code == 401


def test_a_sign_in_ends_with_its_key_and_its_hour(site, ledger, monkeypatch):
    site.sign_in(site.make_key("carla", "read"))
    assert site.look().answer.status_code == 200
    monkeypatch.setattr("decisionloop.service.page.visitors.LASTS_SECONDS", -1)
    assert site.look().answer.status_code == 401
    monkeypatch.undo()
    monkeypatch.setattr("decisionloop.service.keys.READ_AGAIN_SECONDS", 0)
    (key,) = valid_keys(ledger)
    revoke_key(ledger, key.key_id, "lost", "a test")
    assert site.look().answer.status_code == 401


def test_a_cookie_that_was_changed_is_none(site):
    site.sign_in(site.make_key("carla", "read"))
    cookie = site.client.cookies["decisionloop"]
    site.client.cookies.clear()
    site.client.cookies.set("decisionloop", cookie[:-2] + ("aa" if cookie[-2:] != "aa" else "bb"))
    assert site.look().answer.status_code == 401


def test_elsewhere_the_cookie_travels_by_tls_alone(open_site):
    site = open_site(host="loop.example.com")
    key = site.make_key("carla", "read")
    assert "Secure" in site.client.get("/").headers["set-cookie"]
    assert site.look(authorization=f"Bearer {key}").answer.status_code == 200


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/\n/x"])
def test_a_sign_in_leads_nowhere_else(site, place):
    key = site.make_key("carla", "read")
    assert site.send("/sign-in", "/", key=key, next=place).headers["location"] == "/"


def test_without_keys_another_hosts_name_is_not_answered(open_site):
    assert open_site(host="rebound.example.com").look().answer.status_code == 403


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_lets_nothing_else_in_and_is_kept_nowhere(site, path):
    answer = site.look(path).answer
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policy))
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert f'<style nonce="{nonce}">' in answer.text
    assert not re.search(r"\sstyle=|\son\w+=|https?://(?!www.w3.org)", answer.text)
    assert (answer.headers["x-frame-options"], answer.headers["cache-control"]) == ("DENY", "no-store")
    assert nonce not in site.look(path).answer.headers["content-security-policy"]


def test_whatever_somebody_wrote_is_text(site, ledger, use_case, tmp_path):
    write_contract(tmp_path / "usecases", use_case, title=SCRIPT, description=SCRIPT)
    append_alert(ledger, "credit_line", NewAlert("critical", "test", SCRIPT, SCRIPT))
    raise_alarm(ledger, "credit_line", day(8, 1), "outputs", words=SCRIPT, suggestion=SCRIPT)
    batch = open_batch(ledger, "credit_line", day(8, 5), use_case.digest)
    with ledger.begin() as connection:
        rows = batch_rows(2, day(8, 5)).decisions.assign(entity_id=SCRIPT, contract_digest=use_case.digest)
        append_decisions(connection, rows)
    append_batch_event(ledger, batch.batch_id, "halted", {"check": SCRIPT})
    site.send(ON, by=SCRIPT, reason=SCRIPT)
    found = f"/decisions?use_case=credit_line&entity={SCRIPT}&from=2005-08-05"
    for path in ("/", CASE, found, f"/use-cases/{SCRIPT}", FOUND):
        text = site.look(path).answer.text
        assert SCRIPT not in text, path
    assert site.look(CASE).answer.text.count("&lt;script&gt;") > 6
    assert "&lt;script&gt;" in site.look(FOUND).answer.text
