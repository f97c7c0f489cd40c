"""Sentences about what each action brought, and about promises and deliveries."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.learn.gate_money import confidence_words
from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.evidence import ActionFigures, Promise
from decisionloop.report.record.glance import ToDo
from decisionloop.report.words.figures import capital, count_of, day, listed, money
from decisionloop.report.words.money import span, whatever_comes

EARNED, MORE = "earned", "against the rules"
NOTHING = {EARNED: "earned nothing", MORE: "no more and no less than the rules"}
"""What is said in the place of a figure that is surely 0."""
_ACTIONS = "What each action brought"
"""The heading of the page under which they stand."""
_MOST_GROUPS = 3
IF_ALIKE = "if the outcomes that have not come are as the others"


def action_claims(lines: Sequence[ActionFigures]) -> dict[str, Claimed]:
    """What is said of each action, wherever it is said."""
    return {
        f"action.{name}[{one.action}]": getattr(one, name)
        for one in lines
        for name in ("decisions", "value", "lift", "acquisition_cost", "customer_value", "for_all")
    }


def actions_sentence(lines: Sequence[ActionFigures]) -> str:
    """Which actions surely earned more than the rules would have, and which less, or do if what is missing is alike."""
    told = []
    for is_open, sure, condition in ((False, "surely ", ""), (True, "", f", {IF_ALIKE}")):
        for sign, word in ((1, "more"), (-1, "less")):
            found = [one for one in lines if one.lift.sign == sign and one.lift.is_sign_open == is_open]
            names, own = (
                [f"“{one.wording}”" for one in found if one.is_rules_own == is_own] for is_own in (False, True)
            )
            if names:
                preferred = f"where the loop preferred {listed(names)}"
                told.append(f"{preferred} it {sure}earned {word}, exploring included{condition}")
            if own:
                did = "cost" if sign < 0 else "brought"
                told.append(f"where the rules' own {listed(own)} was preferred exploring {sure}{did} money{condition}")
    claims = action_claims(lines)
    alike = [f"“{one.wording}”" for one in lines if (one.lift.low, one.lift.high) == (0.0, 0.0)]
    if alike:
        told.append(f"where the loop preferred {listed(alike)} the rules would have done the same")
    if not told:
        return Said("Of no action can the data tell whether it earned more or less than the rules would have.", claims)
    return Said(f"Against what the rules would have earned on the same decisions, {' and '.join(told)}.", claims)


def tried_sentence(lines: Sequence[ActionFigures], currency: str) -> str:
    """What trying has shown: which actions would surely have earned more for everybody than the rules; "" of none.

    Of those that nobody prefers also that it cannot be told yet.
    """
    better = [one for one in lines if one.is_surely_better]
    open_ = [one for one in lines if not one.decisions and not one.is_surely_better and one.for_all.sign >= 0]
    told = [f"“{one.wording}” {_for_everybody(one, currency)}" for one in better]
    if open_:
        named = listed([f"“{one.wording}”" for one in open_])
        are, they_are = ("is", "it is") if len(open_) == 1 else ("are", "they are")
        told.append(
            f"of {named}, which {are} only tried, it cannot be told yet whether {they_are} better than the rules"
        )
    if not told:
        return ""
    return Said(f"What trying has shown: {'; '.join(told)}.", action_claims(lines))


def better_for_sentence(lines: Sequence[ActionFigures], currency: str) -> str:
    """For whom an action that is not surely better for everybody surely is, the largest gain first; "" for nobody."""
    found = [
        (line, one) for line in lines if not line.is_surely_better for one in line.for_some if one.is_surely_better
    ]
    if not found:
        return ""
    found.sort(key=lambda pair: -(pair[1].gain.low or 0.0))
    told = [
        f"where {one.group}, “{line.wording}” would have earned {_beside_the_rules(one.gain, currency)}"
        for line, one in found[:_MOST_GROUPS]
    ]
    more = f"; so it is of {count_of(len(found) - _MOST_GROUPS, 'more group')}" if len(found) > _MOST_GROUPS else ""
    claims: dict[str, Claimed] = {f"action.for_some[{line.action}][{one.group}]": one.gain for line, one in found}
    sure = f"sure for all {found[0][1].looked_at} pairs of an action and a group that were looked at"
    return Said(f"For some an action is better, {sure}: {'; '.join(told)}{more}.", claims)


def better_action(lines: Sequence[ActionFigures], currency: str) -> ToDo | None:
    """To write the action into the rules that trying has shown to be surely better; None where none is."""
    better = sorted((one for one in lines if one.is_surely_better), key=lambda one: -(one.for_all.low or 0.0))
    if not better:
        return None
    best = better[0]
    what = (
        f"“{capital(best.wording)}” {_for_everybody(best, currency)}, and the rules decide. Write it into the rules "
        "(`rules.py`) for those who may get it; the next run decides by them, and the page compares them with what was."
    )
    return ToDo("An action that is tried is better than what the rules do", what, "warning", "learn", _ACTIONS)


def _for_everybody(one: ActionFigures, currency: str) -> str:
    return f"for everybody who may get it would have earned {_beside_the_rules(one.for_all, currency)}"


def action_in_brief(one: ActionFigures, currency: str, is_observed: bool = False) -> Said:
    """One action for a terminal; ``is_observed``: another system took it."""
    if not one.decisions and not is_observed:
        taken = f"; {count_of(one.taken, 'outcome')} of trying it {'is' if one.taken == 1 else 'are'} known"
        shown = f"; {_for_everybody(one, currency)}" if one.for_all.is_known else ""
        told_of = f"{one.action}: the champion has preferred it for nobody so far{taken if one.taken else ''}{shown}"
        return Said(told_of, action_claims([one]))

    def told(name: str, figure: Estimate, of: int | None = None) -> str:
        if figure.value is None:
            return f"{name}: cannot be told"
        if (figure.value, figure.low, figure.high) == (0.0, 0.0, 0.0):
            return NOTHING.get(name, f"{name}: nothing")
        where = f" of {of:,} where it can be told" if of is not None and of < one.decisions else ""
        has_ends = figure.low is not None and figure.high is not None and figure.low != figure.high
        ends = figure.at_the_bounds
        is_bounded = ends.low is not None and ends.high is not None
        bounds = f"; {whatever_comes(f'{ends.low:,.2f} to {ends.high:,.2f}')}" if is_bounded else ""
        interval = f" ({figure.low:,.2f} to {figure.high:,.2f}{bounds})" if has_ends else ""
        if name == MORE and one.is_rules_own:
            return f"{_by_exploring(figure, currency)}{where}"
        if name == MORE:
            return f"{_beside_the_rules(figure, currency)}{where}"
        return f"{name} {currency} {figure.value:,.2f}{interval}{where}"

    money_of = [told(EARNED, one.value, one.valued), told(MORE, one.lift, one.compared)]
    over = f"{one.decisions:,} for which it was preferred"
    if is_observed:  # of the decisions in which it was taken the rules' money is told together, or not at all
        money_of, over = [money_of[0]], f"{one.decisions:,} in which another system took it"
    own = ", the rules' own action" if one.is_rules_own and not is_observed else ""
    each = f"{one.action}{own}: a decision {', '.join(money_of)}, over {over}"
    asked = (("acquisition cost", one.acquisition_cost), ("customer value", one.customer_value))
    parts = [told(name, figure) for name, figure in asked if figure.is_known]
    return Said("; for each yes ".join([each, *([", ".join(parts)] if parts else [])]), action_claims([one]))


def _beside_the_rules(figure: Estimate, currency: str) -> str:
    """How much more or less than the rules, with its interval: no sign has to be read together with a word."""
    value = figure.value or 0.0
    return f"{currency} {abs(value):,.2f} {_more(value)} than the rules{_ends(figure)}"


def _by_exploring(figure: Estimate, currency: str) -> str:
    """What trying others in the place of the rules' own action brought or cost, with its interval.

    It is not told as more or less than the rules: nobody gets more than the rules by doing what they do.
    """
    value = figure.value or 0.0
    did = "brought" if value >= 0 else "cost"
    return f"exploring beside it {did} {currency} {abs(value):,.2f}{_ends(figure)}"


def _ends(figure: Estimate) -> str:
    """The interval of a difference in brackets; "" where there is none."""
    low, high = figure.low, figure.high
    if low is None or high is None or low == high:
        return ""
    ends = figure.at_the_bounds
    is_bounded = ends.low is not None and ends.high is not None
    bounds = f"; {whatever_comes(_between(ends.low or 0.0, ends.high or 0.0))}" if is_bounded else ""
    return f" ({_between(low, high)}{bounds})"


def _between(low: float, high: float) -> str:
    """An interval of a difference: "1.00 to 2.00 more", "3.00 less to 2.00 more"."""
    first, last = (f"{abs(end):,.2f}" for end in ((high, low) if high <= 0 else (low, high)))
    return f"{first} less to {last} more" if low < 0 < high else f"{first} to {last} {_more(min(low, high))}"


def _more(value: float) -> str:
    return "more" if value >= 0 else "less"


def promise_sentence(one: Promise, currency: str) -> str:
    """What was promised of a release and what came, and whether the two agree."""
    claims: dict[str, Claimed] = {
        f"promised[{one.release_id}]": one.promised,
        f"delivered[{one.release_id}]": one.delivered,
    }
    if not one.promised.is_known:
        return Said(f"What was promised of {one.release} on {day(one.on)} was not written down.", claims)
    sure = _how_sure(one, currency)
    value = one.promised.value or 0.0
    more = "more" if value >= 0 else "less"
    promised = (
        f"On {day(one.on)} the gate promised of {one.release} {money(abs(value), currency)} {more} a decision than "
        f"{one.champion}{sure}."
    )
    return Said(f"{promised} {_came(one, currency)}", claims)


def _how_sure(one: Promise, currency: str) -> str:
    """Between what the promise lay, by the confidence that the gate had in each end; "" where it had none."""
    low, high = one.promised.low, one.promised.high
    if low is None or high is None:
        return ""
    least, most = (f"{money(abs(end), currency)} {'more' if end >= 0 else 'less'}" for end in (low, high))
    return f" ({confidence_words((1 + one.level) / 2)} sure of at least {least}, and as sure of at most {most})"


def _came(one: Promise, currency: str) -> str:
    came = one.delivered
    if not one.decisions:
        return "No outcomes of what it has decided since then are complete yet."
    if not one.is_over_rules:
        return f"What {one.champion} would have earned since is not measured, so the two cannot be compared."
    if came.value is None:
        return "What came since then cannot be told."
    more = "more" if came.value >= 0 else "less"
    interval = f" ({span(came, currency)})" if span(came, currency) else ""
    counted = "without what was on trial beside it" if one.is_told_apart else "exploring included"
    told = (
        f"Over {count_of(one.decisions, 'decision')} since then whose outcomes are complete it came to "
        f"{money(abs(came.value), currency)} {more}{interval}, {counted}."
    )
    return f"{told} {_agreement(one)}"


def _agreement(one: Promise) -> str:
    low, high = one.delivered.low, one.delivered.high
    if low is None or high is None or one.promised.low is None or one.promised.high is None:
        return "Whether it was kept cannot be told."
    if high < one.promised.low:
        return "The promise was surely not kept."
    if low > one.promised.high:
        return "More came than was promised."
    if one.delivered.value is not None and one.delivered.value < one.promised.low:
        return "That is less than was promised, though the data leaves it open."
    return "The data does not contradict the promise."
