"""Where things live: every setting of an installation, read from ``DECISIONLOOP_*`` and ``.env``.

What a decision *means* is not a setting: that is the contract of its use case.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from decisionloop.errors import ConfigurationError
from decisionloop.masking import remember_password_of, remember_secret


@dataclass(frozen=True)
class LedgerTuning:
    """How a ledger is connected to: how durable SQLite is, and of PostgreSQL what the settings of these names say."""

    synchronous: Literal["FULL", "EXTRA"] = "FULL"
    pool_size: int = 5
    statement_seconds: float = 1800.0
    retry_seconds: float = 0.0


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
        description="fsspec URL of the snapshot store. Empty: <home>/snapshots. Example: s3://bucket/decisionloop "
        "(needs decisionloop[s3]).",
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
    ledger_pool_size: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Connections to a ledger in PostgreSQL that a process keeps open; up to ten more come and go.",
    )
    ledger_statement_seconds: float = Field(
        default=1800.0,
        gt=0,
        description="How long a statement of a ledger in PostgreSQL may take, waiting for locks included, in seconds.",
    )
    ledger_retry_seconds: float = Field(
        default=45.0,
        ge=0,
        description="How long a transaction that has not begun waits for a ledger in PostgreSQL that does not answer, "
        "in seconds; a run in which it waited in vain ends there. The service does not wait: it answers 503.",
    )
    delivery_timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long an HTTP actuator waits for the receiver's whole answer, in seconds."
    )
    secrets_dir: str = Field(
        default="",
        description="Folder of secrets, a file each: what `<use case>.authorization` holds is the Authorization header "
        "of what its HTTP actuator sends. Empty: none is sent.",
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
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="What runs of the loop say on standard error. json: one JSON record a line, of steps with run, use "
        "case, batch and release. The service's log is JSON in any case.",
    )
    runbook_url: str = Field(
        default="",
        description="Where the pages of docs/runbook can be read, such as https://wiki.example.org/runbook: alerts, "
        "notices and `status` name their page below it. Empty: the page's path in this project.",
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
    def ledger_tuning(self) -> LedgerTuning:
        """How the ledger is connected to."""
        return LedgerTuning(
            synchronous=self.sqlite_synchronous,
            pool_size=self.ledger_pool_size,
            statement_seconds=self.ledger_statement_seconds,
            retry_seconds=self.ledger_retry_seconds,
        )

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

    def authorization(self, use_case: str) -> str:
        """What opens the receiver of a use case, "" where its file is not there.

        Raises ConfigurationError where the file cannot be read or holds more than a header can.
        """
        file = Path(self.secrets_dir, f"{use_case}.authorization")
        if not self.secrets_dir or not file.exists():
            return ""
        try:
            text = file.read_text(encoding="ascii").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII text"
            raise ConfigurationError(f"{file} cannot be read: {reason}. Check DECISIONLOOP_SECRETS_DIR.") from None
        if not text.isprintable():
            raise ConfigurationError(f"{file} holds more than one line. Write into it what the header is to say.")
        return remember_secret(text)

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
    remember_secret(password)
    return parsed.set(password=password).render_as_string(hide_password=False)


def load_settings() -> Settings:
    """Read the settings of this process; read anew whenever the environment or ``.env`` says anything else than before.

    Raises ConfigurationError that names the variable of each wrong value.
    """
    prefix = str(Settings.model_config.get("env_prefix", ""))
    file = Path(str(Settings.model_config.get("env_file", "")))
    said = tuple((name, text) for name, text in os.environ.items() if name.upper().startswith(prefix))
    return _settings_of(said, file.read_bytes() if file.is_file() else b"")


@functools.lru_cache(maxsize=4)  # to read them takes 4 ms, and every step of a turn does
def _settings_of(_environment: tuple[tuple[str, str], ...], _file: bytes) -> Settings:
    try:
        return _remembered(Settings())
    except ValidationError as error:
        prefix = Settings.model_config.get("env_prefix", "")
        wrong = [f"{prefix}{str(one['loc'][0]).upper()} ({one['msg']}, got {one['input']!r})" for one in error.errors()]
        raise ConfigurationError(f"wrong settings: {'; '.join(wrong)}. docs/settings.md lists every value.") from error


def _remembered(settings: Settings) -> Settings:
    """The settings, whose passwords nothing tells from here on; a `.env` file is no environment."""
    for url in (settings.ledger_url, settings.snapshots_url, settings.mlflow_tracking_uri, settings.dask_address):
        remember_password_of(url)
    remember_password_of(settings.audit_checkpoints_url)
    return settings
