"""The first tables, all of them append-only."""

from __future__ import annotations

# Twenty tables in one migration: a line a group of columns, so that a table is seen at a glance.
# fmt: off
import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FACT_TABLES = (
    "use_case_version", "batch", "batch_event", "snapshot", "expectation_result", "training_set",
    "release", "release_event", "verdict", "learn_run", "decision", "prediction", "shadow_run",
    "outbox", "delivery", "outcome", "outcome_intake", "measurement", "alert", "flag",
)


def upgrade() -> None:
    """Create every table, then the triggers that refuse to change a row."""
    _create_batch_tables()
    _create_release_tables()
    _create_decision_tables()
    _create_watch_tables()
    make_append_only(op.get_bind(), FACT_TABLES)


def text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=nullable)


def integer(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable, autoincrement=False)


def big_integer(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False)


def number(name: str, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def boolean(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def time(name: str) -> sa.Column[object]:
    return sa.Column(name, UtcDateTime(), nullable=False)


def foreign_key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")


def _create_batch_tables() -> None:
    op.create_table(
        "use_case_version",
        text("contract_digest"), text("use_case"), integer("contract_version"), text("contract_yaml"),
        time("recorded_at"),
        sa.PrimaryKeyConstraint("contract_digest", name="pk_use_case_version"),
    )
    op.create_table(
        "batch",
        text("batch_id"), text("use_case"), time("as_of"), text("contract_digest"), time("opened_at"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batch"),
        foreign_key("batch", "contract_digest", "use_case_version.contract_digest"),
        sa.UniqueConstraint("use_case", "as_of", name="uq_batch_use_case_as_of"),
    )
    op.create_table(
        "batch_event",
        text("batch_id"), integer("seq"), text("state"), text("detail"), time("at"),
        sa.PrimaryKeyConstraint("batch_id", "seq", name="pk_batch_event"),
        foreign_key("batch_event", "batch_id", "batch.batch_id"),
    )
    op.create_table(
        "snapshot",
        text("digest"), text("kind"), text("uri"), big_integer("rows"), big_integer("bytes"),
        time("recorded_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_snapshot"),
    )
    op.create_table(
        "expectation_result",
        text("result_id"), text("batch_id"), integer("attempt"), text("expectation"),
        text("column_name", nullable=True), text("severity"), boolean("is_success"),
        text("observed", nullable=True), big_integer("unexpected_count", nullable=True),
        number("unexpected_share", nullable=True), text("remedy"),
        sa.PrimaryKeyConstraint("result_id", name="pk_expectation_result"),
        foreign_key("expectation_result", "batch_id", "batch.batch_id"),
    )
    op.create_index("ix_expectation_result_batch_id_attempt", "expectation_result", ["batch_id", "attempt"])


def _create_release_tables() -> None:
    op.create_table(
        "training_set",
        text("training_set_id"), text("use_case"), time("as_of"), time("cohort_from"),
        time("cohort_to"), big_integer("rows"), text("snapshot_digest"), time("created_at"),
        sa.PrimaryKeyConstraint("training_set_id", name="pk_training_set"),
        foreign_key("training_set", "snapshot_digest", "snapshot.digest"),
    )
    op.create_index("ix_training_set_use_case_as_of", "training_set", ["use_case", "as_of"])
    op.create_table(
        "release",
        text("release_id"), text("use_case"), text("kind"), text("contract_digest"),
        text("scorer_digest", nullable=True), text("training_set_id", nullable=True),
        text("mlflow_version", nullable=True), text("reference_scores"), text("card_json"),
        time("created_at"),
        sa.PrimaryKeyConstraint("release_id", name="pk_release"),
        foreign_key("release", "training_set_id", "training_set.training_set_id"),
        foreign_key("release", "contract_digest", "use_case_version.contract_digest"),
        foreign_key("release", "scorer_digest", "snapshot.digest"),
    )
    op.create_index("ix_release_use_case", "release", ["use_case"])
    op.create_table(
        "release_event",
        text("release_id"), integer("seq"), text("stage"), text("reason"), text("decided_by"),
        time("at"),
        sa.PrimaryKeyConstraint("release_id", "seq", name="pk_release_event"),
        foreign_key("release_event", "release_id", "release.release_id"),
    )
    op.create_table(
        "verdict",
        text("verdict_id"), text("use_case"), text("challenger_id"), text("champion_id"),
        integer("look"), time("as_of"), text("decision"), text("reasons"), text("evidence"), time("at"),
        sa.PrimaryKeyConstraint("verdict_id", name="pk_verdict"),
        foreign_key("verdict", "challenger_id", "release.release_id"),
        foreign_key("verdict", "champion_id", "release.release_id"),
    )
    op.create_index("ix_verdict_challenger_id", "verdict", ["challenger_id"])
    op.create_index("ix_verdict_use_case_as_of", "verdict", ["use_case", "as_of"])
    op.create_table(
        "learn_run",
        text("learn_run_id"), text("use_case"), time("as_of"), text("trigger"), boolean("is_triggered"),
        text("reason"), time("at"),
        sa.PrimaryKeyConstraint("learn_run_id", name="pk_learn_run"),
    )
    op.create_index("ix_learn_run_use_case_as_of", "learn_run", ["use_case", "as_of"])


def _create_decision_tables() -> None:
    op.create_table(
        "decision",
        text("decision_id"), text("batch_id"), text("use_case"), text("entity_id"), time("as_of"),
        text("snapshot_digest"), integer("snapshot_row"), text("release_id"), text("role"),
        number("score", nullable=True), number("amount", nullable=True), text("action_values"),
        text("action"), number("propensity"), text("reason_codes"),
        text("fallback_reason", nullable=True), text("policy_version"), text("contract_digest"),
        number("latency_ms"), time("decided_at"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decision"),
        sa.CheckConstraint("propensity > 0 AND propensity <= 1", name="ck_decision_propensity"),
    )
    op.create_index("ix_decision_batch_id_entity_id", "decision", ["batch_id", "entity_id"])
    op.create_table(
        "prediction",
        text("decision_id"), text("release_id"), text("batch_id"), text("role"),
        number("score", nullable=True), number("amount", nullable=True), text("action_values"),
        text("action"), text("reason", nullable=True),
        sa.PrimaryKeyConstraint("decision_id", "release_id", name="pk_prediction"),
    )
    op.create_index("ix_prediction_batch_id_release_id", "prediction", ["batch_id", "release_id"])
    op.create_table(
        "shadow_run",
        text("batch_id"), text("release_id"), text("status"), text("error", nullable=True),
        integer("rows"), integer("nan_rows"), number("latency_ms"), time("at"),
        sa.PrimaryKeyConstraint("batch_id", "release_id", name="pk_shadow_run"),
        foreign_key("shadow_run", "batch_id", "batch.batch_id"),
        foreign_key("shadow_run", "release_id", "release.release_id"),
    )
    op.create_index("ix_shadow_run_release_id", "shadow_run", ["release_id"])
    op.create_table(
        "outbox",
        text("decision_id"), text("batch_id"), text("use_case"), text("entity_id"), text("action"),
        text("payload"), time("queued_at"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_batch_id", "outbox", ["batch_id"])
    op.create_table(
        "delivery",
        text("decision_id"), integer("attempt"), text("status"), text("detail", nullable=True),
        time("at"),
        sa.PrimaryKeyConstraint("decision_id", "attempt", name="pk_delivery"),
    )
    op.create_table(
        "outcome",
        text("decision_id"), integer("revision"), integer("outcome_class", nullable=True),
        number("amount", nullable=True), time("observed_at"), time("recorded_at"), text("kind"),
        sa.PrimaryKeyConstraint("decision_id", "revision", name="pk_outcome"),
    )
    op.create_table(
        "outcome_intake",
        text("intake_id"), text("use_case"), time("as_of"), integer("rows_read"), integer("matched"),
        integer("first"), integer("late"), integer("duplicate"), integer("contradictory"),
        integer("unknown"), integer("invalid"), text("detail"), time("at"),
        sa.PrimaryKeyConstraint("intake_id", name="pk_outcome_intake"),
    )
    op.create_index("ix_outcome_intake_use_case_as_of", "outcome_intake", ["use_case", "as_of"])


def _create_watch_tables() -> None:
    op.create_table(
        "measurement",
        text("measurement_id"), text("use_case"), text("release_id", nullable=True), text("monitor"),
        text("slice"), text("cohort"), number("value", nullable=True), number("low", nullable=True),
        number("high", nullable=True), big_integer("n"), number("effective_n", nullable=True),
        boolean("is_mature"), time("as_of"), time("recorded_at"),
        sa.PrimaryKeyConstraint("measurement_id", name="pk_measurement"),
        foreign_key("measurement", "release_id", "release.release_id"),
    )
    op.create_index("ix_measurement_use_case_monitor_as_of", "measurement", ["use_case", "monitor", "as_of"])
    op.create_table(
        "alert",
        text("alert_id"), text("use_case"), text("batch_id", nullable=True), text("severity"),
        text("kind"), text("message"), text("remedy"), time("at"),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alert"),
        foreign_key("alert", "batch_id", "batch.batch_id"),
    )
    op.create_index("ix_alert_use_case_at", "alert", ["use_case", "at"])
    op.create_table(
        "flag",
        text("use_case"), text("name"), integer("seq"), text("value"), text("reason"), text("set_by"),
        time("at"),
        sa.PrimaryKeyConstraint("use_case", "name", "seq", name="pk_flag"),
    )
