"""The kinds of check: which line of the contract sets their severity, and what to do when one fails."""

from __future__ import annotations

from dataclasses import dataclass

from decisionloop.contract.operation import DataQuality, Severity
from decisionloop.predict.row_faults import MISSING, NOT_WHOLE, RANGE, UNSEEN_CATEGORY
from decisionloop.predict.unreadable import WORD


@dataclass(frozen=True)
class Check:
    """One kind of check.

    ``remedy`` says what to do (``{column}`` is filled in), ``quality`` is the field of ``data_quality`` that sets
    the severity (None: ``severity`` holds), and ``reason`` the words with which a faulty row's fallback reason
    starts; it is empty where a failure cannot be pinned on single rows.
    """

    name: str
    remedy: str
    quality: str | None = None
    severity: Severity = "critical"
    reason: str = ""

    def severity_in(self, data_quality: DataQuality) -> Severity:
        """The severity under a contract; `row` is critical where a failure is one of the whole batch."""
        severity: Severity = self.severity if self.quality is None else getattr(data_quality, self.quality)
        return "critical" if severity == "row" and not self.reason else severity


ROW_COUNT = Check(
    "row_count",
    "Look for a partial or doubled delivery; correct data_quality.rows if the volume has changed for good.",
    quality="row_count",
)
EMPTY = Check(
    "row_count",
    "Look for a delivery that failed or a window in which nobody was due; nothing was decided.",
)
FRESHNESS = Check(
    "freshness",
    "Find out why the source stopped delivering; run the batch again once newer rows are there.",
    quality="freshness",
)
SCHEMA = Check(
    "schema",
    "Let the source and features.py deliver {column} as the contract declares it, or correct the contract.",
    quality="schema_",
)
KEY_SCHEMA = Check("schema", "Let features.py return the entity key {column} as text.")
ENTITY_KEY = Check("entity_key", "Give every row its {column} in features.py.")
DUPLICATES = Check(
    "duplicates",
    "Let features.py return one row per {column}; look for a doubled delivery at the source.",
    quality="duplicates",
    reason="duplicate",
)
NULLS = Check(
    "nulls",
    "Find out why {column} stopped arriving; repair the source and run the batch again.",
    quality="nulls",
)
USUAL_NULLS = Check(
    "usual_nulls",
    "Find out why {column} is missing more often than before; where it is gone for good, nothing needs mending: "
    "the rules decide without it, and the batches to come are held against this one.",
    quality="nulls",
)
ROW_NULLS = Check(
    "row_nulls",
    "Repair the rows without {column}, or set is_nullable if it may be missing.",
    quality="row_nulls",
    reason=MISSING,
)
RANGES = Check(
    "ranges",
    "Check the unit and scale of {column} at the source, or widen its range in the contract.",
    quality="ranges",
    reason=RANGE,
)
WHOLE_NUMBERS = Check(
    "whole_numbers",
    "Deliver {column} in whole numbers, or declare its type as number.",
    quality="ranges",
    reason=NOT_WHOLE,
)
UNREADABLE_CELLS = Check(
    "unreadable_cells",
    "Correct the cells at the source: `decisionloop usecase check` names them. Columns of codes that are no numbers "
    "are named in `text` of the contract's source.",
    severity="row",
    reason=WORD,
)
UNSEEN_CATEGORIES = Check(
    "unseen_categories",
    "Look for a new or renamed value of {column} at the source; add it to its categories if it is right.",
    quality="unseen_categories",
    reason=UNSEEN_CATEGORY,
)
VANISHED_CATEGORIES = Check(
    "vanished_categories",
    "Look for a renamed value or a missing part of the delivery in {column}.",
    quality="vanished_categories",
)
CONSTANT_COLUMNS = Check(
    "constant_columns",
    "Check that {column} is still computed; a feature with one value tells a model nothing.",
    quality="constant_columns",
)
PROTECTED_GROUPS = Check(
    "protected_groups",
    "Correct the source, or add the group of {column} to the contract; fairness figures leave these rows out.",
    severity="warning",
)
LEGACY_ACTIONS = Check(
    "legacy_actions",
    "Let the table of the other system say what it did, by the names of the contract.",
    quality="legacy_actions",
    reason="legacy",
)
