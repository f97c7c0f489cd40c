"""What the monitors found about one batch, as Markdown for an artifact of the flow run."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.observe.estimate import Estimate
from decisionloop.report.read.series import wording_of
from decisionloop.report.words.money import whatever_comes
from decisionloop.report.words.monitors import family_order, family_words, figure_in, monitor_words

MOST_QUIET = 20
"""So many checks without an alarm are listed; the ledger has all."""


def monitoring_markdown(use_case: UseCase, findings: Sequence[Finding], title: str = "Monitors") -> str:
    """Alarms in words first, then a table of the checks: those nearest to their limit first. Text is escaped."""
    alarms = [one for one in findings if one.is_alarm]
    quiet = sorted((one for one in findings if not one.is_alarm), key=_distance)
    lines = [f"# {_escaped(title)}", "", _summary(findings, alarms), ""]
    for one in alarms:
        halts = " **Halts the batch.**" if one.is_halting else ""
        lines.append(f"- **{_escaped(one.words)}**{halts} {_escaped(one.suggestion)}{_stake(one, use_case)}")
    lines += [f"- {_escaped(one.words)}" for one in quiet if one.is_notice and one.is_sure]
    shown = [*alarms, *quiet[:MOST_QUIET]]
    if shown:
        ordered = sorted(shown, key=lambda one: (family_order(one.family), not one.is_alarm))
        head = "| what is watched | measure | measured | interval | limit | sure | rows | |"
        lines += ["", head, "|---|---|---:|---:|---:|---:|---:|---|", *(_row(one, use_case) for one in ordered)]
    if len(quiet) > MOST_QUIET:
        lines += ["", f"{len(quiet) - MOST_QUIET} more checks were further from their limits."]
    return "\n".join([*lines, ""])


def _summary(findings: Sequence[Finding], alarms: Sequence[Finding]) -> str:
    checks = f"{len(findings):,} check{'' if len(findings) == 1 else 's'}"
    if not alarms:
        return f"{checks}, no alarm."
    return f"{checks}, {len(alarms):,} alarm{'' if len(alarms) == 1 else 's'}."


def _distance(one: Finding) -> float:
    if one.figure.value is None:
        return float("inf")
    return abs(one.figure.value - one.threshold) / (abs(one.threshold) or 1.0)


def _row(one: Finding, use_case: UseCase) -> str:
    unit, currency = monitor_words(one.monitor).unit, use_case.economics.currency
    against = one.against if one.monitor in {"score_shift", "adverse_impact"} else ""
    cells = (
        family_words(one.family).title,
        wording_of((one.monitor, one.slice, against), use_case),
        figure_in(unit, one.figure.value, currency),
        _interval(one.figure, unit, currency),
        figure_in(unit, one.threshold, currency),
        "" if one.bound is None else figure_in(unit, one.bound, currency),
        f"{one.figure.n:,}",
        "**alarm**" if one.is_alarm else "" if one.bound is not None else "cannot say",
    )
    return f"| {' | '.join(_escaped(cell) if cell != '**alarm**' else cell for cell in cells)} |"


def _interval(figure: Estimate, unit: str, currency: str) -> str:
    if figure.low is None or figure.high is None:
        return ""
    told = f"{figure_in(unit, figure.low, currency)} to {figure_in(unit, figure.high, currency)}"
    bounds = figure.bounds
    if bounds is None or bounds.low is None or bounds.high is None:
        return told
    low, high = (figure_in(unit, end, currency) for end in (bounds.low, bounds.high))
    return f"{told}; {whatever_comes(f'{low} to {high}')}"


def _stake(one: Finding, use_case: UseCase) -> str:
    if one.stake is None:
        return ""
    return f" At stake: {figure_in('money', one.stake, use_case.economics.currency)} a decision."


def _escaped(text: str) -> str:
    """The text as Markdown that shows it: no cell, tag, link or emphasis begins in it."""
    escaped = text.replace("\\", "\\\\").replace("<", "&lt;").replace("\n", " ").replace("|", "\\|")
    for mark in ("*", "_", "`", "[", "]"):
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
