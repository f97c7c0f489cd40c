"""Stopped rules in the ledger: moved and told in one transaction, on either engine; each stop a release of its own."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.release_changes import change_stages, judgement_of, register_release
from decisionloop.ledger.releases import baseline, champion, events_of_releases, present_rules, standing
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.stopped_rules import RESUMED, STOPPED, resume_rules, stop_rules
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.verdicts import Verdict, append_verdict
from decisionloop.release.grounds import GATE, GUARD, Grounds
from decisionloop.release.requests import InstallRules, Promote
from decisionloop.release.stages import Decider, TransitionRefused
from tests.ledger.test_releases import AT, RULES, newer_rules, scorecard
from tests.release_lives import OURSELVES, into_shadow, promote

LOSS = Grounds(GUARD, "Stop-loss: they lost 2 EUR a decision.", AT, {"bound": -2.0})


def stop(ledger: Ledger, grounds: Grounds = LOSS) -> str:
    """The guard stops what has the rules' place."""
    rules = present_rules(ledger, "credit_line")
    assert rules is not None
    return stop_rules(ledger, rules.release, "keep", grounds)


def test_a_stop_and_a_return_are_moves_of_releases_with_news(released: Ledger) -> None:
    ledger = released
    assert stop(ledger).startswith("Stop-loss: they lost 2 EUR a decision. keep is what everybody but the holdout gets")
    place = standing(ledger, "credit_line")
    assert place is not None
    assert place.champion == place.baseline
    assert place.champion.release.is_default_action
    assert stop(ledger) == ""  # it is stopped already
    assert resume_rules(ledger, "credit_line", replace(LOSS, reason="Stop-loss: it lost.")).startswith("Stop-loss: it")
    assert resume_rules(ledger, "credit_line", LOSS) == ""
    again = champion(ledger, "credit_line")
    assert again is not None
    assert again.release_id == RULES
    assert [one.kind for one in alerts(ledger, "credit_line")] == [STOPPED, RESUMED]
    second = replace(LOSS, as_of=AT + timedelta(days=7))
    stop(ledger, second)
    now = baseline(ledger, "credit_line")
    assert now is not None
    assert now.release_id != place.champion.release_id  # what is measured of it begins anew


def test_beside_a_model_the_baseline_alone_changes_and_is_what_one_goes_back_to(released: Ledger) -> None:
    ledger = released
    into_shadow(ledger, scorecard())
    promote(ledger, scorecard())
    stop(ledger)
    now = standing(ledger, "credit_line")
    assert now is not None
    assert (now.champion.release_id, now.baseline.release.is_default_action) == (scorecard().release_id, True)
    told = roll_back(ledger, "credit_line", "rules", Grounds(Decider("person", "anna"), "arrears", AT))
    assert told.champion == now.baseline.release_id
    person = Grounds(Decider("person", "anna"), "mended", AT)
    with pytest.raises(TransitionRefused):
        roll_back(ledger, "credit_line", "rules", person)  # to bring them back is to let go
    assert roll_back(ledger, "credit_line", "rules", replace(person, by=Decider("approver", "boss"))).champion == RULES


def test_rules_of_another_contract_wait_and_are_those_that_come_back(released: Ledger) -> None:
    ledger = released
    stop(ledger)
    register_release(ledger, newer_rules(), "other rules", "test")
    assert (
        change_stages(ledger, "credit_line", InstallRules(newer_rules().release_id), Grounds(OURSELVES, "-", AT)) == ()
    )
    resume_rules(ledger, "credit_line", LOSS)
    assert baseline(ledger, "credit_line").release_id == newer_rules().release_id


def test_a_verdict_beside_the_rules_promotes_nobody_beside_the_default_action(released: Ledger) -> None:
    ledger = released
    model = scorecard()
    into_shadow(ledger, model)
    told = Verdict("credit_line", model.release_id, RULES, 2, AT, "promote", "[]", "{}")
    append_verdict(ledger, told)
    stop(ledger)
    request = Promote(model.release_id, judgement_of(ledger, told.verdict_id))
    with pytest.raises(TransitionRefused, match="Let the gate look again"):
        change_stages(ledger, "credit_line", request, Grounds(GATE, "it earns more", AT))


def test_two_at_once_stop_once(released: Ledger) -> None:
    ledger = released
    said: list[str] = []
    both = [threading.Thread(target=lambda: said.append(stop(ledger))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(map(bool, said)) == [False, True]
    assert sum(one.stage == "champion" for one in events_of_releases(ledger, "credit_line")) == 2
