"""What the page says is what the ledger says: its figures, who decides, what waits, and every page that leads on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from decisionloop.cli.app import app as command_line
from decisionloop.ledger.approvals import ask_people
from decisionloop.ledger.batches import append_batch_event, batch_id_of, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.releases import find_stage
from decisionloop.ledger.schema import decision, stream_segment, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.stream import Segment
from decisionloop.release.grounds import Grounds
from decisionloop.release.requests import EnterCanary
from decisionloop.release.stages import Decider
from decisionloop.report.read.decisions import newest_measurements
from decisionloop.report.record.story import RULES
from decisionloop.report.words.figures import NBSP
from tests.ledger.conftest import batch_rows
from tests.release_lives import into_shadow
from tests.report.test_assemble import MODEL, MODEL_ID, RULES_ID, WALL, day, decision_id
from tests.service.page.conftest import CASE, HELD, HELD_AS_OF, INCIDENT
from tests.watched_ledger import SUGGESTION, WORDS


def plain(text):
    return text.replace(NBSP, " ")


def test_the_money_is_that_of_the_status(site, tmp_path, monkeypatch):
    told = CliRunner().invoke(command_line, ["status", "credit_line", "--json"])
    assert told.exit_code == 0, told.output
    (status,) = json.loads(told.stdout)
    money, seen = status["money"], site.look()
    assert seen.figures[-3:] == tuple(pytest.approx(money[one]["value"]) for one in ("policy", "rules", "difference"))
    assert f"{money['decisions']} decisions counted" in seen.text
    assert all(promise in plain(seen.text) for promise in map(plain, status["promises"]))
    assert status["promises"]


def test_decisions_that_nobody_timed_are_not_said_to_have_taken_no_time(site, ledger, use_case):
    assert "A decision of the last batch took 0.01" in plain(site.look().text)
    later = HELD_AS_OF + timedelta(days=7)
    open_batch(ledger, "credit_line", later, use_case.digest)
    rows = batch_rows(6, later).decisions.assign(contract_digest=use_case.digest, latency_ms=0.0)
    with ledger.begin() as connection:
        append_decisions(connection, rows)
    append_batch_event(ledger, batch_id_of("credit_line", later), "decided")
    assert "of the last batch took" not in plain(site.look().text)


def test_it_says_who_decides_since_when_and_why(site):
    for path in ("/", CASE):
        seen = plain(site.look(path).text)
        assert "The scorecard of 1 July has decided since 8 July 2005." in seen
        assert "Why it decides (said by" in seen
        assert ": second look" in seen


def test_decisions_are_those_of_the_ledger_and_halted_batches_are_told(site, ledger):
    with ledger.connect() as connection:
        every = len(connection.execute(select(decision.c.decision_id)).all())
    seen = plain(site.look().text)
    assert f"22 decisions in July 2005, {every} in all." in seen
    assert "1 batch was halted: 5 who were due were not decided in it." in seen
    assert "Halted: limit is missing" in site.look(CASE).text
    moment = Segment("s1", "credit_line", WALL, 7, "{}", "{}", utc_now())
    facts.add(ledger, stream_segment, [moment])
    assert f"{every} in all, and 7 more in a period that is not over." in plain(site.look().text)


def test_the_month_whose_outcomes_are_not_complete_says_so(site, ledger):
    known = [one for one in newest_measurements(ledger, "credit_line") if one.cohort >= "2005-07"]
    append_measurements(ledger, [replace(one, is_mature=False, as_of=day(9, 1)) for one in known])
    seen = site.look()
    assert "July 2005 its outcomes are not complete yet" in plain(seen.text)
    assert len(seen.figures) == 3


def test_what_waits_is_told_with_what_to_do_and_who_owns_it(site, ledger):
    taught = find_stage(ledger, MODEL_ID).release
    shadow = replace(taught, release_id="credit_line/scorecard/22cc", created_at=day(7, 9))
    into_shadow(ledger, shadow, day(7, 9), "it passed")
    ask, why = EnterCanary(shadow.release_id, 0.05), Grounds(Decider("person", "ben"), "it is time", WALL)
    with ledger.begin() as connection:
        ask_people(connection, "credit_line", ask, why, 7, lambda *_: 0)
    site.hold()
    seen = site.look().text
    counted = "1 open incident, 3 actions to be let go or cancelled, 1 approval that is asked for and 1 alert."
    assert counted in plain(seen)
    assert "is to be tried on a share of the entities (asked by ben" in seen
    for said in (WORDS, SUGGESTION, "limit is missing", "Repair the feed.", "owner@example.com"):
        assert said in seen
    assert f"3 actions of {HELD} are held" in plain(seen)
    assert "The rules decide: the kill switch is on since" in seen
    assert "by anna: too many complaints." in seen


def test_a_kill_switch_that_was_lifted_is_told_with_who_set_it_and_who_lifted_it(site, ledger):
    set_flag(ledger, "credit_line", "kill_switch", "on", "too many complaints", "anna")
    assert "The kill switch before" not in site.look().text
    set_flag(ledger, "credit_line", "kill_switch", "off", "it was the feed", "ben")
    seen = plain(site.look().text)
    assert "The kill switch before" in seen
    assert "set by anna: too many complaints. Ben lifted it: it was the feed." in seen


def test_a_release_has_a_page_with_its_steps_its_verdicts_and_its_promise(site):
    assert f"/releases/{MODEL_ID}" in site.look().answer.text
    seen = plain(site.look(f"/releases/{MODEL_ID}").text)
    assert plain(MODEL)[4:] in seen
    assert "second look" in seen
    assert "The log is thin." in seen
    assert "What was promised of the scorecard of 1 July on 8 July 2005 was not written down." in seen
    assert RULES.capitalize() in site.look(f"/releases/{RULES_ID}").text


def test_a_decision_has_a_page_of_the_record_that_its_json_gives(site):
    told = site.client.get(f"/v1/credit_line/decisions/{decision_id(2, 3)}").json()
    seen = site.look(f"/decisions/{decision_id(2, 3)}")
    assert seen.answer.status_code == 200
    assert all(plain(feature["value"]) in plain(seen.text) for feature in told["features"])
    assert plain(told["release"])[4:] in plain(seen.text)
    assert "second look" in seen.text
    assert "print" in seen.answer.text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("entity=client-00003", 1),
        ("entity=client-00003&from=2005-07-23", 0),
        ("from=2005-07-22&to=2005-07-22", 6),
        ("from=2005-07-08T00:00:00&to=2005-07-15", 16),
        ("entity=nobody", 0),
    ],
)
def test_decisions_are_found_by_entity_and_time(site, asked, found):
    seen = site.look(f"/decisions?use_case=credit_line&{asked}")
    assert seen.answer.text.count('<a href="/decisions/') == found
    assert ("Nothing was found" in seen.text) == (not found)


def test_the_last_written_story_is_shown_where_there_is_one(site, home):
    assert site.look(f"{CASE}/story").answer.status_code == 404
    assert "The whole story" not in site.look(CASE).text
    (home / "reports").mkdir()
    (home / "reports" / "credit_line.html").write_text("<html><head><style>p {}</style></head><p>told</p></html>")
    assert "The whole story" in site.look(CASE).text
    answer = site.look(f"{CASE}/story").answer
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "<style nonce=" in answer.text


def test_an_empty_ledger_has_a_page(open_site, tmp_path):
    seen = open_site(url=f"sqlite:///{tmp_path}/new/ledger.db").look()
    assert seen.answer.status_code == 200
    assert "The ledger knows no use case yet" in seen.text
    assert "decisionloop run credit_line" in seen.text


def test_a_broken_contract_is_told_of_and_the_ledger_gives_the_words(site, tmp_path):
    (tmp_path / "usecases" / "credit_line" / "usecase.yaml").write_text("name: [")
    for path in ("/", CASE, f"/releases/{MODEL_ID}", f"/decisions/{decision_id(2, 3)}"):
        assert site.look(path).answer.status_code == 200
    seen = site.look().text
    assert "The contract cannot be read" in seen
    assert "Raise a client's credit line" in seen
    shutil.rmtree(tmp_path / "usecases")
    assert "The contract cannot be read" in site.look().text


def test_a_use_case_whose_contract_nobody_can_read_still_has_its_switch(site, ledger, tmp_path):
    from decisionloop.ledger.flags import KILL_SWITCH, set_flag

    set_flag(ledger, "forgotten", KILL_SWITCH, "on", "its folder is gone", "anna")
    seen = site.look("/use-cases/forgotten")
    assert seen.answer.status_code == 200
    assert "its folder is gone" in seen.text


def test_every_flag_that_holds_is_told_with_its_end_and_how_what_the_page_cannot_lift_is_lifted(site, ledger):
    from decisionloop.ledger.flags import KILL_SWITCH, NewFlag, put_flag
    from decisionloop.ledger.switch_lock import EVERYTHING
    from decisionloop.report.words.live import moment

    end = utc_now() + timedelta(days=2)
    put_flag(ledger, NewFlag(EVERYTHING, KILL_SWITCH, "default", "rules wrong", "anna", None, end))
    put_flag(ledger, NewFlag("credit_line", KILL_SWITCH, "on", "it is unfair", "ben", MODEL_ID))
    seen = site.look("/use-cases/credit_line").text
    assert "the kill switch of everything is at “default” since" in seen
    assert f"and until {moment(end)}, by anna".replace(NBSP, " ") in seen
    assert "decisionloop flags clear kill_switch --everything --reason WHY --by APPROVER" in seen
    assert f"The kill switch of {MODEL_ID} is on: it decides nobody" in seen
    assert f"decisionloop flags clear kill_switch --release {MODEL_ID} --reason" in seen
    assert "to the rules at once" in seen  # its own switch is off, and can be turned on


@pytest.mark.parametrize(
    "path",
    ["/use-cases/other", "/releases/credit_line/none/0", "/releases/x", "/decisions/abc", "/use-cases/x/story"],
)
def test_what_the_ledger_does_not_know_is_answered_by_404(site, path):
    assert site.look(path).answer.status_code == 404


def test_a_ledger_that_is_away_is_told_in_a_page(open_site, tmp_path):
    (tmp_path / "broken.db").write_text("this is no database" * 100)
    answer = open_site(url=f"sqlite:///{tmp_path}/broken.db").look().answer
    assert (answer.status_code, "The ledger cannot be used" in answer.text) == (503, True)
    assert answer.headers["retry-after"] == "5"


def test_a_search_for_no_time_says_how_one_is_written(site):
    seen = site.look("/decisions?use_case=credit_line&from=yesterday")
    assert (seen.answer.status_code, "2026-03-01" in seen.text) == (422, True)
    assert INCIDENT in site.look().answer.text
