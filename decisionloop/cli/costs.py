"""What serving cost, for a terminal: the last batch's decisions, the share of the value earned, and each release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.ledger.stage_costs import BatchCost
    from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class CostStatus:
    """The cost of 1,000 decisions, in currency, and in words; None and "" where it is not known."""

    per_1000_decisions: float | None
    share_of_value: float | None
    text: str
    by_release: tuple[str, ...]


def cost_status(workspace: Workspace, value_per_decision: float | None) -> CostStatus:
    """Read the costs from the ledger. ``value_per_decision``: of the last mature cohort, None before the first."""
    from decisionloop.ledger.stage_costs import batch_costs, release_costs
    from decisionloop.report.words.figures import fine

    costs = batch_costs(workspace.ledger, workspace.use_case.name)
    decided = [cost for cost in costs if cost.decisions]
    if not decided:
        return CostStatus(None, None, "nothing was measured yet", ())
    last, currency = decided[-1], workspace.use_case.economics.currency
    if not last.is_priced:
        return CostStatus(None, None, _unpriced(last), ())
    each = last.money / last.decisions
    has_share = value_per_decision is not None and value_per_decision > 0
    share = each / value_per_decision if has_share and value_per_decision else None
    return CostStatus(
        per_1000_decisions=1000 * each,
        share_of_value=share,
        text=f"{currency} {fine(1000 * each)} per 1,000 decisions{_of_value(share, value_per_decision, currency)} "
        f"({last.batch_id})",
        by_release=tuple(
            f"{currency} {fine(1000 * one.per_decision)} per 1,000 by {one.release_id} ({one.rows:,} so far)"
            for one in release_costs(costs)
            if one.per_decision is not None
        ),
    )


def _unpriced(cost: BatchCost) -> str:
    from decisionloop.report.words.figures import NBSP, data_size, fine

    thousand = 1000 / cost.decisions
    stored = data_size(round(cost.bytes_stored * thousand)).replace(NBSP, " ")
    return (
        f"{fine(cost.cpu_seconds * thousand)} processor seconds and {stored} per 1,000 decisions, without a price "
        f"({cost.batch_id}). Set serving_cost in the contract."
    )


def _of_value(share: float | None, value: float | None, currency: str) -> str:
    from decisionloop.report.words.figures import fine, fine_percent

    if share is not None:
        return f", {fine_percent(share)} of what they earn"
    if value is None:
        return ""
    lost = f", while a decision of the last measured cohort lost {currency} {fine(-value)} on average"
    return lost if value < 0 else ", and earn nothing"
