"""A service on a real ledger, senders that sign as the real ones do, and a Prefect that is as told."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from decisionloop.ledger.storage.engine import Ledger

SECRET, NEXT_SECRET = "an old secret of thirty-two bytes", "a new secret of thirty-two bytes"
READ_KEY, RELEASE_KEY = "read-key-of-a-dashboard", "release-key-of-a-pipeline"

FILE = """
[senders.ours]
scheme = "standard"
secrets = [{ env = "OURS" }, { env = "OURS_NEXT" }]
events = ["model.drifted"]
start = "retrain/retrain"
parameters = { use_case = "credit_line", reason = { body = "data.why" } }

[senders.github]
scheme = "github"
secrets = [{ env = "GITHUB" }]
events = ["release.published"]
start = "retrain/retrain"
parameters = { use_case = "credit_line", reason = { body = "release.tag_name" } }
time = "release.published_at"

[senders.registry]
scheme = "mlflow"
secrets = [{ env = "MLFLOW" }]
events = ["model_version_alias.created"]
start = "rollback/rollback"
parameters = { use_case = { body = "data.name" }, alias = { body = "data.alias" } }
about = ["use_case", "alias"]
"""
KEYS = f"""
[keys.dashboard]
sha256 = "{hashlib.sha256(READ_KEY.encode()).hexdigest()}"
scopes = ["read"]

[keys.pipeline]
sha256 = "{hashlib.sha256(RELEASE_KEY.encode()).hexdigest()}"
scopes = ["release"]
"""


def encoded(secret: str) -> str:
    """A secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secret.encode()).decode()


SECRETS = {
    "OURS": encoded(SECRET),
    "OURS_NEXT": encoded(NEXT_SECRET),
    "GITHUB": SECRET,
    "MLFLOW": SECRET,
}


@dataclass(frozen=True)
class Signed:
    """A request that is ready to be sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def _mac(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), content, hashlib.sha256).digest()


def ours(
    delivery: str = "msg_1",
    why: str = "inputs moved",
    happened: float | str | None = None,
    off_seconds: float = 0,
    secret: str = SECRET,
    body: bytes | None = None,
) -> Signed:
    """What one of our own senders sends, by Standard Webhooks."""
    now = time.time()
    told = {"type": "model.drifted", "timestamp": now if happened is None else happened, "data": {"why": why}}
    body = json.dumps(told).encode() if body is None else body
    seconds = str(int(now + off_seconds))
    signature = base64.b64encode(_mac(secret, f"{delivery}.{seconds}.".encode() + body)).decode()
    headers = {"webhook-id": delivery, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
    return Signed("/v1/webhooks/ours", headers, body)


def github(
    delivery: str = "72d3162e-cc78-11e3-81ab-4c9367dc0958", event: str = "release", body: bytes | None = None
) -> Signed:
    """What GitHub sends when a release is published."""
    release = {"tag_name": "v1.2.0", "published_at": "2026-01-05T12:00:00Z"}
    body = json.dumps({"action": "published", "release": release}).encode() if body is None else body
    headers = {
        "x-github-delivery": delivery,
        "x-github-event": event,
        "x-hub-signature-256": f"sha256={_mac(SECRET, body).hex()}",
        "content-type": "application/json",
    }
    return Signed("/v1/webhooks/github", headers, body)


def registry(delivery: str, alias: str, happened: str) -> Signed:
    """What MLflow sends when an alias is moved."""
    data = {"name": "credit_line", "alias": alias, "version": "3"}
    body = json.dumps({"entity": "model_version_alias", "action": "created", "timestamp": happened, "data": data})
    seconds = str(int(time.time()))
    signature = base64.b64encode(_mac(SECRET, f"{delivery}.{seconds}.{body}".encode())).decode()
    headers = {
        "x-mlflow-delivery-id": delivery,
        "x-mlflow-timestamp": seconds,
        "x-mlflow-signature": f"v1,{signature}",
    }
    return Signed("/v1/webhooks/registry", headers, body.encode())


@dataclass
class Prefect:
    """Stands where Prefect's server does: it is away as often as told, and knows the runs by their keys."""

    failures: list[Exception] = field(default_factory=list)
    runs: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)
    asked: int = 0

    def start(self, deployment: str, parameters: Mapping[str, object], key: str) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        self.runs.setdefault(key, (deployment, dict(parameters)))
        return f"run-{sorted(self.runs).index(key)}"


