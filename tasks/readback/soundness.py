"""Whether a release is sound, asked of the rows that were kept with it."""

from __future__ import annotations

import json

from decisionloop.learn.parity import kept_answers
from decisionloop.learn.soundness import Soundness, soundness
from decisionloop.ledger.releases import Release
from decisionloop.release_store import load_release
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_table


def soundness_of(workspace: Workspace, release: Release) -> Soundness | None:
    """What a model says of the rows that were kept with it, under the contract that it was taught under.

    None of rules, and of a release that was trained before rows were kept. Raises IntegrityError where a file of it is
    not what was recorded.
    """
    kept = json.loads(release.card_json).get("parity")
    if kept is None or release.scorer_digest is None:
        return None
    use_case = workspace.under(release.contract_digest).use_case
    frame = read_table(workspace, kept["rows"]).to_pandas()
    expected = kept_answers(use_case, read_table(workspace, kept["answers"]), len(frame))
    model = load_release(workspace.snapshots, release.scorer_digest)
    return soundness(use_case, model, frame, expected)
