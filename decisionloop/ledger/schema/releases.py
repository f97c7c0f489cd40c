"""Tables of what decides: releases and their stages, training sets, verdicts of the gate, runs of learning."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class TrainingSetColumns(TypedColumns):
    """The exact rows that a candidate learned from: a snapshot and the cohorts in it.

    `left_out`: names of cohorts of the span that were held back, a JSON list; null in what earlier versions wrote.
    """

    training_set_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    cohort_from: Named[datetime] = Column(UtcDateTime)
    cohort_to: Named[datetime] = Column(UtcDateTime)
    rows: Named[int] = Column(BigInteger)
    snapshot_digest: Named[str] = Column(ForeignKey("snapshot.digest"))
    created_at: Named[datetime] = Column(UtcDateTime)
    left_out: Named[str | None]


training_set: Table[TrainingSetColumns] = Table("training_set", metadata, TrainingSetColumns)
Index(None, training_set.c.use_case, training_set.c.as_of)


class ReleaseColumns(TypedColumns):
    """A thing that can decide: a compiled scorer, or the rules (which have no scorer)."""

    release_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    kind: Named[str]
    contract_digest: Named[str] = Column(ForeignKey("use_case_version.contract_digest"))
    scorer_digest: Named[str | None] = Column(ForeignKey("snapshot.digest"))
    training_set_id: Named[str | None] = Column(ForeignKey("training_set.training_set_id"))
    mlflow_version: Named[str | None]
    reference_scores: Named[str]
    card_json: Named[str]
    created_at: Named[datetime] = Column(UtcDateTime)


release: Table[ReleaseColumns] = Table("release", metadata, ReleaseColumns)
Index(None, release.c.use_case)


class ReleaseEventColumns(TypedColumns):
    """A stage that a release entered from another: by whose decision, why, and on what evidence (JSON).

    `seq` is the order in which the ledger wrote down what happened to the releases of a use case; clocks stand beside
    it. `share`: of the decisions, in canary. `recorded_at` is null in what earlier versions wrote.
    """

    use_case: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    release_id: Named[str] = Column(ForeignKey("release.release_id"))
    stage_before: Named[str | None]
    stage: Named[str]
    share: Named[float | None]
    decider: Named[str]
    decided_by: Named[str]
    reason: Named[str]
    evidence: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    recorded_at: Named[datetime | None] = Column(UtcDateTime)


release_event: Table[ReleaseEventColumns] = Table("release_event", metadata, ReleaseEventColumns)
Index(None, release_event.c.release_id)


class VerdictColumns(TypedColumns):
    """What the gate said of a challenger at one look; `attempt` counts how often the challenger came into shadow."""

    verdict_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    challenger_id: Named[str] = Column(ForeignKey("release.release_id"))
    champion_id: Named[str] = Column(ForeignKey("release.release_id"))
    look: Named[int]
    as_of: Named[datetime] = Column(UtcDateTime)
    decision: Named[str]
    reasons: Named[str]
    evidence: Named[str]
    at: Named[datetime] = Column(UtcDateTime)
    attempt: Named[int] = Column(server_default="1")


verdict: Table[VerdictColumns] = Table("verdict", metadata, VerdictColumns)
Index(None, verdict.c.challenger_id)
Index(None, verdict.c.use_case, verdict.c.as_of)


class LearnRunColumns(TypedColumns):
    """A question whether to retrain, and the answer."""

    learn_run_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    trigger: Named[str]
    is_triggered: Named[bool]
    reason: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


learn_run: Table[LearnRunColumns] = Table("learn_run", metadata, LearnRunColumns)
Index(None, learn_run.c.use_case, learn_run.c.as_of)
