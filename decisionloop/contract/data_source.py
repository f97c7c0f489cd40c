"""Where a use case's data comes from: the ready-made sources and their columns."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from decisionloop.contract.section import PublicUrl, Section, field, without_usual
from decisionloop.contract.written import Plain


class Table(Section):
    """One table, in files or in a database; exactly one of ``path`` and ``url`` is given."""

    path: str = field(
        "CSV or Parquet file or glob, relative to the use case's folder.", "data/clients.parquet", default=""
    )
    url: PublicUrl = field(
        "SQLAlchemy URL, without a password: PostgreSQL's is read from PGPASSFILE.",
        "postgresql+psycopg://reader@host/warehouse",
        default="",
    )
    table: str = field("Table of that database.", "decisions", default="")
    time: str = field("Column that says when a row was known.", "statement_at")
    text: tuple[str, ...] = field(
        "Further columns that are codes and no numbers: read as they are written, like the entity key and every column "
        "named as a category or protected attribute.",
        ["postcode"],
        default=(),
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if bool(self.path) == bool(self.url):
            raise ValueError("give either path or url (with table)")
        if bool(self.url) != bool(self.table):
            raise ValueError("url and table belong together")
        return self


class OutcomeColumns(Section):
    """Columns of the table of outcomes (the contract's ``outcome`` names class and amount)."""

    entity: str = field("Column of the entity; empty: the entity key.", "client_id", default="")
    decision_time: str = field(
        "Column with the time of the row that was decided, as `due` (or `history`) has it, or its batch's as-of: the "
        "entity's first decision then or less than `schedule.covers_days` later is meant, or the one that made up for "
        "it. Needed where an entity comes back before its outcome is seen; empty: the entity's latest decision before "
        "the outcome.",
        "decided_at",
        default="",
    )
    decision_id: str = field("Column that carries decisionloop's own id; empty: none.", "decision_id", default="")
    outcome_time: str = field("Column that says when the outcome was seen.", "seen_at")


class LegacyDecisions(Section):
    """What another system decided, beside which `mode: observe` looks on."""

    table: Table | None = field(
        "Its decisions, each with its time: a batch reads each entity's last one in its `covers_days`. null: the rows "
        "that say who is due.",
        {"path": "data/decided.csv", "time": "decided_at"},
        default=None,
    )
    action: str = field("Column of the logged action, by the names of `actions`.", "action", min_length=1)
    propensity: str = field(
        "Column of its probability, where the system draws; empty: nobody knows it, and nothing is claimed of what "
        "other actions would have brought.",
        "propensity",
        default="",
    )


class TablesSource(Section):
    """Live tables: what was known about entities, who is due for a decision, and outcomes as they arrive."""

    kind: Literal["tables"] = field("Which source this is.", "tables")
    history: Table = field(
        "Rows known about entities, each with its time.",
        {"path": "data/statements.csv", "time": "statement_at"},
    )
    due: Table | None = field(
        "Who is to be decided and when (entity key and time); null: each history row is due at its time.",
        {"path": "data/due.csv", "time": "decided_at"},
        default=None,
    )
    outcomes: Table = field(
        "Outcomes, each with the time it was seen.", {"path": "data/outcomes.csv", "time": "seen_at"}
    )
    outcome_columns: OutcomeColumns = field("Columns of the outcomes.", {"outcome_time": "seen_at"})
    legacy: LegacyDecisions | None = field(
        "What another system decided, for `mode: observe`; it is not read in other modes.",
        LegacyDecisions.example(),
        default=None,
    )

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        """A contract without a legacy system is written, and has the digest, as before there were any."""
        return without_usual(type(self), written(self), ("legacy",))


class FullInformationReplay(Section):
    """Recorded history in which everyone's outcome is known; the replay reveals it only for revealing actions."""

    kind: Literal["full_information_replay"] = field("Which source this is.", "full_information_replay")
    history: Table = field(
        "Rows known about entities, each with its time.",
        {"path": "data/statements.parquet", "time": "statement_at"},
    )
    due: Table | None = field(
        "Who is to be decided and when; null: each history row is due at its time.",
        {"path": "data/due.parquet", "time": "decided_at"},
        default=None,
    )
    outcomes: Table = field(
        "Everyone's outcome by entity and decision time.",
        {"path": "data/outcomes.parquet", "time": "seen_at"},
    )
    decision_time: str = field("Column of `outcomes` with the decision's time.", "decided_at")


class RandomisedLogReplay(Section):
    """A logged experiment: an outcome is revealed only where the loop chooses the logged action."""

    kind: Literal["randomised_log_replay"] = field("Which source this is.", "randomised_log_replay")
    log: Table = field(
        "One row a decision: entity, time, features, logged action, propensity, outcome.",
        {"path": "data/experiment.csv", "time": "decided_at"},
    )
    action: str = field("Column of the logged action.", "action")
    propensity: str = field("Column of its probability.", "propensity")
    outcome_time: str = field("Column that says when the outcome was seen.", "seen_at")


class LegacyLogReplay(Section):
    """A replay of what another system decided and what came of it, for `mode: observe`."""

    kind: Literal["legacy_log_replay"] = field("Which source this is.", "legacy_log_replay")
    log: Table = field(
        "One row a decision: entity, time, features, logged action, outcome.",
        {"path": "data/decisions.csv", "time": "decided_at"},
    )
    action: str = field("Column of the logged action.", "action", min_length=1)
    propensity: str = field("Column of its probability; empty: nobody knows it.", "propensity", default="")
    outcome_time: str = field("Column that says when the outcome was seen.", "seen_at")


def _typed(value: object) -> object:
    """An option as YAML takes it, for nothing else says of which type it is."""
    typed = value.typed() if isinstance(value, Plain) else value
    return typed if isinstance(typed, bool | int | float) else value


class CustomSource(Section):
    """A source of your own: `source.py` with `source(use_case, folder)`."""

    kind: Literal["custom"] = field("Which source this is.", "custom")
    options: dict[str, Annotated[str | int | float | bool, BeforeValidator(_typed)]] = field(
        "Passed on to your source as use_case.source.options.", {"scenario": "stationary"}, default={}
    )


SourceSpec = Annotated[
    TablesSource | FullInformationReplay | RandomisedLogReplay | LegacyLogReplay | CustomSource,
    Field(discriminator="kind"),
]
