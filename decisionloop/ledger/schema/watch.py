"""Tables of what watches the loop: measurements, alerts, flags; alarms, incidents and what they are judged by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Named, Table, TypedColumns, true

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class MeasurementColumns(TypedColumns):
    """One figure of a monitor with its interval; `value` is null where it could not be computed.

    `threshold` is the limit that it was judged by and `against` the reference that it was compared with, if any.
    `missing_n` outcomes of it have not come (null: all have), about `to_come_n` of which still will; whatever the
    others are, it lies between `worst` and `best` (null: not bounded).
    """

    measurement_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    release_id: Named[str | None] = Column(ForeignKey("release.release_id"))
    monitor: Named[str]
    slice: Named[str]
    cohort: Named[str]
    value: Named[float | None]
    low: Named[float | None]
    high: Named[float | None]
    n: Named[int] = Column(BigInteger)
    effective_n: Named[float | None]
    is_mature: Named[bool]
    as_of: Named[datetime] = Column(UtcDateTime)
    recorded_at: Named[datetime] = Column(UtcDateTime)
    threshold: Named[float | None]
    against: Named[str | None]
    worst: Named[float | None]
    best: Named[float | None]
    missing_n: Named[int | None] = Column(BigInteger)
    to_come_n: Named[float | None]


measurement: Table[MeasurementColumns] = Table("measurement", metadata, MeasurementColumns)
Index(None, measurement.c.use_case, measurement.c.monitor, measurement.c.as_of)


class MeasuredCohortColumns(TypedColumns):
    """That a mature cohort was measured: with what was known by `known_at`, at `made_at`.

    What its figures say as well, of which there are dozens: whether a cohort is done with is asked in every turn.
    """

    use_case: Named[str] = Column(primary_key=True)
    cohort: Named[str] = Column(primary_key=True)
    known_at: Named[datetime] = Column(UtcDateTime, primary_key=True)
    made_at: Named[datetime] = Column(UtcDateTime, primary_key=True)


measured_cohort: Table[MeasuredCohortColumns] = Table("measured_cohort", metadata, MeasuredCohortColumns)


class AlertColumns(TypedColumns):
    """Something that a person must know, with the remedy."""

    alert_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    batch_id: Named[str | None] = Column(ForeignKey("batch.batch_id"))
    severity: Named[str]
    kind: Named[str]
    message: Named[str]
    remedy: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


alert: Table[AlertColumns] = Table("alert", metadata, AlertColumns)
Index(None, alert.c.use_case, alert.c.at)


class AlertEventColumns(TypedColumns):
    """What became of an alert: acknowledged by a person, or closed because it is over."""

    alert_id: Named[str] = Column(ForeignKey("alert.alert_id"), primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    use_case: Named[str]
    state: Named[str]
    by: Named[str]
    reason: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


alert_event: Table[AlertEventColumns] = Table("alert_event", metadata, AlertEventColumns)
Index(None, alert_event.c.use_case)


class WorkerTurnColumns(TypedColumns):
    """A run that a worker did: that it lives, and how much memory its process took at most (null: not known)."""

    run_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    flow: Named[str]
    host: Named[str]
    is_scheduled: Named[bool]
    peak_bytes: Named[int | None] = Column(BigInteger)
    at: Named[datetime] = Column(UtcDateTime)


worker_turn: Table[WorkerTurnColumns] = Table("worker_turn", metadata, WorkerTurnColumns)
Index(None, worker_turn.c.use_case, worker_turn.c.flow, worker_turn.c.at)


class TraceContextColumns(TypedColumns):
    """In which trace something was queued (its W3C traceparent): a batch's actions, a delivery of a webhook."""

    subject: Named[str] = Column(primary_key=True)
    traceparent: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


trace_context: Table[TraceContextColumns] = Table("trace_context", metadata, TraceContextColumns)


class FlagColumns(TypedColumns):
    """A flag that a person or a guard set: of a use case (`*`: of every one) or, with a `release_id`, of that release.

    It holds until it ends (`until`, null: by itself never), or until a later one of the same scope `is_replacing` what
    was set before.
    """

    use_case: Named[str] = Column(primary_key=True)
    name: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    value: Named[str]
    reason: Named[str]
    set_by: Named[str]
    at: Named[datetime] = Column(UtcDateTime)
    release_id: Named[str | None]
    until: Named[datetime | None] = Column(UtcDateTime)
    is_replacing: Named[bool] = Column(server_default=true())


flag: Table[FlagColumns] = Table("flag", metadata, FlagColumns)


