"""Retention: what is kept no longer goes, batch by batch; what is still needed stays, and is said."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from decisionloop.contract import UseCase
from decisionloop.contract.operation import FileActuator as FileSection
from decisionloop.contract.retention import PARTS, Part, Retention, needed_for
from decisionloop.custody.erase import require_may_delete, tidy
from decisionloop.dispatch.files import folder_of_batch
from decisionloop.errors import UsageError
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.batches import FINISHED_STATES, Batch, batches
from decisionloop.ledger.expired_batches import Expiring, decisions_in, expire, expire_together, parts_gone
from decisionloop.ledger.expiring_files import Learnt, files_gone, files_of_batches, learnt
from decisionloop.ledger.expiring_rows import whole_months
from decisionloop.ledger.personal_data import Erasure
from decisionloop.ledger.schema import utc_now
from decisionloop.workspace import Workspace

BY = "retention"
AT_ONCE = 200_000
"""Decisions that go in one transaction, unless a single batch has more."""
MONTH_AT_ONCE = 20_000_000
"""A month of more decisions is not dropped as a whole: nothing is chained while its transaction lasts."""
NEWEST_KEPT = 25
"""So many of the newest batches stay whatever their age: monitors compare with no more of them."""

_NOT_ROWS = ("batches", "files", "leaves")


@dataclass(frozen=True)
class Going:
    """What a batch loses, and how many decisions it holds."""

    batch: Batch
    parts: tuple[Part, ...]
    decisions: int


@dataclass(frozen=True)
class Kept:
    """A batch that is old enough, and why it stays."""

    batch_id: str
    because: str


@dataclass(frozen=True)
class RetentionPlan:
    """What goes as of a time, oldest first, and what stays although it is old enough."""

    use_case: str
    as_of: datetime
    going: tuple[Going, ...]
    learnings: tuple[Learnt, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True)
class Retained:
    """What went: how many batches, rows by table, files."""

    batches: int
    rows: dict[str, int]
    files: int

    def as_text(self) -> str:
        """It in a sentence."""
        if not self.rows and not self.files:
            return "Nothing was old enough."
        told = ", ".join(f"{name} {many:,}" for name, many in self.rows.items() if many and name not in _NOT_ROWS)
        many = f"{self.batches} {'batch' if self.batches == 1 else 'batches'}"
        return f"Of {many} these rows went: {told or 'none'}; files that went: {self.files}."


def plan_retention(workspace: Workspace, as_of: datetime | None = None) -> RetentionPlan:
    """What retention takes away as of a time; None: as of now, and of a replay as of its last batch.

    Raises UsageError for a time that has not come.
    """
    ledger, use_case = workspace.ledger, workspace.use_case
    found = batches(ledger, use_case.name)
    moment = as_of or _now(workspace, found)
    if moment > utc_now():
        raise UsageError(f"{moment:%Y-%m-%d} has not come. Name a time of the past with --as-of.")
    gone, sets = parts_gone(ledger, use_case.name), learnt(ledger, use_case.name)
    newest = {one.batch_id for one in [one for one in found if one.is_accepted][-NEWEST_KEPT:]}
    going, kept = [], []
    for one in found:
        parts = tuple(p for p in _old(use_case, one, moment) if p not in gone.get(one.batch_id, ()))
        because = _why_needed(use_case, one, moment, sets, newest) if parts else ""
        if because:
            kept.append(Kept(one.batch_id, because))
        elif parts:
            going.append(Going(one, parts, 0))
    many = decisions_in(ledger, [one.batch.batch_id for one in going])
    counted = tuple(replace(one, decisions=many.get(one.batch.batch_id, 0)) for one in going)
    removed = files_gone(ledger)
    old_sets = [one for one in sets if one.found.cohort_from <= use_case.retention.cutoff("features", moment)]
    leaving = tuple(one for one in old_sets if not one.living and one.digests - removed)
    return RetentionPlan(use_case.name, moment, counted, leaving, tuple(kept))


def apply_retention(workspace: Workspace, plan: RetentionPlan) -> Retained:
    """Take away what a plan names, so many decisions at a time; the audit chain verifies as before.

    Killed anywhere, what went is gone whole and the rest is there: done again it goes on. Raises IntegrityError where
    a batch is not as it was chained, ConfigurationError where the ledger's role may not delete.
    """
    ledger = workspace.ledger
    require_may_delete(ledger)
    seal(ledger)
    rows: dict[str, int] = {}
    files = _remove_gone(workspace)  # what a run that was killed has left
    months = whole_months(ledger, {one.batch.batch_id for one in plan.going if "decisions" in one.parts})
    for month, some in _together(plan.going, months):
        for name, many in _expire(workspace, plan, some, month).items():
            rows[name] = rows.get(name, 0) + many
        files += _remove_gone(workspace)
    if plan.learnings:
        needed = frozenset().union(*(one.digests for one in learnt(ledger, plan.use_case) if one.living))
        digests = frozenset().union(*(one.digests for one in plan.learnings)) - needed
        what = Expiring(plan.use_case, (), (), tuple(sorted(digests)), plan.as_of, plan.as_of)
        expire(ledger, _erasure(workspace, plan), what)
        files += _remove_gone(workspace)
    if rows or files:
        tidy(ledger)
        seal(ledger)
    return Retained(rows.get("batches", 0), rows, files)


def _now(workspace: Workspace, found: Sequence[Batch]) -> datetime:
    decided = [one for one in found if one.is_accepted]  # a replay's clock: a batch of today that was halted is none
    return utc_now() if workspace.is_live or not decided else decided[-1].as_of


def _old(use_case: UseCase, one: Batch, as_of: datetime) -> tuple[Part, ...]:
    return tuple(part for part in PARTS if one.as_of <= use_case.retention.cutoff(part, as_of))


def _why_needed(use_case: UseCase, one: Batch, as_of: datetime, sets: Sequence[Learnt], newest: set[str]) -> str:
    """Why a batch that is old enough stays, in a sentence; "" where nothing needs it."""
    if one.state not in FINISHED_STATES:
        return f"it is {one.state} and not finished. `decisionloop run {use_case.name}` finishes it."
    if one.batch_id in newest:
        return f"it is one of the newest {NEWEST_KEPT}, with which monitors compare."
    if one.as_of + needed_for(use_case) > as_of:
        return "outcomes of it may still come, or it may still teach (monitors.training_days)."
    living = sorted({name for learning in sets if learning.spans(one.as_of) for name in learning.living})
    if living:
        return f"{', '.join(living)} learnt from it and is not gone. A retraining on newer batches takes its place."
    return ""


def _chunks(going: Sequence[Going]) -> Iterator[tuple[Going, ...]]:
    """Batches that lose the same parts, oldest first, `AT_ONCE` decisions together."""
    some: list[Going] = []
    for one in going:
        is_full = sum(other.decisions for other in some) + one.decisions > AT_ONCE
        if some and (is_full or some[-1].parts != one.parts):
            yield tuple(some)
            some = []
        some.append(one)
    if some:
        yield tuple(some)


def _together(
    going: Sequence[Going], months: Mapping[date, frozenset[str]]
) -> Iterator[tuple[date | None, tuple[Going, ...]]]:
    """What goes in one transaction: the batches of a month in which nothing else lives, then all others in chunks."""
    left = list(going)
    for month, batch_ids in sorted(months.items()):
        own = tuple(one for one in left if one.batch.batch_id in batch_ids)
        if own and sum(one.decisions for one in own) <= MONTH_AT_ONCE:
            left = [one for one in left if one not in own]
            yield month, own
    for some in _chunks(left):
        yield None, some


def _expire(workspace: Workspace, plan: RetentionPlan, some: Sequence[Going], month: date | None) -> dict[str, int]:
    name, kept = plan.use_case, workspace.use_case.retention
    featured = tuple(one.batch.batch_id for one in some if "features" in one.parts)
    files = tuple(sorted(files_of_batches(workspace.ledger, name, featured))) if featured else ()
    posted, answered = kept.cutoff("outcomes", plan.as_of), kept.cutoff("decisions", plan.as_of)
    # First, for afterwards nothing names them.
    _remove_sent(workspace, [one.batch.batch_id for one in some if "decisions" in one.parts])
    going = []
    for chunk in _chunks(some):
        ids, parts = tuple(one.batch.batch_id for one in chunk), chunk[0].parts
        gone, files = (files, ()) if "features" in parts else ((), files)
        going.append((_erasure(workspace, plan), Expiring(name, ids, parts, gone, posted, answered)))
    return expire_together(workspace.ledger, going, month)


def _erasure(workspace: Workspace, plan: RetentionPlan) -> Erasure:
    reason = _said(workspace.use_case.retention, plan.as_of)
    return Erasure(uuid.uuid4().hex, plan.use_case, "retention", reason, BY, "{}", utc_now())


def _said(kept: Retention, as_of: datetime) -> str:
    months = f"features {kept.features}, outcomes {kept.outcomes}, decisions {kept.decisions}"
    return f"retention of the contract, months: {months}; as of {as_of:%Y-%m-%d}"


def _remove_gone(workspace: Workspace) -> int:
    """Remove what the ledger says is gone and still lies there; one listing, for most has been gone for long."""
    lying = {one.digest for one in workspace.snapshots.stored()}
    return sum(workspace.snapshots.remove(digest) for digest in sorted(files_gone(workspace.ledger) & lying))


def _remove_sent(workspace: Workspace, batch_ids: Sequence[str]) -> None:
    """Files of actions that have left the house, where they left as files of the home."""
    actuator = workspace.use_case.actuator
    if isinstance(actuator, FileSection):
        for one in batch_ids:
            shutil.rmtree(folder_of_batch(workspace.settings.home / actuator.folder, one), ignore_errors=True)
