"""What a regulator asks for, in one folder: who decided, by which rules, why, with what data, and was it reviewed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Select, and_, select

from decisionloop.contract import UseCase
from decisionloop.custody.adverse_reasons import MOST, adverse_reasons
from decisionloop.custody.checkpoints import SUFFIX
from decisionloop.custody.impact_ratios import Selected
from decisionloop.custody.safe_csv import without_formulas, write_csv
from decisionloop.errors import IntegrityError
from decisionloop.frozen_rows import frozen_rows
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.seal import BATCH
from decisionloop.ledger.audit.verify import ledger_name
from decisionloop.ledger.batches import Batch, attempt_details, batches
from decisionloop.ledger.decision_access import record_access
from decisionloop.ledger.decisions import latest_revision
from decisionloop.ledger.executions import latest_execution
from decisionloop.ledger.id_spans import ids_of_batch
from decisionloop.ledger.schema import (
    approval_answer,
    approval_request,
    decision,
    execution,
    outcome,
    release,
    release_event,
    use_case_version,
    utc_now,
)
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read, read_frame
from decisionloop.workspace import Workspace

FORMAT = "decisionloop-evidence-1"
REASONS = tuple(f"adverse_reason_{number}" for number in range(1, MOST + 1))


@dataclass(frozen=True)
class Asked:
    """The use case's decisions as of a span, both ends included, and who asks for them."""

    since: datetime
    until: datetime
    by: str


@dataclass(frozen=True)
class Evidence:
    """How many rows each file has, and what the folder does not tell."""

    rows: dict[str, int]
    gaps: tuple[str, ...]


def write_evidence(workspace: Workspace, asked: Asked, folder: Path) -> Evidence:
    """Write the files of a span into a folder that is there and empty; that it was asked for is written down first."""
    ledger, name = workspace.ledger, workspace.use_case.name
    span = f"all as of {asked.since:%Y-%m-%d} to {asked.until:%Y-%m-%d}"
    record_access(ledger, name, span, asked.by, "export")
    found = [one for one in batches(ledger, name, asked.since, asked.until) if one.state != "covered"]
    selected, gaps, rows = Selected(), list[str](), dict[str, int]()
    rows["decisions.csv"] = _write_decisions(workspace, found, folder / "decisions.csv", selected, gaps)
    tables = {
        "batches.csv": _batches(workspace, found),
        "impact_ratios.csv": selected.as_table(workspace.use_case),
        "releases.csv": read(
            ledger, select(release_event).where(release_event.c.use_case == name).order_by(release_event.c.seq)
        ),
        "approvals.csv": read(ledger, _approvals(name)),
    }
    rows |= {file: write_csv(folder / file, table) for file, table in tables.items()}
    rows |= _write_texts(workspace, found, folder)
    _write_manifest(workspace, asked, folder, rows, gaps)
    return Evidence(rows, tuple(gaps))


def _write_decisions(workspace: Workspace, found: list[Batch], file: Path, selected: Selected, gaps: list[str]) -> int:
    """One row a decision, batch by batch; what could not be read of a batch is added to ``gaps``."""
    rows, writer = 0, None
    try:
        for one in found:
            decided = read_frame(workspace.ledger, _decisions(workspace.ledger, one.batch_id))
            if one.state == "expired":
                gaps.append(
                    f"{one.batch_id}: {'features' if len(decided) else 'decisions'} are kept no longer (retention)"
                )
            own = workspace.under(one.contract_digest).use_case
            table = _told(workspace, own, decided, selected, gaps, one.batch_id)
            writer = writer or pyarrow.csv.CSVWriter(file, table.schema)
            writer.write_table(without_formulas(table))
            rows += len(table)
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        file.write_text("", encoding="utf-8")
    return rows


def _told(
    workspace: Workspace, own: UseCase, decided: pd.DataFrame, selected: Selected, gaps: list[str], batch_id: str
) -> pa.Table:
    frame = None
    if len(decided):
        try:
            frame = frozen_rows(workspace, decided)
            selected.count(own, decided["action"], frame)
        except IntegrityError as error:
            gaps.append(f"{batch_id}: features cannot be read, so groups are not counted: {error}")
    reasons = adverse_reasons(own, decided, frame)
    wording = {one.name: one.wording for one in own.actions}
    favourable = {one.name: one.is_favourable for one in own.actions}
    decided = decided.assign(
        action_in_words=decided["action"].map(wording).fillna(decided["action"]),
        is_favourable=decided["action"].map(favourable).fillna(False).astype(bool),
        is_reviewed=decided["executed_action"].notna(),
        **{name: [one[i] if i < len(one) else "" for one in reasons] for i, name in enumerate(REASONS)},
    )
    texts = decided.select_dtypes(["object", "str", "string"]).columns
    return pa.Table.from_pandas(decided.astype(dict.fromkeys(texts, "str")), schema=_schema(), preserve_index=False)


