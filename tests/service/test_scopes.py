"""Who may do what: every route asks for its scope, and a key that was revoked may do nothing."""

from __future__ import annotations

import hashlib

import pytest

from decisionloop.ledger.api_keys import keep_key, revoke_key
from tests.service.conftest import one

SCOPES = ("decide", "outcome", "read", "flag", "release")
ROUTES = {
    ("POST", "/v1/small/decisions"): "decide",
    ("POST", "/v1/small/outcomes"): "outcome",
    ("GET", "/v1/{use_case}/decisions/{decision_id}"): "read",
    ("GET", "/metrics"): "read",
    ("GET", "/"): "read",
    ("GET", "/use-cases/{name}"): "read",
    ("GET", "/use-cases/{name}/story"): "read",
    ("GET", "/releases/{release_id:path}"): "read",
    ("GET", "/decisions"): "read",
    ("GET", "/decisions/{decision_id}"): "read",
    ("POST", "/use-cases/{name}/acknowledge"): "flag",
    ("POST", "/use-cases/{name}/kill-switch-on"): "flag",
    ("POST", "/use-cases/{name}/kill-switch-default"): "flag",
    ("POST", "/use-cases/{name}/kill-switch-off"): "flag",
    ("POST", "/use-cases/{name}/release-held"): "release",
    ("POST", "/use-cases/{name}/cancel-held"): "release",
    ("POST", "/sign-in"): None,  # it asks for a key, and for the form that was shown
    ("POST", "/sign-out"): None,
    ("POST", "/v1/webhooks/{sender}"): None,  # a signature proves who sends
    ("GET", "/health"): None,
    ("GET", "/ready"): None,
    ("GET", "/openapi.json"): None,
}
"""Every route, and the scope that it asks for."""


def make(online, scope):
    """A key with one scope."""
    key = f"a key that may {scope}"
    return key, keep_key(online.ledger, scope, hashlib.sha256(key.encode()).hexdigest(), [scope], "a test").key_id


def asked(online, method, path, key=None):
    """The status of a request with a key."""
    path = path.replace("{use_case}", "small").replace("{decision_id}", "0" * 32).replace("{sender}", "nobody")
    path = path.replace("{name}", "small").replace("{release_id:path}", "small/rules/0")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return online.client.request(method, path, headers=headers, follow_redirects=False).status_code


def test_every_route_is_in_the_matrix(online):
    known = {(method, route.path) for route in online.client.app.routes for method in route.methods - {"HEAD"}}
    assert known == set(ROUTES)


def test_a_route_is_open_to_its_own_scope_alone(online):
    keys = {scope: make(online, scope)[0] for scope in SCOPES}
    for (method, path), needed in ROUTES.items():
        told = {scope: asked(online, method, path, key) for scope, key in keys.items()}
        if needed is None:
            assert not {401, 403} & set(told.values()), path
            continue
        assert asked(online, method, path) == 401
        assert asked(online, method, path, "another key") == 401
        assert {scope for scope, status in told.items() if status != 403} == {needed}, path
        assert told[needed] != 401


def test_a_revoked_key_may_do_nothing(online, monkeypatch):
    monkeypatch.setattr("decisionloop.service.keys.READ_AGAIN_SECONDS", 0)
    key, key_id = make(online, "decide")
    assert online.decide(one(), authorization=f"Bearer {key}").status_code == 200
    revoke_key(online.ledger, key_id, "lost", "a test")
    assert online.decide(one(), authorization=f"Bearer {key}").status_code == 401
    assert online.decide(one()).status_code == 401  # the last key is gone, and nobody may do anything


def test_without_a_key_only_this_machine_is_answered(online):
    assert online.decide(one()).status_code == 200
    assert online.decide(one(), host="example.com").status_code == 403


@pytest.mark.parametrize("given", ["Basic a key that may decide", "bearer", "Bearer \x00"])
def test_whatever_else_is_sent_as_a_key_is_none(online, given):
    make(online, "decide")
    assert online.client.post("/v1/small/decisions", headers={"authorization": given}).status_code == 401
