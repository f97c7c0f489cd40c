"""A newcomer's first hour: three tables of their own become use cases, are checked, decided, told and explained.

``python -m benchmarks.newcomer [--keep FOLDER]``

An experiment that was logged, past decisions with their outcomes, and a table that goes on growing (live) are written
as people write them, and every command is typed into a fresh home, as docs/tutorial.md has them. Printed are the
seconds of each command and how often a file had to be edited by hand. Exit code 1 where a command fails.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

PROGRAM = (sys.executable, "-m", "decisionloop.cli")
ROWS, WEEKS = 6_000, 40


@dataclass
class Newcomer:
    """Somebody with a folder, a fresh home and a terminal. ``edits``: files that had to be changed by hand."""

    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    edits: int = 0

    def types(self, *words: str) -> str:
        """Run one command; what it printed. A failure is noted, with its last line."""
        called, began = " ".join(words), time.monotonic()
        told = subprocess.run([*PROGRAM, *words], env=self._environment(), capture_output=True, text=True, check=False)
        self.seconds[called] = time.monotonic() - began
        print(f"{self.seconds[called]:6.1f} s  decisionloop {called}", flush=True)
        if told.returncode:
            self.failed.append(called)
            print("\n".join(f"          {line}" for line in (told.stderr or told.stdout).splitlines()[-6:]))
        return told.stdout

    def _environment(self) -> dict[str, str]:
        own = {"HOME": self.folder / "home", "USECASES_DIR": self.folder / "usecases"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DECISIONLOOP_")}
        return kept | {f"DECISIONLOOP_{key}": str(value) for key, value in own.items()}


def main() -> int:
    """Play the newcomer with all three tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.newcomer", description=__doc__)
    parser.add_argument("--keep", type=Path, help="an empty folder that is kept, to look at what was made")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        person = Newcomer((asked.keep or Path(scratch)).resolve())
        person.folder.mkdir(parents=True, exist_ok=True)
        for road in (experiment, past, live):
            print(road.__doc__)
            road(person)
    print(f"{time.monotonic() - began:.0f} s in all, {person.edits} hand edits, {len(person.failed)} commands failed")
    return 1 if person.failed else 0


def experiment(person: Newcomer) -> None:
    """An experiment that was logged: three offers, drawn at random, and what people bought."""
    table = written(offers(), person.folder / "offers.csv")
    person.types("usecase", "new", "offers", "--from", str(table), "--propensity", "shares")
    replayed(person, "offers")


def past(person: Newcomer) -> None:
    """Past decisions with their outcomes: loans, in a CSV as a German spreadsheet writes it."""
    table = person.folder / "kredite.csv"
    german(loans()).to_csv(table, sep=";", decimal=",", encoding="utf-8-sig")
    person.types("usecase", "new", "loans", "--from", str(table), "--outcome", "fell behind")
    replayed(person, "loans")


def live(person: Newcomer) -> None:
    """A table that goes on growing: it decides what is due now, and learns once outcomes are in the table."""
    rows = loans()
    table = written(rows, person.folder / "applications.csv")
    person.types("usecase", "new", "applications", "--from", str(table), "--outcome", "fell behind", "--live")
    person.types("usecase", "check", "applications")
    day = pd.to_datetime(rows["applied on"]).max()
    person.types("run", "applications", "--as-of", f"{day:%Y-%m-%d}")
    person.types("story", "applications")
    person.types("status", "applications")


def replayed(person: Newcomer, name: str) -> None:
    """Check it, replay it, and read what came of it."""
    person.types("usecase", "check", name)
    told = person.types("demo", name, "--json")
    home = person.folder / "home" / "demo" / name
    person.types("--home", str(home), "story", name)
    person.types("--home", str(home), "status", name)
    found = next(_decision_ids(told, home, name), None)
    if found is not None:
        person.types("--home", str(home), "explain", found)


def _decision_ids(told: str, home: Path, name: str) -> Iterator[str]:
    """The decisions that the story tells of."""
    page = Path(json.loads(told.splitlines()[-1])["story"]).read_text(encoding="utf-8") if told.strip() else ""
    _, found, rest = page.partition("<p>Decision ")
    if found:
        yield rest.split()[0]


def written(rows: pd.DataFrame, table: Path) -> Path:
    """The rows as a CSV; where it is."""
    rows.to_csv(table, index=False)
    return table


def offers() -> pd.DataFrame:
    """A randomised experiment (ROWS rows): who gets no offer, a small or a large one, and whether they bought."""
    rng = np.random.default_rng(1)
    visits, age = rng.poisson(4, ROWS), rng.integers(18, 80, ROWS)
    offer = rng.choice(["none", "small", "large"], ROWS, p=[0.5, 0.3, 0.2])
    lift = np.select([offer == "small", offer == "large"], [0.02 + 0.03 * (visits > 4), 0.08 * (visits > 4)], 0.0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 7 * WEEKS, ROWS)), unit="D")
    return pd.DataFrame(
        {
            "customer": [f"c{one:06d}" for one in rng.permutation(ROWS)],
            "date": days.strftime("%Y-%m-%d"),
            "visits": visits,
            "age": age,
            "region": rng.choice(["north", "south", "west"], ROWS),
            "offer": offer,
            "bought": (rng.random(ROWS) < 0.05 + 0.01 * visits + lift).astype(int),
        }
    )


def loans() -> pd.DataFrame:
    """Loans that were all granted (ROWS rows): who asked, for how much, and who fell behind, weeks later."""
    rng = np.random.default_rng(2)
    income, debt = rng.lognormal(8, 0.4, ROWS), rng.beta(2, 5, ROWS)
    day = pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * np.sort(rng.integers(0, WEEKS, ROWS)), unit="D")
    risk = 1 / (1 + np.exp(-(-3.2 + 5 * debt - 0.6 * (np.log(income) - 8))))
    return pd.DataFrame(
        {
            "application": [f"a{one:06d}" for one in range(ROWS)],
            "applied on": day.strftime("%Y-%m-%d"),
            "income": income.round(2),
            "debt share": debt.round(4),
            "owns a home": rng.choice(["yes", "no"], ROWS),
            "fell behind": (rng.random(ROWS) < risk).astype(int),
            "seen on": (day + pd.to_timedelta(rng.integers(20, 36, ROWS), unit="D")).strftime("%Y-%m-%d"),
        }
    )


def german(rows: pd.DataFrame) -> pd.DataFrame:
    """The same as a German spreadsheet has it: its dates, ja and nein, amounts with their currency."""
    made = rows.copy()
    for name in ("applied on", "seen on"):
        made[name] = pd.to_datetime(made[name]).dt.strftime("%d.%m.%Y")
    made["owns a home"] = made["owns a home"].map({"yes": "ja", "no": "nein"})
    made["fell behind"] = made["fell behind"].map({1: "ja", 0: "nein"})
    made["income"] = [f"{one:,.2f} €".translate(str.maketrans(",.", ".,")) for one in made["income"]]
    return made


if __name__ == "__main__":
    sys.exit(main())
