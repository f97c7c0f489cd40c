"""Evidently's data-drift preset in its own environment (nothing of decisionloop is imported here; see worker.py).

Started with a folder that holds ``reference.parquet`` and ``current.parquet``, which are read before the clock runs.
"""

from __future__ import annotations

import sys
import time
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.peers.worker import serve


class DriftWorker:
    """Both frames of a folder, and Evidently's answer about them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: list[str] = []

    @cached_property
    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Reference and current."""
        names = ("reference", "current")
        reference, current = (pd.read_parquet(self._folder / f"{name}.parquet") for name in names)
        return reference, current

    def prepare(self) -> dict[str, Any]:
        """Import, read the frames, and judge their first rows once, so that nothing is done for the first time."""
        reference, current = self.frames
        self._judge(reference.head(2_000), current.head(2_000))
        return {"version": metadata.version("evidently")}

    def drift(self) -> dict[str, Any]:
        """Wall and CPU seconds from both frames to the verdicts."""
        wall, cpu = time.perf_counter(), time.process_time()
        self._last = self._judge(*self.frames)
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}

    def drifted(self) -> dict[str, Any]:
        """The columns that it last said drifted."""
        return {"columns": self._last}

    def _judge(self, reference: pd.DataFrame, current: pd.DataFrame) -> list[str]:
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        is_number = [pd.api.types.is_numeric_dtype(one) for one in reference.dtypes]
        columns = list(zip(reference.columns, is_number, strict=True))
        definition = DataDefinition(
            numerical_columns=[name for name, number in columns if number],
            categorical_columns=[name for name, number in columns if not number],
        )
        data = [Dataset.from_pandas(frame, data_definition=definition) for frame in (current, reference)]
        told = Report([DataDriftPreset()]).run(*data).dict()["metrics"]
        # Every default method is a distance that drifts above its threshold, for so many rows.
        found = ((one["config"], one["value"]) for one in told if one["config"]["type"].endswith("ValueDrift"))
        return [config["column"] for config, value in found if float(value) >= config["threshold"]]


if __name__ == "__main__":
    serve(DriftWorker(Path(sys.argv[1])))
