"""What exploring was expected to come to, as it was agreed on batch by batch before anybody explored."""

from __future__ import annotations

import math
from collections.abc import Sequence

from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.contract import UseCase
from decisionloop.ledger.batches import batches, cohort_name, latest_details
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.report.record.exploring import ExploredGroup, PlannedExploring


def planned_by_batch(ledger: Ledger, use_case: UseCase, last: int | None = None) -> tuple[PlannedExploring, ...]:
    """One for each decided batch that may explore, by as-of; of the ``last`` ones only."""
    decided = [one for one in batches(ledger, use_case.name) if one.is_decided]
    decided = decided if last is None else decided[-last:]
    details = latest_details(ledger, [one.batch_id for one in decided], "decided")
    return tuple(
        _planned(use_case, cohort_name(one.as_of), ExploringFigures.from_json(str(detail["exploring"])))
        for one, detail in zip(decided, details, strict=True)
        if detail.get("exploring")
    )


def planned_in_all(planned: Sequence[PlannedExploring]) -> PlannedExploring | None:
    """The batches together, the groups of all of them included; None without any. A budget is one if all have one."""
    if not planned:
        return None
    budgets, looks = [one.budget for one in planned], [one.look_cost for one in planned]
    groups: dict[tuple[str, str], tuple[int, float]] = {}
    for group in (group for one in planned for group in one.groups):
        rows, explored = groups.get((group.attribute, group.wording), (0, 0.0))
        groups[group.attribute, group.wording] = (rows + group.rows, explored + group.explored)
    return PlannedExploring(
        cohort="",
        rows=sum(one.rows for one in planned),
        explored=math.fsum(one.explored for one in planned),
        cost=math.fsum(one.cost for one in planned),
        budget=None if None in budgets else math.fsum(one for one in budgets if one is not None),
        groups=tuple(ExploredGroup(*names, *counted) for names, counted in groups.items()),
        look_cost=None if None in looks else math.fsum(one for one in looks if one is not None),
    )


def _planned(use_case: UseCase, cohort: str, figures: ExploringFigures) -> PlannedExploring:
    wordings = {(one.name, group): wording for one in use_case.protected for group, wording in one.groups.items()}
    return PlannedExploring(
        cohort=cohort,
        rows=figures.rows,
        explored=figures.explored,
        cost=figures.cost,
        budget=figures.budget,
        groups=tuple(
            ExploredGroup(one.attribute, wordings.get((one.attribute, one.group), one.group), one.rows, one.explored)
            for one in figures.groups
        ),
        look_cost=figures.look_cost,
        is_budget_left=figures.is_budget_left,
    )
