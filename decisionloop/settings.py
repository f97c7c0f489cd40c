"""Where things live: every setting of an installation, read from ``DECISIONLOOP_*`` and ``.env``.

What a decision *means* is not a setting: that is the contract of its use case.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from decisionloop.errors import ConfigurationError


class Settings(BaseSettings):
    """Settings of one installation. Environment variables win over the ``.env`` file."""

    model_config = SettingsConfigDict(env_prefix="DECISIONLOOP_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(
        default=Path(".decisionloop"),
        description="Folder for everything that has no URL of its own: ledger, MLflow store, outbox, reports.",
    )
    ledger_url: str = Field(
        default="",
        description="SQLAlchemy URL of the ledger. Empty: SQLite at <home>/ledger.db. "
        "PostgreSQL: postgresql+psycopg://user@host/db.",
    )
    ledger_password_file: str = Field(
        default="",
        description="File with the password of the ledger's role, such as a container's secret, for a URL without one.",
    )
    snapshots_url: str = Field(
        default="",
        description="fsspec URL of the snapshot store. Empty: <home>/snapshots. Example: s3://bucket/decisionloop.",
    )
    mlflow_tracking_uri: str = Field(
        default="",
        description="MLflow tracking and registry URI. Empty: sqlite at <home>/mlflow.db.",
    )
    audit_checkpoints_url: str = Field(
        default="",
        description="fsspec URL of signed checkpoints of the audit chain, best where whoever owns the ledger cannot "
        "change files. Empty: <home>/audit/checkpoints, which proves nothing against the owner of <home>.",
    )
    audit_keys: str = Field(
        default="",
        description="Folder of the pair of keys that signs checkpoints. Empty: <home>/audit.",
    )
    usecases_dir: Path = Field(
        default=Path("usecases"),
        description="Folder that holds one folder a use case.",
    )
    source_options: str = Field(
        default="",
        description="JSON object of options for a source.py, over those of the contract's `source.options`: "
        '{"scenario": "concept_drift"}.',
    )
    sqlite_synchronous: Literal["FULL", "EXTRA"] = Field(
        default="FULL",
        description="SQLite durability of the ledger: FULL (every commit is on disk) or EXTRA.",
    )
    delivery_timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long an HTTP actuator waits for the receiver, in seconds."
    )
    drill_limit_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How long a drill may take from the kill switch, or a rollback, to the batch that it is about, in "
        "seconds; more is an alert.",
    )
    is_data_docs_built: bool = Field(
        default=False, description="Write Great Expectations Data Docs for every batch to <home>/data_docs."
    )
    service_file: str = Field(
        default="",
        description="TOML file of `decisionloop service`: who may send webhooks, what they start, and API keys. Empty: "
        "neither senders nor keys.",
    )
    service_workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes of `decisionloop service` that answer on its port. With more than one another seals and "
        "starts what webhooks ask for.",
    )

    runner: Literal["in_process", "threads", "dask"] = Field(
        default="in_process",
        description="Where the parts of a batch are computed: one after another in the flow's process, in its threads, "
        "or on a Dask cluster (needs decisionloop[dask]). The decisions are the same.",
    )
    runner_workers: int = Field(
        default=0, ge=0, description="Threads, or processes of a local Dask cluster. 0: one a core."
    )
    dask_address: str = Field(
        default="",
        description="Address of a Dask scheduler (tcp://host:8786). Empty: a local cluster, started when it is needed. "
        "Its workers need the same settings, use cases and packages.",
    )
    partition_rows: int = Field(
        default=250_000, ge=1, description="Rows of a batch that are computed together; memory grows with it."
    )
    scorer_engine: Literal["auto", "numba", "numpy"] = Field(
        default="auto", description="Engine of the compiled scorers. auto: numba where it is installed, else numpy."
    )

    @field_validator("source_options")
    @classmethod
    def _is_object(cls, text: str) -> str:
        if text and not isinstance(json.loads(text), dict):
            raise ValueError("is no JSON object")
        return text

    def resolved_source_options(self) -> dict[str, str | int | float | bool]:
        """The options for a source.py as a dictionary."""
        return json.loads(self.source_options) if self.source_options else {}

    @property
    def workers(self) -> int:
        """How many parts of a batch are computed at a time."""
        if self.runner == "in_process":
            return 1
        return self.runner_workers or os.cpu_count() or 1

    @property
    def scorer_threads(self) -> int:
        """Threads that one part is scored in: every core where parts come one after another, else one."""
        return (os.cpu_count() or 1) if self.runner == "in_process" else 1

    def resolved_ledger_url(self) -> str:
        """The ledger's URL, with the default and the password of its file filled in.

        Raises ConfigurationError where the file holds no password, or the URL has one of its own.
        """
        if not self.ledger_url:
            return f"sqlite:///{(self.home / 'ledger.db').resolve()}"
        return (
            _with_password(self.ledger_url, self.ledger_password_file) if self.ledger_password_file else self.ledger_url
        )

    def resolved_snapshots_url(self) -> str:
        """The snapshot store's URL, with the default filled in."""
        return self.snapshots_url or str((self.home / "snapshots").resolve())

    def resolved_mlflow_uri(self) -> str:
        """MLflow's URI, with the default filled in."""
        return self.mlflow_tracking_uri or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    def resolved_checkpoints_url(self) -> str:
        """Where checkpoints are exported to, with the default filled in."""
        return self.audit_checkpoints_url or str((self.home / "audit" / "checkpoints").resolve())

    def resolved_audit_keys(self) -> Path:
        """The folder of the audit's keys, with the default filled in."""
        return Path(self.audit_keys) if self.audit_keys else self.home / "audit"

    def resolved_service_file(self) -> Path | None:
        """The file of the service, or None where there is none."""
        return Path(self.service_file) if self.service_file else None


def _with_password(url: str, file: str) -> str:
    """The database URL with the password that the file holds; no message of an error holds it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
        password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except ArgumentError:
        raise ConfigurationError(
            "DECISIONLOOP_LEDGER_URL is not an SQLAlchemy URL. docs/settings.md shows one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(
            f"the password of the ledger cannot be read from {file}: {reason}. Check DECISIONLOOP_LEDGER_PASSWORD_FILE."
        ) from None
    if not password:
        raise ConfigurationError(f"{file} is empty. Write the password of the ledger's role into it.")
    if parsed.password:
        raise ConfigurationError(
            "DECISIONLOOP_LEDGER_URL holds a password, and DECISIONLOOP_LEDGER_PASSWORD_FILE names one. Keep the file."
        )
    return parsed.set(password=password).render_as_string(hide_password=False)


def load_settings() -> Settings:
    """Read the settings of this process afresh (never cached: tests and workers change them).

    Raises ConfigurationError that names the variable of each wrong value.
    """
    try:
        return Settings()
    except ValidationError as error:
        prefix = Settings.model_config.get("env_prefix", "")
        wrong = [f"{prefix}{str(one['loc'][0]).upper()} ({one['msg']}, got {one['input']!r})" for one in error.errors()]
        raise ConfigurationError(f"wrong settings: {'; '.join(wrong)}. docs/settings.md lists every value.") from error
