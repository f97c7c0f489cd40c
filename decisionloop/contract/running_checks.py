"""Do the limits, monitors and times of a contract agree with what it decides?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from decisionloop.contract.cron import cron_problem
from decisionloop.contract.inconsistency import Inconsistency
from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.contract.operation import BudgetConstraint, ShareConstraint
from decisionloop.contract.retention import PARTS, Retention, needed_for
from decisionloop.contract.usecase import UseCase

FAMILIES = get_args(MonitorFamily)
DAYS_OF_MONTH = 28
"""Of the shortest one."""


def check_shares(use_case: UseCase) -> Iterator[Inconsistency]:
    """Shares of actions, in the policy and in the guardrails."""
    for i, constraint in enumerate(use_case.policy.constraints):
        if not isinstance(constraint, ShareConstraint):
            continue
        path = ("policy", "constraints", i)
        if constraint.action not in use_case.action_names:
            yield Inconsistency((*path, "action"), constraint.action, "unknown action", "Name one of `actions`.")
        if constraint.minimum > constraint.maximum:
            yield Inconsistency((*path, "minimum"), constraint.minimum, "above the maximum", "Swap them.")
    for name, (low, high) in use_case.guardrails.action_share.items():
        if name not in use_case.action_names or not 0 <= low <= high <= 1:
            yield Inconsistency(
                ("guardrails", "action_share", name),
                [low, high],
                "not an action's share",
                "Use [low, high] in [0, 1].",
            )


def check_exploration(use_case: UseCase) -> Iterator[Inconsistency]:
    """Priced exploration has a budget, and its shares are in order."""
    exploration, path = use_case.policy.exploration, ("policy", "exploration")
    if exploration.kind != "priced":
        return
    if exploration.budget_share is None and exploration.budget_money is None:
        yield Inconsistency((*path, "budget_share"), "-", "there is no budget", "Set budget_share or budget_money.")
    smallest, largest = exploration.smallest_share, exploration.largest_share
    if smallest > largest:
        remedy = "Lower it, or raise largest_share."
        yield Inconsistency((*path, "smallest_share"), smallest, f"above the largest share of {largest:g}", remedy)


def check_canary(use_case: UseCase) -> Iterator[Inconsistency]:
    """A challenger goes on to more entities, and not for less."""
    steps = use_case.canary.steps
    for i, (before, step) in enumerate(pairwise(steps), start=1):
        for name in ("share", "confidence"):
            least, given = getattr(before, name), getattr(step, name)
            if given < least or (name == "share" and given == least):
                problem = f"not above that of the step before, {least:g}"
                yield Inconsistency(("canary", "steps", i, name), given, problem, "Order the steps by their shares.")


def check_added_rows(use_case: UseCase) -> Iterator[Inconsistency]:
    """Parts of an amount come from a source that shows every row again: a replay has one row a decision."""
    kind = use_case.source.kind
    if use_case.outcome.are_rows_added and kind not in ("tables", "custom"):
        problem = f"a source of the kind {kind} has one row a decision, and nothing to add up"
        yield Inconsistency(("outcome", "amount", "rows"), "sum", problem, "Leave it out, or use the source `tables`.")


def check_cost_limit(use_case: UseCase) -> Iterator[Inconsistency]:
    """A limit on the cost needs something that costs."""
    most = use_case.guardrails.maximum_cost
    if most is not None and not any(constraint.kind == "budget" for constraint in use_case.policy.constraints):
        yield Inconsistency(
            ("guardrails", "maximum_cost"),
            most,
            "there is no budget constraint whose cost it could limit",
            "Add one under policy.constraints, or remove it.",
        )


def check_budgets(use_case: UseCase) -> Iterator[Inconsistency]:
    """False alarms: what families of monitors may raise is within what all of them may."""
    monitors, path = use_case.monitors, ("monitors", "budgets")
    spent, has_others = sum(monitors.budgets.values()), len(monitors.budgets) < len(FAMILIES)
    if spent > monitors.false_alarms_per_year or (has_others and spent == monitors.false_alarms_per_year):
        problem = f"no false alarm is left of {monitors.false_alarms_per_year:g} a year for the other monitors"
        yield Inconsistency(path, spent, problem, "Lower them, or raise false_alarms_per_year.")
    for family, budget in monitors.budgets.items():
        if budget <= 0:
            remedy = "Give it a positive number of false alarms a year."
            yield Inconsistency((*path, family), budget, "never alarms", remedy)


def check_slices(use_case: UseCase) -> Iterator[Inconsistency]:
    """Slices are made of groups."""
    groups = {f.name for f in use_case.features if f.type == "category"} | {p.name for p in use_case.protected}
    for section, named in (("monitors", use_case.monitors.slices), ("gate", use_case.gate.slices or ())):
        for i, name in enumerate(named):
            if name not in groups:
                problem, remedy = "is no category feature and no protected attribute", "Name one of these."
                yield Inconsistency((section, "slices", i), name, problem, remedy)


def check_notifications(use_case: UseCase) -> Iterator[Inconsistency]:
    """Quiet hours have a beginning and an end, on a clock that there is."""
    for i, told in enumerate(use_case.monitors.notifications):
        path = ("monitors", "notifications", i)
        if bool(told.quiet_from) != bool(told.quiet_until):
            problem, remedy = "quiet hours need a start and an end", "Give both or neither."
            yield Inconsistency(path, told.quiet_from or told.quiet_until, problem, remedy)
        yield from _clock((*path, "timezone"), told.timezone)


def check_schedule(use_case: UseCase) -> Iterator[Inconsistency]:
    """The schedule is one that ever comes, on a clock that there is."""
    cron = use_case.schedule.cron
    problem = cron_problem(cron)
    if problem:
        remedy = "Write five fields as cron does, e.g. 0 6 * * 1 for Mondays at six."
        yield Inconsistency(("schedule", "cron"), cron, f"is no cron expression: {problem}", remedy)
    yield from _clock(("schedule", "timezone"), use_case.schedule.timezone)


def _clock(path: tuple[str | int, ...], name: str) -> Iterator[Inconsistency]:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        remedy = "Use a name of the IANA database, such as Asia/Taipei."
        yield Inconsistency(path, name, "unknown time zone", remedy)


def check_rows(use_case: UseCase) -> Iterator[Inconsistency]:
    """A batch may have some number of rows."""
    fewest, most = use_case.data_quality.rows
    if fewest > most:
        yield Inconsistency(("data_quality", "rows"), [fewest, most], "fewest above most", "Swap them.")


def check_replay(use_case: UseCase) -> Iterator[Inconsistency]:
    """A replayed log shows the outcome of the logged action only."""
    is_log = use_case.source.kind == "randomised_log_replay"
    if is_log and use_case.policy.holdout_share == 0 and not use_case.is_explored:
        problem = "a replayed log without exploration teaches one action only"
        yield Inconsistency(("policy",), 0, problem, "Set exploration.")
    if is_log and use_case.outcome.means_zero_when_absent:
        problem = "a replayed log shows nothing where the loop did not choose the logged action, and that is no 0"
        remedy = "Write the zeros into the log, each with the time at which it was certain, and say unknown."
        yield Inconsistency(("outcome", "absent_means"), "0", problem, remedy)


def check_online(use_case: UseCase) -> Iterator[Inconsistency]:
    """What holds over a whole batch cannot be held by a decision that is made alone; a period has whole segments,
    and an answer an end."""
    online, window = use_case.online, use_case.outcome.window_days * 1440
    holds = None if online is None else online.holds_minutes
    if holds is not None and holds > window:
        problem = "an answer would hold longer than an outcome is looked for after it"
        remedy = f"Let it hold for at most outcome.window_days, {window:g} minutes."
        yield Inconsistency(("online", "holds_minutes"), holds, problem, remedy)
    if online is not None and 24 % online.period_hours and online.period_hours % 24:
        problem, remedy = "neither divides a day nor is whole days", "Write 1, 2, 3, 4, 6, 8, 12, 24, 48 or so."
        yield Inconsistency(("online", "period_hours"), online.period_hours, problem, remedy)
    if online is not None and online.sealed_every_minutes > 60 * online.period_hours:
        problem, remedy = "is longer than the watching period", "Seal at least once in period_hours."
        yield Inconsistency(("online", "sealed_every_minutes"), online.sealed_every_minutes, problem, remedy)
    free = {one.name for one in use_case.actions if one.is_default}
    for i, constraint in enumerate(use_case.policy.constraints if online is not None else ()):
        costs = constraint.cost if isinstance(constraint, BudgetConstraint) else {}
        for name in sorted(name for name in free & set(costs) if not _is_nothing(costs[name])):
            problem = "is what is done when the budget of a period is spent, and must cost nothing"
            path = ("policy", "constraints", i, "cost")
            yield Inconsistency(path, name, problem, "Remove its cost, or decide in batches only.")


def _is_nothing(cost: str) -> bool:
    """Whether a cost is the number 0, however it is written."""
    try:
        return float(cost) == 0
    except ValueError:
        return False


def check_mode(use_case: UseCase) -> Iterator[Inconsistency]:
    """Who looks on beside another system is told what that decided, and decides nobody itself."""
    source = use_case.source
    if use_case.is_observing and source.kind == "tables" and source.legacy is None:
        problem, remedy = "nothing says what the other system decided", "Name its columns under source.legacy."
        yield Inconsistency(("source", "legacy"), "null", problem, remedy)
    elif use_case.is_observing and source.kind in ("full_information_replay", "randomised_log_replay"):
        problem = "shows what the loop's own actions would have shown, and another system decides"
        yield Inconsistency(("source", "kind"), source.kind, problem, "Use legacy_log_replay, or tables with legacy.")
    elif not use_case.is_observing and source.kind == "legacy_log_replay":
        problem = "shows what came of another system's actions, and the loop would decide otherwise"
        yield Inconsistency(("source", "kind"), source.kind, problem, "Set mode: observe, or use another source.")
    if use_case.is_observing and use_case.online is not None:
        problem = "another system decides, so there is nothing to decide one at a time"
        yield Inconsistency(("online",), "online", problem, "Remove online, or set mode: decide.")


def check_executed(use_case: UseCase) -> Iterator[Inconsistency]:
    """What was really done can be told, of a decision that is named, and changes what is seen."""
    executed, source, path = use_case.outcome.executed, use_case.source, ("outcome", "executed")
    if executed is None:
        return
    if source.kind not in ("tables", "custom"):
        problem = "replays what was done, and nobody has done otherwise there"
        yield Inconsistency(("source", "kind"), source.kind, problem, "Remove outcome.executed, or use tables.")
    if not use_case.outcome.depends_on_action:
        problem = "another action's outcome is read off what was seen, and nobody saw what people would do about that"
        yield Inconsistency((*path, "action"), executed.action, problem, "Remove it, or set depends_on_action: true.")
    if not executed.action and executed.columns:
        problem = "who did otherwise and why are columns, and what was done is none"
        yield Inconsistency((*path, "action"), "", problem, "Name the column of the executed action.")
    if not executed.action and use_case.online is None:
        remedy = "Name the column of the executed action, or declare online."
        yield Inconsistency((*path, "action"), "", "nothing can say it: it is in no column and not posted", remedy)
    if executed.action and source.kind == "tables":
        columns = source.outcome_columns
        if not columns.decision_time and not columns.decision_id:
            problem = "nothing says of which decision an action was executed"
            remedy = "Name decision_time or decision_id among them."
            yield Inconsistency(("source", "outcome_columns"), "-", problem, remedy)
    told = [one.column for one in (use_case.outcome.class_, use_case.outcome.amount) if one]
    for name in sorted({*told, use_case.outcome.happened_at or ""} & set(executed.columns)):
        yield Inconsistency(path, name, "is the outcome itself", "Name the column of the executed action.")
    for name in sorted({one for one in executed.columns if executed.columns.count(one) > 1}):
        problem = "one column cannot say two things: what was done, who did it and why"
        yield Inconsistency(path, name, problem, "Give each its own column, or leave `by` and `reason` out.")


def check_retention(use_case: UseCase) -> Iterator[Inconsistency]:
    """What hangs off a decision goes with it at the latest, and nothing that was set goes while it is needed.

    Where nothing was set a batch stays as long as it is needed, and retention says so where it is applied.
    """
    kept = use_case.retention
    if kept == Retention():
        return
    needed = needed_for(use_case).total_seconds() / 86_400
    for part in PARTS:
        months: int = getattr(kept, part)
        if months > kept.decisions:
            problem = f"longer than decisions, which are kept for {kept.decisions} months"
            yield Inconsistency(("retention", part), months, problem, "Keep decisions as long, or this shorter.")
        if months * DAYS_OF_MONTH < needed:
            problem = f"shorter than a batch may teach or get outcomes: {needed:g} days"
            remedy = "Keep it longer, or lower monitors.training_days or outcome.closed_days."
            yield Inconsistency(("retention", part), months, problem, remedy)
