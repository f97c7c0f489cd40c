"""What outcomes that have not come make of money: in the verdict, and beside the figures. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.report.record.claims import Said
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import PeriodMoney
from decisionloop.report.record.totals import covered, total_of
from decisionloop.report.words.figures import capital, count, count_of, money, percent
from decisionloop.report.words.legacy import subject_of
from decisionloop.report.words.money import direction, money_claims, span


def hangs_on(gap: Estimate, otherwise: str, currency: str) -> str:
    """What a verdict hangs on where missing outcomes could turn it; "" where they could not.

    ``otherwise``: what the difference is called if it is turned, such as "less".
    """
    told = gap.bounds
    if told is None or not gap.is_sign_open:
        return ""
    turned, end = ("at worst", told.low) if gap.sign > 0 else ("at best", told.high)
    how_much = f"{money(abs(end or 0.0), currency)} {otherwise}" if direction(end, currency) else "nothing between them"
    return f", if {_unknown(told)} as the others; {turned} {how_much}"


def _unknown(told: OutcomeBounds) -> str:
    """The outcomes of which nothing is known: those that are missing, less those that still come."""
    never = round(told.missing - told.to_come)
    if never == 1:
        return f"the one outcome that {'will' if told.to_come else 'has'} not come was"
    which = f"that {'will' if told.to_come else 'have'} not come were"
    return f"the {count(never)} outcomes {which}" if never > 0 else f"the outcomes {which}"


def missing_sentence(lines: Sequence[PeriodMoney], currency: str) -> str:
    """How many outcomes of the counted periods have not come, and between what that leaves their money."""
    total = total_of(lines)
    told = total.policy.bounds if total else None
    if total is None or told is None:
        return ""
    coming = f", of which about {count(round(told.to_come))} will still come as earlier cohorts show"
    have = "has" if told.missing == 1 else "have"
    text = f"{capital(count_of(told.missing, 'outcome'))} {have} not come{coming if told.to_come else ''}; "
    subject = subject_of(lines)
    whose = "the loop's money is" if subject == "the loop" else f"the money of {subject} is"
    parts = [
        f"{what} {between}"
        for what, estimate in ((whose, total.policy), ("against the rules it is", total.difference))
        if (between := span(estimate.at_the_bounds, currency))
    ]
    meaning = (
        f"whatever the others are, {' and '.join(parts)}." if parts else "what they would make of it is not known."
    )
    return Said(text + meaning, money_claims(covered(lines)))


def unjudged_sentence(mature: int, short: int, held: int, promised: float | None, gone: int = 0) -> str:
    """That ``short`` of ``mature`` cohorts have too few outcomes for any monitor to judge by; ``held``: held back.

    ``promised``: the share that the contract promises; None where it promises none. It names what to do. ``gone``: of
    the cohorts so many are of decisions that are kept no longer.
    """
    what = count_of(mature, "complete cohort")
    which = f"{capital(what)}" if mature == 1 else f"All {what}" if short == mature else f"{count(short)} of {what}"
    promise = "" if promised is None else f" or the contract promises ({percent(promised)})"
    held_back = f" {count(held)} of them {'is' if held == 1 else 'are'} held back and {'does' if held == 1 else 'do'} "
    parts = (
        f"{which} had fewer outcomes than is usual{promise}. {'It is' if short == 1 else 'They are'} measured, but no "
        "monitor judges rate, ranking or money by them: its silence is no all-clear.",
        f"{held_back}not teach either; `decisionloop cohorts include` releases a cohort." if held else "",
        " If so many never come, say so in a new version of the contract (`monitors.minimum_arrived`)."
        if promised
        else "",
        f" Of {count(gone)} of the {what} the decisions are kept no longer, by retention; what was measured stays."
        if gone
        else "",
    )
    return "".join(parts)
