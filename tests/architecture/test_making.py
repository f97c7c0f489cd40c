"""`make` and `.ci/run` from a clean clone, as far as can be told without running the whole of them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import tomllib
from types import SimpleNamespace

import pytest
import yaml

from tests.architecture.code import ROOT
from tests.architecture.test_lock import locked

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.M)
CI = ROOT / ".ci" / "run"
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


def _make(*arguments: str, folder=ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


def test_every_target_says_what_it_makes():
    explained = re.findall(r"^([a-z][\w-]*):.*## \S", MAKEFILE, re.M)
    assert explained == TARGETS


def test_no_file_can_hide_a_target():
    phony = re.search(r"^\.PHONY:(.*)$", MAKEFILE, re.M)
    assert phony is not None
    assert set(phony.group(1).split()) == set(TARGETS)


@needs_make
def test_help_lists_every_target_and_is_what_make_alone_says():
    told = _make("--no-print-directory", "help").stdout
    assert [line.split()[1] for line in told.splitlines()] == TARGETS
    assert all(len(line.split()) > 3 for line in told.splitlines())
    assert _make("--no-print-directory").stdout == told


@needs_make
@pytest.mark.parametrize("target", TARGETS)
def test_make_would_know_what_to_do_in_a_clean_clone(target, tmp_path):
    for name in ("Makefile", "requirements.lock", "requirements-uv.lock", "requirements-uv.in", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    told = _make("--dry-run", target, folder=tmp_path)
    assert told.returncode == 0, told.stderr
    made = told.stdout.find("-m venv .venv")
    used = told.stdout.find(".venv/bin/")
    assert used == -1 or 0 <= made < used, f"make {target} calls what is in .venv before it is made"


@needs_make
def test_an_old_python_is_refused_with_what_to_do(tmp_path):
    for name in ("Makefile", "requirements.lock", "requirements-uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    told = _make(f"PYTHON={old}", "demo", folder=tmp_path)
    assert told.returncode != 0
    assert "needs Python 3.11 or newer" in told.stdout + told.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_what_can_be_compiled_is_compiled_before_anything_runs(tmp_path):
    for name in ("Makefile", "requirements.lock", "requirements-uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    told = _make("--dry-run", "demo", folder=tmp_path).stdout
    assert 0 < told.find("pip install") < told.find("compile_kernels()") < told.find("decisionloop demo")


def test_what_is_exhaustive_is_left_out_of_make_test_and_made_up_for_by_make_torture():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert "-m 'not exhaustive'" in options["addopts"]
    recipe = re.search(r"^torture:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert recipe is not None
    (crash, exhaustive) = [line for line in recipe[1].splitlines() if "--kills" in line or "-m exhaustive" in line]
    assert crash.endswith('tests/crash --kills 200 -m ""')
    assert exhaustive.endswith("-m exhaustive --ignore tests/crash")


def test_installing_checks_every_hash():
    installs = [line for line in MAKEFILE.splitlines() if re.search(r"pip install", line)]
    assert installs
    assert not [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line]


@pytest.mark.parametrize("tool", ["ruff", "mypy", "lint-imports", "pytest", "uv"])
def test_a_tool_that_make_calls_is_locked(tool):
    distribution = {"lint-imports": "import-linter"}.get(tool, tool)
    uv = (ROOT / "requirements-uv.lock").read_text(encoding="utf-8")
    assert distribution in locked() or uv.startswith(f"{distribution}==")
    assert re.search(rf"\$\(BIN\)/(?:python -m )?{tool}\b", MAKEFILE)


def test_the_ci_script_is_one_that_bash_can_run():
    assert stat.S_IMODE(CI.stat().st_mode) & 0o111 == 0o111
    listed = subprocess.run(["git", "ls-files", "-s", ".ci/run"], cwd=ROOT, capture_output=True, text=True)
    assert listed.stdout.startswith("100755"), "git update-index --chmod=+x .ci/run"
    assert subprocess.run(["bash", "-n", CI], capture_output=True).returncode == 0
    assert "set -euo pipefail" in CI.read_text()


def test_the_ci_script_makes_what_the_readme_says_and_nothing_else():
    made = re.findall(r"^make (\w+)", CI.read_text(), re.M)
    assert made == ["install", "check", "test"]
    assert set(made) <= set(TARGETS)


def test_the_ci_script_runs_in_the_project_from_anywhere(tmp_path):
    """With a `make` that only says where and for what it was called."""
    spy = tmp_path / "bin" / "make"
    spy.parent.mkdir()
    spy.write_text('#!/bin/sh\necho "$PWD: $*"\n')
    spy.chmod(0o755)
    environment = {**os.environ, "PATH": f"{spy.parent}:{os.environ['PATH']}"}
    told = subprocess.run([CI], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert told.stdout.splitlines() == [f"{ROOT}: install", f"{ROOT}: test", f"{ROOT}: check docs audit"]


@pytest.mark.parametrize(
    ("fails", "made"),
    [
        ("install", ["install"]),
        ("check docs audit", ["install", "test", "check docs audit"]),
        ("test", ["install", "test", "check docs audit"]),
    ],
)
def test_the_ci_script_fails_with_what_fails(tmp_path, fails, made):
    """Without an environment nothing is made; what is checked beside the tests counts as much as they do."""
    spy = tmp_path / "make"
    spy.write_text(f'#!/bin/sh\necho "$*"\n[ "$*" != "{fails}" ] || exit 3\n')
    spy.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    told = subprocess.run([CI], env=environment, capture_output=True, text=True)
    assert (told.returncode, told.stdout.splitlines()) == (3, made)


def test_the_site_holds_every_page_and_names_what_it_cannot_show(caplog):
    spec = importlib.util.spec_from_file_location("site_links", ROOT / "docs" / "site_links.py")
    assert spec is not None
    assert spec.loader is not None
    links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(links)
    page = SimpleNamespace(file=SimpleNamespace(abs_src_path=str(ROOT / "docs" / "scale.md"), src_path="scale.md"))
    config = SimpleNamespace(docs_dir=str(ROOT / "docs"))
    told = links.on_page_markdown("[flows](../flows), [gone](../gone.py), [x](scorer.md)", page=page, config=config)
    assert told == "flows, gone, [x](scorer.md)"
    assert [one.getMessage() for one in caplog.records] == ["scale.md: ../gone.py is not in the project."]
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w/]+\.md", json.dumps(site["nav"])))
    assert listed == {one.relative_to(ROOT / "docs").as_posix() for one in (ROOT / "docs").glob("*.md")} | {
        "adr/README.md",
        "runbook/README.md",
    }
    assert "docs" in CI.read_text(encoding="utf-8").split("make check", 1)[1].split(">")[0].split()
