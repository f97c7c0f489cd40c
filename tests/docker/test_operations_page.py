"""docs/operations.md: what it gives to a container is run in the installation, and does what it should."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import create_engine

from tests.architecture.code import ROOT
from tests.architecture.pages import Page
from tests.docker.images import command_of, compose, images, services

pytestmark = pytest.mark.xdist_group("docker")

PAGE = Page(ROOT / "docs" / "operations.md")
COMMANDS = [one.words[2:] for one in PAGE.commands("docker") if one.words[1:2] == ("compose",) and one.is_whole]
INSIDE = [words[1:] for words in COMMANDS if words[0] == "exec"]
RUN = ("doctor", "status", "kill-switch", "kill-switch-all", "pg_dump", "psql", "checkout", "prometheus", "backup")
"""A word of each command that a test below runs."""


def inside(word: str) -> tuple[str, tuple[str, ...]]:
    """The service and the words of the one command of `docker compose exec` with this word in it."""
    ((service, *words),) = [words for words in INSIDE if word in words]
    return service, tuple(words)


def test_a_command_of_compose_is_one_and_names_services():
    known = {
        "build": set(),
        "up": {"--detach", "--force-recreate"},
        "ps": set(),
        "stop": set(),
        "exec": None,
        "run": None,
        "cp": None,
    }
    assert len(COMMANDS) == 21
    for verb, *words in COMMANDS:
        options = known[verb]
        if options is not None:
            assert {one for one in words if one.startswith("-")} <= options
            assert {one for one in words if not one.startswith("-")} <= set(services())
    assert {service for service, *_ in INSIDE} <= set(services())


def test_a_script_that_it_names_is_there():
    scripts = re.findall(r"python3 (docker/\w+\.py)", PAGE.text)
    assert scripts == ["docker/make_secrets.py", "docker/resolve_digests.py"]
    assert all((ROOT / one).is_file() for one in scripts)


def test_every_secret_stands_in_its_table_with_those_who_are_given_it():
    # A secret's name is that of a file, in small letters; another table names how runs end.
    rows = dict(re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| (.+?) \| .+ \|$", PAGE.text, re.M))
    told = {name: cell for names, cell in rows.items() for name in re.findall(r"`(\w+)`", names)}
    assert set(told) == set(compose()["secrets"])
    for name, cell in told.items():
        given = {one for one, service in services().items() if name in service.get("secrets", ())}
        said = set(cell.split(", ")) - {"and the server of that name"}
        assert said | ({name.partition("_")[0]} if "of that name" in cell else set()) == given


def test_doctor_finds_the_installation_in_order(installation):
    # In the image the kernels are compiled; here that would take half a minute.
    service, words = inside("doctor")
    told = installation.execute(service, ("env", "DECISIONLOOP_SCORER_ENGINE=numpy", *words))
    assert told.returncode == 0, told.stdout + told.stderr
    assert re.search(
        r"^ok +ledger: postgresql\+psycopg://ledger:\*\*\*@127.0.0.1.*synchronous_commit on$", told.stdout, re.M
    )
    assert re.search(r"^ok +prefect server: .*healthy$", told.stdout, re.M)
    assert re.search(r"^ok +telemetry: off", told.stdout, re.M)


def test_status_reads_the_ledger(installation):
    told = installation.execute(*inside("status"))
    assert told.returncode == 0, told.stderr


def test_the_kill_switch_is_thrown_without_prefect_and_mlflow(installation):
    told = installation.execute(*inside("kill-switch"))
    assert told.returncode == 0, told.stderr
    assert "credit_line" in told.stdout
    everything = installation.execute(*inside("kill-switch-all"))
    assert everything.returncode == 0, everything.stderr
    assert "credit_line: kill switch on, as it was already" in everything.stdout
    assert "retention_offer: kill switch on" in everything.stdout


@pytest.mark.exhaustive  # tests/tasks/test_restoring.py does so on both engines
def test_the_installation_is_backed_up_and_what_was_backed_up_restores(installation):
    backups = [words for words in INSIDE if "backup" in words]
    assert len(backups) == 2
    for service, *words in backups:
        told = installation.execute(service, words)
        assert told.returncode == 0, told.stderr
        checked = installation.execute(service, ("decisionloop", "restore", words[-1], "--check"))
        assert checked.returncode == 0, checked.stderr
        assert "every file is what was backed up" in checked.stdout


def test_the_database_of_mlflow_is_dumped(installation):
    told = installation.execute(*inside("pg_dump"))
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("PGDMP")


def test_a_key_is_made_for_the_service(installation):
    for whose in ("checkout", "prometheus"):
        told = installation.execute(*inside(whose))
        assert told.returncode == 0, told.stderr
    made = installation.execute("worker", ("decisionloop", "keys", "list"))
    assert "checkout" in made.stdout
    assert "prometheus: read," in made.stdout


def test_a_password_is_changed(installation):
    service, words = inside("psql")
    told = installation.execute(service, words, "another\nanother\n")
    assert told.returncode == 0, told.stderr
    url = installation.database_url("ledger", "ledger").replace(installation.secret("ledger_password"), "another")
    create_engine(url).connect().close()
    told = installation.execute(service, words, f"{installation.secret('ledger_password')}\n" * 2)
    assert told.returncode == 0, told.stderr
    create_engine(installation.database_url("ledger", "ledger")).connect().close()


def test_mlflow_migrates_its_database_by_its_entry_point(installation):
    ((service, *words),) = [words[2:] for words in COMMANDS if words[0] == "run"]
    assert ("run", "--rm", service, *words) in COMMANDS
    told = installation.execute(service, (*images()["mlflow"].entrypoint, *words))
    assert told.returncode == 0, told.stderr
    assert command_of(services()[service])[: len(images()["mlflow"].entrypoint)] == images()["mlflow"].entrypoint


def test_no_command_of_the_page_is_left_out():
    assert [words for words in INSIDE if not set(RUN) & set(words)] == []
