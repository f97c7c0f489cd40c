"""What must be true of a batch whatever was killed, and what must be the same as in a life without kills."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, Table, select

from decisionloop.errors import IntegrityError
from decisionloop.ledger import schema
from decisionloop.ledger.batches import batch_id_of, batch_state
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.outbox import count_pending, messages_of_batch
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.snapshots import SnapshotStore
from tests.crash.receiving import carried_out
from tests.crash.usecase import NAME, due_shops

Account = Mapping[str, Counter[tuple[object, ...]]]
Acknowledged = frozenset[tuple[str, str, str]]
"""Decision id, entity and action of each decision that a process had been told is decided."""

# Clocks and stopwatches run differently in every life; what hangs on them is left out of the comparison.
_COMPARED: dict[str, tuple[Table, tuple[str, ...]]] = {
    table.name: (table, left_out)
    for table, left_out in (
        (schema.batch, ("opened_at",)),
        (schema.decision, ("latency_ms", "decided_at")),
        (schema.batch_part, ("digest", "at")),
        (schema.shadow_run, ("latency_ms", "at")),
        (schema.outbox, ("queued_at",)),
        (schema.stage_cost, ("rows", "cpu_seconds", "bytes_stored", "money", "at")),
        (schema.outcome, ("recorded_at",)),
        (schema.measurement, ("recorded_at",)),
        (schema.expectation_result, ()),
        (schema.release, ("card_json",)),
        (schema.release_event, ("recorded_at",)),
        (schema.training_set, ("created_at",)),
        (schema.verdict, ("reasons", "evidence")),
        (schema.learn_run, ()),
        (schema.alert, ("at",)),
        (schema.alarm, ("at",)),
        (schema.incident_event, ("at",)),
        (schema.flag, ("at",)),
        (schema.failure, ("recorded_at",)),
        (schema.weak_slice, ("at",)),
        (schema.monitor_threshold, ("at",)),
    )
}


def account(ledger: Ledger, registry: Path) -> Account:
    """Every row of the tables that a kill must not change, without clocks, and the aliases in MLflow's file."""
    with ledger.connect() as connection:
        rows = {
            name: Counter(
                tuple(row) for row in connection.execute(select(*(c for c in table.c if c.name not in left_out)))
            )
            for name, (table, left_out) in _COMPARED.items()
        }
        rows["what was said, part by part"] = _parts(connection)
        rows["what monitors compare with"] = _references(connection)
    return {**rows, "aliases in MLflow": _aliases(registry)}


def _parts(connection: Connection) -> Counter[tuple[object, ...]]:
    """What every part of a batch left behind, by its content: shadows are told of here alone.

    Not the champion's scores, which tell how long they took as well; the decisions carry all else of them.
    """
    table = schema.batch_part.c
    told = select(table.batch_id, table.kind, table.part, table.digest).where(table.kind != "scores")
    return Counter(tuple(row) for row in connection.execute(told))


def _references(connection: Connection) -> Counter[tuple[object, ...]]:
    """What monitors compare with; of the audit of a shadow all but how long it took."""
    table = schema.monitor_reference.c
    told = select(table.reference_id, table.use_case, table.release_id, table.kind, table.as_of, table.content)
    return Counter((*row[:-1], _without_stopwatch(row.kind, row.content)) for row in connection.execute(told))


STOPWATCHES = ("time", "calls")


def _without_stopwatch(kind: str, content: str) -> str:
    if kind != "shadow_audit":
        return content
    return json.dumps(
        {name: value for name, value in json.loads(content).items() if name not in STOPWATCHES}, sort_keys=True
    )


def _aliases(registry: Path) -> Counter[tuple[object, ...]]:
    if not registry.exists():
        return Counter()
    with closing(sqlite3.connect(registry)) as connection:
        return Counter(connection.execute("SELECT alias, version FROM registered_model_aliases"))


def differences(expected: Account, found: Account) -> Iterator[str]:
    """How a ledger differs from the one of an undisturbed life; nothing where it does not."""
    for name, rows in expected.items():
        missing, extra = rows - found[name], found[name] - rows
        if missing or extra:
            shown = [f"missing {row}" for row in list(missing)[:2]] + [f"extra {row}" for row in list(extra)[:2]]
            yield f"{name}: {missing.total()} missing, {extra.total()} extra; {'; '.join(shown)}"


def lost(ledger: Ledger, as_of: datetime, acknowledged: Acknowledged) -> Iterator[str]:
    """Decisions that were acknowledged and are not in the ledger as they were."""
    rows = decisions_of_batch(ledger, batch_id_of(NAME, as_of))
    kept = set(zip(rows["decision_id"], rows["entity_id"], rows["action"], strict=True))
    if gone := acknowledged - kept:
        yield f"{len(gone)} acknowledged decisions are lost, such as {min(gone)}"


def faults(ledger: Ledger, snapshots: Path, as_of: datetime, actions: Path) -> Iterator[str]:
    """What is wrong with a batch that was run to its end."""
    batch_id = batch_id_of(NAME, as_of)
    state = batch_state(ledger, batch_id)
    if state != "complete":
        yield f"the batch is {state}"
    if pending := count_pending(ledger, NAME, batch_id):
        yield f"{pending} messages were not delivered"
    yield from _decision_faults(decisions_of_batch(ledger, batch_id), as_of)
    yield from action_faults(messages_of_batch(ledger, batch_id), carried_out(actions), as_of)
    yield from _snapshot_faults(ledger, snapshots)


def _decision_faults(decisions: pd.DataFrame, as_of: datetime) -> Iterator[str]:
    decided, due = Counter(decisions["entity_id"]), Counter(due_shops(as_of))
    if twice := decided - due:
        yield f"{twice.total()} decisions too many, such as for {min(twice)}"
    if nobody := due - decided:
        yield f"{nobody.total()} shops were not decided, such as {min(nobody)}"


def action_faults(messages: pd.DataFrame, actions: pd.DataFrame, as_of: datetime) -> Iterator[str]:
    """Actions carried out twice, not at all, or other ones than the ledger says, by shop and as-of."""
    done = actions[pd.to_datetime(actions["as_of"]) == as_of]
    carried, wanted = Counter(done["entity_id"]), Counter(dict.fromkeys(messages["entity_id"], 1))
    if duplicates := carried - wanted:
        yield f"{duplicates.total()} duplicate actions, such as for {min(duplicates)}"
    if missing := wanted - carried:
        yield f"{missing.total()} actions never carried out, such as for {min(missing)}"
    said = set(zip(messages["entity_id"], messages["decision_id"], messages["action"], strict=True))
    if other := set(zip(done["entity_id"], done["decision_id"], done["action"], strict=True)) - said:
        yield f"{len(other)} actions that the ledger does not know, such as {min(other)}"


def _snapshot_faults(ledger: Ledger, folder: Path) -> Iterator[str]:
    """Snapshots that the ledger names and that are gone, torn or changed."""
    store = SnapshotStore(str(folder))
    with ledger.connect() as connection:
        recorded = set(connection.execute(select(schema.snapshot.c.digest)).scalars())
        used = set(connection.execute(select(schema.decision.c.snapshot_digest).distinct()).scalars())
    if unknown := used - recorded:
        yield f"{len(unknown)} snapshots were decided on and are not recorded, such as {min(unknown)}"
    for digest in recorded:
        try:
            store.get_bytes(digest)
        except IntegrityError as error:
            yield str(error)
