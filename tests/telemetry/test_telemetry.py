"""What a process tells machines: one trace through what is queued, and JSON records without a row or a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from decisionloop.ledger.storage.engine import create_or_upgrade
from decisionloop.ledger.trace_contexts import keep_trace, of_batch, trace_of
from decisionloop.telemetry import logs, traces
from tasks.step import step
from tests.telemetry.collector import collecting


@step
def validate_batch(use_case: str, batch_id: str, secret: str) -> str:
    """A step as there are many, beside libraries that say more than they should."""
    logs.bind(release="live/rules/1")
    logging.getLogger("prefect.flow_runs").error("it failed on client 10020")
    logging.getLogger("decisionloop.stream").warning("the source is away")
    if secret == "fail":
        raise ValueError("client 10020")
    return secret


@pytest.fixture
def in_json(monkeypatch) -> Iterator[None]:
    """The logs of this process are JSON; they are as they were afterwards."""
    known = [one for one in logging.root.manager.loggerDict if one.startswith("prefect.")]
    loggers = [logging.getLogger(name) for name in ("", "decisionloop", "prefect", *known)]
    before = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    monkeypatch.setattr(logs, "_is_set_up", False)
    monkeypatch.setenv("DECISIONLOOP_LOG_FORMAT", "json")
    for one in loggers:
        one.handlers[:] = []
    yield
    for one, handlers, level, propagate in before:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)


@pytest.fixture
def spans(monkeypatch) -> Iterator[list[Any]]:
    """What a collector is told by this process."""
    with collecting(monkeypatch) as told:
        yield told


def test_a_step_is_a_record_with_batch_and_release_and_nothing_of_a_row(in_json, capsys):
    assert validate_batch.fn("live", "live/2024-01-01", "geheim") == "geheim"
    with pytest.raises(ValueError, match="10020"):
        validate_batch.fn("live", batch_id="live/2024-01-01", secret="fail")
    told = capsys.readouterr().err
    records = [json.loads(line) for line in told.splitlines()]
    assert "10020" not in told
    assert "geheim" not in told
    done, failed = (one for one in records if one["logger"] == "decisionloop.loop")
    about = {"use_case": "live", "batch": "live/2024-01-01", "release": "live/rules/1", "step": "validate_batch"}
    assert about.items() <= done.items()
    assert (done["event"], failed["event"], failed["error"]) == ("done", "failed", "ValueError")
    ours, _ = (one for one in records if one["logger"] == "decisionloop.stream")
    assert (ours["event"], ours["batch"]) == ("the source is away", "live/2024-01-01")
    assert sum(one["logger"] == "prefect.flow_runs" and "where" in one for one in records) == 2


def test_one_trace_goes_on_from_what_was_queued(spans, tmp_path):
    with create_or_upgrade(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        with traces.span("webhook", "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"):
            assert keep_trace(ledger, of_batch("live/1"))
            assert not keep_trace(ledger, of_batch("live/1")), "it stays in its first one"
        queued_in = trace_of(ledger, of_batch("live/1"))
        with traces.span("deliver", queued_in=queued_in, batch="live/1"):
            sent = traces.headers()["traceparent"]
        with traces.span("act"), traces.span("deliver", queued_in=queued_in):
            pass
    traces.flush()
    told = {one.name: one for one in spans}
    assert [one.trace_id.hex() for one in spans].count("ab" * 16) == 4
    assert sent.split("-")[1] == "ab" * 16
    write = told["decisionloop ledger write"]
    assert write.parent_span_id == told["decisionloop webhook"].span_id
    later = next(one for one in spans if one.parent_span_id == told["decisionloop act"].span_id)
    assert later.links[0].trace_id.hex() == "ab" * 16


def test_of_an_error_the_type_alone_is_told(spans):
    with pytest.raises(ValueError, match="10020"), traces.span("validate", use_case="live"):
        raise ValueError("client 10020")
    traces.flush()
    (one,) = spans
    assert one.status.message == "ValueError"
    assert not one.events
    assert b"10020" not in one.SerializeToString()


def test_without_an_exporter_there_is_no_trace_and_nothing_is_imported(monkeypatch):
    for name in traces.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    with traces.span("validate"), traces.part("ledger write"):
        assert (traces.here(), traces.headers()) == ("", {})
    looked = "import sys, decisionloop.cli.app, decisionloop.telemetry.logs, decisionloop.telemetry.traces\n"
    looked += "print([one for one in ('structlog', 'opentelemetry', 'prefect') if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
