"""``decisionloop monitors``: what the monitors say now, and how often they were right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from decisionloop.contract import UseCase
    from decisionloop.contract.monitoring import MonitorFamily
    from decisionloop.ledger.monitor_references import MonitorThreshold
    from decisionloop.report.record.alarm_record import AlarmRecord, Detection, FamilyRecord, Rate
    from decisionloop.sources.base import TrueChange
    from decisionloop.workspace import Workspace

FAMILY_WIDTH = 11


@dataclass(frozen=True)
class MonitorStatus:
    """One family of monitors at this moment. Money in currency of a batch; times as text, "" where there is none.

    ``words``: what was found; of a family that is unwatched, why it has nothing to check.
    """

    family: str
    state: str
    last_checked: str
    checks: int
    false_alarms_per_year: float
    incident_id: str = ""
    severity: str = ""
    since: str = ""
    words: str = ""
    stake_total: float | None = None


def monitor_states(workspace: Workspace) -> tuple[MonitorStatus, ...]:
    """Every family of the contract's monitors: "unwatched", "quiet", or its open incident's state."""
    from decisionloop.ledger.alarms import alarms_of
    from decisionloop.ledger.incidents import open_incidents
    from decisionloop.ledger.measured_cohorts import measured_cohorts
    from decisionloop.ledger.releases import RULES, champion
    from decisionloop.monitor.alarm.budget import budget_of
    from decisionloop.report.read.monitors import check_counts, families_of

    ledger, name = workspace.ledger, workspace.use_case.name
    counts = check_counts(ledger, name)
    families = families_of(counts, alarms_of(ledger, name))
    waiting = {one.family: one for one in open_incidents(ledger, name)}
    decides = champion(ledger, name)
    is_by_rules = decides is not None and decides.release.kind == RULES
    states, measured = [], len(measured_cohorts(ledger, name))
    for family, budget in budget_of(workspace.use_case).false_alarms.items():
        ours = [one for one in counts if families[one.monitor] == family]
        last = max((one.last_as_of for one in ours), default=None)
        told = (f"{last:%Y-%m-%d}" if last else "", sum(one.checks for one in ours), budget)
        incident = waiting.get(family)
        if incident is None:
            words = "" if ours else nothing_to_check(family, workspace.use_case, is_by_rules, measured)
            states.append(MonitorStatus(family, "quiet" if ours else "unwatched", *told, words=words))
            continue
        since = f"{incident.first_alarm_as_of:%Y-%m-%d}"
        whose = (incident.incident_id, incident.severity, since, incident.last_words)
        states.append(MonitorStatus(family, incident.state, *told, *whose, stake_total=incident.stake_total))
    return tuple(states)


def nothing_to_check(family: MonitorFamily, use_case: UseCase, is_by_rules: bool, measured: int = 0) -> str:
    """Why a family has nothing to check as things stand, however long one waits; "" where it only has not begun.

    ``measured``: how many cohorts were measured when their outcomes were complete.
    """
    if family == "labels" and measured:
        cohorts = "1 cohort" if measured == 1 else f"{measured} cohorts"
        return f"the outcomes of {cohorts} were complete before any check, and what is missing is told with the money"
    if family == "impact" and not use_case.protected:
        return "the contract names no protected groups"
    if use_case.is_observing and family in ("performance", "feedback", "value"):
        return "another system decides, and no release of ours is judged by what comes of that"
    if not is_by_rules:
        return ""
    of_models: dict[MonitorFamily, str] = {
        "value": "the rules decide, and they are what a model's money is compared with",
        "performance": "the rules decide, and they have no score that could be wrong",
        "feedback": "the rules decide, and they learn from no outcomes",
    }
    return of_models.get(family, "")


def monitor_line(one: MonitorStatus, currency: str) -> str:
    """One family for a terminal."""
    if one.state == "unwatched":
        why = f"nothing to check: {one.words}" if one.words else "nothing was checked yet"
        return f"{one.family:<{FAMILY_WIDTH}} {why}"
    checked = f"checked {one.last_checked}; may raise {one.false_alarms_per_year:.3g} false alarms a year"
    if one.state == "quiet":
        return f"{one.family:<{FAMILY_WIDTH}} quiet ({checked})"
    money = "" if one.stake_total is None else f" {currency} {one.stake_total:,.0f} a batch at stake."
    state = "acknowledged, " if one.state == "acknowledged" else ""
    told = f"{one.severity} since {one.since}: {one.words.rstrip('.')}.{money}"
    return f"{one.family:<{FAMILY_WIDTH}} {told} ({state}{one.incident_id}; {checked})"


def report(use_case: str, is_json: bool) -> None:
    """Print checks, alarms, realised against declared false alarms, limits with their evidence, and delays."""
    from decisionloop.ledger.monitor_references import thresholds_of
    from decisionloop.ledger.releases import champion
    from decisionloop.report.record.alarm_record import read_alarm_record
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case)
    changes = _true_changes(workspace)
    record = read_alarm_record(workspace.ledger, workspace.use_case, changes)
    decides = champion(workspace.ledger, use_case)
    limits = tuple(thresholds_of(workspace.ledger, use_case, decides.release_id if decides else None).values())
    if is_json:
        typer.echo(json.dumps(_as_object(use_case, record, limits, changes), sort_keys=True))
    else:
        typer.echo("\n".join(_as_text(use_case, record, limits)))


def _true_changes(workspace: Workspace) -> tuple[TrueChange, ...] | None:
    """What a simulated world says of itself; None for any other source."""
    from decisionloop.sources.base import ScenarioSource

    source = workspace.source
    return source.true_changes() if isinstance(source, ScenarioSource) else None


def _as_object(
    use_case: str,
    record: AlarmRecord,
    limits: Sequence[MonitorThreshold],
    changes: Sequence[TrueChange] | None,
) -> dict[str, Any]:
    return {
        "use_case": use_case,
        "is_truth_known": record.is_truth_known,
        "families": [_family_object(one) for one in record.families],
        "total": _family_object(record.total),
        "limits": [
            {name: value for name, value in asdict(one).items() if name not in {"threshold_id", "at", "as_of"}}
            | {"evidence": json.loads(one.evidence), "as_of": one.as_of.isoformat()}
            for one in limits
        ],
        "changes": [
            {
                "name": change.name,
                "at": change.at.isoformat(),
                "money_per_decision": change.money_per_decision,
                "noticed": _noticed_object(record.first_notice(change.name)),
                "families": [_noticed_object(one) for one in record.detections if one.change == change.name],
            }
            for change in changes or ()
        ],
    }


def _family_object(one: FamilyRecord) -> dict[str, Any]:
    def rate(told: Rate) -> dict[str, Any]:
        return {"count": told.count, "years": told.years, "per_year": told.value, "upper_95": told.high}

    return {
        "family": one.family,
        "checks": one.checks,
        "alarms": one.alarms,
        "incidents": rate(one.incidents),
        "false_incidents": rate(one.false),
        "budget_per_year": one.budget,
        "verdict": one.verdict,
    }


def _noticed_object(one: Detection | None) -> dict[str, Any] | None:
    if one is None:
        return None
    noticed = one.noticed_at.isoformat() if one.noticed_at else None
    delays = {"delay_days": one.delay_days, "delay_batches": one.delay_batches}
    told = {"family": one.family, "is_expected": one.is_expected, "incident_id": one.incident_id}
    return {**told, "noticed_at": noticed, **delays}


def _as_text(use_case: str, record: AlarmRecord, limits: Sequence[MonitorThreshold]) -> Iterator[str]:
    yield f"{use_case}: watched for {record.total.incidents.years:.2f} years"
    yield ""
    heads = ("checks", "alarms", "incidents", "a year", "false", "a year", "upper 95 %", "budget")
    yield f"{'family':<{FAMILY_WIDTH}} {' '.join(f'{head:>10}' for head in heads)}  verdict"
    for one in (*record.families, record.total):
        counts = [f"{one.checks:,}", f"{one.alarms:,}", f"{one.incidents.count:,}", _number(one.incidents.value)]
        false = [f"{one.false.count:,}", _number(one.false.value), _number(one.false.high), _number(one.budget)]
        yield f"{one.family:<{FAMILY_WIDTH}} {' '.join(f'{cell:>10}' for cell in (*counts, *false))}  {one.verdict}"
    yield ""
    if record.is_truth_known:
        yield "False are incidents from before anything really changed; the source knows when that was."
    else:
        yield "False are incidents that a person closed with a reason that begins with `false`: nobody knows the truth."
    if limits:
        yield from ("", "limits that were calibrated, and their evidence", *(_limit_line(one) for one in limits))
    if record.detections:
        yield from ("", "what really changed, and who noticed", *(_detection_line(one) for one in record.detections))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _limit_line(one: MonitorThreshold) -> str:
    from decisionloop.report.read.series import evidence_words

    alpha = "" if one.alpha is None else f", errs {one.alpha:.2g}"
    return f"  {one.monitor} {one.slice}: {one.threshold:.4g}{alpha} ({evidence_words(one.evidence)})"


def _detection_line(one: Detection) -> str:
    told = f"  {one.change} of {one.at:%Y-%m-%d}: {one.family}"
    if one.noticed_at is None or one.delay_days is None:
        return f"{told} has not noticed it"
    batches = "in the first batch" if one.delay_batches == 1 else f"in batch {one.delay_batches}"
    where = f" ({one.incident_id})" if one.incident_id else " (the batch was halted)"
    beside = "" if one.is_expected else ", though it was not expected to"
    return f"{told} noticed it on {one.noticed_at:%Y-%m-%d}, {batches}, after {one.delay_days:g} days{where}{beside}"
