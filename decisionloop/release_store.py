"""Releases in the snapshot store: what the ledger names by digest is what is loaded, or nothing is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from decisionloop.ledger.snapshot_log import Snapshot, record_snapshot
from decisionloop.predict.release_model import ReleaseManifest, ReleaseModel, ReleaseScorer, read_scorer
from decisionloop.predict.support_rule import SupportRule

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.predict.scorer.engine import EngineName
    from decisionloop.snapshots import SnapshotStore


def save_release(snapshots: SnapshotStore, ledger: Ledger, model: ReleaseModel) -> str:
    """Keep the scorers, the support rule and their manifest; returns the manifest's digest, by which it is loaded."""

    def keep(data: bytes, suffix: str) -> str:
        kept = snapshots.put_bytes(data, suffix)
        record_snapshot(ledger, Snapshot(kept.digest, "scorer", kept.uri, 0, kept.bytes))
        return kept.digest

    manifest = ReleaseManifest(
        class_digest=keep(model.class_scorer.to_bytes(), ".scorer") if model.class_scorer else None,
        amount_digest=keep(model.amount_scorer.to_bytes(), ".scorer") if model.amount_scorer else None,
        support_digest=keep(model.support.to_bytes(), ".support") if model.support else None,
    )
    return keep(manifest.to_bytes(), ".release")


def load_release(snapshots: SnapshotStore, digest: str, engine: EngineName = "auto", threads: int = 1) -> ReleaseModel:
    """Load a release by its manifest's digest, to be scored by an engine in so many threads.

    Raises IntegrityError when any file is not what it was, ConfigurationError for an engine that is not installed.
    """
    return _load(snapshots, digest, engine, threads)


@functools.lru_cache(maxsize=16)
def _load(snapshots: SnapshotStore, digest: str, engine: EngineName, threads: int) -> ReleaseModel:
    def scorer(one: str | None) -> ReleaseScorer | None:
        return None if one is None else _on(read_scorer(snapshots.get_bytes(one)), engine, threads)

    manifest = ReleaseManifest.from_bytes(snapshots.get_bytes(digest))
    ruled = manifest.support_digest
    support = None if ruled is None else SupportRule.from_bytes(snapshots.get_bytes(ruled))
    return ReleaseModel(scorer(manifest.class_digest), scorer(manifest.amount_digest), support)


def _on(scorer: ReleaseScorer, engine: EngineName, threads: int) -> ReleaseScorer:
    """The scorer on an engine; a pipeline that could not be compiled knows none."""
    from decisionloop.predict.scorer.scorer import CompiledScorer
    from decisionloop.predict.two_part import TwoPartScorer

    return scorer.on(engine, threads) if isinstance(scorer, CompiledScorer | TwoPartScorer) else scorer
