"""That a cohort was measured is a fact of its own, and is not told from its figures in every turn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TOLD_BEFORE = sa.text(
    r"""
INSERT INTO measured_cohort (use_case, cohort, known_at, made_at)
WITH decided AS (
    SELECT batch.use_case, substr(batch.batch_id, length(batch.use_case) + 2) AS cohort
    FROM batch JOIN batch_event AS last ON last.batch_id = batch.batch_id
    WHERE last.state IN ('decided', 'complete')
        AND last.seq = (SELECT max(seq) FROM batch_event WHERE batch_event.batch_id = batch.batch_id)
)
SELECT DISTINCT told.use_case, COALESCE(first_of_day.cohort, told.cohort), told.known_at, told.made_at
FROM (
    SELECT DISTINCT use_case, cohort, recorded_at AS made_at,
        CASE WHEN as_of < recorded_at THEN as_of ELSE recorded_at END AS known_at
    FROM measurement
    WHERE is_mature AND threshold IS NULL
        AND monitor NOT LIKE 'feature\_%' ESCAPE '\' AND monitor NOT LIKE 'pooled\_%' ESCAPE '\'
) AS told
LEFT JOIN decided AS of_its_name ON of_its_name.use_case = told.use_case AND of_its_name.cohort = told.cohort
LEFT JOIN (
    SELECT use_case, substr(cohort, 1, 10) AS day, min(cohort) AS cohort FROM decided
    GROUP BY use_case, substr(cohort, 1, 10)
) AS first_of_day
    ON of_its_name.cohort IS NULL AND first_of_day.use_case = told.use_case AND first_of_day.day = told.cohort
"""
)
"""What figures say of it by now: all but checks against a limit, reviews of features, and cohorts pooled as one.

The first versions called every cohort by its day and measured the first batch of a day alone: it gets its own name.
"""


def upgrade() -> None:
    """Make the table, and fill it with what the figures that are there say."""
    op.create_table(
        "measured_cohort",
        sa.Column("use_case", Text, nullable=False),
        sa.Column("cohort", Text, nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "cohort", "known_at", "made_at", name="pk_measured_cohort"),
    )
    connection = op.get_bind()
    connection.execute(_TOLD_BEFORE)
    make_append_only(connection, ("measured_cohort",))
