"""A demo says how far it is where nobody watches a bar, and afterwards how to ask what it has made."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from decisionloop.cli.demo import _run_turns
from decisionloop.cli.demo_home import FINISHED, commands_on, home_of_demo
from decisionloop.cli.demo_progress import DemoProgress
from decisionloop.cli.temporary_server import temporary_server
from decisionloop.errors import BatchHalted
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.settings import load_settings
from decisionloop.sources.calendar import Turn
from decisionloop.workspace import open_workspace
from tests.ledger.conftest import CONTRACT, batch_rows

MONDAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (5, 12, 19)]


@pytest.fixture
def no_server() -> Iterator[None]:
    """No flow runs here, so none needs the server that a demo starts, which would idle until the process ends."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    before = temporary_server.cache_info().currsize
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield
    assert temporary_server.cache_info().currsize == before


@pytest.mark.parametrize("is_terminal", [False, True])
def test_without_a_terminal_every_turn_is_a_line(vouchers, monkeypatch, is_terminal):
    workspace = open_workspace("vouchers")
    record_use_case(workspace.ledger, "vouchers", CONTRACT, 1, "")

    def turn(name: str, as_of: datetime, allow_future: bool) -> None:
        assert allow_future, "a recent table is replayed to its end"
        batch_id = open_batch(workspace.ledger, name, as_of, CONTRACT).batch_id
        if as_of == MONDAYS[1]:
            append_batch_event(workspace.ledger, batch_id, "halted", {"check": "row_count: 0 rows"})
            raise BatchHalted(batch_id, "row_count: 0 rows", "Look for a delivery.")
        append_batch_event(workspace.ledger, batch_id, "scored", {"champion": "vouchers/rules/1"})
        with workspace.ledger.begin() as connection:
            append_decisions(connection, batch_rows(3, as_of, name).decisions)

    monkeypatch.setattr("flows.loop.loop", turn)
    for name in ("observe", "learn"):
        monkeypatch.setattr(f"flows.{name}.{name}", lambda *_, **__: None)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    turns = (Turn(MONDAYS[0], True), Turn(MONDAYS[1], True), Turn(MONDAYS[2], False))
    with DemoProgress(False, stream) as progress:
        halted = list(_run_turns(workspace, turns, progress))
    assert len(halted) == 1
    lines = [
        "Send a voucher: 3 turns",
        "2026-01-05    1 of 3  3 decided by vouchers/rules/1",
        "2026-01-12    2 of 3  halted: row_count: 0 rows",
        "2026-01-19    3 of 3  no batch: outcomes are read, and learnt from",
    ]
    assert (stream.getvalue().splitlines() == lines) == (not is_terminal)


def test_a_replay_with_a_halted_batch_says_so_and_ends_with_exit_code_1(cli, vouchers, monkeypatch, no_server):
    def halted(name: str, as_of: datetime, allow_future: bool) -> None:
        raise BatchHalted(f"{name}/{as_of:%Y-%m-%d}", "row_count: 0 rows", "Look for a delivery.")

    monkeypatch.setattr("decisionloop.cli.demo._warm", lambda *_: None)  # Prefect, Great Expectations, MLflow: 30 s
    monkeypatch.setattr("decisionloop.cli.demo._turns", lambda _: tuple(Turn(monday, True) for monday in MONDAYS[:1]))
    monkeypatch.setattr("flows.loop.loop", halted)
    told = cli("demo", "vouchers")
    assert told.exit_code == BatchHalted.exit_code == 1
    (reason,) = [line for line in told.out.splitlines() if line.startswith("halted: ")]
    assert "vouchers/2026-01-05" in reason
    assert "row_count: 0 rows" in reason

    monkeypatch.setattr("flows.loop.loop", lambda *_, **__: None)
    whole = cli("demo", "vouchers", "--json")
    assert (whole.exit_code, whole.json["halted"]) == (0, [])
    assert "No bad release was shipped" not in told.out
    assert "No bad release was shipped" in cli("demo", "vouchers", "--bad-release").out


def test_a_home_without_batches_says_where_a_finished_demo_is(cli, vouchers, home, monkeypatch):
    for use_case, scenario in (("vouchers", ""), ("vouchers", "concept_drift"), ("vouchers_2", "")):
        place = home_of_demo(home, use_case, scenario)
        place.mkdir(parents=True)
        (place / FINISHED).touch()
    home_of_demo(home, "vouchers", "unfinished").mkdir()
    told = [line for line in cli("status", "vouchers").out.splitlines() if line.startswith("  demo")]
    assert len(told) == len(cli("status", "vouchers", "--json").json[0]["demos"]) == 2
    plain, drifting = (shlex.split(line.partition(": ")[2]) for line in told)
    words = ["decisionloop", "status", "vouchers"]
    assert plain[0] == f"DECISIONLOOP_HOME={home / 'demo' / 'vouchers'}"
    assert (plain[1:], drifting[2:]) == (words, words)
    assert drifting[1] == 'DECISIONLOOP_SOURCE_OPTIONS={"scenario": "concept_drift"}'
    assert f"demo: a finished one is in {home / 'demo' / 'vouchers'}: " in cli("history", "vouchers").out
    for setting in plain[:1]:
        monkeypatch.setenv(*setting.split("=", 1))
    asked = cli(*plain[2:])
    assert asked.exit_code == 0
    assert "  demo  " not in asked.out


def test_the_commands_after_a_demo_name_its_home_whatever_the_installation_uses(monkeypatch, tmp_path):
    monkeypatch.setenv("DECISIONLOOP_LEDGER_URL", "sqlite:///elsewhere.db")
    monkeypatch.setattr("sys.argv", [".venv/bin/decisionloop", "demo"])
    status, explain, history, stop = commands_on(load_settings(), tmp_path / "credit_line", "credit_line", "id 10457")
    before = f"DECISIONLOOP_HOME={tmp_path}/credit_line DECISIONLOOP_LEDGER_URL= .venv/bin/decisionloop"
    assert status == f"{before} status credit_line"
    assert explain == f"{before} explain credit_line --entity 'id 10457'"
    assert history == f"{before} history credit_line --entity 'id 10457'"
    assert stop.startswith(f"{before} kill-switch credit_line on --reason")
