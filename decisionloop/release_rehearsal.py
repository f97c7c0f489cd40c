"""`python -m decisionloop.release_rehearsal`: a release is loaded in a process of its own, asked and timed.

Nothing that the calling process has loaded helps it, and nothing that its files do reaches that process. What to load
comes as JSON on standard input, and what was found goes as JSON to standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from decisionloop.errors import DecisionLoopError, DeploymentStopped, IntegrityError

if TYPE_CHECKING:
    from decisionloop.contract import UseCase
    from decisionloop.predict.predictions import Predictions
    from decisionloop.snapshots import SnapshotStore

STEP = "load"
LONGEST_SECONDS = 600.0
"""A process that takes longer hangs, and is killed."""


@dataclass(frozen=True)
class ToRehearse:
    """Which release, and what it is asked. ``contract`` is the YAML text that it was taught under.

    ``rows``: digest of a table of features. ``answers``: digest of what it was compiled from said of them; None where
    it was trained before that was kept.
    """

    snapshots_url: str
    digest: str
    engine: str
    contract: str
    rows: str
    answers: str | None


@dataclass(frozen=True)
class Rehearsal:
    """What a release did in a process of its own.

    ``reads``: the features that it reads. ``worst_difference`` from what it was compiled from; None where that is not
    known. ``reading_ms`` and ``lookups`` of one decision, as `learn.serving` measures it. ``is_explained``: every score
    has its reasons, and they add up to it (`learn.soundness`).
    """

    reads: tuple[str, ...]
    asked_rows: int
    worst_difference: float | None
    reading_ms: float
    lookups: int
    is_explained: bool = True


def rehearse(asked: ToRehearse, seconds: float = LONGEST_SECONDS) -> Rehearsal:
    """Load a release in a new process, and ask and time it there.

    Raises IntegrityError where its files are not what the ledger recorded, DeploymentStopped where it cannot be loaded
    for another reason, or hangs.
    """
    command = [sys.executable, "-m", "decisionloop.release_rehearsal"]
    try:
        told = subprocess.run(
            command, input=json.dumps(asdict(asked)), capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        problem = f"it did not answer within {seconds:g} s in a process of its own, which was killed."
        raise DeploymentStopped(STEP, problem) from None
    if told.returncode == IntegrityError.exit_code:
        raise IntegrityError(told.stderr.strip())
    if told.returncode:
        last = (told.stderr.strip().splitlines() or [f"it ended with {told.returncode}"])[-1]
        raise DeploymentStopped(STEP, f"it cannot be loaded in a process of its own: {last.rstrip('.')}.")
    content = json.loads(told.stdout)
    return Rehearsal(**{**content, "reads": tuple(content["reads"])})


def main() -> None:
    """Read what to rehearse, do it, and tell; a deliberate error ends the process with its exit code."""
    try:
        found = rehearsed(ToRehearse(**json.load(sys.stdin)))
    except DecisionLoopError as error:
        sys.stderr.write(str(error))
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps(asdict(found)))


def rehearsed(asked: ToRehearse) -> Rehearsal:
    """Load the release here, by its digest, and ask and time it."""
    from decisionloop.contract.loading import parse_use_case
    from decisionloop.learn.serving import serving_time
    from decisionloop.learn.soundness import soundness
    from decisionloop.predict.release_model import features_read
    from decisionloop.release_store import load_release
    from decisionloop.snapshots import SnapshotStore

    snapshots = SnapshotStore(asked.snapshots_url)
    model = load_release(snapshots, asked.digest, asked.engine)  # type: ignore[arg-type]
    use_case = parse_use_case(asked.contract, "the contract that it was taught under")
    frame = snapshots.get_table(asked.rows).to_pandas()
    expected = None if asked.answers is None else _answers(use_case, len(frame), snapshots, asked.answers)
    found = soundness(use_case, model, frame, expected)
    time = serving_time(use_case, model, frame)
    return Rehearsal(
        features_read(model), len(frame), found.worst_difference, time.reading_ms, time.lookups, found.is_explained
    )


def _answers(use_case: UseCase, rows: int, snapshots: SnapshotStore, answers: str) -> Predictions:
    """What it was compiled from said of the rows, as `learn.parity` had them kept."""
    from decisionloop.learn.parity import kept_answers

    return kept_answers(use_case, snapshots.get_table(answers), rows)


if __name__ == "__main__":
    main()
