"""Keys that contracts had once, and how they are read today: a contract that was right stays right."""

from __future__ import annotations

from collections.abc import Mapping

from decisionloop.contract.written import Path

FLAT_SHARE = ("policy", "exploration_share")


def with_exploration(policy: object) -> object:
    """A policy as written, its ``exploration_share: s`` read as ``exploration: {kind: uniform, share: s}``.

    Where both are given nothing is read into it, so that the old key is a fault like any that is unknown.
    """
    _, key = FLAT_SHARE
    if not isinstance(policy, Mapping) or key not in policy or "exploration" in policy:
        return policy
    others = {name: value for name, value in policy.items() if name != key}
    return others | {"exploration": {"kind": "uniform", "share": policy[key]}}


def as_written(path: Path, content: object) -> Path:
    """Where a contract says what the schema has at ``path``: a fault is told at the key that was written."""
    policy = content.get("policy") if isinstance(content, Mapping) else None
    return FLAT_SHARE if path[:2] == ("policy", "exploration") and with_exploration(policy) is not policy else path
