"""Notices are sent when they are due, kept when they fail, and never stop anything; secrets stay secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock, PagerDutyWebHook
from sqlalchemy import select

from decisionloop.errors import BatchHalted
from decisionloop.ledger.alerts import NewAlert, alerts
from decisionloop.ledger.notices import pending_notices, undelivered_notices
from decisionloop.ledger.schema import notice_attempt, utc_now
from tasks.readback.batch_in_hand import open_batch_in_hand
from tasks.tell.channels import AppriseChannel, secrets_of, without_secrets
from tasks.tell.halting import Stop, halt
from tasks.tell.notices import alert_people, deliver_notices
from tasks.tell.queueing import raise_alert
from tasks.tell.sending import FAILURES_IN_A_ROW, NoticeCounts

LATER = timedelta(days=2)


class Service:
    """Takes the messages of the channels that are up."""

    def __init__(self):
        self.down: set[str] = set()
        self.taken: list[tuple[str, str, str]] = []
        self.asked = 0

    def send(self, channel, title, body):
        self.asked += 1
        if channel in self.down:
            return "ConnectError: nobody is there"
        self.taken.append((channel, title, body))
        return ""


@pytest.fixture
def service(monkeypatch):
    """What the blocks would reach."""
    service = Service()
    monkeypatch.setattr("tasks.tell.channels.send", service.send)
    return service


@pytest.fixture
def told(small):
    """An installation that tells a pager everything, and a chat what is critical, or can wait until noon."""
    chat = {"block": "slack-webhook/risk", "quiet_from": "00:00", "quiet_until": "23:59"}
    pager = {"block": "pager-duty-webhook/risk", "minimum_severity": "info"}
    small.contract(monitors={"notifications": [pager, chat]})
    return small


def _attempts(ledger, notice_id):
    """How every attempt to send a notice ended, in order."""
    table = notice_attempt.c
    with ledger.connect() as connection:
        statement = select(table.status).where(table.notice_id == notice_id).order_by(table.attempt)
        return connection.execute(statement).scalars().all()


def _alert(installation, severity="warning", **others):
    new = NewAlert(severity, "stale", "The source is stale.", "Ask its owner.", **others)
    return raise_alert(installation.workspace, new)


def _deliver(now=None):
    return deliver_notices.fn("small", now)


def test_an_alert_reaches_every_channel_that_wants_it_once_and_in_its_hours(told, service):
    assert _alert(told)
    assert not _alert(told)
    assert _deliver() == NoticeCounts(delivered=1, failed=0, waiting=1)
    assert service.taken == [
        (
            "pager-duty-webhook/risk",
            "[warning] small: stale",
            "The source is stale.\n\nAsk its owner.\n\nRunbook: docs/runbook/stale.md",
        )
    ]
    assert _deliver(utc_now() + LATER) == NoticeCounts(delivered=1, failed=0, waiting=0)
    assert _deliver(utc_now() + LATER) == NoticeCounts(0, 0, 0)
    assert [channel for channel, _, _ in service.taken] == ["pager-duty-webhook/risk", "slack-webhook/risk"]


def test_what_is_critical_does_not_wait_and_what_is_not_severe_enough_is_not_sent(told, service):
    _alert(told, "critical")
    assert _deliver().delivered == 2
    _alert(told, "info", occasion="again")
    assert _deliver(utc_now() + LATER) == NoticeCounts(1, 0, 0)


def test_a_halted_batch_is_told_to_people(small, service):
    small.contract(monitors={"notifications": [{"block": "slack-webhook/risk"}]})
    small.predict(0)
    hand = open_batch_in_hand("small", small.batch(0))
    with pytest.raises(BatchHalted, match="too few rows"):
        halt(hand, Stop("data quality", "data", ["too few rows"], ["Ask the source."]))
    assert small.state(0) == "halted"
    _deliver()
    assert service.taken == [
        (
            "slack-webhook/risk",
            "[critical] small/2024-01-01: data quality",
            "The batch of 2024-01-01 was halted: too few rows\n\nAsk the source.\n\n"
            "Runbook: docs/runbook/data_quality.md",
        )
    ]
    assert [one.kind for one in alerts(small.ledger, "small")] == ["data quality"]


def test_a_failed_notice_is_shown_and_tried_again_while_the_other_channels_are_served(told, service):
    service.down = {"pager-duty-webhook/risk"}
    _alert(told, "critical")
    assert _deliver() == NoticeCounts(delivered=1, failed=1, waiting=1)
    (shown,) = undelivered_notices(told.ledger, "small")
    assert (shown.channel, shown.attempts, shown.detail) == (
        "pager-duty-webhook/risk", 1, "ConnectError: nobody is there",
    )  # fmt: skip
    (event,) = told.announced("notice.failed")
    assert event["payload"]["channel"] == "pager-duty-webhook/risk"
    _deliver()
    service.down = set()
    assert _deliver() == NoticeCounts(delivered=1, failed=0, waiting=0)
    assert _attempts(told.ledger, shown.notice_id) == ["failed", "failed", "delivered"]
    assert undelivered_notices(told.ledger, "small") == ()


def test_a_channel_that_is_down_is_left_alone_until_the_next_run(told, service):
    service.down = {"pager-duty-webhook/risk"}
    for number in range(FAILURES_IN_A_ROW + 4):
        _alert(told, "critical", occasion=str(number))
    counts = _deliver()
    assert (counts.failed, counts.delivered) == (FAILURES_IN_A_ROW, FAILURES_IN_A_ROW + 4)
    untried = {one.notice_id for one in pending_notices(told.ledger, "small", utc_now())[:4]}
    _deliver()
    assert not [notice_id for notice_id in untried if len(_attempts(told.ledger, notice_id)) > 1]
    assert sum(bool(_attempts(told.ledger, notice_id)) for notice_id in untried) == FAILURES_IN_A_ROW


def test_nothing_is_queued_where_the_contract_names_nobody(small, service):
    _alert(small, "critical")
    assert _deliver() == NoticeCounts(0, 0, 0)


def test_an_automation_that_finds_a_run_ended_by_itself_wakes_nobody(small):
    failed = "The automation `a run without heartbeat has crashed` could not act: Failed to set state: {}."
    ended = failed.format("Run is already in terminal state COMPLETED.")
    assert not alert_people.fn("small", ended, "critical", "automation", "Look.")
    assert alert_people.fn("small", failed.format("the server is away"), "critical", "automation", "Look.")
    assert len(alerts(small.ledger, "small")) == 1


@pytest.mark.parametrize(
    ("block", "text", "expected"),
    [
        (
            AppriseChannel(url="mailtos://anna:swordfish@mail.example.org?to=risk@bank.example"),
            "mail.example.org refused mailtos://anna:swordfish@mail.example.org?to=risk@bank.example for swordfish",
            "mail.example.org refused *** for ***",
        ),
        (
            CustomWebhookNotificationBlock(
                name="hook", url="https://hooks.example.org/T00/B123/{{token}}", secrets={"token": "opensesame"}
            ),
            "POST to hooks.example.org: /T00/B123/opensesame says no",
            "POST to hooks.example.org: /T00/***/*** says no",
        ),
        (PagerDutyWebHook(integration_key="integral", api_key="apical"), "apical, integral: 403", "***, ***: 403"),
        (AppriseChannel(url="json://localhost/p%40ssword"), "sent p@ssword to localhost", "sent *** to localhost"),
    ],
)
def test_what_went_wrong_is_told_without_secrets(block, text, expected):
    assert without_secrets(text, list(secrets_of(block))) == expected
