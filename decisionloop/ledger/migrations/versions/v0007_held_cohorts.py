"""Cohorts that neither teach nor judge: what was said of them, and which a training set left out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INCLUDE_CLOSED = """
INSERT INTO cohort_event (use_case, cohort, seq, state, alarms, reason, "by", at)
SELECT a.use_case, a.cohort, 1, 'included', COUNT(*), 'its incident was closed by an earlier version', 'monitors',
    MAX(a.at)
FROM alarm AS a
WHERE a.monitor IN ('late_labels', 'missing_labels')
GROUP BY a.use_case, a.cohort
HAVING MIN(CASE WHEN EXISTS (
    SELECT 1 FROM incident_event AS e WHERE e.incident_id = a.incident_id AND e.state = 'closed'
) THEN 1 ELSE 0 END) = 1
"""
"""Cohorts whose incidents were over before a cohort could be held back go on teaching; those of open ones wait."""


def upgrade() -> None:
    """Make the new table, and let a training set say what it left out."""
    op.create_table(
        "cohort_event",
        *(sa.Column(name, Text, nullable=False) for name in ("use_case", "cohort")),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("alarms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in ("reason", "by")),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "cohort", "seq", name="pk_cohort_event"),
    )
    op.add_column("training_set", sa.Column("left_out", Text, nullable=True))
    op.execute(sa.text(_INCLUDE_CLOSED))
    make_append_only(op.get_bind(), ("cohort_event",))