class DrillColumns(TypedColumns):
    """An exercise of kill switch and rollback, beside the decisions: how long each took (null: it did not work).

    `failure`: what did not work, "" where all did. `engine`: of the throw-away ledger that it was done in.
    """

    use_case: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    engine: Named[str]
    kill_switch_seconds: Named[float | None]
    rollback_seconds: Named[float | None]
    failure: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


drill: Table[DrillColumns] = Table("drill", metadata, DrillColumns)


class AlarmColumns(TypedColumns):
    """A check that crossed its limit, with what is at stake and what to do; alarms of a family fold into incidents."""

    alarm_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    incident_id: Named[str]
    family: Named[str]
    monitor: Named[str]
    slice: Named[str]
    against: Named[str]
    release_id: Named[str | None] = Column(ForeignKey("release.release_id"))
    batch_id: Named[str | None] = Column(ForeignKey("batch.batch_id"))
    cohort: Named[str]
    severity: Named[str]
    value: Named[float | None]
    low: Named[float | None]
    high: Named[float | None]
    threshold: Named[float]
    bound: Named[float]
    alpha: Named[float]
    stake_per_decision: Named[float | None]
    stake_total: Named[float | None]
    words: Named[str]
    suggestion: Named[str]
    chart: Named[str | None]
    as_of: Named[datetime] = Column(UtcDateTime)
    at: Named[datetime] = Column(UtcDateTime)


alarm: Table[AlarmColumns] = Table("alarm", metadata, AlarmColumns)
Index(None, alarm.c.use_case, alarm.c.as_of)


class IncidentEventColumns(TypedColumns):
    """A state that an incident reached: opened, acknowledged or closed."""

    incident_id: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    use_case: Named[str]
    family: Named[str]
    state: Named[str]
    by: Named[str]
    reason: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


incident_event: Table[IncidentEventColumns] = Table("incident_event", metadata, IncidentEventColumns)
Index(None, incident_event.c.use_case)


class CohortEventColumns(TypedColumns):
    """What a person or the monitors said of a cohort: excluded or included. `alarms`: those about it known then."""

    use_case: Named[str] = Column(primary_key=True)
    cohort: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    state: Named[str]
    alarms: Named[int] = Column(BigInteger)
    reason: Named[str]
    by: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


cohort_event: Table[CohortEventColumns] = Table("cohort_event", metadata, CohortEventColumns)


class FailureColumns(TypedColumns):
    """Why one decision missed by far, and by how much money it surprised."""

    decision_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"))
    cause: Named[str]
    surprise: Named[float]
    recorded_at: Named[datetime] = Column(UtcDateTime)


failure: Table[FailureColumns] = Table("failure", metadata, FailureColumns)
Index(None, failure.c.batch_id)


class WeakSliceColumns(TypedColumns):
    """A part of a cohort on which decisions lost more than elsewhere; rank 1 is the worst."""

    use_case: Named[str] = Column(primary_key=True)
    cohort: Named[str] = Column(primary_key=True)
    rank: Named[int] = Column(primary_key=True, autoincrement=False)
    release_id: Named[str | None] = Column(ForeignKey("release.release_id"))
    description: Named[str]
    predicate: Named[str]
    n: Named[int] = Column(BigInteger)
    money_per_decision: Named[float]
    low: Named[float | None]
    high: Named[float | None]
    money_total: Named[float]
    as_of: Named[datetime] = Column(UtcDateTime)
    at: Named[datetime] = Column(UtcDateTime)


weak_slice: Table[WeakSliceColumns] = Table("weak_slice", metadata, WeakSliceColumns)


class MonitorReferenceColumns(TypedColumns):
    """What a kind of monitor compares with under one release: a profile as JSON. The latest one holds."""

    reference_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    release_id: Named[str] = Column(ForeignKey("release.release_id"))
    kind: Named[str]
    content: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    at: Named[datetime] = Column(UtcDateTime)


monitor_reference: Table[MonitorReferenceColumns] = Table("monitor_reference", metadata, MonitorReferenceColumns)
Index(None, monitor_reference.c.use_case, monitor_reference.c.release_id)


class MonitorThresholdColumns(TypedColumns):
    """A limit of one check, with the evidence that it was calibrated from. The latest one holds."""

    threshold_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    monitor: Named[str]
    slice: Named[str]
    release_id: Named[str | None] = Column(ForeignKey("release.release_id"))
    threshold: Named[float]
    alpha: Named[float | None]
    evidence: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    at: Named[datetime] = Column(UtcDateTime)


monitor_threshold: Table[MonitorThresholdColumns] = Table("monitor_threshold", metadata, MonitorThresholdColumns)
Index(None, monitor_threshold.c.use_case, monitor_threshold.c.release_id)
