"""Secrets lie in files: made once, read by the entry point, and shown by nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from tests.architecture.code import ROOT
from tests.docker.scripts import make_secrets, with_secrets

ENTRY = ROOT / "docker" / "with_secrets.py"
TELL = "import os, sys; print(os.environ.get('PGPASSWORD'), os.environ.get('PGPASSWORD_FILE'), *sys.argv[1:])"


def test_every_secret_is_made_once_and_each_is_another(tmp_path):
    folder = tmp_path / "secrets"
    assert len(make_secrets.make_secrets(folder)) == 7
    first = {path.name: path.read_text() for path in folder.iterdir()}
    assert len(set(first.values())) == 7
    assert all(len(secret.removeprefix("admin:")) == 64 for secret in first.values())
    assert first["prefect_auth_string"].startswith("admin:")
    (folder / "ledger_password").unlink()
    assert make_secrets.make_secrets(folder) == ["ledger_password"]
    second = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name for name in first if first[name] != second[name]} == {"ledger_password"}


def test_a_container_of_any_user_reads_a_secret_and_nobody_else_reaches_it(tmp_path):
    folder = tmp_path / "secrets"
    make_secrets.make_secrets(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_a_half_written_secret_is_none(tmp_path):
    (tmp_path / ".ledger_password.part").write_text("")
    assert "ledger_password" in make_secrets.make_secrets(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_the_script_says_what_it_made_and_no_secret(tmp_path):
    command = [sys.executable, str(ROOT / "docker" / "make_secrets.py"), str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "ledger_password" in told
    assert (tmp_path / "ledger_password").read_text() not in told
    assert "nothing" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """The entry point with a command; PGPASSWORD only where it is given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PGPASSWORD")}
    return subprocess.run(
        [sys.executable, str(ENTRY), *command], env={**inherited, **environment}, capture_output=True, text=True
    )


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_command_finds_the_secret_in_its_environment(tmp_path, end):
    (tmp_path / "secret").write_bytes(f" ge heim {end}".encode())
    told = run({"PGPASSWORD_FILE": str(tmp_path / "secret")}, sys.executable, "-c", TELL, "a b", "$HOME")
    assert (told.returncode, told.stdout) == (0, " ge heim  None a b $HOME\n")


def test_what_names_no_secret_is_left_alone(tmp_path):
    kept = {"SSL_CERT_FILE": "/nowhere", "DECISIONLOOP_LEDGER_PASSWORD_FILE": "/nowhere", "A": "b"}
    assert with_secrets.with_secrets(kept) == kept


def test_the_command_takes_the_place_of_the_entry_point_and_its_exit_code():
    told = run({}, sys.executable, "-c", "import sys; sys.exit(7)")
    assert told.returncode == 7


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (None, {}, "No such file"),
        (b"", {}, "is empty"),
        (b"\n", {}, "is empty"),
        (b"\xff\xfe", {}, "is not text"),
        (b"geheim", {"PGPASSWORD": "anders"}, "both PGPASSWORD and PGPASSWORD_FILE"),
    ],
)
def test_what_is_wrong_with_a_secret_is_said_without_it(tmp_path, content, more, said):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    told = run({"PGPASSWORD_FILE": str(tmp_path / "secret"), **more}, sys.executable, "-c", TELL)
    assert told.returncode == 4
    assert said in told.stderr
    assert "PGPASSWORD_FILE" in told.stderr
    assert told.stdout == ""
    assert "geheim" not in told.stderr
    assert "anders" not in told.stderr


def test_a_command_that_is_not_there_is_said():
    told = run({}, "no-such-command")
    assert told.returncode == 4
    assert "no-such-command" in told.stderr
