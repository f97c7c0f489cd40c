"""What stops saved and could not save, in sentences."""

from __future__ import annotations

from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.stop_loss import Losing, StopLine, StopLosses
from decisionloop.report.words.figures import capital, count, day, money


def stop_loss_sentences(told: StopLosses, currency: str) -> tuple[str, ...]:
    """A sentence or more for each stop, and one for what was lost without."""
    said = [_stop(one, told.action, currency) for one in told.stops]
    if told.now is not None and told.now.lost.sign > 0:
        said.append(_unstopped(told.now, told, currency))
    return tuple(said)


def _stop(one: StopLine, action: str, currency: str) -> Said:
    claims: dict[str, Claimed] = {f"stop.saved[{one.on}]": one.saved.value}
    span = f"From {day(one.on)} on" if one.until is None else f"From {day(one.on)} to {day(one.until)}"
    first = f"{span} “{action}” had the rules' place, which had surely earned less."
    before = "" if one.before is None else f" {_before(one.before, currency)}"
    return Said(f"{first}{before} {_saved(one, currency)}", claims)


def _before(lost: Losing, currency: str) -> str:
    told = f"Until then {_money(lost.lost, currency)} had been lost since {day(lost.since)}"
    later = f", and {money(lost.unsure, currency)} while it was not sure" if lost.unsure > 0 else ""
    return f"{told}: {_unknowable(lost, currency)}{later}."


def _unknowable(lost: Losing, currency: str) -> str:
    on = "no outcome had come that showed it"
    return f"{money(lost.unknowable, currency)} of it on decisions made while {on}, which nobody could have known"


def _saved(one: StopLine, currency: str) -> str:
    if not one.saved.is_known:
        return "What that saved is not known yet: no outcomes of what was decided since are in."
    amount = float(one.saved.value or 0.0)
    verb = "saved" if amount >= 0 else "cost"
    ends = [end if amount >= 0 else -end for end in (one.saved.low, one.saved.high) if end is not None]
    reach = f" (between {money(min(ends), currency)} and {money(max(ends), currency)})" if ends else ""
    return f"On {count(one.decisions)} decisions in that time it has {verb} {money(abs(amount), currency)}{reach}."


def _unstopped(lost: Losing, told: StopLosses, currency: str) -> Said:
    claims: dict[str, Claimed] = {"stop.lost": lost.lost.value}
    everybody = f"“{told.action}” for everybody would have"
    first = f"Since {day(lost.since)} {_money(lost.lost, currency)} less was earned than {everybody}"
    known = "" if lost.known_on is None else f": the first outcomes that showed it came on {day(lost.known_on)}"
    if lost.unsure <= 0:
        rest = f". All of it was decided before anybody could know{known}. No stop-loss could have saved it."
    else:
        rest = f"{known}. {capital(_unknowable(lost, currency))}; {money(lost.unsure, currency)} since, which stops "
        rest += "nothing as long as it is not sure enough."
    why = f" The rules cannot be stopped here: {told.why_none}." if told.why_none else ""
    return Said(f"{first}{rest}{why}", claims)


def _money(lost: Estimate, currency: str) -> str:
    ends = "" if lost.low is None else f" (between {money(lost.low, currency)} and {money(lost.high, currency)})"
    return f"{money(lost.value, currency)}{ends}"
