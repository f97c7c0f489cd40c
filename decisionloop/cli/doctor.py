"""``decisionloop doctor``: what is misconfigured, which databases are in use, how durable they are."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import typer

from decisionloop.cli.environment import QUIET
from decisionloop.errors import ConfigurationError, ContractError, DecisionLoopError
from decisionloop.masking import masked
from decisionloop.private_files import is_open_to_others
from decisionloop.settings import Settings, load_settings

Level = Literal["ok", "warning", "fault"]
PREFECT_SERVER = "prefect.server.api.server:create_app"
"""What the command line of every Prefect server process holds."""


@dataclass(frozen=True)
class Finding:
    """One thing that was examined: what was seen and, unless all is well, the remedy."""

    subject: str
    level: Level
    seen: str
    remedy: str = ""


def examine(is_json: bool) -> None:
    """Examine everything and print it; raises ConfigurationError (exit code 4) if anything is at fault."""
    settings = load_settings()
    findings = [finding for check in CHECKS for finding in _guarded(check, settings)]
    if is_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            mark = {"ok": "ok     ", "warning": "warning", "fault": "FAULT  "}[finding.level]
            typer.echo(f"{mark}  {finding.subject}: {finding.seen}" + (f"  → {finding.remedy}" * bool(finding.remedy)))
    faults = [finding.subject for finding in findings if finding.level == "fault"]
    if faults:
        raise ConfigurationError(f"{len(faults)} at fault: {', '.join(faults)}. The remedies stand above.")


def _guarded(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    subject = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check(settings)
    except DecisionLoopError as error:
        yield from _faults(subject, error)
    except OSError as error:
        yield Finding(subject, "fault", str(error), "Check that the place exists and who may write there.")


def _faults(subject: str, error: DecisionLoopError) -> Iterator[Finding]:
    """The findings of an error; the last sentence of its message is the remedy."""
    if isinstance(error, ContractError):
        for fault in error.faults:
            yield Finding(subject, "fault", f"{fault.path}: {fault.problem} (got {fault.value})", fault.remedy)
        return
    seen, _, remedy = str(error).rpartition(". ")
    yield Finding(subject, "fault", seen, remedy)


def _python(_: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()}, {os.cpu_count()} cores")
    fastapi = metadata.version("fastapi")
    is_known = (0, 139) <= tuple(int(part) for part in fastapi.split(".")[:2]) < (0, 151)
    yield Finding(
        "prefect",
        "ok" if is_known else "fault",
        f"{metadata.version('prefect')} with fastapi {fastapi}",
        "" if is_known else "No Prefect 3.8 server starts with this fastapi: install fastapi>=0.139,<0.151.",
    )


def _telemetry(_: Settings) -> Iterator[Finding]:
    changed = [name for name, value in QUIET.items() if os.environ.get(name, value) != value]
    if changed:
        seen = ", ".join(f"{name}={os.environ[name]}" for name in changed)
        yield Finding("telemetry", "warning", seen, f"Unset {', '.join(changed)}: every command sets what is quiet.")
    else:
        yield Finding("telemetry", "ok", "off (every command switches it off for every library)")


def _ledger(settings: Settings) -> Iterator[Finding]:
    from sqlalchemy import text

    from decisionloop.ledger.storage.engine import ledger_there
    from decisionloop.workspace import refuse_forgotten

    with ledger_there(settings.resolved_ledger_url(), settings.ledger_tuning) as ledger:
        if ledger is None:
            refuse_forgotten(settings)
            yield _no_ledger(settings)
            return
        url = ledger.engine.url.render_as_string(hide_password=True)
        with ledger.engine.connect() as connection:
            if ledger.engine.dialect.name == "sqlite":
                mode = connection.execute(text("PRAGMA journal_mode")).scalar()
                level = connection.execute(text("PRAGMA synchronous")).scalar()
                durability = {2: "FULL", 3: "EXTRA"}.get(int(level or 0), f"weak ({level})")
                is_durable = mode == "wal" and durability in {"FULL", "EXTRA"}
                seen = f"{url}, SQLite {sqlite3.sqlite_version}, journal {mode}, synchronous {durability}"
            else:
                version = connection.execute(text("SHOW server_version")).scalar()
                durability = str(connection.execute(text("SHOW synchronous_commit")).scalar())
                is_durable = durability not in {"off"}
                seen = f"{url}, PostgreSQL {version}, synchronous_commit {durability}"
    remedy = "" if is_durable else "An acknowledged decision could be lost: restore full durability."
    yield Finding("ledger", "ok" if is_durable else "fault", seen, remedy)


def _no_ledger(settings: Settings) -> Finding:
    from sqlalchemy import make_url

    url = make_url(settings.resolved_ledger_url())
    if url.get_backend_name() == "sqlite":
        _require_writable(Path(str(url.database)), "DECISIONLOOP_LEDGER_URL")
        return Finding("ledger", "ok", f"none yet: the first run makes {url.database}")
    shown = url.render_as_string(hide_password=True)
    return Finding("ledger", "fault", f"{shown} has no tables yet", "Run `decisionloop ledger upgrade`.")


def _snapshots(settings: Settings) -> Iterator[Finding]:
    """Looks, and writes nothing: whether a bucket may be written to is found out by the first run."""
    from decisionloop.snapshots import SnapshotStore

    url = settings.resolved_snapshots_url()
    store = SnapshotStore(url)
    store.reach()
    folder = Path(url.removeprefix("file://"))
    if "://" in url and not url.startswith("file://"):
        versions = ", keeps versions: erasing and retention remove them too" * store.keeps_versions
        yield Finding("snapshots", "ok", f"{masked(url)}, answers{versions}")
        return
    _require_writable(folder, "DECISIONLOOP_SNAPSHOTS_URL")
    yield Finding("snapshots", "ok", f"{url}, may be written to")


def _require_writable(place: Path, variable: str) -> None:
    """Raises ConfigurationError unless ``place``, or what of its path is there, is a folder that may be written to."""
    there = next(one for one in (place, *place.absolute().parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{there} is no folder that may be written to. Check {variable}.")


def _privacy(settings: Settings) -> Iterator[Finding]:
    """Home and ledger are their user's alone; where a volume belongs to a container that is its business."""
    places = [settings.home, settings.home / "ledger.db"]
    wide = [str(one) for one in places if one.exists() and is_open_to_others(one)]
    if wide:
        yield Finding("privacy", "warning", f"others may read {', '.join(wide)}", f"Run `chmod go= {' '.join(wide)}`.")
    else:
        yield Finding("privacy", "ok", f"nobody else may look into {settings.home}")


