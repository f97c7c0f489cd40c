"""Keys that contracts had once, and how they are read today: a contract that was right stays right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from decisionloop.contract.written import Path

FLAT_SHARE = ("policy", "exploration_share")
SILENT: dict[Path, str] = {
    ("gate", "confidence"): "`yearly_error` (default 0.05) says how likely a worse release may be promoted in a year, "
    "over all challengers together",
    ("gate", "shadow_batches"): "a challenger is looked at after every mature cohort, and `longest_comparison` "
    "(default 26) says after how many it is refused",
}
"""Keys that say nothing any more, and what holds instead."""


def with_exploration(policy: object) -> object:
    """A policy as written, its ``exploration_share: s`` read as ``exploration: {kind: uniform, share: s}``.

    Where both are given nothing is read into it, so that the old key is a fault like any that is unknown.
    """
    _, key = FLAT_SHARE
    if not isinstance(policy, Mapping) or key not in policy or "exploration" in policy:
        return policy
    others = {name: value for name, value in policy.items() if name != key}
    return others | {"exploration": {"kind": "uniform", "share": policy[key]}}


def without_silent(section: object, name: str) -> object:
    """A section as written, called ``name``, without its keys that say nothing any more."""
    if not isinstance(section, Mapping):
        return section
    return {key: value for key, value in section.items() if (name, key) not in SILENT}


def retired_findings(content: object) -> Iterator[str]:
    """What to take out of a contract, though it is read all the same, each with what holds instead."""
    for (section, key), instead in SILENT.items():
        inside = content.get(section) if isinstance(content, Mapping) else None
        if isinstance(inside, Mapping) and key in inside:
            yield f"{section}.{key} says nothing any more: {instead}. Remove it."


def as_written(path: Path, content: object) -> Path:
    """Where a contract says what the schema has at ``path``: a fault is told at the key that was written."""
    policy = content.get("policy") if isinstance(content, Mapping) else None
    return FLAT_SHARE if path[:2] == ("policy", "exploration") and with_exploration(policy) is not policy else path
