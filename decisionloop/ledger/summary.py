"""What the ledger says of a batch and of a use case, in few numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import func, select

from decisionloop.act.legacy import LEGACY
from decisionloop.errors import UsageError
from decisionloop.ledger.batches import FINISHED_STATES, Scalar, batches, find_batch, latest_detail
from decisionloop.ledger.held_actions import count_held
from decisionloop.ledger.releases import current_stages
from decisionloop.ledger.schema import decision, delivery, outbox, withdrawn_decision
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.verdicts import learn_runs
from decisionloop.ledger.watching_periods import first_segment, parts_sealed
from decisionloop.ledger.withdrawing import WithdrawnCount, withdrawn_before_decided


@dataclass(frozen=True)
class Group:
    """Decisions of one action and role."""

    action: str
    role: str
    decisions: int


@dataclass(frozen=True)
class BatchSummary:
    """A batch in few numbers. ``outside_support``: decisions that the rules took because the log that taught the model
    does not support what it would have done; None where the release may decide everywhere. ``on_trial``: the release
    that decided some of them beside the champion, "" where none did. ``is_observed``: another system made them, and of
    those ``left_out``, by why, nobody can tell how. ``answered_meanwhile``: how many more were logged and withdrawn,
    for their people were answered one at a time; nothing here counts them."""

    batch_id: str
    state: str
    champion: str
    decisions: int
    queued: int
    delivered: int
    held: int
    cancelled: int
    groups: tuple[Group, ...]
    fallbacks: tuple[tuple[str, int], ...]
    halted_because: str
    due: int = 0
    decided_before: int = 0
    decided_in: tuple[tuple[str, int], ...] = ()
    late: int = 0
    outside_support: int | None = None
    on_trial: str = ""
    is_observed: bool = False
    left_out: tuple[tuple[str, int], ...] = ()
    answered_meanwhile: int = 0

    def as_json(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)

    def as_text(self) -> str:
        """A few lines for a terminal."""
        if self.halted_because:
            return f"{self.batch_id}: halted. {self.halted_because}"
        if self.state == "covered":
            told = "nobody is left to decide" if self.decided_before else "nobody was due"
            return f"{self.batch_id}: {told}.{self._others}"
        if not self.groups:
            return f"{self.batch_id}: {self.state}. Nobody has been decided yet.{self._others}"
        actions = Counter[str]()
        for group in self.groups:
            actions[group.action] += group.decisions
        shares = ", ".join(f"{name} {count:,}" for name, count in actions.most_common())
        if self.is_observed:
            return f"{self._observed(shares)}{self._others}"
        return (
            f"{self.batch_id}: {self.state}. {self.decisions:,} decisions ({shares}) by {self.champion}"
            f"{self._by_trial}{self._outside}; {self.delivered:,} of {self.queued:,} actions delivered"
            f"{self._kept_back}.{self._others}"
        )

    def _observed(self, shares: str) -> str:
        left = "".join(f" {many:,} left out, with {why.removeprefix('legacy: ')}." for why, many in self.left_out)
        told = f"{self.batch_id}: {self.state}. {self.decisions:,} decisions ({shares}) by another system"
        return f"{told}, observed beside {self.champion}; nothing is sent.{left}"

    @property
    def _by_trial(self) -> str:
        chosen = sum(group.decisions for group in self.groups if group.role == "canary")
        return f", {chosen:,} of them chosen by {self.on_trial} on trial" if self.on_trial and chosen else ""

    @property
    def _outside(self) -> str:
        if self.outside_support is None:
            return ""
        return f", {self.outside_support:,} outside its support as the rules would"

    @property
    def _kept_back(self) -> str:
        kept = {"held": self.held, "cancelled": self.cancelled}
        return "".join(f", {count:,} {state}" for state, count in kept.items() if count)

    @property
    def _others(self) -> str:
        """Who of those who were due is elsewhere, and who is here that was not due now."""
        told = ""
        if self.answered_meanwhile:
            many = f"{self.answered_meanwhile:,} more {'was' if self.answered_meanwhile == 1 else 'were'}"
            told += f" {many} withdrawn and not sent: they were answered one at a time meanwhile."
        if self.decided_before:
            where = ", ".join(f"{count:,} in {batch_id}" for batch_id, count in self.decided_in)
            told += f" {self.decided_before:,} of {self.due:,} who were due had been decided before ({where})."
        if self.late:
            told += f" {self.late:,} were late: an earlier batch should have decided them."
        return told


def batch_summary(ledger: Ledger, batch_id: str) -> BatchSummary:
    """Sum a batch up. Raises UsageError for a batch that the ledger does not know."""
    batch = find_batch(ledger, batch_id)
    if batch is None:
        raise UsageError(f"no batch {batch_id} in the ledger. `decisionloop status` lists the last ones.")
    groups, fallbacks = _decided(ledger, batch_id)
    queued, delivered, cancelled = _sent(ledger, batch_id)
    said = latest_detail(ledger, batch_id, "covered" if batch.state == "covered" else "decided")
    meanwhile = int(said.get("answered_meanwhile") or 0)
    if meanwhile:
        groups = _standing(groups, withdrawn_before_decided(ledger, batch_id))
    is_halted = batch.state == "halted"
    due = latest_detail(ledger, batch_id, "covered" if batch.state == "covered" else "frozen")
    scored, decided = latest_detail(ledger, batch_id, "scored"), latest_detail(ledger, batch_id, "decided")
    is_gathering = batch.state == "opened" and bool(parts_sealed(ledger, batch_id))
    if is_gathering:
        scored = json.loads(first_segment(ledger, batch_id).deciders)
    return BatchSummary(
        batch_id=batch_id,
        state="gathering until its watching period is over" if is_gathering else batch.state,
        champion=str(scored.get("champion", "")),
        decisions=sum(group.decisions for group in groups),
        queued=queued,
        delivered=delivered,
        held=count_held(ledger, batch_id),
        cancelled=cancelled,
        groups=groups,
        fallbacks=fallbacks,
        halted_because=str(latest_detail(ledger, batch_id, "halted")["check"]) if is_halted else "",
        due=int(due.get("due") or due.get("rows") or 0),
        decided_before=int(due.get("decided_before") or 0),
        decided_in=tuple(json.loads(str(due.get("decided_in") or "{}")).items()),
        late=int(due.get("late") or 0),
        outside_support=_outside_support(decided),
        on_trial=str(scored.get("on_trial") or ""),
        is_observed=decided.get("decided_by") == LEGACY,
        answered_meanwhile=meanwhile,
        left_out=tuple(json.loads(str(decided.get("left_out") or "{}")).items()),
    )


def _outside_support(decided: Mapping[str, Scalar]) -> int | None:
    told = decided.get("outside_support")
    return None if told is None else int(told)


def _decided(ledger: Ledger, batch_id: str) -> tuple[tuple[Group, ...], tuple[tuple[str, int], ...]]:
    """How many decisions took which action in which role, and for which reasons how many fell to the rules."""
    counted = (decision.c.action, decision.c.role, func.count())
    grouped = select(*counted).where(decision.c.batch_id == batch_id).group_by(*counted[:2]).order_by(*counted[:2])
    reason = decision.c.fallback_reason
    fell = select(reason, func.count()).where(decision.c.batch_id == batch_id, reason.is_not(None)).group_by(reason)
    with ledger.connect() as connection:
        groups = tuple(Group(*row) for row in connection.execute(grouped))
        reasons = connection.execute(fell.order_by(func.count().desc()))
        return groups, tuple((str(why), int(count)) for why, count in reasons)


def _standing(groups: Sequence[Group], withdrawn: Sequence[WithdrawnCount]) -> tuple[Group, ...]:
    """The decisions that stand."""
    gone = Counter[tuple[str, str]]()
    for one in withdrawn:
        gone[one.action, one.role] += one.decisions
    left = (replace(one, decisions=one.decisions - gone[one.action, one.role]) for one in groups)
    return tuple(one for one in left if one.decisions)


def _sent(ledger: Ledger, batch_id: str) -> tuple[int, int, int]:
    """How many actions were queued, delivered and cancelled."""
    queued = select(func.count()).select_from(outbox).where(outbox.c.batch_id == batch_id)
    delivered = (
        select(func.count())
        .select_from(delivery.join(outbox, outbox.c.decision_id == delivery.c.decision_id))
        .where(outbox.c.batch_id == batch_id, delivery.c.status == "delivered")
    )
    cancelled = (
        select(func.count())
        .select_from(withdrawn_decision.join(outbox, outbox.c.decision_id == withdrawn_decision.c.decision_id))
        .where(outbox.c.batch_id == batch_id)
    )
    with ledger.connect() as connection:
        counts = [connection.execute(one).scalar_one() for one in (queued, delivered, cancelled)]
    return counts[0], counts[1], counts[2]


def finished_turns(ledger: Ledger, use_case: str) -> frozenset[datetime]:
    """As-of times at which the whole loop has run: learning, its last step, has judged what it trained, if anything."""
    stages = current_stages(ledger, use_case)
    trained = {found.release.created_at for found in stages if found.release.training_set_id}
    judged = trained - {found.release.created_at for found in stages if found.stage == "candidate"}
    answered = {run.as_of for run in learn_runs(ledger, use_case) if not run.is_triggered or run.as_of in judged}
    unfinished = {b.as_of for b in batches(ledger, use_case) if b.state not in FINISHED_STATES}
    return frozenset(answered - unfinished)
