"""The peers' environments: each made from its lock once, kept beside other caches, used by its Python."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")
EVIDENTLY_LOCK = Path(__file__).with_name("evidently.lock")
HOME = "DECISIONLOOP_BENCHMARK_HOME"
LONGEST_SECONDS = 600


class PeersUnavailable(Exception):
    """The peers could not be installed, or broke: figures beside them are not to be had."""


def peers_python(lock: Path | None = None) -> Path:
    """The Python of the environment of a ``lock`` (None: that of most peers), which is made where it is not there yet.

    Raises PeersUnavailable.
    """
    lock = LOCK if lock is None else lock
    name = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = benchmark_home() / f"peers-{name}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    is_made = folder / "is-made"
    if not is_made.exists():
        _make(folder, python, lock)
        is_made.touch()
    return python


def benchmark_home() -> Path:
    """Where benchmarks keep what is worth keeping between runs."""
    return Path(os.environ.get(HOME) or Path.home() / ".cache" / "decisionloop" / "benchmarks")


def _make(folder: Path, python: Path, lock: Path) -> None:
    print(f"making the peers' environment in {folder}", file=sys.stderr, flush=True)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=uv is None)
        installer = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
        _run([*map(str, installer), "--quiet", "--require-hashes", "-r", str(lock)])
    except (OSError, subprocess.SubprocessError) as error:
        print(getattr(error, "stderr", None) or error, file=sys.stderr, flush=True)
        raise PeersUnavailable("the peers' environment could not be made; standard error says why") from error


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST_SECONDS)
