"""MLflow, and nothing of MLflow anywhere else: releases are logged, versioned and named by alias here.

The registry is for people and for training. Production never loads a model from it: what decides is the
compiled scorer whose digest stands in the ledger.
"""

from __future__ import annotations

import functools
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from decisionloop.errors import ConfigurationError
from decisionloop.predict.pipeline_bytes import TRUSTED_TYPES
from decisionloop.registry_store import make_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from sklearn.pipeline import Pipeline

Alias = Literal["champion", "challenger", "baseline"]
CARD = "model_card.md"


@dataclass(frozen=True)
class ReleaseRecord:
    """What is logged of one release. ``files`` are kept beside the model under their names."""

    use_case: str
    release_id: str
    kind: str
    contract_digest: str
    training_set_id: str | None
    code_version: str
    metrics: Mapping[str, float]
    parameters: Mapping[str, str | float | int]
    model_card: str
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class VersionWords:
    """What people read of a version: its name, which is its run's too, a description in Markdown, and tags."""

    name: str
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Registry:
    """The MLflow store at ``tracking_uri``; artifacts go below ``artifacts``, or to the server where it is one."""

    tracking_uri: str
    artifacts: Path

    def log_release(self, record: ReleaseRecord, models: Mapping[str, Pipeline]) -> str:
        """Log a release with its scikit-learn pipelines (none for rules) and return its version number.

        Logging the same release again returns the version that it already has.
        Raises ConfigurationError when MLflow cannot be reached or a pipeline holds a type we do not trust.
        """
        with _mlflow(self.tracking_uri) as client:
            existing = _version_of(client, record.use_case, record.release_id)
            if existing is not None:
                return str(existing.version)
            run_id = self._log_run(client, record)
            source, model_id = f"runs:/{run_id}/release", None
            for name, pipeline in models.items():
                source, model_id = _log_model(run_id, name, pipeline)
            tags = {
                "release_id": record.release_id,
                "kind": record.kind,
                "contract_digest": record.contract_digest,
            }
            version = client.create_model_version(
                record.use_case, source=source, run_id=run_id, tags=tags, model_id=model_id
            )
            return str(version.version)

    def version_of(self, use_case: str, release_id: str) -> str | None:
        """The version number of a release, or None where it was never logged."""
        with _mlflow(self.tracking_uri) as client:
            found = _version_of(client, use_case, release_id)
            return None if found is None else str(found.version)

    def versions(self, use_case: str) -> dict[str, str]:
        """Release id -> version number, for every release of a use case that was logged."""
        with _mlflow(self.tracking_uri) as client:
            if not client.search_registered_models(f"name = '{use_case}'"):
                return {}
            found = client.search_model_versions(f"name = '{use_case}'")
            return {one.tags["release_id"]: str(one.version) for one in found if "release_id" in one.tags}

    def describe(self, use_case: str, words: Mapping[str, VersionWords], about_all: str) -> None:
        """Say of every version that was logged what ``words`` has by its release's id, and ``about_all`` of the model.

        Only what has changed is written: each write is a commit of MLflow's database.
        """
        with _mlflow(self.tracking_uri) as client:
            if not client.search_registered_models(f"name = '{use_case}'"):
                return
            if (client.get_registered_model(use_case).description or "") != about_all:
                client.update_registered_model(use_case, about_all)
            for version in client.search_model_versions(f"name = '{use_case}'"):
                said = words.get(version.tags.get("release_id", ""))
                if said is not None:
                    _describe(client, version, said)

    def put_in_card(self, use_case: str, release_id: str, heading: str, section: str) -> bool:
        """End the model card of a release with ``section``, which begins with ``heading``; False where it has no card.

        A section of that heading that was put there before is replaced.
        """
        with _mlflow(self.tracking_uri) as client, tempfile.TemporaryDirectory() as folder:
            version = _version_of(client, use_case, release_id)
            if version is None or version.run_id is None:
                return False
            path = Path(client.download_artifacts(version.run_id, f"release/{CARD}", folder))
            card = path.read_text(encoding="utf-8").partition(heading)[0].rstrip()
            path.write_text(f"{card}\n\n{section}", encoding="utf-8")
            client.log_artifact(version.run_id, str(path), "release")
            return True

    def set_alias(self, use_case: str, alias: Alias, version: str) -> None:
        """Point ``alias`` at a version."""
        with _mlflow(self.tracking_uri) as client:
            client.set_registered_model_alias(use_case, alias, version)

    def clear_alias(self, use_case: str, alias: Alias) -> None:
        """Remove ``alias`` if it is set."""
        with _mlflow(self.tracking_uri) as client:
            if alias in self.aliases(use_case):
                client.delete_registered_model_alias(use_case, alias)

    def aliases(self, use_case: str) -> dict[str, str]:
        """Alias -> version number, for one use case."""
        with _mlflow(self.tracking_uri) as client:
            return {name: str(v) for name, v in client.get_registered_model(use_case).aliases.items()}

    @property
    def _artifact_location(self) -> str | None:
        """Where a new experiment keeps its files; None: where the MLflow server keeps all of them, for all to see."""
        is_served = self.tracking_uri.startswith(("http://", "https://"))
        return None if is_served else self.artifacts.resolve().as_uri()

    def _log_run(self, client: MlflowClient, record: ReleaseRecord) -> str:
        experiment = client.get_experiment_by_name(record.use_case)
        experiment_id = (
            experiment.experiment_id
            if experiment
            else client.create_experiment(record.use_case, artifact_location=self._artifact_location)
        )
        if not client.search_registered_models(f"name = '{record.use_case}'"):
            client.create_registered_model(record.use_case)
        run_id = client.create_run(experiment_id, run_name=record.release_id).info.run_id
        _log_facts(client, run_id, record)
        with tempfile.TemporaryDirectory() as folder:
            for name, data in {**record.files, CARD: record.model_card.encode()}.items():
                Path(folder, name).write_bytes(data)
            client.log_artifacts(run_id, folder, "release")
        client.set_terminated(run_id)
        return run_id


