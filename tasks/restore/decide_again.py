"""A stored batch decided again in memory, from its snapshots and its release, and held against the log bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decisionloop.act.exploration.seen_money import NOTHING_SEEN
from decisionloop.act.side_by_side import Contenders, PartScores, value_side_by_side
from decisionloop.act.situation import BY_PEOPLE
from decisionloop.errors import IntegrityError
from decisionloop.ledger.audit.tombstones import batches_cut
from decisionloop.ledger.batches import Batch, Scalar, attempt_details, batches
from decisionloop.ledger.decisions import decisions_of_part
from decisionloop.ledger.flags import Switch
from decisionloop.ledger.releases import RULES
from decisionloop.ledger.watching_periods import parts_sealed
from decisionloop.predict.rules import choose_by_rules
from decisionloop.workspace import Workspace
from tasks.act.choose import Agreed, agreed_on, chosen_again, trial_in_choice
from tasks.act.log_decisions import rows_of_choice
from tasks.act.signature import Signature
from tasks.predict.score import rows_to_score, scoring_release
from tasks.readback.batch_in_hand import BatchInHand, batch_in_hand
from tasks.readback.releases import on_trial_of, release_of
from tasks.readback.seen_money import seen_money_of
from tasks.readback.tables import read_part

CLOCKS = ("latency_ms", "canary:latency_ms", "decided_at")
"""What a clock measured, and what cannot be the same again."""
LOOKED_AT = 50
"""Of so many of the newest batches one is chosen that can be decided again."""


@dataclass(frozen=True)
class DecidedAgain:
    """A batch whose ``decisions`` came out as they were logged, and by whom they had been made."""

    batch_id: str
    decisions: int
    release_id: str

    def as_text(self) -> str:
        """In a sentence."""
        return (
            f"{self.batch_id} was decided again by {self.release_id}: {self.decisions:,} decisions as they were "
            "logged, bit for bit"
        )


def decide_again(workspace: Workspace) -> DecidedAgain | None:
    """Decide the newest batch again that can be, best one of a model; None where there is none. Writes nothing.

    It can be where it was decided whole, under the code that lies in the use case's folder now, and nobody was erased
    from it. Raises IntegrityError, which says what, where anything comes out otherwise than it was logged.
    """
    found = list(_candidates(workspace))
    if not found:
        return None
    batch, decided_by = next(((one, by) for one, by in found if not _is_of_rules(workspace, by)), found[0])
    # As it stood then: what was switched or rolled back since does not bear on what was decided.
    hand = replace(batch_in_hand(workspace, batch.batch_id), flags=Switch(()), is_rolled_back=False)
    because = str(hand.details["decided"]["rules_because"] or "")
    scored = {part: _scored(hand, part) for part in hand.parts}
    agreed = _agreed(hand, because)
    signature = Signature(
        decided_by, hand.rules.release_id, batch.state_at, agreed.kind, frozenset(), trial_in_choice(hand, agreed.kind)
    )
    for part, scores in scored.items():
        _require_same_decisions(hand, part, signature, scores, agreed)
    return DecidedAgain(batch.batch_id, sum(map(len, scored.values())), decided_by)


def _candidates(workspace: Workspace) -> Iterator[tuple[Batch, str]]:
    """The batches, newest first, that can be decided again, each with who decided it."""
    ledger = workspace.ledger
    cut = batches_cut(ledger)
    decided = [one for one in batches(ledger, workspace.use_case.name) if one.is_decided and one.batch_id not in cut]
    for batch in sorted(decided, key=lambda one: one.as_of, reverse=True)[:LOOKED_AT]:
        details = attempt_details(ledger, batch.batch_id)
        is_same_code = details["opened"].get("code_digest") in (None, workspace.code.digest)
        # What was decided one at a time was agreed on many times.
        if is_same_code and _is_whole(details) and not parts_sealed(ledger, batch.batch_id):
            yield batch, str(details["decided"]["decided_by"])


def _is_whole(details: Mapping[str, Mapping[str, Scalar]]) -> bool:
    """Whether one choice decided all of it: neither another system did, nor people took it from a model half-way."""
    scored, decided = details.get("scored", {}), details.get("decided", {})
    return bool(scored and decided.get("decided_by") and decided.get("actions")) and not scored.get("handed_over")


def _is_of_rules(workspace: Workspace, release_id: str) -> bool:
    return release_of(workspace, release_id).kind == RULES


def _agreed(hand: BatchInHand, because: str) -> Agreed:
    is_priced = because not in BY_PEOPLE and hand.use_case.is_explored
    seen = seen_money_of(hand.workspace, hand.batch_id) if is_priced else NOTHING_SEEN
    agreed = agreed_on(hand, because, seen)
    return replace(agreed, is_with_trial=trial_in_choice(hand, agreed.kind) is not None)


def _scored(hand: BatchInHand, part: int) -> pa.Table:
    """The stored scores of a part, after they came out the same. Raises IntegrityError where they did not."""
    stored = read_part(hand.workspace, hand.batch_id, "scores", part)
    told = _score(hand, part)
    if told.champion is not None and told.champion.error:
        raise IntegrityError(f"{hand.champion.release_id} cannot score {hand.batch_id}: {told.champion.error}.")
    _require_same(f"scores of {hand.batch_id}, part {part}", stored, told.scores)
    return stored


def _score(hand: BatchInHand, part: int) -> PartScores:
    workspace, contract = hand.workspace, hand.use_case
    frame, faults = rows_to_score(hand, part)
    model = None if hand.champion.scorer_digest is None else scoring_release(workspace, hand.champion)
    trial = on_trial_of(hand.details["scored"])
    beside = [] if trial is None else [scoring_release(workspace, release_of(workspace, trial.release_id))]
    ruled = choose_by_rules(contract, workspace.code, frame, faults)
    contenders = Contenders(ruled, model, beside, trial, are_rules_stopped=hand.rules.is_default_action)
    return value_side_by_side(contract, frame, hand.as_of, contenders, "process")


def _require_same_decisions(
    hand: BatchInHand, part: int, signature: Signature, scores: pa.Table, agreed: Agreed
) -> None:
    chosen = rows_of_choice(hand, part, signature, scores, chosen_again(hand, part, agreed))
    digest = str(chosen["snapshot_digest"][0]) if len(chosen) else ""
    logged = decisions_of_part(hand.ledger, hand.batch_id, digest)
    _require_same(f"decisions of {hand.batch_id}, part {part}", logged, chosen)


def _require_same(what: str, logged: pa.Table, again: pa.Table) -> None:
    """Raises IntegrityError, which names the first column and row, where two tables differ in any bit."""
    names = [name for name in logged.column_names if name not in CLOCKS]
    unknown = set(names) ^ {name for name in again.column_names if name not in CLOCKS}
    if unknown or len(logged) != len(again):
        differs = f"columns {', '.join(sorted(unknown))}" if unknown else f"{len(logged)} rows and {len(again)}"
        raise IntegrityError(f"the {what} came out otherwise: {differs}. {_REMEDY}")
    for name in names:
        is_other = _differs(logged[name], again[name])
        if is_other.any():
            row = int(np.flatnonzero(is_other)[0])
            raise IntegrityError(
                f"the {what} came out otherwise: {name} of {int(is_other.sum())} rows, in row {row} "
                f"{again[name][row].as_py()!r} and not {logged[name][row].as_py()!r}. {_REMEDY}"
            )


_REMEDY = "Check out the version and the use cases of then, or use another backup."


def _differs(logged: pa.ChunkedArray, again: pa.ChunkedArray) -> np.ndarray:
    """Where two columns are not the same (n,); what is missing is the same as what is no number, as in the ledger."""
    one, other = _plain(logged), _plain(again)
    is_equal = pc.fill_null(pc.equal(one, other.cast(one.type)), False)
    are_both_missing = pc.and_(pc.is_null(one), pc.is_null(other))
    return ~pc.or_(is_equal, are_both_missing).to_numpy(zero_copy_only=False)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    if pa.types.is_floating(whole.type):
        whole = pc.if_else(pc.is_nan(whole), pa.scalar(None, whole.type), whole)
    return whole