def _schema() -> pa.Schema:
    times, numbers = ("as_of", "decided_at"), ("score", "propensity", "outcome_class", "outcome_amount")
    texts = (
        "decision_id", "batch_id", "entity_id", "release_id", "role", "fallback_reason", "action", "action_in_words",
    )  # fmt: skip
    after = ("rules_action", *REASONS, "reason_codes", "executed_action", "overridden_by", "override_reason")
    data = ("contract_digest", "policy_version", "snapshot_digest")
    return pa.schema(
        [(one, pa.string()) for one in texts]
        + [(one, pa.string()) for one in (*after, *data)]
        + [(one, pa.timestamp("us", "UTC")) for one in times]
        + [(one, pa.float64()) for one in numbers]
        + [("snapshot_row", pa.int64()), ("release_seq", pa.int64())]
        + [(one, pa.bool_()) for one in ("is_favourable", "is_sent", "is_reviewed")]
    )


def _decisions(ledger: Ledger, batch_id: str) -> Select[Any]:
    """Decisions of a batch with their latest outcome and what was last said of their execution."""
    latest, said, span = outcome.alias("latest"), execution.alias("said"), ids_of_batch(ledger, batch_id)
    return (
        select(
            decision, latest.c.outcome_class, latest.c.amount.label("outcome_amount"),
            said.c.executed_action, said.c.overridden_by, said.c.override_reason,
        )
        .select_from(decision)
        .outerjoin(latest, and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, None, span)))
        .outerjoin(said, and_(said.c.decision_id == decision.c.decision_id, *latest_execution(said, None, span)))
        .where(decision.c.batch_id == batch_id, *span.holds(decision.c.decision_id))
        .order_by(decision.c.snapshot_row, decision.c.decision_id)
    )  # fmt: skip


def _batches(workspace: Workspace, found: list[Batch]) -> pa.Table:
    """A row a batch: under which contract and code, who decided it, and which link of the chain holds it."""
    links = {link.subject: link for link in links_of(workspace.ledger) if link.kind == BATCH}
    rows = []
    for one in found:
        details, link = attempt_details(workspace.ledger, one.batch_id), links.get(one.batch_id)
        rows.append(
            {
                "batch_id": one.batch_id,
                "as_of": one.as_of.isoformat(),
                "state": one.state,
                "decided_by": str(details.get("decided", {}).get("decided_by") or ""),
                "contract_digest": one.contract_digest,
                "code_digest": str(details.get("opened", {}).get("code_digest") or ""),
                "link": None if link is None else link.seq,
                "root": "" if link is None else link.root,
            }
        )
    names = ("batch_id", "as_of", "state", "decided_by", "contract_digest", "code_digest")
    schema = pa.schema([*((one, pa.string()) for one in names), ("link", pa.int64()), ("root", pa.string())])
    return pa.Table.from_pylist(rows, schema=schema)


def _approvals(name: str) -> Select[Any]:
    """Every request that a model may decide, and what a person answered."""
    asked, told = approval_request, approval_answer
    same = and_(told.c.use_case == asked.c.use_case, told.c.seq == asked.c.seq)
    answered = (told.c.answer, told.c.answered_by, told.c.code_id, told.c.note, told.c.answered_at)
    both = select(asked, *answered).select_from(asked).outerjoin(told, same)
    return both.where(asked.c.use_case == name).order_by(asked.c.seq)


def _write_texts(workspace: Workspace, found: list[Batch], folder: Path) -> dict[str, int]:
    """Cards of releases and contracts, word for word, each once."""
    rows: dict[str, int] = {}
    name, used = workspace.use_case.name, {one.contract_digest for one in found}
    with workspace.ledger.connect() as connection:
        cards = connection.execute(
            select(release.c.release_id, release.c.card_json).where(release.c.use_case == name)
        ).all()
        where = use_case_version.c.contract_digest.in_(sorted(used))
        texts = connection.execute(
            select(use_case_version.c.contract_digest, use_case_version.c.contract_yaml).where(where)
        ).all()
    for kind, ending, contents in (("cards", "json", cards), ("contracts", "yaml", texts)):
        (folder / kind).mkdir()
        for of, content in contents:
            file = f"{kind}/{str(of).replace('/', '-')}.{ending}"
            (folder / file).write_text(str(content), encoding="utf-8")
            rows[file] = 1
    return rows


def _write_manifest(workspace: Workspace, asked: Asked, folder: Path, rows: dict[str, int], gaps: list[str]) -> None:
    links = links_of(workspace.ledger)
    told = {
        "format": FORMAT,
        "use_case": workspace.use_case.name,
        **{name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(asked).items()},
        "made_at": utc_now().isoformat(),
        "ledger": ledger_name(links),
        "last_link": {"seq": links[-1].seq, "hash": links[-1].hash} if links else None,
        "checkpoint": _checkpoint(workspace),
        "not_told": gaps,
        "files": [
            {"file": file, "rows": many, "sha256": sha256((folder / file).read_bytes()).hexdigest()}
            for file, many in sorted(rows.items())
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")


def _checkpoint(workspace: Workspace) -> dict[str, str] | None:
    """The newest file of a checkpoint and its sha256; None where there is none to be read here."""
    newest = max(_files_of_checkpoints(workspace), key=lambda one: one.name, default=None)
    return None if newest is None else {"file": newest.name, "sha256": sha256(newest.read_bytes()).hexdigest()}


def _files_of_checkpoints(workspace: Workspace) -> Iterator[Path]:
    url = workspace.settings.resolved_checkpoints_url()
    folder = Path(url.removeprefix("file://"))
    yield from folder.glob(f"*{SUFFIX}") if folder.is_dir() else ()
