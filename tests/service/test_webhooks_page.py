"""docs/webhooks.md is true: its entries start what they say, from what GitHub and MLflow really send."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from decisionloop.ledger.webhooks import waiting_deliveries
from decisionloop.service.configuration import ServiceFile
from decisionloop.service.keys import KnownKeys, bearer_of
from tests.architecture.code import ROOT
from tests.service.conftest import SECRET, Signed, github

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


GITHUB, MLFLOW, ALIASES, KEY = blocks("toml")


@pytest.fixture
def ledger(sqlite_ledger):
    """One engine is enough: what is stored is tested elsewhere."""
    return sqlite_ledger


@pytest.fixture
def service(serve, tmp_path, monkeypatch):
    """The service with the page's entries, and the secret where they look for it."""
    (tmp_path / "github-webhook").write_text(SECRET)
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET", SECRET)
    return serve((GITHUB + MLFLOW + ALIASES).replace("/run/secrets", str(tmp_path)))


def asked(service):
    (waiting,) = waiting_deliveries(service.ledger)
    return waiting.deployment, json.loads(waiting.parameters)


def test_an_entry_takes_ten_lines():
    assert all(len([line for line in entry.splitlines() if line]) <= 10 for entry in (GITHUB, MLFLOW, ALIASES))


def test_a_release_on_github_starts_a_retraining_with_its_tag_as_the_reason(service):
    assert service.send(github()).json()["state"] == "stored"
    assert asked(service) == ("retrain/retrain", {"use_case": "credit_line", "reason": "v1.2.0"})


def test_a_tag_in_mlflow_starts_a_retraining_with_its_value_as_the_reason(service, monkeypatch):
    """The request is made by MLflow's own sender; only the address that it is sent to is ours."""
    from mlflow.entities.webhook import Webhook, WebhookEvent
    from mlflow.webhooks import delivery
    from mlflow.webhooks.types import ModelVersionTagSetPayload

    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")  # it would look up whether the address is public
    sent = []

    class Session:
        def post(self, url, data, headers, timeout):
            sent.append(Signed("/v1/webhooks/mlflow", headers, data))

    told = ModelVersionTagSetPayload(name="credit_line", version="3", key="retrain", value="new bureau data")
    event = WebhookEvent.from_str("model_version_tag.set")
    hook = Webhook("1", "decisionloop", "https://203.0.113.7/v1/webhooks/mlflow", [event], 0, 0, secret=SECRET)
    delivery._send_webhook_request(hook, told, event, Session())
    assert service.send(sent[0]).json()["state"] == "stored"
    assert asked(service) == ("retrain/retrain", {"use_case": "credit_line", "reason": "new bureau data"})


def test_the_call_of_mlflow_is_one_that_it_takes():
    from mlflow import MlflowClient
    from mlflow.entities.webhook import WebhookEvent

    (code,) = blocks("python")
    call = next(one for one in ast.walk(ast.parse(code)) if isinstance(one, ast.Call) and one.keywords)
    given = {one.arg: one.value for one in call.keywords}
    inspect.signature(MlflowClient.create_webhook).bind(None, **given)
    listed = tomllib.loads(MLFLOW)["senders"]["mlflow"]["events"]
    assert ast.literal_eval(given["events"]) == listed
    assert all(WebhookEvent.from_str(one) for one in listed)


def test_what_the_entries_start_is_deployed_and_takes_the_parameters():
    deployed = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    known = {f"{one['entrypoint'].rpartition(':')[2]}/{one['name']}" for one in deployed}
    file = ServiceFile.model_validate(tomllib.loads(GITHUB + MLFLOW + ALIASES))
    assert {one.start for one in file.senders.values()} <= known
    named = set(re.findall(r"`((?:retrain|loop|rollback|reconcile)/\w+)`", PAGE))
    assert named
    assert named <= known


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_the_digest_of_a_key_is_made_as_the_page_says(tmp_path):
    (command,) = blocks("sh")
    told = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    key = (tmp_path / "key").read_text().strip()
    assert told.stdout.split()[0] == hashlib.sha256(key.encode()).hexdigest()
    text = re.sub(r'sha256 = "\w+"', f'sha256 = "{told.stdout.split()[0]}"', KEY)
    keys = [KnownKeys(ServiceFile.model_validate(tomllib.loads(one)).keys, None).every() for one in (text, KEY)]
    bearer = bearer_of(keys[0], f"Bearer {key}")
    assert bearer is not None
    assert bearer.name == "dashboard"
    assert bearer_of(keys[1], f"Bearer {key}") is None
