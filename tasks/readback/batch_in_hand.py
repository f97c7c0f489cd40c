"""A batch as a task has it before it: read from the ledger once, under the contract that it was opened with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from decisionloop.act.canary import OnTrial
from decisionloop.act.situation import ROLLED_BACK
from decisionloop.contract import UseCase
from decisionloop.errors import UsageError
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import Batch, Scalar, attempt_details, find_batch
from decisionloop.ledger.flags import Position, Switch, switch_of
from decisionloop.ledger.releases import RULES, Release, is_rolled_back, standing
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.telemetry import logs
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.releases import on_trial_of, release_of


@dataclass(frozen=True, eq=False)
class BatchInHand:
    """A batch, its present attempt and who decides it, as they were when the task opened it.

    ``workspace`` is under the contract of the attempt. ``champion`` is who scored the batch or, before it is scored,
    who would now; ``rules`` likewise, and ``release_seq`` is the last event of releases that this follows from.
    ``is_rolled_back``: has its champion been rolled back since? ``flags``: what the kill switch forbids, of every
    scope. ``details``: what each state of the present attempt said. Tasks that make facts out of a switch read it again
    where they write.
    """

    workspace: Workspace
    batch: Batch
    champion: Release
    rules: Release
    release_seq: int | None
    is_rolled_back: bool
    flags: Switch
    details: Mapping[str, Mapping[str, Scalar]]

    @property
    def batch_id(self) -> str:
        """Its id."""
        return self.batch.batch_id

    @property
    def as_of(self) -> datetime:
        """When its decisions are as of."""
        return self.batch.as_of

    @property
    def use_case(self) -> UseCase:
        """The contract that it was opened with."""
        return self.workspace.use_case

    @property
    def ledger(self) -> Ledger:
        """Where it is written down."""
        return self.workspace.ledger

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """The numbers of its parts."""
        return tuple(part.part for part in parts_of(self.ledger, self.batch_id, "due"))

    @property
    def switch(self) -> Position:
        """Where the kill switch stands while its champion would decide."""
        return self.flags.position_for(self.champion.release_id)

    @property
    def is_of_model(self) -> bool:
        """Whether a model is to decide it: only a model is held up by drift."""
        if self.use_case.is_observing:
            return False
        return self.champion.kind != RULES and self.switch == "off" and not self.handed_over

    @cached_property
    def on_trial(self) -> OnTrial | None:
        """The release that was on trial when it was scored, with its share; None where none was, or it was stopped."""
        trial = on_trial_of(self.details.get("scored", {}))
        if trial is None or trial.release_id in self.flags.stopped:
            return None
        return None if is_rolled_back(self.ledger, trial.release_id) else trial

    @property
    def handed_over(self) -> str:
        """Why the rules decide it in place of a model, in words; "" where nothing has said so yet."""
        told = [str(self.details.get(state, {}).get("handed_over") or "") for state in ("validated", "scored")]
        return next((reason for reason in told if reason), ROLLED_BACK if self.is_rolled_back else "")

    def require_present_code(self, step: str) -> None:
        """Raises UsageError where the contract or the code has changed since the attempt was opened.

        What was done under one contract must not be gone on with under another one.
        """
        opened = self.details["opened"]
        present = open_workspace(self.use_case.name)
        is_same_code = opened.get("code_digest") in {None, present.code.digest}
        if is_same_code and self.use_case.digest == present.use_case.digest:
            return
        changed = "code" if self.use_case.digest == present.use_case.digest else "contract"
        raise UsageError(
            f"{step} of {self.batch_id} cannot go on: the {changed} of {self.use_case.name} has changed since it was "
            f"opened. Run the predict flow again: it begins the batch anew under the present one."
        )


def open_batch_in_hand(use_case: str, batch_id: str) -> BatchInHand:
    """Take a batch in hand. Raises UsageError where there is no such batch."""
    return batch_in_hand(open_workspace(use_case), batch_id)


def batch_in_hand(workspace: Workspace, batch_id: str) -> BatchInHand:
    """Take a batch of a workspace in hand; see :func:`open_batch_in_hand`."""
    use_case = workspace.use_case.name
    batch = find_batch(workspace.ledger, batch_id)
    if batch is None:
        raise UsageError(f"no batch {batch_id} in the ledger. Run the predict flow first.")
    details = attempt_details(workspace.ledger, batch_id)
    scored = details.get("scored", {})
    now = standing(workspace.ledger, use_case)
    assert now is not None  # freezing a batch registers the rules, which decide unless a model does
    by, rules = scored.get("champion"), scored.get("rules")
    champion = now.champion.release if by is None else release_of(workspace, str(by))
    logs.bind(release=champion.release_id)
    return BatchInHand(
        workspace=_under_own_contract(workspace, batch, details),
        batch=batch,
        champion=champion,
        rules=now.baseline.release if rules is None else release_of(workspace, str(rules)),
        release_seq=_whole(scored.get("release_seq")) if scored else now.seq,
        is_rolled_back=by is not None and is_rolled_back(workspace.ledger, str(by)),
        flags=switch_of(workspace.ledger, use_case),
        details=details,
    )


def _whole(value: Scalar) -> int | None:
    """The number that an event told; None where an earlier version told none."""
    return int(value) if isinstance(value, int) else None


def own_workspace(workspace: Workspace, batch: Batch) -> Workspace:
    """The workspace under the contract that a batch was last opened with."""
    return _under_own_contract(workspace, batch, attempt_details(workspace.ledger, batch.batch_id))


def _under_own_contract(workspace: Workspace, batch: Batch, details: Mapping[str, Mapping[str, Scalar]]) -> Workspace:
    return workspace.under(str(details["opened"].get("contract_digest") or batch.contract_digest))
