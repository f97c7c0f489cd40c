"""What proves that one decision is in the chain, for a reader who has none of this package."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from decisionloop.audit.chain import FORMAT as CHAIN_FORMAT
from decisionloop.audit.chain import Link
from decisionloop.audit.checkpoints import Checkpoint
from decisionloop.audit.merkle import path_of
from decisionloop.errors import IntegrityError, UsageError
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.rows import DecisionRows, decisions_of
from decisionloop.ledger.audit.seal import BATCH
from decisionloop.ledger.audit.verify_batch import Committed, all_leaves, leaves_of_batch, verify_batch
from decisionloop.ledger.gone import why_gone
from decisionloop.ledger.schema import decision
from decisionloop.ledger.storage.engine import Ledger

FORMAT = "decisionloop-proof-1"


def proof_of(ledger: Ledger, decision_id: str, checkpoints: tuple[Checkpoint, ...]) -> dict[str, Any]:
    """The proof as JSON: the decision, its salt, the path to its batch's root, the links up to the next checkpoint.

    Raises UsageError for a decision that is unknown or that no link, or no checkpoint, holds yet; IntegrityError where
    its batch is not as it was chained.
    """
    link = _link_of(ledger, decision_id)
    _, finding = verify_batch(ledger, link)
    if finding is not None:
        raise IntegrityError(f"{finding.words}. Nothing of this batch can be proven; run `decisionloop audit verify`.")
    vouching = next((one for one in checkpoints if one.seq >= link.seq), None)
    if vouching is None:
        raise UsageError(f"no checkpoint holds decision {decision_id} yet. Run `decisionloop audit checkpoint`.")
    committed, found = Committed.read(ledger, link), decisions_of(ledger, link.subject)
    assert committed is not None  # what was verified is complete
    row = found.ids.index(decision_id)
    place = committed.places[row]
    between = [one for one in links_of(ledger) if link.seq <= one.seq <= vouching.seq]
    return {
        "format": FORMAT,
        "chain_format": CHAIN_FORMAT,
        "decision_id": decision_id,
        **_told(found, row, link),
        "salt": committed.salt(place).hex(),
        "leaf": place,
        "leaves": link.leaves,
        "path": [one.hex() for one in path_of(all_leaves(leaves_of_batch(found, committed), committed), place)],
        "links": [{**one.plain(), "hash": one.hash} for one in between],
        "checkpoint": {**json.loads(vouching.signed_bytes()), "signature": asdict(vouching)["signature"]},
    }


def _link_of(ledger: Ledger, decision_id: str) -> Link:
    with ledger.connect() as connection:
        batch_id = connection.execute(select(decision.c.batch_id).where(decision.c.decision_id == decision_id)).scalar()
    if batch_id is None:
        gone = why_gone(ledger)
        raise UsageError(f"there is no decision {decision_id}. It was never made, or it was erased. {gone}".rstrip())
    found = [one for one in links_of(ledger) if one.kind == BATCH and one.subject == batch_id]
    if not found:
        raise UsageError(
            f"no link of the chain holds {batch_id} yet. Run `decisionloop audit seal`, then a checkpoint."
        )
    return found[0]


def _told(found: DecisionRows, row: int, link: Link) -> dict[str, Any]:
    """What the decision says: its columns, how each is written, and their values."""
    columns = link.blocks[0].columns
    (own,) = found.rows.slice(row, 1).to_pylist()
    (common,) = [one for one in found.groups.to_pylist() if one["group_id"] == own["group_id"]]
    said = {**common, **own}
    return {"columns": list(columns), "values": [_plain(said[name]) for name in columns]}


def _plain(value: Any) -> Any:
    """Times as whole microseconds since 1970; a number with a fraction says so by its type."""
    if hasattr(value, "timestamp"):
        seconds, micros = int(value.replace(microsecond=0).timestamp()), value.microsecond
        return {"microseconds": seconds * 1_000_000 + micros}
    return {"number": value} if isinstance(value, float) else value
