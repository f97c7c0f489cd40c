"""Tests that share what is costly to make run in one process: a release of pytest has broken that without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

pytestmark = pytest.mark.xdist_group("costly")


@pytest.mark.parametrize("number", range(8))
def test_one_of_a_group(number, worker_id):
    with open({seen!r}, "a") as seen:
        seen.write(worker_id + "\\n")
"""


def test_the_tests_of_a_group_run_in_one_process(tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    for name in ("one", "other"):
        (tmp_path / f"test_{name}.py").write_text(TESTS.format(seen=str(seen)))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "xdist.plugin",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "--rootdir",
        str(tmp_path),
    ]
    alone = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # other plugins take seconds in each of three processes
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, env=alone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    workers = seen.read_text().split()
    assert len(workers) == 16
    assert len(set(workers)) == 1