@pytest.fixture
def prefect() -> Prefect:
    """A Prefect that answers."""
    return Prefect()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret is in its environment variable."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def configure(tmp_path: Path, home: Path, secrets: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Writes the file of the service and returns the settings that name it."""

    def write(text: str) -> Any:
        from decisionloop.settings import load_settings

        path = tmp_path / "service.toml"
        path.write_text(text)
        monkeypatch.setenv("DECISIONLOOP_SERVICE_FILE", str(path))
        return load_settings()

    return write


@dataclass(frozen=True)
class Running:
    """The application of a service, and what it works with."""

    client: Any
    ledger: Ledger
    prefect: Prefect

    def send(self, signed: Signed, **headers: str) -> Any:
        """The answer to a request."""
        return self.client.post(signed.path, content=signed.body, headers={**signed.headers, **headers})

    def started(self) -> int:
        """Start what waits, as the starter does; returns how many deliveries must be tried again."""
        from decisionloop.service.starting import start_waiting

        return start_waiting(self.ledger, self.prefect)


@pytest.fixture
def serve(
    configure: Callable[[str], Any], ledger: Ledger, prefect: Prefect, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Running]]:
    """Makes a running application of a file: `serve(FILE)`. Nothing is started until `started()` is called."""
    from fastapi.testclient import TestClient

    from decisionloop.service.app import Service, create_app
    from decisionloop.service.configuration import load_service_file
    from decisionloop.service.ledger_access import LedgerAccess
    from decisionloop.service.secret_values import known_senders

    own = ledger.engine.url.render_as_string(hide_password=False)
    clients = []

    def begin(text: str = FILE, host: str = "localhost", url: str = own, is_open_without_keys: bool = False) -> Running:
        monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", url)
        settings = configure(text)
        file = load_service_file(settings.resolved_service_file())
        access = LedgerAccess(settings)
        senders = known_senders(file.senders)
        app = create_app(Service(file, senders, access, None, is_open_without_keys=is_open_without_keys))
        clients.append(TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False))
        return Running(clients[-1].__enter__(), ledger, prefect)

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def running(serve: Callable[..., Running]) -> Running:
    """A service with every sender."""
    return serve()


@dataclass(frozen=True)
class Online:
    """A service that decides ``small`` one at a time by its rules, and its ledger."""

    client: Any
    ledger: Ledger
    service: Any
    headers: dict[str, str] = field(default_factory=dict)

    def decide(self, body: Any, **headers: str) -> Any:
        """The answer to a request for decisions; ``body`` is bytes, or what JSON says."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", **self.headers, **headers}
        return self.client.post("/v1/small/decisions", content=content, headers=told)

    def seal(self) -> int:
        """Seal everything; returns how many batches that makes."""
        from tasks.seal.seal import seal_stream

        sealed: int = seal_stream.fn("small", is_over=True)
        return sealed


SHOP = {"turnover": 100.0, "debt": 2.0, "trade": "farm"}


def one(entity: str = "shop-1", **features: Any) -> dict[str, Any]:
    """The body of a request about one shop."""
    return {"entity": entity, "features": {**SHOP, **features}, "protected": {"owner_sex": "f"}}


@pytest.fixture
def decide_online(
    configure: Callable[[str], Any], ledger: Ledger, tmp_path: Path, monkeypatch: Any
) -> Iterator[Callable[..., Online]]:
    """Makes a service of ``small``, on each engine: `decide_online(files, **sections)`, with those of it changed."""
    from fastapi.testclient import TestClient

    from decisionloop.service.app import create_app
    from decisionloop.service.running import open_service
    from tasks.predict.register_rules import prepare_to_decide
    from tests.small_use_case import write_small

    with contextlib.ExitStack() as stack:

        def begin(
            files: Mapping[str, str] = MappingProxyType({}), service_file: str = "", **sections: object
        ) -> Online:
            written = write_small(tmp_path / "usecases", **{"online": {}, **sections})
            for name, text in files.items():
                (written.folder / name).write_text(text)
            monkeypatch.setenv("DECISIONLOOP_USECASES_DIR", str(tmp_path / "usecases"))
            monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", ledger.engine.url.render_as_string(hide_password=False))
            service = open_service(configure(service_file), prepare_to_decide)
            client = TestClient(create_app(service), base_url="http://localhost", raise_server_exceptions=False)
            return Online(stack.enter_context(client), ledger, service)

        yield begin


@pytest.fixture
def online(decide_online: Callable[..., Online]) -> Online:
    """The service of ``small``, on each engine."""
    return decide_online()
