"""Runs of the large batch, each in a process of its own and on a fresh copy of an installation."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from benchmarks.large_batch.run import Decided, Setup, decide, install
from benchmarks.postgresql import NewDatabase
from benchmarks.processes import Apart, call_apart
from benchmarks.timing import Taken


@dataclass(frozen=True)
class Run:
    """One run: what deciding took, and the peak memory of the process that decided and of the largest it started."""

    decided: Decided
    peak_bytes: int

    @property
    def taken(self) -> Taken:
        """Deciding alone, without starting Python, loading libraries and kernels."""
        return Taken(self.decided.wall, self.decided.cpu)


@dataclass(frozen=True)
class Installation:
    """A use case of ``rows`` customers and two releases, installed once in ``folder``.

    ``reasons``: how many are logged with each decision. With ``new_database`` the ledger is on PostgreSQL.
    """

    folder: Path
    rows: int
    reasons: int = 3
    new_database: NewDatabase | None = None

    def decided(self, is_checked: bool = False, **how: object) -> Run:
        """Decide the batch; ``how`` are fields of `Setup`."""
        setup = self._fresh(**how)
        apart = call_apart(decide, asdict(setup), is_checked)
        shutil.rmtree(setup.home, ignore_errors=True)
        return Run(Decided(**apart.answer), _deciding_peak(apart, setup))

    @property
    def usecases(self) -> str:
        """The folder of the use case."""
        return str(self.folder / f"usecases_{self.rows}_{self.reasons}")

    @cached_property
    def _home(self) -> Path:
        """An installed home on SQLite, to be copied."""
        home = self.folder / f"home_{self.rows}_{self.reasons}"
        if not home.exists():  # another benchmark of this process may have made it
            made = self.folder / f"new_home_{self.rows}_{self.reasons}"
            call_apart(install, asdict(Setup(str(made), self.usecases)), self.rows, self.reasons)
            made.rename(home)
        return home

    def _fresh(self, **how: object) -> Setup:
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.folder))
        if self.new_database is None:
            shutil.copytree(self._home, home, dirs_exist_ok=True)
            return Setup(str(home), self.usecases, **how)  # type: ignore[arg-type]
        setup = Setup(str(home), self.usecases, ledger_url=self.new_database())
        call_apart(install, asdict(setup), self.rows, self.reasons)
        return replace(setup, **how)  # type: ignore[arg-type]


def _deciding_peak(apart: Apart, setup: Setup) -> int:
    """Of a flow the process that decides, or its largest worker: its Prefect server is not part of deciding."""
    return apart.largest_peak_bytes if setup.is_flow else apart.peak_bytes


def folder() -> Path:
    """The folder of this process's installations, removed when it ends: what one benchmark made serves the next."""
    return Path(_folder().name)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-", ignore_cleanup_errors=True)
