"""Flags that people and guards set, the kill switch first of all: of a use case, of a release, of everything.

Those of one scope add up, so that who sets one never lessens what holds: of all that hold the strictest counts. One
that `is_replacing` ends those before it in its scope; only approvers set such a one (`kill_switch.turn`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast, get_args

from sqlalchemy import Connection, exists, or_, select

from decisionloop.errors import UsageError
from decisionloop.ledger.held_actions import Covers, hold_unsent, use_cases_with_unsent
from decisionloop.ledger.schema import as_utc, flag, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import EVERYTHING, take_switch

KILL_SWITCH = "kill_switch"
MLFLOW_ALIASES = "mlflow_aliases"
"""Which releases MLflow's aliases named when they last followed: JSON that decisionloop alone writes."""
Position = Literal["off", "on", "default"]
"""Where the kill switch stands: "on", the rules decide; "default", everybody gets the default action."""
Scope = Literal["use case", "release", "everything"]
STRICTNESS: Mapping[str, int] = {"off": 0, "on": 1, "default": 2}
FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class NewFlag:
    """What somebody sets a flag to, why and who. ``until``: when it ends by itself, None: never.

    ``use_case`` `EVERYTHING`: of every one. ``release_id``: of that release of the use case alone.
    """

    use_case: str
    name: str
    value: str
    reason: str
    set_by: str
    release_id: str | None = None
    until: datetime | None = None
    is_replacing: bool = False


@dataclass(frozen=True)
class Flag:
    """A value that a flag was set to, why and by whom, of which scope and until when, as `NewFlag` says it."""

    use_case: str
    name: str
    seq: int
    value: str
    reason: str
    set_by: str
    at: datetime
    release_id: str | None = None
    until: datetime | None = None
    is_replacing: bool = True

    @property
    def scope(self) -> Scope:
        """Of what it is."""
        if self.release_id is not None:
            return "release"
        return "everything" if self.use_case == EVERYTHING else "use case"

    @property
    def ends(self) -> datetime:
        """When it ends by itself."""
        return self.until or FOR_EVER

    @property
    def until_words(self) -> str:
        """Until when it holds, in words that follow its value."""
        return "" if self.until is None else f" until {self.until:%Y-%m-%d %H:%M} UTC"

    def as_text(self) -> str:
        """Of what it is, where it stands, until when, since when, by whom and why."""
        what = {"release": f"release {self.release_id}", "everything": "everything", "use case": self.use_case}
        since = f"since {self.at:%Y-%m-%d %H:%M} UTC by {self.set_by}"
        return f"{what[self.scope]}: {self.value}{self.until_words}, {since}: {self.reason.rstrip('.')}"


@dataclass(frozen=True)
class Switch:
    """What the kill switch forbids in one use case at a moment: every flag that holds then."""

    holding: tuple[Flag, ...]

    @property
    def position(self) -> Position:
        """Where it stands for whoever decides: the strictest of the use case and of everything."""
        strictest = max((STRICTNESS[one.value] for one in self.holding if one.scope != "release"), default=0)
        return cast(Position, next(value for value, rank in STRICTNESS.items() if rank == strictest))

    @property
    def stopped(self) -> frozenset[str]:
        """The releases that may not decide."""
        return frozenset(one.release_id for one in self.holding if one.release_id is not None)

    def position_for(self, release_id: str) -> Position:
        """Where it stands while that release would decide."""
        return "on" if self.position == "off" and release_id in self.stopped else self.position

    def decisive(self, release_id: str | None) -> Flag | None:
        """The flag that decides how it stands for a release: the strictest, of those the one that holds longest."""
        bearing = [one for one in self.holding if one.release_id in (None, release_id)]
        return max(bearing, key=lambda one: (STRICTNESS[one.value], one.ends, one.at), default=None)


def put_flag(target: Ledger | Connection, new: NewFlag) -> Flag:
    """Set a flag and return it as it is kept; saying again what was said last adds nothing.

    The kill switch waits for every transaction of `switch_lock.steady_switch`; turned on, it holds, in the same
    transaction, what a model (with a release: that release) chose and what has not left yet; turned to the default
    action, also what rules chose.

    Raises `UsageError` for a flag that there is not, a value that it cannot have, and an end that has passed.
    """
    require_known(new)
    with facts.writing(target) as connection:
        if new.name == KILL_SWITCH:
            take_switch(connection, new.use_case)
        now = utc_now()
        if new.until is not None and as_utc(new.until) <= now:
            raise UsageError(f"{new.until:%Y-%m-%d %H:%M} UTC has passed. Name a time that is yet to come.")
        seq = facts.next_seq(connection, flag, flag.c.use_case == new.use_case, flag.c.name == new.name)
        if new.name == KILL_SWITCH and new.value != "off":  # also where it is on: what was released since is meant
            _hold(connection, new)
        last = _last_of_scope(connection, new)
        if last is not None and _is_said(last, new):
            return last
        kept = Flag(
            new.use_case, new.name, seq, new.value, new.reason, new.set_by, now,
            new.release_id, new.until, new.is_replacing or new.value == "off",
        )  # fmt: skip
        facts.add(connection, flag, [kept])
        return kept