def _log_facts(client: MlflowClient, run_id: str, record: ReleaseRecord) -> None:
    """Metrics and parameters in one write: each write of its own is a commit of MLflow's database."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    facts = {
        **record.parameters,
        "training_set_id": record.training_set_id or "-",
        "code_version": record.code_version,
        "contract_digest": record.contract_digest,
    }
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in record.metrics.items()],
        params=[Param(name, str(value)) for name, value in facts.items()],
    )


def load_mlflow(tracking_uri: str) -> None:
    """Import MLflow and open its store now (seconds, and its tables where they are new), not at the first training."""
    with _mlflow(tracking_uri) as client:
        import mlflow.sklearn  # noqa: F401

        client.search_registered_models(max_results=1)


def _turn_telemetry_off() -> None:
    """MLflow reads this when it is imported."""
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def _log_model(run_id: str, name: str, pipeline: Pipeline) -> tuple[str, str]:
    """Log one pipeline in skops format; returns its URI and id."""
    import mlflow
    import mlflow.sklearn
    import sklearn

    with mlflow.start_run(run_id=run_id):
        info = mlflow.sklearn.log_model(
            pipeline,
            name=name,
            skops_trusted_types=sorted(TRUSTED_TYPES),  # MLflow refuses a pipeline that holds any other type
            # Named, so that MLflow does not spend seconds guessing them in a second interpreter.
            pip_requirements=[f"scikit-learn=={sklearn.__version__}", "decisionloop"],
        )
    return info.model_uri, info.model_id


def _version_of(client: MlflowClient, use_case: str, release_id: str) -> ModelVersion | None:
    if not client.search_registered_models(f"name = '{use_case}'"):
        return None
    found = client.search_model_versions(f"name = '{use_case}' and tags.release_id = '{release_id}'")
    return found[0] if found else None


def _describe(client: MlflowClient, version: ModelVersion, said: VersionWords) -> None:
    for key, value in said.tags.items():
        if version.tags.get(key) != value:
            client.set_model_version_tag(version.name, version.version, key, value)
    if version.description != said.description:
        client.update_model_version(version.name, version.version, said.description)
    if version.tags.get("name") != said.name and version.run_id:
        client.set_tag(version.run_id, "mlflow.runName", said.name)


@functools.lru_cache(maxsize=4)
def _client(tracking_uri: str) -> MlflowClient:
    """One client a store: making one looks at every table of its database."""
    import mlflow

    return mlflow.MlflowClient(tracking_uri, tracking_uri)


@contextmanager
def _mlflow(tracking_uri: str) -> Iterator[MlflowClient]:
    """A client of the store at ``tracking_uri``, telemetry off; MLflow's own errors become ours."""
    _turn_telemetry_off()
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells every table that it creates
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    from mlflow.exceptions import MlflowException

    if tracking_uri.startswith("sqlite:///"):
        make_store(Path(tracking_uri.removeprefix("sqlite:///")))
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    try:
        yield _client(tracking_uri)
    except MlflowException as error:
        raise ConfigurationError(
            f"MLflow at {tracking_uri} refused: {error}. Check DECISIONLOOP_MLFLOW_TRACKING_URI and that it is up."
        ) from error