def _scorer(settings: Settings) -> Iterator[Finding]:
    """Compiles what is not compiled yet, so that no other process has to."""
    from decisionloop.predict.scorer.engine import compile_kernels, has_numba, kernels, resolve_engine

    if resolve_engine(settings.scorer_engine) == "numba":
        compile_kernels()
        where = kernels().margins.stats.cache_path
        yield Finding("scorer", "ok", f"numba {metadata.version('numba')}, compiled code ready in {where}")
    elif has_numba():
        yield Finding("scorer", "ok", "numpy, as it is set")
    else:
        yield Finding("scorer", "ok", "numpy (numba, which is faster, comes with decisionloop[fast])")


def _mlflow(settings: Settings) -> Iterator[Finding]:
    yield Finding("mlflow", "ok", f"{settings.resolved_mlflow_uri()} (opened at the first training)")


def _use_cases(settings: Settings) -> Iterator[Finding]:
    from decisionloop.contract import load_use_case

    folders = sorted(path.parent for path in settings.usecases_dir.glob("*/usecase.yaml"))
    if not folders:
        where = settings.usecases_dir.resolve()
        yield Finding("use cases", "warning", f"none below {where}", "Run `decisionloop usecase new`.")
    for folder in folders:
        subject = f"use case {folder.name}"
        try:
            use_case = load_use_case(folder).use_case
        except DecisionLoopError as error:
            yield from _faults(subject, error)
        else:
            yield Finding(subject, "ok", f"contract version {use_case.version}, {use_case.title}")


def _prefect_server(_: Settings) -> Iterator[Finding]:
    import httpx

    api = os.environ.get("PREFECT_API_URL", "")
    if not api:
        yield Finding("prefect server", "ok", "none configured: each command starts its own and stops it")
        return
    try:
        httpx.get(f"{api}/health", timeout=5).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = "Start it (`decisionloop serve` starts a local one), or unset PREFECT_API_URL."
        yield Finding("prefect server", "fault", f"{api} does not answer: {error}", remedy)
    else:
        yield Finding("prefect server", "ok", f"{api}, healthy")


def _service(settings: Settings) -> Iterator[Finding]:
    from decisionloop.service.configuration import load_service_file
    from decisionloop.service.secret_values import known_senders

    file = load_service_file(settings.resolved_service_file())
    senders = ", ".join(known_senders(file.senders)) or "nobody"
    keys = ", ".join(file.keys) or "nobody"
    yield Finding("service", "ok", f"webhooks may be sent by {senders}; API keys have {keys}")


def _orphan_servers(_: Settings) -> Iterator[Finding]:
    import psutil

    processes = list(psutil.process_iter(["ppid", "cmdline"]))
    commands = {one.pid: " ".join(one.info["cmdline"] or ()) for one in processes}
    for one in processes:
        parent = one.info["ppid"] or 0
        if PREFECT_SERVER in commands[one.pid] and is_adopting(parent, commands.get(parent, "")):
            seen = f"process {one.pid} outlived the command that started it"
            yield Finding("orphan prefect server", "warning", seen, f"Stop it: kill {one.pid}")


def is_adopting(pid: int, command: str) -> bool:
    """Whether a server's parent adopted it (init, a user's systemd) rather than started it (always some Python)."""
    is_starting = "python" in command and (pid != 1 or "prefect" in command or "decisionloop" in command)
    return not is_starting


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python,
    _telemetry,
    _ledger,
    _snapshots,
    _privacy,
    _scorer,
    _mlflow,
    _use_cases,
    _prefect_server,
    _service,
    _orphan_servers,
)
