"""Tags get the digests that a registry tells, and none that it does not tell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.code import ROOT
from tests.docker.scripts import resolve_digests

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
WATCHING = ("prom/prometheus:v3.5.0", "grafana/grafana:12.1.0")
OTHER = f"sha256:{'fedcba9876543210' * 4}"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the script and of what it changes."""
    for name in ("Dockerfile", "compose.yaml", "resolve_digests.py"):
        shutil.copy(ROOT / "docker" / name, tmp_path / name)
    return tmp_path


def run(folder: Path, answers: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run it where a `docker` tells these manifests by tag, as a registry would, and fails for any other."""
    docker = folder / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text(
        f"#!{sys.executable}\nimport sys\nanswers = {answers!r}\n"
        "assert sys.argv[1:4] == ['buildx', 'imagetools', 'inspect'], sys.argv\n"
        "print(answers[sys.argv[4]]) if sys.argv[4] in answers else sys.exit('no such host')\n"
    )
    docker.chmod(0o755)
    command = [sys.executable, str(folder / "resolve_digests.py")]
    return subprocess.run(command, env={"PATH": str(docker.parent)}, capture_output=True, text=True)


def texts(folder: Path) -> tuple[str, str]:
    """Both files."""
    return (folder / "Dockerfile").read_text(), (folder / "compose.yaml").read_text()


def manifest(digest: str) -> str:
    """What `docker buildx imagetools inspect --format {{json .Manifest}}` prints."""
    return json.dumps({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": 1})


def test_every_image_of_others_is_found():
    found = [
        tag
        for name in ("Dockerfile", "compose.yaml")
        for tag in resolve_digests.tags((ROOT / "docker" / name).read_text())
    ]
    assert found == ["python:3.11-slim-bookworm", "postgres:18-bookworm", *WATCHING]


def test_both_files_are_pinned_and_pinned_anew(folder):
    before = texts(folder)
    for digest in (DIGEST, OTHER):
        answers = {"python:3.11-slim-bookworm": manifest(digest), "postgres:18-bookworm": manifest(OTHER)}
        answers |= {tag: manifest(OTHER) for tag in WATCHING}
        told = run(folder, answers)
        assert told.returncode == 0, told.stderr
        dockerfile, compose = texts(folder)
        assert f"ARG PYTHON_IMAGE=python:3.11-slim-bookworm@{digest}\n" in dockerfile
        assert f"    image: postgres:18-bookworm@{OTHER}\n" in compose
        assert (dockerfile.replace(f"@{digest}", ""), compose.replace(f"@{OTHER}", "")) == before


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"python:3.11-slim-bookworm": manifest(DIGEST)},
        {"python:3.11-slim-bookworm": manifest(DIGEST), "postgres:18-bookworm": "{}"},
        {"python:3.11-slim-bookworm": manifest("sha256:short"), "postgres:18-bookworm": manifest(DIGEST)},
    ],
    ids=["no registry", "one is missing", "no digest", "no real digest"],
)
def test_where_one_digest_is_missing_nothing_is_written(folder, answers):
    before = texts(folder)
    told = run(folder, answers)
    assert told.returncode == 1
    assert "Nothing was written" in told.stderr
    assert texts(folder) == before


def test_without_docker_nothing_is_written(folder):
    told = subprocess.run(
        [sys.executable, str(folder / "resolve_digests.py")], env={"PATH": str(folder)}, capture_output=True, text=True
    )
    assert told.returncode == 1
    assert "docker cannot be run" in told.stderr
