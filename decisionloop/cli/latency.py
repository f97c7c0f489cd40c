"""``decisionloop latency``: what became of decisions beside how long their answers took."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer


def show_latency(use_case: str, is_json: bool) -> None:
    """Print what became of the decisions that were timed: figures with their intervals as JSON, or a line a band.

    Raises UsageError where the use case is decided in batches only.
    """
    from decisionloop.errors import UsageError
    from decisionloop.frozen_rows import frozen_rows
    from decisionloop.ledger.schema import utc_now
    from decisionloop.report.read.gathered import use_case_lines
    from decisionloop.report.read.latency import answer_latency_of
    from decisionloop.report.words.latency import band_in_brief, latency_sentences
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case)
    contract = workspace.use_case
    if contract.online is None:
        raise UsageError(f"{use_case} is decided in batches only: nobody waits for an answer.")
    told = answer_latency_of(workspace.ledger, contract, utc_now(), lambda log: frozen_rows(workspace, log))
    currency = contract.economics.currency
    if is_json:
        report = None if told is None else asdict(told)
        typer.echo(json.dumps({"use_case": use_case, "currency": currency, "report": report}))
    elif told is None:
        typer.echo(f"{use_case}: no outcome of a decision whose answer was timed is due yet.")
    else:
        outcome = use_case_lines(contract).outcome
        lines = [band_in_brief(one, outcome, currency) for one in told.bands if one.decisions]
        typer.echo("\n".join([*latency_sentences(told, outcome, currency), "", *lines]))
