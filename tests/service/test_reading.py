"""Who may read what: health and readiness anybody, metrics and decisions with a key, or on this machine alone."""

from __future__ import annotations

import hashlib

import pytest

from decisionloop.ledger.api_keys import keep_key, revoke_key
from decisionloop.service.starting import CannotStart
from tests.service.conftest import FILE, KEYS, READ_KEY, RELEASE_KEY, ours

KEYED = ("/metrics", "/v1/credit_line/decisions/abc")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_a_service_that_is_alive_says_so_and_is_ready_with_its_ledger(running):
    assert running.client.get("/health").json() == {"status": "alive"}
    answer = running.client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "why_not": ""})


def test_a_new_installation_is_ready(serve, tmp_path):
    assert serve("", url=f"sqlite:///{tmp_path}/new/ledger.db").client.get("/ready").status_code == 200


def test_a_service_without_its_ledger_is_alive_and_not_ready_and_says_why_not(serve, tmp_path):
    (tmp_path / "broken.db").write_text("this is no database" * 100)
    away = serve(url=f"sqlite:///{tmp_path}/broken.db").client
    assert away.get("/health").status_code == 200
    answer = away.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "file is not a database" in answer.json()["why_not"]
    assert "decisionloop_service_ready 0.0" in away.get("/metrics").text


def test_a_ledger_that_was_not_upgraded_is_not_ready_until_it_is(serve, postgres_url):
    from decisionloop.ledger.storage.engine import create_or_upgrade

    service = serve(url=postgres_url).client
    assert "decisionloop ledger upgrade" in service.get("/ready").json()["why_not"]
    create_or_upgrade(postgres_url).close()
    assert service.get("/ready").status_code == 200


def test_metrics_count_deliveries_by_state_and_agree_with_the_ledger(running):
    running.prefect.failures = [CannotStart("away")]
    for number in range(3):
        running.send(ours(f"msg_{number}", why=str(number), happened=1_700_000_000))
    running.started()
    lines = running.client.get("/metrics").text.splitlines()
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert told["decisionloop_service_ready"] == "1.0"
    assert told['decisionloop_webhook_deliveries{sender="ours",state="started"}'] == "2.0"
    assert told['decisionloop_webhook_deliveries{sender="ours",state="failed"}'] == "1.0"
    assert told['decisionloop_webhook_deliveries{sender="github",state="waiting"}'] == "0.0"


@pytest.mark.parametrize("path", KEYED)
def test_with_keys_configured_reading_needs_one_with_the_scope(serve, path):
    client = serve(FILE + KEYS, host="loop.example.com").client
    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearer("guessed")).status_code == 401
    assert client.get(path, headers={"Authorization": f"Basic {READ_KEY}"}).status_code == 401
    assert client.get(path, headers={"Authorization": b"Bearer \xff\xfe"}).status_code == 401
    assert client.get(path, headers=bearer(RELEASE_KEY)).status_code == 403
    assert client.get(path, headers=bearer(READ_KEY)).status_code in {200, 404}


@pytest.mark.parametrize("path", KEYED)
def test_without_keys_this_machine_reads_by_its_own_name_alone(serve, path):
    assert serve(host="127.0.0.1").client.get(path).status_code in {200, 404}
    assert serve(host="rebound.example.com").client.get(path).status_code == 403


@pytest.mark.parametrize("path", KEYED)
def test_where_the_last_key_was_revoked_a_restart_lets_nobody_in_unless_it_is_told_to(serve, ledger, path):
    made = keep_key(ledger, "checkout", "0" * 64, ["read"], "anna")
    revoke_key(ledger, made.key_id, "lost", "anna")
    closed = serve().client.get(path)
    assert closed.status_code == 401
    assert "--without-keys" in closed.text
    assert serve(is_open_without_keys=True).client.get(path).status_code in {200, 404}
    keep_key(ledger, "another", hashlib.sha256(READ_KEY.encode()).hexdigest(), ["read"], "anna")
    assert serve().client.get(path, headers=bearer(READ_KEY)).status_code in {200, 404}
    assert serve(is_open_without_keys=True).client.get(path).status_code == 401  # there is a key: it is needed


def test_webhooks_and_health_need_no_key(serve):
    running = serve(FILE + KEYS, host="loop.example.com")
    assert running.send(ours()).status_code == 202
    assert [running.client.get(path).status_code for path in ("/health", "/ready")] == [200, 200]


def test_no_page_of_the_service_loads_anything_from_elsewhere(running):
    assert [running.client.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]
