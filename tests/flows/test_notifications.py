"""People are reached through Prefect's blocks: a real mail server and a real web service take what is sent."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.notices import count_waiting, undelivered_notices
from decisionloop.ledger.storage.engine import open_ledger
from flows.alarm import alarm
from flows.notify import notify
from tasks.tell.channels import AppriseChannel
from tests.flows.receivers import mail_server, web_service
from tests.small_use_case import settings_of, write_small

pytestmark = pytest.mark.xdist_group("flows")


@pytest.fixture
def mail():
    """A mail server."""
    with mail_server() as received:
        yield received


@pytest.fixture
def web():
    """A web service."""
    with web_service() as received:
        yield received


@pytest.fixture
def home(prefect, tmp_path, mail, web):
    """An installation of ``small`` that tells people by mail and by a web service; its ledger's URL."""
    AppriseChannel(url=f"mailto://127.0.0.1:{mail.port}?from=loop@example.org&to=risk@example.org").save(
        "mail", overwrite=True
    )
    AppriseChannel(url=f"json://127.0.0.1:{web.port}/secret-path").save("web", overwrite=True)
    channels = [{"block": "apprise-channel/mail"}, {"block": "apprise-channel/web"}]
    write_small(tmp_path / "usecases", monitors={"notifications": channels})
    with settings_of(tmp_path):
        yield f"sqlite:///{tmp_path}/home/ledger.db"


def test_an_alarm_arrives_by_mail_and_over_the_web_once(home, mail, web):
    told = alarm("small", "The automation failed.", remedy="Look at its run.", event="e1")
    assert told == "Raised: The automation failed. 2 notices delivered, 0 failed, 0 wait."
    (letter,) = mail.mails
    assert letter["Subject"] == "[critical] small: automation"
    assert mail.recipients == ["risk@example.org"]
    assert "The automation failed." in letter.get_body(("plain", "html")).get_content()
    (post,) = web.posts
    assert (post["title"], post["message"]) == (
        "[critical] small: automation",
        "The automation failed.\n\nLook at its run.\n\nRunbook: docs/runbook/automation.md",
    )
    assert alarm("small", "The automation failed.", remedy="Look at its run.", event="e1").startswith("Raised before")
    assert (len(mail.mails), len(web.posts)) == (1, 1)
    with open_ledger(home) as ledger:
        (alert,) = alerts(ledger, "small")
    assert (alert.severity, alert.remedy) == ("critical", "Look at its run.")


def test_what_a_service_refuses_is_kept_and_arrives_when_it_is_up_again(home, mail, web):
    web.is_down = True
    assert alarm("small", "It broke.").endswith("1 notices delivered, 1 failed, 1 wait.")
    assert len(mail.mails) == 1
    with open_ledger(home) as ledger:
        (shown,) = undelivered_notices(ledger, "small")
    assert (shown.channel, shown.attempts) == ("apprise-channel/web", 1)
    assert "503" in shown.detail
    assert "secret-path" not in shown.detail
    web.is_down, mail.is_down = False, True
    assert notify("small") == "1 notices delivered, 0 failed, 0 wait."
    assert [post["title"] for post in web.posts] == ["[critical] small: automation"]
    assert alarm("small", "It broke again.").endswith("1 notices delivered, 1 failed, 1 wait.")
    mail.is_down = False
    assert notify("small") == "1 notices delivered, 0 failed, 0 wait."
    assert len(mail.mails) == 2


def test_a_block_that_is_not_there_is_told_and_stops_nobody(home, web, tmp_path):
    write_small(tmp_path / "other" / "usecases", monitors={"notifications": [
        {"block": "apprise-channel/nobody"}, {"block": "secret/mine"}, {"block": "apprise-channel/web"},
    ]})  # fmt: skip
    with settings_of(tmp_path / "other"):
        assert alarm("small", "It broke.").endswith("1 notices delivered, 2 failed, 2 wait.")
    with open_ledger(f"sqlite:///{tmp_path}/other/home/ledger.db") as ledger:
        details = {one.channel: one.detail for one in undelivered_notices(ledger, "small")}
        assert count_waiting(ledger, "small") == 2
    assert "nobody" in details["apprise-channel/nobody"]
    assert len(web.posts) == 1
