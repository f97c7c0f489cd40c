"""From observed batches and what was measured of them to the lines about another system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from decisionloop.act.agreement import RULES_SIDE, Agreement
from decisionloop.act.legacy import LEGACY, REMEDIES
from decisionloop.ledger.legacy_batches import legacy_batches
from decisionloop.ledger.measurements import Measurement
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.observe.legacy_money import GAIN_BESIDE, UNTOLD, VALUE_BESIDE
from decisionloop.report.read.measurements import ALL, Measured, mean_of
from decisionloop.report.record.legacy import AgreementLine, BesideMoney, LegacyLines
from decisionloop.report.record.story import RULES
from decisionloop.report.words.naming import ReleaseNames


def legacy_lines(ledger: Ledger, use_case: str, measured: Measured, names: ReleaseNames) -> LegacyLines | None:
    """What is known of another system's decisions; None where none was observed."""
    found = legacy_batches(ledger, use_case)
    if found.agreement is None:
        return None
    observed = {cohort for cohort, by in measured.deciders.items() if by == (LEGACY,)}
    figures = [one for one in measured.figures if one.cohort in observed and one.slice == ALL and one.is_mature]
    return LegacyLines(
        found.decisions,
        found.unknown,
        tuple((why.removeprefix("legacy: "), many, REMEDIES[why]) for why, many in found.left_out.most_common()),
        tuple(_agreements(found.agreement, names)),
        tuple(_money(figures, names)),
    )


def _agreements(agreement: Agreement, names: ReleaseNames) -> Iterator[AgreementLine]:
    for who in agreement.counts:
        if agreement.decisions(who):
            by_action = tuple(
                (action, agreement.decisions(who, action), agreement.agreed(who, action))
                for action in agreement.actions
                if agreement.decisions(who, action)
            )
            name, release_id = (RULES, "") if who == RULES_SIDE else (names[who], who)
            yield AgreementLine(name, release_id, agreement.decisions(who), agreement.agreed(who), by_action)


def _money(figures: Sequence[Measurement], names: ReleaseNames) -> Iterator[BesideMoney]:
    gains = [
        replace(
            one,
            value=_turned(one.value),
            low=_turned(one.high),
            high=_turned(one.low),
            worst=_turned(one.best),
            best=_turned(one.worst),
        )
        for one in figures
        if one.monitor == "value_difference"
    ]
    rules = [one for one in figures if one.monitor == "value_rules"], gains, _of(figures, UNTOLD, None)
    yield _line(RULES, "", *rules)
    for release_id in dict.fromkeys(one.release_id for one in figures if one.monitor == GAIN_BESIDE):
        if release_id is not None:
            parts = (_of(figures, monitor, release_id) for monitor in (VALUE_BESIDE, GAIN_BESIDE, UNTOLD))
            yield _line(names[release_id], release_id, *parts)


def _of(figures: Sequence[Measurement], monitor: str, release_id: str | None) -> list[Measurement]:
    return [one for one in figures if (one.monitor, one.release_id) == (monitor, release_id)]


def _line(
    who: str,
    release_id: str,
    values: Sequence[Measurement],
    gains: Sequence[Measurement],
    untold: Sequence[Measurement],
) -> BesideMoney:
    told = [one for one in gains if one.value is not None]
    cohorts = {one.cohort for one in told}
    return BesideMoney(
        who,
        release_id,
        mean_of([one for one in values if one.cohort in cohorts and one.value is not None]),
        mean_of(told),
        sum(one.n for one in told),
        sum(one.n for one in gains),
        sum(round((one.value or 0.0) * one.n) for one in untold if one.cohort not in cohorts),
    )


def _turned(value: float | None) -> float | None:
    return None if value is None else -value
