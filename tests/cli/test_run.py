"""`decisionloop run` decides a real batch through Prefect, with no server but its own temporary one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.network_guard import environment_of_guard, whither_it_led

# One process for several commands: Prefect's temporary server alone takes ten seconds of a core to start.
COMMANDS = """
import contextlib, io, json, sys
from decisionloop.cli import main

told, loaded = [], []
UNNEEDED = json.loads(sys.argv[2])
for words in json.loads(sys.argv[1]):
    out, err, exit_code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["decisionloop", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            exit_code = end.code or 0
    told.append([exit_code, out.getvalue(), err.getvalue()])
    loaded.append([name for name in UNNEEDED if name in sys.modules])
print(json.dumps([told, loaded]))
"""
# Seconds each: for training, for drawing, for one expectation that no suite has, for the server's side of Prefect.
UNNEEDED = ("mlflow", "sklearn", "skops", "altair", "scipy.stats", "prefect.server.api.server", "uvicorn")


def _run(folder: Path, *commands: tuple[str, ...]) -> list[tuple[int, str, str]]:
    guarded = environment_of_guard(folder)
    environment = {name: value for name, value in guarded.items() if not name.startswith("PREFECT_")}
    told = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands), json.dumps(UNNEEDED)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment | {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_LOGGING_LEVEL": "CRITICAL"},
    )
    assert told.returncode == 0, told.stderr
    assert whither_it_led(folder) == []
    answers, loaded = json.loads(told.stdout.splitlines()[-1])
    assert loaded == [[] for _ in commands]  # no command here trains
    return [tuple(one) for one in answers]


# 30 s of a core, nearly all of it the start of Prefect and Great Expectations: the one test here that pays for it.
@pytest.mark.slow
def test_a_skeleton_decides_a_real_batch_and_a_batch_of_nobody_is_halted(folder, vouchers, home):
    first, halted, status = _run(
        folder,
        ("run", "vouchers", "--as-of", "2026-01-05", "--json"),
        ("run", "vouchers", "--as-of", "2020-01-06"),
        ("status", "vouchers", "--json"),
    )
    assert first[0] == 0, first[2]
    _check_decided(json.loads(first[1]), _customers_of(vouchers, "2026-01-05"))
    _check_delivered_once(home, json.loads(first[1])["delivered"])

    exit_code, out, err = halted
    assert (exit_code, out) == (1, "")
    told = err.splitlines()[-1]  # the first line says that Prefect is starting
    assert told.startswith("decisionloop: batch vouchers/2020-01-06 halted: row_count: 0 rows, 10 to 1,000 expected.")
    assert "vouchers is a replay of what was recorded from 2026-01-05" in err
    assert "`decisionloop demo vouchers`" in err
    assert "Traceback" not in err

    (state,) = json.loads(status[1])
    assert len(state["last_batches"]) == 2
    assert any("row_count" in alert for alert in state["last_alerts"])


def _customers_of(vouchers: Path, day: str) -> int:
    lines = (vouchers / "data" / "past_experiment.csv").read_text().splitlines()
    return sum(line.split(",")[1] == day for line in lines)


def _check_decided(summary: dict[str, object], customers: int) -> None:
    assert summary["batch_id"] == "vouchers/2026-01-05"
    assert summary["state"] == "complete"
    assert summary["decisions"] == customers > 0
    assert str(summary["champion"]).startswith("vouchers/rules/")
    groups = summary["groups"]
    assert isinstance(groups, list)
    actions = Counter[str]()
    for group in groups:
        actions[group["action"]] += group["decisions"]
    assert set(actions) == {"wait", "voucher"}
    assert summary["queued"] == summary["delivered"] == actions["voucher"]  # waiting is sent to nobody


def _check_delivered_once(home: Path, delivered: int) -> None:
    """What the receiver has: the file actuator writes one line an action."""
    files = [path for path in (home / "outbox").rglob("*") if path.is_file()]
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert len(lines) == delivered
    assert len({line["decision_id"] for line in lines}) == delivered


@pytest.mark.parametrize(
    "text", ["2026-01-05", "2026-01-05T00:00:00Z", "2026-01-05T01:00:00+01:00", "2026-01-05 00:00"]
)
def test_a_time_without_a_zone_is_utc(text):
    from decisionloop.cli.run import parse_as_of
    from decisionloop.schedule import checked_as_of

    assert checked_as_of(parse_as_of(text)).isoformat() == "2026-01-05T00:00:00+00:00"


@pytest.mark.parametrize("text", ["2142-01-05", "yesterday", "9999-12-31T23:59:59-01:00"])
def test_an_as_of_that_cannot_be_is_refused_before_anything_starts(cli, vouchers, home, text):
    told = cli("run", "vouchers", "--as-of", text)
    assert (told.exit_code, told.out) == (2, "")
    assert "Traceback" not in told.err
    assert ("--allow-future" in told.err) == (text == "2142-01-05")
    assert not home.exists() or not any(home.iterdir())


@pytest.mark.parametrize("has_run", [False, True])
def test_no_time_is_the_last_due_time_of_the_schedule(cli, vouchers, monkeypatch, has_run):
    """With --catch-up, once that batch is decided, late rows are decided in a batch of this moment."""
    from datetime import UTC, datetime

    from prefect.settings import PREFECT_API_URL, temporary_settings

    from decisionloop.cli import run
    from decisionloop.contract import load_use_case
    from decisionloop.schedule import last_due_time

    asked = []
    monkeypatch.setattr("flows.loop.loop", lambda *words: asked.append(words) or "vouchers/nothing")
    monkeypatch.setattr(run, "_print_summary", lambda *_: None)
    monkeypatch.setattr(run, "_is_decided", lambda *_: has_run)
    due = last_due_time(load_use_case(vouchers).use_case.schedule, datetime.now(UTC))
    # No flow runs here, so none needs the server that a machine without one starts.
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert cli("run", "vouchers").exit_code == 0
        assert cli("run", "vouchers", "--catch-up").exit_code == 0
    assert asked[0] == ("vouchers", due, False, False)
    assert asked[1][0] == "vouchers"
    assert (asked[1][1] == due) != has_run
    assert asked[1][2:] == (False, True)
