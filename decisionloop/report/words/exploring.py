"""What exploring was expected to lose, in words: for the story, and a batch at a time for the terminal."""

from __future__ import annotations

from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.exploring import PlannedExploring
from decisionloop.report.words.figures import listed, money


def planned_sentence(planned: PlannedExploring, currency: str) -> str:
    """What was expected of exploring beforehand, and on whom it fell."""
    claims: dict[str, Claimed] = {"exploring.expected_cost": planned.cost}
    told = f"Beforehand it was expected to lose no more than {money(planned.cost, currency)}"
    if planned.budget is not None:
        claims["exploring.budget"] = planned.budget
        told += f", by prices that err on the dear side{_parts(planned, planned.budget, currency)}"
    return Said(f"{told}.{_on_whom(planned)}", claims)


def planned_line(planned: PlannedExploring, currency: str) -> str:
    """One batch in a line."""
    budget = "" if planned.budget is None else _parts(planned, planned.budget, currency)
    if not planned.explored:
        return f"{planned.cohort}: nothing tried in {planned.rows:,} decisions{budget}"
    groups = ", ".join(f"{one.wording} {_share(one.share)} of {one.rows:,}" for one in planned.groups)
    many = f"{planned.explored:,.0f}" if planned.explored >= 10 else f"{planned.explored:.2g}"
    tried = f"about {many} of {planned.rows:,} ({_share(planned.share)}) tried"
    told = f"{planned.cohort}: {tried}, expected to lose at most {money(planned.cost, currency)}"
    limit = ", of which `policy.exploration.largest_share` leaves a part" if planned.is_budget_left else ""
    return f"{told}{budget}{limit}{'; ' if groups else ''}{groups}"


def _parts(planned: PlannedExploring, budget: float, currency: str) -> str:
    """What of the cost the budget pays and what first looks add, which have a bound of their own."""
    paid, looks = f"a budget of {money(budget, currency)}", planned.look_cost
    if looks is None:
        beside = ", and a first look at what hardly anybody has seen comes on top" if planned.cost > budget else ""
        return f", with {paid}{beside}"
    if money(looks, currency) == money(0.0, currency):
        return f", with {paid}"
    within = f"{money(max(planned.cost - looks, 0.0), currency)} within {paid}"
    return f": {within}, and {money(looks, currency)} at worst for a first look at what hardly anybody has seen"


def _on_whom(planned: PlannedExploring) -> str:
    groups = [f"{one.wording} {_share(one.share)}" for one in planned.groups]
    return f" It was to fall on {listed(groups)} of the decisions about them." if groups else ""


def _share(share: float) -> str:
    """A share in per cent, with two digits where it is small."""
    return f"{share * 100:.1f}%" if share >= 0.01 or share == 0 else f"{share * 100:.2g}%"
