"""What serving cost: from the ledger's costs to the lines of the page, and what to say of them."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.ledger.stage_costs import BatchCost, RecordedCost, release_costs
from decisionloop.metering import STAGES
from decisionloop.report.record.lines import ReleaseCostLine, ServingLines, StageLine
from decisionloop.report.record.story import PeriodMoney
from decisionloop.report.record.totals import total_of
from decisionloop.report.words.figures import count_of, data_size, fine_money, fine_percent, number
from decisionloop.report.words.naming import ReleaseNames

STAGE_WORDS = {
    "freeze": "Gathering and freezing what is known",
    "validate": "Checking the data",
    "score": "Scoring",
    "explain": "Reasons",
    "decide": "Choosing an action",
    "log": "Writing decisions down",
    "dispatch": "Sending actions",
}
DECIDING, IN_SHADOW, BY_RULES = "the release that decides", "in shadow", "the rules beside it"


def serving_lines(
    costs: Sequence[BatchCost], all_batches: int, money: Sequence[PeriodMoney], names: ReleaseNames
) -> ServingLines | None:
    """The page's lines; None where nothing was measured. ``money``: what the periods earned."""
    if not costs:
        return None
    return ServingLines(
        decisions=sum(cost.decisions for cost in costs),
        batches=len(costs),
        all_batches=all_batches,
        cpu_seconds=sum(cost.cpu_seconds for cost in costs),
        bytes_stored=sum(cost.bytes_stored for cost in costs),
        money=sum(cost.money for cost in costs),
        is_priced=any(cost.is_priced for cost in costs),
        earned=_earned(money),
        stages=_stages(costs, names),
        releases=tuple(
            ReleaseCostLine(names[one.release_id], one.rows, one.per_decision) for one in release_costs(costs)
        ),
    )


def _earned(money: Sequence[PeriodMoney]) -> float | None:
    """Value of one decision over the periods whose outcomes are complete; None before the first."""
    total = total_of(money)
    if total is None or total.policy.value is None or not total.decisions:
        return None
    return total.policy.value / total.decisions


def _stages(costs: Sequence[BatchCost], names: ReleaseNames) -> tuple[StageLine, ...]:
    found: dict[tuple[str, str], list[RecordedCost]] = {}
    for cost in costs:
        for line in cost.lines:
            found.setdefault((line.stage, _whose(cost, line, names)), []).append(line)
    order: dict[str, int] = {stage: rank for rank, stage in enumerate(STAGES)}
    ranks = ("", DECIDING, IN_SHADOW, BY_RULES)
    return tuple(
        StageLine(
            stage=STAGE_WORDS.get(stage, stage.replace("_", " ")),
            whose=whose,
            cpu_seconds=sum(line.cpu_seconds for line in found[stage, whose]),
            bytes_stored=sum(line.bytes_stored for line in found[stage, whose]),
            money=sum(line.money for line in found[stage, whose]),
        )
        for stage, whose in sorted(found, key=lambda key: (order.get(key[0], len(order)), ranks.index(key[1])))
    )


def _whose(cost: BatchCost, line: RecordedCost, names: ReleaseNames) -> str:
    if line.is_shared:
        return ""
    if line.release_id == cost.champion:
        return DECIDING
    return BY_RULES if names.is_rules(line.release_id) else IN_SHADOW


def serving_sentences(serving: ServingLines, currency: str) -> tuple[str, ...]:
    """What serving cost, what share of the value that is, and what was not measured."""
    said = (_cost(serving, currency), _share(serving, currency), _unmeasured(serving))
    return tuple(sentence for sentence in said if sentence)


def _cost(serving: ServingLines, currency: str) -> str:
    effort = f"{number(serving.cpu_seconds)} processor seconds and {data_size(serving.bytes_stored)} of storage"
    served = f"Serving {count_of(serving.decisions, 'decision')}"
    if not serving.is_priced:
        return f"{served} took {effort}. The contract sets no price for either, so there is no cost to tell."
    total = f"{served} cost {fine_money(serving.money, currency)} for {effort}"
    if serving.per_decision is None:
        return f"{total}."
    return f"{total}: {fine_money(1000 * serving.per_decision, currency)} for every 1,000."


def _share(serving: ServingLines, currency: str) -> str:
    each = serving.per_decision
    if not serving.is_priced or each is None:
        return ""
    if serving.earned is None:
        return "What share of their value that is, nobody knows yet: no outcomes are complete."
    if serving.earned <= 0:
        return "The decisions whose outcomes are complete earned nothing that it could be a share of."
    earned = fine_money(serving.earned, currency)
    return (
        f"A decision cost {fine_percent(each / serving.earned)} of the {earned} that one earned, where outcomes are in."
    )


def _unmeasured(serving: ServingLines) -> str:
    missing = serving.all_batches - serving.batches
    if not missing:
        return ""
    was = "was" if missing == 1 else "were"
    return f"{count_of(missing, 'batch')} of {serving.all_batches:,} {was} not measured and {was} left out."
