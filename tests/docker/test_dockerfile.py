"""The Dockerfile: linted, all checked by hash, no rights, no shell, no telemetry, and all that it copies is there."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from decisionloop.cli.environment import QUIET
from tests.architecture.code import ROOT, project_files
from tests.docker.images import DOCKERFILE, images, instructions, services

RUN = ("loop", "prefect", "mlflow")
EACH = pytest.mark.parametrize("target", RUN)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _lint(path: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("hadolint")
    return subprocess.run([linter, "--no-color", path], capture_output=True, text=True)


def test_hadolint_has_nothing_to_say():
    told = _lint(DOCKERFILE)
    assert (told.returncode, told.stdout) == (0, "")


def test_hadolint_would_say_something(tmp_path):
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM python\nRUN pip install flask\n")
    told = _lint(wrong)
    assert told.returncode == 1
    assert "DL3006" in told.stdout
    assert "DL3013" in told.stdout


def test_every_image_is_made_from_the_one_environment_and_that_from_a_pinned_tag():
    text = DOCKERFILE.read_text(encoding="utf-8")
    bases = dict(re.findall(r"^FROM (\S+) AS (\S+)$", text, re.M)[::-1])
    assert sorted(re.findall(r"^FROM environment AS (\S+)$", text, re.M)) == sorted(RUN)
    assert set(bases) == {"environment", "${PYTHON_IMAGE}"}
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim-bookworm(@sha256:[0-9a-f]{64})?$", text, re.M)


def test_whatever_is_installed_is_checked_by_its_hash():
    installs = [
        one for run in images()["build"].ran for one in run.split("&&") if re.search(r"pip install|uv build", one)
    ]
    assert len(installs) == 4
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    assert not [
        one for target in RUN for run in images()[target].ran for one in re.findall(r"\b(pip|apt-get|curl)\b", run)
    ]


@EACH
def test_an_image_runs_without_rights_and_without_a_shell(target):
    image = images()[target]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.user)
    assert image.entrypoint == ("python", "/app/with_secrets.py")
    assert image.command, "a CMD in brackets"
    assert image.healthcheck[:2] == ("python", "-c")
    text = DOCKERFILE.read_text(encoding="utf-8")
    forms = [
        rest.rpartition("CMD ")[2] for name, rest in instructions(text) if name in {"CMD", "ENTRYPOINT", "HEALTHCHECK"}
    ]
    assert len(forms) == 7
    assert all(form.startswith("[") for form in forms)


@EACH
def test_nothing_reports_home(target):
    environment = images()[target].environment
    assert {name: environment.get(name) for name in QUIET} == QUIET


@EACH
def test_an_image_writes_into_its_home_and_tmp_alone(target):
    environment = images()[target].environment
    written = {name: value for name, value in environment.items() if value.startswith("/") and name != "PATH"}
    assert written["PREFECT_HOME"]
    assert not {
        name: value for name, value in written.items() if not value.startswith(("/tmp", "/var/lib/decisionloop"))
    }


def test_a_new_volume_is_private_to_its_user():
    (made,) = [run for run in images()["environment"].ran if "install" in run]
    places = made.partition("install --directory --owner=10001 --group=10001 --mode=0700 ")[2].split()
    ours = [service for service in services().values() if "build" in service]
    assert set(places) == {one.partition(":")[2] for service in ours for one in service.get("volumes", ())}


@EACH
def test_an_image_says_what_it_is(target):
    labels = images()[target].labels
    assert labels["org.opencontainers.image.title"] == PROJECT["name"]
    assert labels["org.opencontainers.image.description"] == PROJECT["description"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert f"ARG VERSION={PROJECT['version']}\n" in DOCKERFILE.read_text(encoding="utf-8")


def _rules() -> tuple[list[str], list[str]]:
    """What of the project the build may see, and what of that it may not."""
    lines = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return [rule[1:] for rule in rules if rule.startswith("!")], [
        rule for rule in rules[1:] if not rule.startswith("!")
    ]


def test_all_that_is_copied_is_there_and_nothing_else_is_sent():
    copied = {source.rstrip("/") for image in images().values() for source, _ in image.copied}
    assert not {source for source in copied if not (ROOT / source).exists()}
    allowed, _ = _rules()
    assert set(allowed) == copied


def test_no_secret_and_nothing_that_a_run_writes_is_sent():
    allowed, refused = _rules()
    sent = [
        one
        for one in ("docker/secrets/ledger_password", ".env", ".decisionloop/ledger.db", ".git/config")
        if any(one == rule or one.startswith(f"{rule}/") for rule in allowed)
    ]
    assert sent == []
    assert [fnmatch.fnmatch("a/__pycache__", rule) for rule in refused].count(True) == 1


def test_a_package_of_the_project_is_not_forgotten():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert set(packages) <= {source for source, _ in images()["build"].copied}


def test_the_loop_finds_prefect_yaml_its_flows_and_the_use_cases_where_it_works():
    copied = dict(images()["loop"].copied)
    assert {source for source in copied if source != "docker/with_secrets.py"} == {"prefect.yaml", "flows", "usecases"}
    assert images()["loop"].workdir == "/app"
    assert all(place.startswith("/app/") for place in copied.values())


def test_no_secret_is_in_git():
    assert not [path for path in project_files() if path.parts[:2] == ("docker", "secrets")]
    told = subprocess.run(["git", "check-ignore", "docker/secrets/ledger_password"], cwd=ROOT, capture_output=True)
    assert told.returncode == 0
