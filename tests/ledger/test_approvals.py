"""A person is asked before a model decides, where the contract wants it: who answers, how often, with which proof."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.contract.operation import Approval
from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import NewAlert, alerts, append_alert
from decisionloop.ledger.answering import Said, answer_request
from decisionloop.ledger.approvals import answers, waiting_for_people
from decisionloop.ledger.approver_codes import make_codes, unused_codes
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.letting_decide import ask_approval, let_decide
from decisionloop.ledger.release_changes import change_stages, judgement_of
from decisionloop.ledger.releases import Release, canary, champion, find_stage, release_events
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.ledger.verdicts import Verdict, append_verdict
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import EnterCanary, EnterShadow, Promote, Refuse, RollBack
from decisionloop.release.stages import Decider
from tests.ledger.conftest import CONTRACT, RULES, USE_CASE
from tests.release_lives import into_shadow

AT = datetime(2005, 7, 8, tzinfo=UTC)
ONE = f"{USE_CASE}/scorecard/1"
BOSS, OTHER = "boss@example.com", "other@example.com"
ASKED = Approval(owner="o", approvers=(BOSS, OTHER), is_required=True)
PROVEN = ASKED.model_copy(update={"is_claim_enough": False})
TRIAL = EnterCanary(ONE, 0.05)
BY_GATE = Grounds(GATE, "it earns more", AT)


def told(use_case: str):
    """Tells people as the tasks do, of the ledger alone."""

    def tell(connection, alert: NewAlert) -> None:
        append_alert(connection, use_case, alert)

    return tell


def ask(ledger: Ledger, request=TRIAL, grounds: Grounds = BY_GATE, approval: Approval = ASKED):
    """Ask for an approval."""
    return ask_approval(ledger, USE_CASE, request, grounds, approval, told(USE_CASE))


def say(ledger: Ledger, answer="approve", by: str = BOSS, approval: Approval = ASKED, code: str = ""):
    """Answer."""
    return answer_request(ledger, USE_CASE, Said(ONE, answer, by, "because", code), approval)


def let(ledger: Ledger, request=TRIAL, approval: Approval = ASKED):
    """Let it decide."""
    return let_decide(ledger, USE_CASE, request, BY_GATE, approval)


def promotion(ledger: Ledger) -> Promote:
    """What the gate asks for when it is proven."""
    stands = champion(ledger, USE_CASE).release_id
    verdict = Verdict(USE_CASE, ONE, stands, 2, AT, "promote", "[]", "{}")
    append_verdict(ledger, verdict)
    return Promote(ONE, judgement_of(ledger, verdict.verdict_id))


@pytest.fixture
def shadow(released: Ledger) -> Ledger:
    """A model in shadow beside rules, on either engine."""
    into_shadow(released, Release(ONE, USE_CASE, "scorecard", CONTRACT, None, None, "1", "null", "{}", AT))
    return released


def test_nobody_is_asked_where_the_contract_does_not_want_it(shadow):
    free = ASKED.model_copy(update={"is_required": False})
    assert ask(shadow, approval=free) is None
    let(shadow, approval=free)
    assert canary(shadow, USE_CASE).release_id == ONE


def test_it_decides_only_after_a_yes_and_history_says_whose(shadow):
    waits = ask(shadow)
    assert "waits for an approval" in waits.as_text()
    with pytest.raises(UsageError, match="is not approved"):
        let(shadow)
    assert [one.stage for one in release_events(shadow, ONE)][-1] == "shadow"
    say(shadow)
    assert ask(shadow) is None
    let(shadow)
    evidence = canary(shadow, USE_CASE).event.evidence
    assert f'"approved_by": "{BOSS}"' in evidence
    assert '"approved_with": "claim"' in evidence


def test_people_are_asked_once_and_told_once(shadow):
    for _ in range(3):
        ask(shadow)
    (waiting,) = waiting_for_people(shadow, USE_CASE, utc_now())
    assert (waiting.purpose, waiting.requested_by) == ("trial", "gate")
    assert len([one for one in alerts(shadow, USE_CASE) if one.kind == "approval"]) == 1


def test_a_larger_share_needs_no_other_approval_and_to_decide_for_all_needs_one(shadow):
    ask(shadow)
    say(shadow)
    let(shadow)
    assert ask(shadow, EnterCanary(ONE, 0.5)) is None
    let(shadow, EnterCanary(ONE, 0.5))
    request = promotion(shadow)
    assert ask(shadow, request).asked.request.purpose == "champion"
    with pytest.raises(UsageError, match="is not approved"):
        let(shadow, request)
    say(shadow, by=OTHER)
    let(shadow, request)
    assert champion(shadow, USE_CASE).release_id == ONE


def test_a_no_stops_it_and_says_why(shadow):
    ask(shadow)
    say(shadow, "reject")
    event = find_stage(shadow, ONE).event
    assert (event.stage, event.decider, event.decided_by) == ("refused", "approver", BOSS)
    assert event.reason == "not approved: because"
    assert waiting_for_people(shadow, USE_CASE, utc_now()) == ()


def test_one_on_trial_that_is_not_approved_for_all_decides_for_nobody(shadow):
    ask(shadow)
    say(shadow)
    let(shadow)
    ask(shadow, promotion(shadow))
    say(shadow, "reject")
    assert find_stage(shadow, ONE).stage == "rolled_back"


def test_no_answer_in_time_is_no_approval_until_a_person_asks_again(shadow, monkeypatch):
    ask(shadow)
    late = utc_now() + timedelta(days=8)
    for module in ("letting_decide", "approvals", "answering"):
        monkeypatch.setattr(f"decisionloop.ledger.{module}.utc_now", lambda: late)
    assert "Nobody approved it by" in ask(shadow).as_text()
    with pytest.raises(UsageError, match="Nothing waits"):
        say(shadow)
    with pytest.raises(UsageError, match="is not approved"):
        let(shadow)
    assert ask(shadow, grounds=replace(BY_GATE, evidence={"asked_by": "anna"})).asked.state == "open"
    say(shadow)
    let(shadow)


@pytest.mark.parametrize("by", ["anna", "", BOSS.upper()])
def test_nobody_answers_whom_the_contract_does_not_name(shadow, by):
    ask(shadow)
    with pytest.raises(UsageError, match=f"approval.approvers names {BOSS}, {OTHER}"):
        say(shadow, by=by)
    assert answers(shadow, USE_CASE) == ()


def test_nobody_answers_what_he_has_asked_for(shadow):
    ask(shadow, grounds=replace(BY_GATE, evidence={"asked_by": BOSS}))
    with pytest.raises(UsageError, match=f"has asked for it, and does not answer as well. Ask one of: {OTHER}"):
        say(shadow)
    alone = ASKED.model_copy(update={"approvers": (BOSS,)})
    with pytest.raises(UsageError, match="names nobody else"):
        say(shadow, approval=alone)
    say(shadow, by=OTHER)


def test_what_was_answered_stands(shadow):
    ask(shadow)
    say(shadow, "reject")
    with pytest.raises(UsageError, match="Nothing waits for an approval"):
        say(shadow, by=OTHER)
    assert [one.answer for one in answers(shadow, USE_CASE)] == ["reject"]


def test_an_approval_of_an_earlier_attempt_or_beside_another_champion_is_none(shadow):
    ask(shadow)
    say(shadow)
    person = Grounds(Decider("person", "anna"), "so", AT)
    change_stages(shadow, USE_CASE, Refuse(ONE), person)
    change_stages(shadow, USE_CASE, EnterShadow(ONE), person)
    assert ask(shadow).asked.state == "open"
    with pytest.raises(UsageError, match="is not approved"):
        let(shadow)


def test_what_waits_while_somebody_goes_back_waits_no_more(shadow):
    ask(shadow)
    say(shadow)
    let(shadow)
    ask(shadow, promotion(shadow))
    say(shadow)
    let(shadow, promotion(shadow))
    change_stages(shadow, USE_CASE, RollBack("rules"), Grounds(Decider("person", "anna"), "so", AT))
    assert waiting_for_people(shadow, USE_CASE, utc_now()) == ()
    assert champion(shadow, USE_CASE).release_id == RULES


def test_a_code_proves_once_and_from_then_on_a_name_alone_is_not_taken(shadow):
    one, two = make_codes(shadow, USE_CASE, BOSS, 2, ASKED.approvers)
    assert [found.kind for found in alerts(shadow, USE_CASE)] == ["approver_codes"]
    ask(shadow)
    for code, words in (("", "has codes, and a name alone"), ("wrong", "no code of"), (one[:-1] + "!", "no code of")):
        with pytest.raises(UsageError, match=words):
            say(shadow, code=code)
    with pytest.raises(UsageError, match=f"no code of {OTHER}"):
        say(shadow, by=OTHER, code=one)
    assert say(shadow, code=one).answer.code_id == one.partition(".")[0]
    let(shadow)
    assert '"approved_with": "code"' in canary(shadow, USE_CASE).event.evidence
    ask(shadow, promotion(shadow))
    with pytest.raises(UsageError, match="was used, and counts once"):
        say(shadow, code=one)
    assert unused_codes(shadow, USE_CASE, BOSS) == 1
    say(shadow, code=two)


def test_where_a_claim_is_not_enough_a_code_is_wanted(shadow):
    ask(shadow)
    with pytest.raises(UsageError, match="is_claim_enough is false: give a code"):
        say(shadow, approval=PROVEN)
    (code,) = make_codes(shadow, USE_CASE, OTHER, 1, PROVEN.approvers)
    say(shadow, by=OTHER, approval=PROVEN, code=code)


def test_no_code_is_in_the_ledger_and_nobody_gets_one_whom_the_contract_does_not_name(shadow):
    (code,) = make_codes(shadow, USE_CASE, BOSS, 1, ASKED.approvers)
    with shadow.connect() as connection:
        kept = connection.exec_driver_sql("select * from approval_code").all()
    assert code.partition(".")[2] not in repr(kept)
    with pytest.raises(UsageError, match="is no approver"):
        make_codes(shadow, USE_CASE, "anna", 1, ASKED.approvers)


def test_while_the_kill_switch_is_on_nobody_is_deployed(shadow):
    ask(shadow)
    say(shadow)
    set_flag(shadow, USE_CASE, "kill_switch", "on", "complaints", "anna")
    with pytest.raises(UsageError, match="kill switch"):
        let_decide(shadow, USE_CASE, TRIAL, BY_GATE, ASKED, is_refused_while_killed=True)
    assert canary(shadow, USE_CASE) is None


def at_once(url: str, what: str, start: float) -> str:
    """One of several processes that do the same at the same moment."""
    with open_ledger(url) as ledger:
        time.sleep(max(0.0, start - time.time()))
        try:
            if what == "ask":
                return "" if ask(ledger) is None else "waits"
            if what == "let":
                return str(len(let(ledger)))
            return say(ledger, what, BOSS).answer.answer
        except UsageError as refused:
            return f"refused: {refused}"


def together(ledger: Ledger, *what: str) -> list[str]:
    """What they came to."""
    url, context = ledger.engine.url.render_as_string(hide_password=False), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ledger.test_approvals"])
    start = time.time() + 3
    with context.Pool(len(what)) as pool:
        return pool.starmap(at_once, [(url, one, start) for one in what])


@pytest.mark.exhaustive
def test_two_that_ask_answer_or_deploy_at_once_do_it_once(shadow):
    assert together(shadow, "ask", "ask", "ask") == ["waits"] * 3
    assert len(waiting_for_people(shadow, USE_CASE, utc_now())) == 1
    said = together(shadow, "approve", "approve", "approve")
    assert sorted(said)[0] == "approve"
    assert len(answers(shadow, USE_CASE)) == 1
    assert sorted(together(shadow, "let", "let")) == ["0", "1"]
