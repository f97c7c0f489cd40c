"""The peers of the scorer on the reference models: made ready, and judged for being right before they are timed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.environment import PeersUnavailable, peers_python
from benchmarks.peers.process import PeerProcess, peer_process
from benchmarks.reference_model import DRAWN_CHECKS, Kind, ReferenceModel, drawn_rows

ROWS = 2_000
RIGHT_WITHIN = 1e-6
"""A peer whose largest error on drawn rows is above this is wrong, or rounds too much to stand in for the model."""


@dataclass(frozen=True)
class Prepared:
    """A peer ready for one model, with its ``answers`` to the rows to check; or the ``failure`` to have it."""

    peer: str
    kind: Kind
    label: str
    answers: NDArray[np.float64] | None = None
    told: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    def error(self, expected: NDArray[np.float64]) -> float | None:
        """Its largest absolute error on the drawn rows to check; None where there is no peer."""
        return None if self.answers is None else float(np.abs(self.answers - expected)[:DRAWN_CHECKS].max())

    def error_on_edges(self, expected: NDArray[np.float64]) -> float | None:
        """The same on the rows at bin edges."""
        return None if self.answers is None else float(np.abs(self.answers - expected)[DRAWN_CHECKS:].max())


class ScorerPeers:
    """The peers of one run of a benchmark; every answer is a failure where their environment is not to be had."""

    def __init__(self, process: PeerProcess | None, failure: str = "") -> None:
        self._process = process
        self._failure = failure

    @property
    def process(self) -> PeerProcess:
        """The running peers. Raises PeersUnavailable where there are none."""
        if self._process is None:
            raise PeersUnavailable(self._failure)
        return self._process

    def prepared(self, peer: str, kind: Kind) -> Prepared:
        """Make a peer ready for a model and let it answer the rows to check."""
        try:
            told = self.process.ask("prepare", peer=peer, model=kind)
        except PeersUnavailable as error:
            return Prepared(peer, kind, peer, failure=str(error))
        return Prepared(peer, kind, f"{peer} {told['version']}", np.load(told["answers"]), told)


@contextmanager
def scorer_peers(models: Sequence[ReferenceModel]) -> Iterator[ScorerPeers]:
    """Peers that know these models, in a process of their own environment."""
    with tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-") as name:
        folder = Path(name)
        for model in models:
            _hand_over(model, folder)
        try:
            python = peers_python()
        except PeersUnavailable as error:
            yield ScorerPeers(None, str(error))
            return
        with peer_process(python, folder) as process:
            yield ScorerPeers(process)


def _hand_over(model: ReferenceModel, folder: Path) -> None:
    boosting = model.pipeline[-1]
    joblib.dump(boosting, folder / f"{model.kind}.joblib")
    stored = {"rows": model.encoded(drawn_rows(ROWS, model.kind, seed=5)), "check": model.encoded(model.check)}
    own = boosting._preprocessor
    moved = {f"own_{name}": X if own is None else own.transform(X) for name, X in stored.items()}
    np.savez(folder / f"{model.kind}.npz", allow_pickle=False, **stored, **moved)
