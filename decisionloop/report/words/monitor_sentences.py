"""The sentences of the section on monitors, for readers who are not statisticians."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.claims import Claimed, Said, claims_of
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.monitor_lines import (
    CauseLine,
    FamilyWatch,
    ForetoldLine,
    IncidentLine,
    LateLine,
    Monitoring,
    Series,
    greatest_stake,
)
from decisionloop.report.record.story import UseCaseLines
from decisionloop.report.words import figures
from decisionloop.report.words.monitors import family_words, one_in_years, state_words


def paragraphs(told: Monitoring, case: UseCaseLines) -> dict[str, tuple[str, ...]]:
    """The sentences of the section by where they stand."""
    return {
        "monitors": section_sentences(told, case),
        "unwatched": (unwatched_sentence(told),),
        "foretold": (foretold_sentence(told.foretold),),
        "late": (late_sentence(told.late, case),),
        "causes": (causes_sentence(told.causes),),
    }


def section_sentences(told: Monitoring, case: UseCaseLines) -> tuple[str, ...]:
    """How much was watched, how often it was an alarm, and what is still open."""
    checks = sum(family.checks for family in told.families)
    budget = sum(family.budget for family in told.families)
    incidents, still = told.incidents, told.still_open
    were = "batch was" if told.batches == 1 else "batches were"
    said: list[str] = [
        f"{figures.capital(figures.in_words(told.batches))} {were} watched by {figures.count_of(checks, 'check')}. "
        f"All of them together may raise {one_in_years(budget)} about nothing."
    ]
    if not incidents:
        said.append("None of them found a change that is worth a person's time.")
        return tuple(said)
    opened = figures.count_of(len(incidents), "incident")
    rest = "none is open" if not still else f"{figures.in_words(len(still))} {'is' if len(still) == 1 else 'are'} open"
    stakes = at_stake_sentence([one.stake for one in still], case.currency)
    said.append(Said(f"They raised {opened}, of which {rest}. {stakes}".rstrip(), claims_of(stakes)))
    return tuple(said)


def at_stake_sentence(stakes: Sequence[float | None], currency: str) -> Said:
    """What the open incidents put at stake together; "" where nobody can say. ``stakes``: one an incident."""
    most = greatest_stake(stakes)
    claims: dict[str, Claimed] = {"incidents.open": len(stakes), "at_stake": most}
    if most is None:
        return Said("", claims)
    several = sum(stake is not None for stake in stakes) > 1
    added = (
        ", the most that one incident names: several may see the same loss, so they are not added" if several else ""
    )
    return Said(f"About {figures.money(most, currency)} a batch is at stake{added}.", claims)


def family_verdict(family: FamilyWatch, case: UseCaseLines) -> str:
    """One sentence: what is wrong, or that nothing is."""
    if not family.checks and not family.incidents:
        return "Measured, but never judged against a limit." if family.series else "Nothing was watched yet."
    now = family.open_incident
    if now is not None:
        seen = " A person is looking into it." if now.state == "acknowledged" else ""
        money = f" About {figures.money(now.stake, case.currency)} a batch is at stake." if now.stake else ""
        return Said(
            f"Open since {figures.day(now.opened_on)}: {now.words.rstrip('.')}.{money}{seen}",
            {f"incident[{family.family}]": now.words, f"stake[{family.family}]": now.stake},
        )
    if family.incidents:
        last = family.incidents[-1]
        why = last.reason.rstrip(".")
        closed = f"Quiet again. The last incident, of {figures.day(last.opened_on)}, is closed"
        return f"{closed} ({why})." if why else f"{closed}."
    return f"Quiet: in {figures.count_of(family.checks, 'check')} nothing surely moved beyond its limit."


def chart_caption(series: Series, family: FamilyWatch) -> str:
    """What the chart shows, of which of how many measures."""
    judged = [one for one in family.series if any(point.threshold is not None for point in one.points)]
    is_chosen = len(judged) > len(family.charted) and series == family.charted[0]
    which = "with the most alarms" if series.alarms else "that came closest to its limit"
    if family.is_led_by(series):
        which = "that the alarm told of above was raised in"
    of_many = f" Of {len(judged)} measures it is the one {which}." if is_chosen else ""
    return f"{figures.capital(series.wording)}.{of_many}"


def change_caption(family: FamilyWatch) -> str:
    """What the bars of the last alarm show."""
    alarm = family.last_shares
    if alarm is None:
        return ""
    return f"That alarm, of {figures.day(alarm.on)}: {figures.capital(alarm.wording)}: outlined as before, filled now."


def chance_words(alpha: float | None) -> str:
    """How often such a check errs where nothing changed: "once in 20,000 times"."""
    if alpha is None or alpha <= 0:
        return ""
    return f"once in {figures.count(round(1 / alpha))} times"


def incident_words(one: IncidentLine) -> str:
    """What an incident came to: "open, 3 alarms since 8 July 2005"."""
    return f"{state_words(one.state)}, {figures.count_of(one.alarms, 'alarm')}, last {figures.day(one.last_alarm_on)}"


def foretold_sentence(lines: Sequence[ForetoldLine]) -> str:
    """How far what was foretold before outcomes was from what then came."""
    if not lines:
        return ""
    errors = [line.foretold - line.realised for line in lines]
    typical, worst = sum(abs(one) for one in errors) / len(errors), max(errors, key=abs)
    direction = "too high" if worst > 0 else "too low"
    return (
        f"Before outcomes arrive the score's skill is foretold from its own probabilities. Over "
        f"{figures.count_of(len(lines), 'cohort')} that was off by {100 * typical:.1f} pairs in 100 on average and by "
        f"{100 * abs(worst):.1f} ({direction}) at worst. It cannot see that the world has changed what a fact means."
    )


def late_sentence(line: LateLine | None, case: UseCaseLines) -> str:
    """How many outcomes come late, and how different they are; "" where nobody can say."""
    if line is None:
        return ""
    were = "outcome was" if line.missing == 1 else "outcomes were"
    late, early = line.late, line.early
    told = (
        f"When the cohort of {figures.period_label(line.cohort)} was measured, {figures.count(line.missing)} {were} "
        f"missing; as earlier cohorts show, {_share(line.comes)} of them come late. Of the late ones {_share(late)} "
        f"are “{case.outcome}”, of those that had come {_share(early)}"
    )
    if None in (late.low, late.high, early.low, early.high):
        return f"{told}."
    is_surely = (late.high or 0.0) < (early.low or 0.0) or (late.low or 0.0) > (early.high or 0.0)
    return f"{told}: {'they surely differ' if is_surely else 'the data cannot tell them apart'}."


def _share(estimate: Estimate) -> str:
    """A share with its interval: 67% (55% to 79%)."""
    if estimate.low is None or estimate.high is None:
        return figures.percent(estimate.value)
    return f"{figures.percent(estimate.value)} ({figures.percent(estimate.low)} to {figures.percent(estimate.high)})"


def causes_sentence(lines: Sequence[CauseLine]) -> str:
    """The most frequent cause of large misses."""
    if not lines:
        return ""
    total = sum(line.misses for line in lines)
    first = lines[0]
    months = sorted({month for line in lines for month in line.months})
    when = f", all of {figures.period_label(months[0])}," if len(months) == 1 and total > 1 else ""
    return (
        f"{figures.capital(figures.count_of(total, 'decision'))}{when} came out much worse than expected. Most often "
        f"({figures.percent(first.misses / total)}) the cause was: {first.wording}."
    )


def unwatched_sentence(told: Monitoring) -> str:
    """Families that nothing was measured for yet; "" where there is none."""
    silent = [f"“{family_words(one.family).title}”" for one in told.families if not one.is_watched]
    return f"Nothing was measured yet for {figures.listed(silent)}." if silent else ""
