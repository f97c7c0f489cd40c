"""Where an installation keeps things is read from its environment, and a password from a file."""

from __future__ import annotations

import pytest

from decisionloop.errors import ConfigurationError
from decisionloop.settings import load_settings

URL = "postgresql+psycopg://ledger@db:5432/ledger"


@pytest.fixture
def password(home, tmp_path, monkeypatch):
    """Names a file with a password as the one of the ledger; writes it as asked."""

    def write(content: bytes | None, url: str = URL):
        file = tmp_path / "ledger_password"
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", url)
        monkeypatch.setenv("DECISIONLOOP_LEDGER_PASSWORD_FILE", str(file))
        return file

    return write


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_password_of_its_file_is_in_the_url(password, end):
    password(b"p@ss/word:%" + end)
    assert load_settings().resolved_ledger_url() == "postgresql+psycopg://ledger:p%40ss%2Fword%3A%25@db:5432/ledger"


def test_a_password_that_changes_is_read_anew(password):
    file = password(b"old")
    settings = load_settings()
    file.write_text("new")
    assert "ledger:new@" in settings.resolved_ledger_url()


def test_without_a_url_the_ledger_is_sqlite_and_needs_none(password, home):
    password(b"secret", url="")
    assert load_settings().resolved_ledger_url() == f"sqlite:///{(home / 'ledger.db').resolve()}"


@pytest.mark.parametrize(
    ("content", "url", "said"),
    [
        (None, URL, "No such file"),
        (b"", URL, "is empty"),
        (b"\n", URL, "is empty"),
        (b"\xff\xfe", URL, "is not text"),
        (b"geheim", "postgresql+psycopg://ledger:anders@db/ledger", "holds a password"),
        (b"geheim", "ledger of anders", "is not an SQLAlchemy URL"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(password, content, url, said):
    password(content, url)
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_settings().resolved_ledger_url()
    assert "geheim" not in str(refused.value)
    assert "anders" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_settings_are_read_anew_when_the_environment_or_the_file_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DECISIONLOOP_PARTITION_ROWS", raising=False)
    told = [load_settings().partition_rows]
    for rows in (7, 8):
        (tmp_path / ".env").write_text(f"DECISIONLOOP_PARTITION_ROWS={rows}\n")
        told.append(load_settings().partition_rows)
    monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", "9")
    assert [*told[1:], load_settings().partition_rows] == [7, 8, 9]
    monkeypatch.setenv("DECISIONLOOP_PARTITION_ROWS", "none")
    for _ in range(2):  # what is wrong is not kept
        with pytest.raises(ConfigurationError, match="PARTITION_ROWS"):
            load_settings()