def set_flag(target: Ledger | Connection, use_case: str, name: str, value: str, reason: str, set_by: str) -> Flag:
    """Set a flag of a use case in the place of what it was set to before; else as :func:`put_flag`."""
    return put_flag(target, NewFlag(use_case, name, value, reason, set_by, is_replacing=True))


def require_known(new: NewFlag) -> None:
    """Raises `UsageError`, with the right ones, for a flag that there is not and for a value that it cannot have."""
    if new.name == MLFLOW_ALIASES:
        return
    if new.name != KILL_SWITCH:
        raise UsageError(f"no flag is called {new.name!r}. There is: {KILL_SWITCH}.")
    if new.release_id is not None:
        if new.value not in ("on", "off"):
            raise UsageError(
                f"the kill switch of release {new.release_id} is on or off; it cannot be {new.value!r}. "
                "Where the rules are wrong too, turn that of the use case to default."
            )
    elif new.value not in get_args(Position):
        whose = "everything" if new.use_case == EVERYTHING else new.use_case
        raise UsageError(f"the kill switch of {whose} is on, default or off; it cannot be {new.value!r}.")
    if new.value == "off" and new.until is not None:
        raise UsageError("off has no end. To stop for a while, turn it on with an end.")


def stop_model(target: Ledger | Connection, use_case: str, reason: str, by: str) -> None:
    """Turn the kill switch on for a guard, without an end; where everybody gets the default action, that stands."""
    with facts.writing(target) as connection:
        take_switch(connection, use_case)
        own = [one for one in switch_of(connection, use_case).holding if one.scope == "use case"]
        if not any(one.value == "default" and one.until is None for one in own):
            put_flag(connection, NewFlag(use_case, KILL_SWITCH, "on", reason, by))


def current_flag(source: Ledger | Connection, use_case: str, name: str) -> Flag | None:
    """What a flag of a use case was set to last, or None where nobody ever set it; it may have ended since."""
    return _last(source, use_case, name, None)


def flag_history(source: Ledger | Connection, use_case: str, name: str) -> tuple[Flag, ...]:
    """Every value that a flag of a use case and of its releases was set to, in order."""
    table = flag.c
    return facts.every(source, Flag, flag, table.use_case == use_case, table.name == name, order_by=[table.seq])


def switch_of(source: Ledger | Connection, use_case: str, at: datetime | None = None) -> Switch:
    """What the kill switch forbids in a use case; ``at`` None: now."""
    table, newer = flag.c, flag.alias("newer").c
    is_same_scope = newer.release_id.is_not_distinct_from(table.release_id)
    is_over = exists().where(
        newer.use_case == table.use_case,
        newer.name == table.name,
        is_same_scope,
        newer.is_replacing,
        newer.seq > table.seq,
    )
    where = (
        table.use_case.in_((use_case, EVERYTHING)),
        table.name == KILL_SWITCH,
        table.value != "off",
        or_(table.until.is_(None), table.until > (at or utc_now())),
        ~is_over,
    )
    return Switch(facts.every(source, Flag, flag, *where, order_by=[table.use_case, table.seq]))


def kill_switch(source: Ledger | Connection, use_case: str) -> Position:
    """Where the kill switch stands for whoever decides; off where nobody ever set it, or what was set has ended."""
    return switch_of(source, use_case).position


def is_kill_switch_on(source: Ledger | Connection, use_case: str) -> bool:
    """Whether the kill switch stops every model, in whichever position."""
    return kill_switch(source, use_case) != "off"


def switch_ended(source: Ledger | Connection, use_case: str) -> datetime | None:
    """When the kill switch, of whichever scope, was last turned off or ended by itself; None where it never did."""
    table, now = flag.c, utc_now()
    where = (table.use_case.in_((use_case, EVERYTHING)), table.name == KILL_SWITCH)
    every = facts.every(source, Flag, flag, *where, order_by=[table.use_case, table.seq])
    ends = [one.at if one.value == "off" else one.until for one in every]
    return max((end for end in ends if end is not None and end <= now), default=None)


def _hold(connection: Connection, new: NewFlag) -> None:
    names = use_cases_with_unsent(connection) if new.use_case == EVERYTHING else (new.use_case,)
    covers: Covers = "all" if new.value == "default" else "model"
    of = None if new.release_id is None else frozenset({new.release_id})
    for name in names:
        hold_unsent(connection, name, new.reason, new.set_by, covers, of)


def _last_of_scope(connection: Connection, new: NewFlag) -> Flag | None:
    return _last(connection, new.use_case, new.name, new.release_id)


def _last(source: Ledger | Connection, use_case: str, name: str, release_id: str | None) -> Flag | None:
    """What was said last of a scope: one row by its key, however long the history is."""
    table = flag.c
    statement = (
        select(*facts.columns_of(Flag, flag))
        .where(table.use_case == use_case, table.name == name, table.release_id.is_not_distinct_from(release_id))
        .order_by(table.seq.desc())
        .limit(1)
    )
    return next(iter(facts.as_facts(source, Flag, statement)), None)


def _is_said(last: Flag, new: NewFlag) -> bool:
    """Whether the same was said last, and holds as it would."""
    is_same = (last.value, last.reason, last.set_by) == (new.value, new.reason, new.set_by)
    return is_same and last.until == new.until and (last.is_replacing or not new.is_replacing)
