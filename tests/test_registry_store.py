"""A process that is killed while it makes MLflow's tables leaves nothing that the next one cannot begin with."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.exhaustive
def test_a_killed_making_of_the_store_is_made_anew_by_one_of_two(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    made = f"from decisionloop.registry import load_mlflow; load_mlflow('sqlite:///{file}')"
    killed = subprocess.Popen([sys.executable, "-c", made])
    while not (tmp_path / "mlflow.db.unfinished").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    killed.kill()
    killed.wait()
    assert not file.exists()
    both = [subprocess.Popen([sys.executable, "-c", made]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert file.exists()
    assert not (tmp_path / "mlflow.db.unfinished").exists()
