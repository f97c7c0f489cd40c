"""``decisionloop history``: what happened to the releases, and which of them decided for an entity, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from decisionloop.act.legacy import LEGACY
from decisionloop.cli.demo_home import finished_demos
from decisionloop.cli.known_use_case import ledger_of
from decisionloop.cli.run import parse_as_of
from decisionloop.settings import load_settings

if TYPE_CHECKING:
    from decisionloop.ledger.executions import Execution
    from decisionloop.ledger.release_history import DecidedFor
    from decisionloop.ledger.releases import ReleaseEvent


def show_history(use_case: str, entity: str, as_of: str, is_json: bool) -> None:
    """Print every stage of every release, or the decisions for one entity; with an as-of, as they stood then."""
    from decisionloop.ledger.executions import executions_of
    from decisionloop.ledger.gone import why_gone
    from decisionloop.ledger.release_history import decided_for
    from decisionloop.ledger.releases import events_of_releases
    from decisionloop.ledger.stream import count_unsealed

    until = end_of(as_of) if as_of else datetime.max.replace(tzinfo=UTC)
    with ledger_of(use_case) as ledger:
        if entity:
            decided = decided_for(ledger, use_case, entity, until)
            decided = decided[-1:] if as_of else decided
            done = {one.decision_id: said[-1] for one in decided if (said := executions_of(ledger, one.decision_id))}
            nothing = "" if decided else nothing_decided(entity, as_of, why_gone(ledger, use_case))
            lines = [*decision_lines(decided, done), *([f"{use_case}: {nothing}"] if nothing else [])]
            lines += _demos(use_case, decided)
            lines += _unsealed(use_case, count_unsealed(ledger, use_case))
            _print(is_json, [_as_json(one) | _executed(done.get(one.decision_id)) for one in decided], lines)
        else:
            events = [one for one in events_of_releases(ledger, use_case) if one.as_of <= until]
            lines = [*event_lines(use_case, events), *_demos(use_case, events)]
            _print(is_json, [_as_json(one) for one in events], lines)


def end_of(text: str) -> datetime:
    """The moment up to which an as-of counts, UTC: the end of the day that a bare date names. Raises UsageError."""
    moment = parse_as_of(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    is_day = moment.time() == time() and ":" not in text
    return moment + timedelta(days=1, microseconds=-1) if is_day else moment


def event_lines(use_case: str, events: Sequence[ReleaseEvent]) -> list[str]:
    """A line an event: its number, when, which release, from where to where, by whom and why."""
    return [
        f"{one.seq:>4}  {_day(one.as_of)}  {one.release_id}: {one.stage_before or 'new'} → {one.stage}"
        f"{'' if one.share is None else f' ({one.share:.0%})'}, by {one.decided_by}: {one.reason}"
        for one in events
    ] or [f"{use_case}: no release yet."]


def nothing_decided(entity: str, as_of: str, gone: str) -> str:
    """That nothing is found for an entity, up to an as-of if one was asked for, and what has ``gone``, if anything."""
    known = "is known to have been" if gone else "was"  # what has gone may have been of them
    return f"nothing {known} decided for {entity}{' by then' if as_of else ''}. {gone}".rstrip()


def decision_lines(decided: Sequence[DecidedFor], done: Mapping[str, Execution] = MappingProxyType({})) -> list[str]:
    """Two lines a decision: what was decided by which release, and why that one was live.

    ``done``: what was last said to have been executed, by decision id; that is a line more.
    """
    lines = []
    for one in decided:
        if one.role == LEGACY:
            lines.append(f"{_day(one.moment)}  {one.action}, by another system, observed beside {one.release_id}")
            lines += _done_lines(one, done)
            continue
        fell = f", because: {one.fallback_reason}" if one.fallback_reason else ""
        lines.append(f"{_day(one.moment)}  {one.action}, by {one.release_id} as {one.role}{fell}")
        lines += _done_lines(one, done)
        if one.seq is not None and one.stage_since is not None:
            since = f"{one.stage} since {_day(one.stage_since)} (event {one.seq}), by {one.decided_by}: {one.reason}"
            lines.append(f"            {since}{_evidence(one.evidence)}")
    return lines


def _done_lines(one: DecidedFor, done: Mapping[str, Execution]) -> list[str]:
    """What was last said to have been executed; nothing where nobody said."""
    said = done.get(one.decision_id)
    if said is None:
        return []
    by = f", by {said.overridden_by}" if said.overridden_by else ""
    why = f": {said.override_reason}" if said.override_reason else ""
    return [f"            executed: {said.executed_action}{by}{why}"]


def _executed(said: Execution | None) -> dict[str, Any]:
    """What was executed, as a script reads it; nothing where nobody said."""
    return {} if said is None else {"executed": asdict(said)}


def _demos(use_case: str, found: Sequence[object]) -> tuple[str, ...]:
    """Where nothing was found, that a demo may be what is looked for."""
    return () if found else tuple(f"demo: {line}" for line in finished_demos(load_settings(), use_case))


def _unsealed(use_case: str, rows: int) -> tuple[str, ...]:
    """That something was decided one at a time and is in no batch yet: it is not among what is found."""
    told = f"{rows} decisions are not sealed yet and not among these: `decisionloop seal {use_case}` seals them."
    return (told,) if rows else ()


def _evidence(told: str | None) -> str:
    known = json.loads(told or "{}")
    return f" [{', '.join(f'{name} {value}' for name, value in sorted(known.items()))}]" if known else ""


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%d %H:%M:%S}"


def _as_json(one: DecidedFor | ReleaseEvent) -> dict[str, Any]:
    told = asdict(one)
    return told | {"evidence": json.loads(told["evidence"] or "{}")}


def _print(is_json: bool, content: Sequence[dict[str, Any]], lines: Sequence[str]) -> None:
    if is_json:
        typer.echo(json.dumps(content, sort_keys=True, default=lambda when: when.isoformat()))
    else:
        typer.echo("\n".join(lines))
