"""compose.yaml carried out without containers: every service a process, and a turn of the loop through all of them."""

from __future__ import annotations

import base64
import json
import signal
import time
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
import psutil
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from decisionloop.errors import ConfigurationError
from decisionloop.registry import CARD, Registry, ReleaseRecord
from tests.docker.images import services, started_by_up
from tests.docker.processes import Installation
from tests.live_use_case import MONDAY

pytestmark = pytest.mark.xdist_group("docker")

RUN_SECONDS = 300


def _prefect(installation: Installation, auth: str) -> httpx.Client:
    header = {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"} if auth else {}
    return httpx.Client(base_url=f"{installation.url('prefect')}/api", headers=header, timeout=30)


def _started(prefect: httpx.Client, as_of: datetime) -> dict[str, Any]:
    """A flow run of a turn, started at its deployment."""
    deployment = prefect.get("/deployments/name/loop/credit_line").raise_for_status().json()
    asked = {"parameters": {"use_case": "live", "as_of": as_of.isoformat()}}
    told = prefect.post(f"/deployments/{deployment['id']}/create_flow_run", json=asked).raise_for_status().json()
    return cast(dict[str, Any], told)


def _ended(prefect: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    """A flow run when it has ended."""
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline and run["state"]["type"] not in {"COMPLETED", "FAILED", "CRASHED"}:
        time.sleep(1)
        run = prefect.get(f"/flow_runs/{run['id']}").raise_for_status().json()
    return run


@pytest.fixture(scope="module")
def turn(installation: Installation) -> dict[str, str]:
    """The flow run of one turn that a person has started at the deployment, finished."""
    with _prefect(installation, installation.secret("prefect_auth_string")) as prefect:
        run = _ended(prefect, _started(prefect, MONDAY))
    assert run["state"]["type"] == "COMPLETED", f"{run['state']}\n{installation.log('worker')}"
    return {"id": run["id"], "batch_id": f"live/{MONDAY:%Y-%m-%dT%H:%MZ}"}


def test_a_turn_that_is_started_at_its_deployment_is_in_the_postgresql_ledger(installation, turn):
    engine = create_engine(installation.database_url("ledger", "ledger"))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT batch_id, count(*) AS rows FROM decision GROUP BY batch_id")).all()
    engine.dispose()
    assert [count for _, count in rows] == [40]
    assert rows[0].batch_id.startswith("live/2024-01-01")


def test_a_release_is_at_the_mlflow_server_and_its_files_in_the_server_s_volume(installation):
    record = ReleaseRecord(
        use_case="live",
        release_id="release-1",
        kind="scorecard",
        contract_digest="c" * 64,
        training_set_id=None,
        code_version="1",
        metrics={"auc": 0.7},
        parameters={"depth": 3},
        model_card="# A card",
    )
    registry = Registry(installation.url("mlflow"), installation.folder / "home" / "mlflow")
    assert registry.log_release(record, {}) == "1"
    assert registry.put_in_card("live", "release-1", "## News", "## News\n\nNone.")
    (card,) = (installation.folder / "mlflow").rglob(CARD)
    assert card.read_text() == "# A card\n\n## News\n\nNone."
    assert not (installation.folder / "home" / "mlflow").exists()


def test_what_the_turn_wrote_is_in_the_home(installation, turn):
    assert {path.name for path in (installation.folder / "home").iterdir()} >= {"snapshots"}
    assert not (installation.folder / "home" / "ledger.db").exists()
    assert not (installation.folder / "nowhere").exists()


@pytest.mark.parametrize("auth", ["", "admin:wrong"])
def test_prefect_answers_nobody_without_its_secret(installation, auth):
    with _prefect(installation, auth) as prefect:
        assert prefect.post("/deployments/filter", json={}).status_code == 401
        assert prefect.get("/health").status_code == 200


def test_mlflow_answers_no_page_of_another_host(installation):
    health = {"Host": "elsewhere.example"}
    told = httpx.get(f"{installation.url('mlflow')}/api/2.0/mlflow/experiments/search?max_results=1", headers=health)
    assert told.status_code == 403


REFUSED = [
    ("ledger", "ledger", "UPDATE decision_row SET propensity = 1"),
    ("ledger", "ledger", "DELETE FROM decision_row"),
    ("ledger", "ledger", "TRUNCATE decision_row"),
    ("ledger", "ledger", "ALTER TABLE decision_row DISABLE TRIGGER ALL"),
    ("ledger", "ledger", "CREATE TABLE own (a int)"),
    ("ledger", "ledger", "SELECT pg_read_file('/etc/passwd')"),
    ("ledger", "mlflow", "SELECT 1"),
    ("ledger_owner", "prefect", "SELECT 1"),
    ("mlflow", "ledger", "SELECT 1"),
    ("prefect", "ledger", "SELECT 1"),
    ("prefect", "postgres", "SELECT 1"),
    ("mlflow", "mlflow", "CREATE ROLE friend"),
    ("prefect", "prefect", "CREATE DATABASE own"),
]


@pytest.mark.parametrize(("role", "database", "statement"), REFUSED, ids=[" ".join(one)[:60] for one in REFUSED])
def test_a_role_can_do_no_more_than_it_must(installation, turn, role, database, statement):
    engine = create_engine(installation.database_url(role, database), isolation_level="AUTOCOMMIT")
    with pytest.raises(DBAPIError, match=r"denied|must be owner"), engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("role", ["ledger", "ledger_owner", "prefect", "mlflow", "postgres"])
def test_a_role_needs_its_own_password(installation, role):
    wrong = installation.database_url("postgres" if role != "postgres" else "ledger", "postgres")
    url = wrong.replace("//postgres:" if role != "postgres" else "//ledger:", f"//{role}:")
    with pytest.raises(DBAPIError, match="password authentication failed"):
        create_engine(url).connect()


def _running(installation: Installation) -> list[psutil.Process]:
    roots = [psutil.Process(one.pid) for one in installation.processes.values() if one.poll() is None]
    return [*roots, *(child for one in roots for child in one.children(recursive=True))]


def test_every_server_goes_on_and_both_jobs_are_done(installation, turn):
    ended = {name: installation.processes[name].poll() for name in started_by_up()}
    assert ended == {**dict.fromkeys(started_by_up()), "upgrade": 0, "deploy": 0}
    assert all(installation.is_healthy(name) for name, code in ended.items() if code is None)


def test_nothing_runs_as_root(installation):
    running = _running(installation)
    assert len(running) >= 4
    assert not [one.cmdline() for one in running if 0 in one.uids()]


def test_no_secret_is_on_a_command_line_or_in_a_log(installation, turn):
    secrets = [installation.secret(path.name).rpartition(":")[2] for path in installation.secrets.iterdir()]
    assert len(secrets) == 7
    commands = [" ".join(one.cmdline()) for one in _running(installation)]
    logs = [installation.log(name) for name in services()]
    assert not [shown[:200] for shown in (*commands, *logs) if any(secret in shown for secret in secrets)]


def test_the_source_stays_as_it_was_made(installation, turn):
    written = [path for path in installation.app.rglob("*") if path.stat().st_uid == installation.user.pw_uid]
    is_root = installation.app.stat().st_uid != installation.user.pw_uid
    assert not (written if is_root else [path for path in written if path.name == "__pycache__"])


def test_deploying_again_keeps_what_people_have_set(installation, monkeypatch):
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    from decisionloop.cli.deploy_flows import POOL, make_pool

    auth = installation.secret("prefect_auth_string")
    api = f"{installation.url('prefect')}/api"
    monkeypatch.setenv("PREFECT_API_URL", api)
    with _prefect(installation, auth) as prefect:
        prefect.patch(f"/work_pools/{POOL}", json={"concurrency_limit": 7}).raise_for_status()
        with temporary_settings({PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: auth}):
            make_pool(POOL, None)
        assert prefect.get(f"/work_pools/{POOL}").json()["concurrency_limit"] == 7
        with (
            temporary_settings({PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: "admin:wrong"}),
            pytest.raises(ConfigurationError, match="PREFECT_API_AUTH_STRING"),
        ):
            make_pool(POOL, None)


@pytest.mark.exhaustive  # two processes more
def test_the_job_that_erases_may_and_the_worker_may_not(installation, turn):
    engine = create_engine(installation.database_url("ledger", "ledger"))
    with engine.connect() as connection:
        entity = connection.execute(text("SELECT min(entity_id) FROM decision_row")).scalar_one()
        command = ["decisionloop", "erase", "live", entity, "--reason", "asked", "--by", "dpo"]
        refused = installation.execute("worker", command)
        assert (refused.returncode, "custody" in refused.stderr) == (4, True), refused.stderr
        done = installation.execute("custody", command)
        assert done.returncode == 0, done.stderr
        of_person = text("SELECT count(*) FROM decision_row WHERE entity_id = :entity")
        assert connection.execute(of_person, {"entity": entity}).scalar() == 0
    engine.dispose()


def _process_of(run_id: str) -> psutil.Process | None:
    """The process in which the worker runs a flow run."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT__FLOW_RUN_ID") == run_id:
                return process
        except psutil.Error:  # it has ended, or is none of ours
            continue
    return None


def _states(connection: Connection, as_of: datetime) -> list[str]:
    of_batch = text("SELECT state FROM batch_event JOIN batch USING (batch_id) WHERE as_of = :as_of ORDER BY seq")
    return list(connection.execute(of_batch, {"as_of": as_of}).scalars())


@pytest.mark.parametrize("weeks", [1, 2], ids=["SIGTERM", "SIGKILL"])
def test_a_turn_that_is_killed_has_crashed_and_is_completed_exactly_once_by_the_next(installation, turn, weeks):
    """As the worker runs it: a process of its own, in the midst of its batch."""
    as_of = MONDAY + timedelta(weeks=weeks)
    engine = create_engine(installation.database_url("ledger", "ledger"), isolation_level="AUTOCOMMIT")
    with (
        _prefect(installation, installation.secret("prefect_auth_string")) as prefect,
        engine.connect() as connection,
    ):
        run, deadline = _started(prefect, as_of), time.monotonic() + RUN_SECONDS
        while "frozen" not in _states(connection, as_of):
            assert time.monotonic() < deadline, installation.log("worker")
            time.sleep(0.02)
        process = _process_of(run["id"])
        assert process is not None
        process.send_signal(signal.SIGTERM if weeks == 1 else signal.SIGKILL)
        process.wait(60)
        assert "complete" not in _states(connection, as_of)
        assert _ended(prefect, run)["state"]["type"] == "CRASHED"
        assert _ended(prefect, _started(prefect, as_of))["state"]["type"] == "COMPLETED"
        assert _states(connection, as_of).count("decided") == 1
        queued = text(
            "SELECT outbox.decision_id FROM outbox JOIN batch ON batch.batch_id = outbox.batch_id "
            "WHERE batch.as_of = :as_of"
        )
        queued_ids = list(connection.execute(queued, {"as_of": as_of}).scalars())
    engine.dispose()
    files = (installation.folder / "home").rglob("*.jsonl")
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    left = [one["decision_id"] for one in lines if one.get("decision_id") in set(queued_ids)]
    assert left
    assert sorted(left) == sorted(queued_ids)


@pytest.mark.exhaustive  # to start it takes ten seconds of a core
def test_the_service_is_started_by_its_name_and_decides(installation, turn):
    installation.start_by_name("service")
    url = installation.url("service")
    deadline = time.monotonic() + 120
    while not (ready := httpx.get(f"{url}/ready", timeout=30)).is_success:  # what decides is being loaded
        assert time.monotonic() < deadline, ready.text
        time.sleep(0.2)
    asked = {"entity": "c00001", "features": {"spend": 20.0}}
    told = httpx.post(f"{url}/v1/live/decisions", json=asked, timeout=30)
    assert (told.status_code, told.json()["action"]) == (200, "voucher")
    engine = create_engine(installation.database_url("ledger", "ledger"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT sum(rows) FROM stream_segment")).scalar() == 1
    engine.dispose()
    assert 0 not in psutil.Process(installation.processes["service"].pid).uids()
