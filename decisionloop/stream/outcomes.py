"""Outcomes that are posted: kept for the next reading, and told at once what that will make of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from sqlalchemy import ColumnElement, select

from decisionloop.act.identity import decision_id_array
from decisionloop.contract import UseCase
from decisionloop.frozen_rows import frozen_rows
from decisionloop.ledger.decisions import batches_of_span
from decisionloop.ledger.executions import recorded_executions
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.posted_outcomes import PostedOutcome, keep_posted, known_decisions, posted_of
from decisionloop.ledger.schema import decision, execution, outcome
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.stream import Segment, segments_holding
from decisionloop.ledger.watching_periods import own_moment
from decisionloop.observe.executions import nothing_executed
from decisionloop.observe.intake import RECORDED_COLUMNS, Recorded, match_outcomes
from decisionloop.observe.maturity import with_due_at
from decisionloop.observe.reading import oldest_decision
from decisionloop.observe.revisions import SAID
from decisionloop.observe.running_totals import POSTED
from decisionloop.observe.taken_rows import RowKind, TakenRow
from decisionloop.stream.deciders import Signed
from decisionloop.stream.periods import online_of
from decisionloop.stream.record import decisions_of_record
from decisionloop.workspace import Workspace

Became = RowKind | Literal["waiting"]
"""What becomes of a posted row; ``waiting``: its decision is in no batch yet, and is taken in once it is."""
_CHUNK = 500
_COLUMNS: dict[str, str] = {
    "entity_id": "str", "decision_time": "datetime64[us, UTC]", "decision_id": "str", "outcome_class": "float64",
    "amount": "float64", "observed_at": "datetime64[us, UTC]", "happened_at": "datetime64[us, UTC]",
    "executed_action": "str", "overridden_by": "str", "override_reason": "str",
}  # fmt: skip


@dataclass(frozen=True)
class Posted:
    """What was kept of a row, and what the next reading makes of it; ``why`` where it is refused or waits."""

    became: Became
    why: str = ""


def post_outcomes(workspace: Workspace, outcomes: Sequence[PostedOutcome], now: datetime) -> list[Posted]:
    """Keep outcomes, durably, and tell of each (n) what the next reading will make of it.

    One that has a part which the contract has not is invalid, and is not kept: a reading would take the rest of it.
    """
    foreign = [_foreign_part(workspace.use_case, one) for one in outcomes]
    own = [one for one, why in zip(outcomes, foreign, strict=True) if not why]
    told = iter(_post(workspace, own, now) if own else [])
    return [Posted("invalid", why) if why else next(told) for why in foreign]


def _foreign_part(use_case: UseCase, one: PostedOutcome) -> str:
    """Why an outcome is none of this contract; "" where it is one."""
    parts = (
        ("class", one.outcome_class, use_case.outcome.class_),
        ("amount", one.amount, use_case.outcome.amount),
        ("executed_action", one.executed_action, use_case.outcome.executed),
    )
    foreign = [name for name, value, of_contract in parts if value is not None and of_contract is None]
    if not foreign and use_case.outcome.are_rows_added and one.amount:
        return f"{POSTED}; it was not kept"
    return f"outcomes of {use_case.name} have no {foreign[0]}; it was not kept, send it without" if foreign else ""


def _post(workspace: Workspace, outcomes: Sequence[PostedOutcome], now: datetime) -> list[Posted]:
    use_case, ledger = workspace.use_case, workspace.ledger
    named = _named(use_case, outcomes)
    ids = sorted({one.decision_id for one in named if one.decision_id is not None})
    in_batches, in_stream = known_decisions(ledger, ids)
    # An id that only time and entity make is a guess until there is such a decision.
    kept = [
        one if own.decision_id == one.decision_id or one.decision_id in in_batches | in_stream else own
        for own, one in zip(outcomes, named, strict=True)
    ]
    told = _taken(workspace, kept, in_stream - in_batches, now)
    keep_posted(ledger, kept)
    waiting = Posted("waiting", "its decision is not sealed yet; it is taken in once it is")
    return [
        waiting if one.decision_id in in_stream - in_batches and not row.why else Posted(row.kind, row.why)
        for one, row in zip(kept, told, strict=True)
    ]


def _named(use_case: UseCase, outcomes: Sequence[PostedOutcome]) -> list[PostedOutcome]:
    """Each with the id that a decision of its entity and time has: it is a function of both."""
    named = list(outcomes)
    by_time: dict[datetime, list[int]] = {}
    for place, one in enumerate(outcomes):
        if one.decision_id is None and one.decision_time is not None and one.entity_id is not None:
            by_time.setdefault(one.decision_time, []).append(place)
    for moment, places in by_time.items():
        ids = decision_id_array(use_case.name, [str(outcomes[place].entity_id) for place in places], moment)
        for place, decision_id in zip(places, ids.to_pylist(), strict=True):
            named[place] = replace(outcomes[place], decision_id=decision_id, outcome_id="")
    return named


def _taken(
    workspace: Workspace, outcomes: Sequence[PostedOutcome], unsealed: frozenset[str], now: datetime
) -> Sequence[TakenRow]:
    """What a reading now would make of these rows, behind those of the same decisions that wait to be read.

    It knows of the decisions that are ``unsealed`` as well: what is refused of them will be refused once they are
    sealed.
    """
    ids = sorted({one.decision_id for one in outcomes if one.decision_id is not None})
    waiting = posted_of(workspace.ledger, workspace.use_case.name, ids)
    posted = (*waiting, *outcomes)
    frame = pd.DataFrame(
        {name: pd.Series([getattr(one, name) for one in posted], dtype=kind) for name, kind in _COLUMNS.items()}
    )
    frame[SAID] = pd.Series([one.posted_at for one in posted], dtype="datetime64[us, UTC]")
    sealed = _decisions(workspace, ids, frame, now)
    recorded = _recorded(workspace, list(sealed["decision_id"]))
    decided = pd.concat([sealed, *_unsealed(workspace, unsealed)]).drop_duplicates("decision_id", ignore_index=True)
    intake = match_outcomes(frame, decided, Recorded(recorded, _executed(workspace, ids)), workspace.use_case, now)
    return intake.of_row[len(waiting) :]


def _decisions(workspace: Workspace, ids: Sequence[str], outcomes: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """The decisions that the rows may belong to: those that they name, and those of entities that name none."""
    use_case = workspace.use_case
    own = decision.c.use_case == use_case.name
    named: list[ColumnElement[bool]] = [own & decision.c.decision_id.in_(some) for some in _some(ids)]
    nameless = outcomes[outcomes["decision_id"].isna()]
    oldest = oldest_decision(nameless, use_case)
    if oldest is not None:
        begun = oldest.to_pydatetime() - online_of(use_case).period  # of a batch that may hold it
        span = batches_of_span(use_case.name, begun, now)
        entities = sorted(set(nameless["entity_id"].dropna()))
        named += [decision.c.batch_id.in_(span) & decision.c.entity_id.in_(some) for some in _some(entities)]
    columns: list[Any] = [decision.c.decision_id, decision.c.entity_id, own_moment(), decision.c.action]
    if use_case.outcome.due:
        columns += [decision.c.snapshot_digest, decision.c.snapshot_row]
    found = _read(workspace, columns, [one & is_carried_out(decision.c.decision_id) for one in named])
    found = found.drop_duplicates("decision_id", ignore_index=True)
    if use_case.outcome.due and len(found):
        return with_due_at(use_case, found, frozen_rows(workspace, found))
    return found


def _unsealed(workspace: Workspace, ids: frozenset[str]) -> list[pd.DataFrame]:
    """The decisions of these ids that are in no batch yet, as of their own moments; nothing where there are none."""
    segments = segments_holding(workspace.ledger, sorted(ids))
    frames = [decisions_of_record(_contract_of(workspace, one), one.as_of, one.record) for one in segments]
    return [frame[frame["decision_id"].isin(ids)] for frame in frames]


def _contract_of(workspace: Workspace, segment: Segment) -> UseCase:
    """The contract that a segment was decided under, which may name its people by another column."""
    return workspace.under(Signed.from_json(segment.deciders).contract_digest).use_case


def _recorded(workspace: Workspace, ids: Sequence[str]) -> pd.DataFrame:
    columns: list[Any] = [outcome.c[name] for name in RECORDED_COLUMNS]
    return _read(workspace, columns, [outcome.c.decision_id.in_(some) for some in _some(ids)])


def _executed(workspace: Workspace, ids: Sequence[str]) -> pd.DataFrame:
    told = [recorded_executions(workspace.ledger, execution.c.decision_id.in_(some)) for some in _some(ids)]
    return pd.concat([nothing_executed(), *told], ignore_index=True)


def _read(workspace: Workspace, columns: list[Any], wheres: Sequence[ColumnElement[bool]]) -> pd.DataFrame:
    """The rows of all conditions, one query each; one of nothing where there is no condition."""
    nothing = columns[0].is_(None)
    frames = [read_frame(workspace.ledger, select(*columns).where(where)) for where in wheres or [nothing]]
    return pd.concat(frames, ignore_index=True)


def _some(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values a few hundred at a time: a database takes only so many in one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
