"""`python -m benchmarks.soak [--minutes 30]` (make soak): does the memory of the service grow while it decides?

One service on SQLite with a model that decides and one in shadow is asked without pause from 16 connections. Its
resident memory is looked at every second; the first fifth is warming up. Prints both figures and the growth between the
first and the last tenth of what is left, and ends with code 1 where that is 5 % or more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.online_servers.ours import ours

CONNECTIONS, LARGEST_GROWTH = 16, 0.05
WARM_UP_SHARE, SHARE_COMPARED = 0.2, 0.1


@dataclass(frozen=True)
class Soaked:
    """Memory (bytes) after warming up and at the end, and how many requests a second were answered."""

    first: float
    last: float
    rate: float

    @property
    def growth(self) -> float:
        """By which share it grew."""
        return self.last / self.first - 1

    @classmethod
    def of(cls, samples: Sequence[int], rate: float) -> Soaked:
        """From the samples of the whole time, in their order."""
        kept = samples[int(WARM_UP_SHARE * len(samples)) :]
        compared = max(1, int(SHARE_COMPARED * len(kept)))
        return cls(fmean(kept[:compared]), fmean(kept[-compared:]), rate)


def soak(memory: Callable[[], int], load: Callable[[], float], every_seconds: float = 1.0) -> Soaked:
    """Sample ``memory`` while ``load`` runs, which returns its rate."""
    samples, is_over = [memory()], threading.Event()

    def sample() -> None:
        while not is_over.wait(every_seconds):
            samples.append(memory())

    sampling = threading.Thread(target=sample, daemon=True)
    sampling.start()
    try:
        rate = load()
    finally:
        is_over.set()
        sampling.join()
    return Soaked.of(samples, rate)


def main(arguments: list[str] | None = None) -> int:
    """Soak for so many minutes; exit code 1 where memory grew by 5 % or more."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="decisionloop-soak-") as name,
        ours(Path(name) / "soak", workers=asked.workers) as server,
    ):
        begun = time.monotonic()
        found = soak(lambda: server.memory_bytes, lambda: server.load(CONNECTIONS, 60 * asked.minutes).rate)
        minutes = (time.monotonic() - begun) / 60
    told = f"{found.first / 2**20:.1f} MiB after warming up, {found.last / 2**20:.1f} MiB at the end"
    print(f"{minutes:.1f} minutes, {found.rate:,.0f} decisions a second: {told}, {100 * found.growth:+.1f} %")
    return 0 if found.growth < LARGEST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
