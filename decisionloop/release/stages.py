"""The stages of a release, and the one table of moves between them: from where, to where, by whom.

A model goes candidate → shadow → canary → champion → retired; it is refused, or rolled back, on the way. Rules wait for
no verdict: one release of them is the baseline, and is the champion as well while no model decides. Where the rules
surely earn less than the default action would for everybody, that has their place, as a release of rules of its own
(`DEFAULT_ACTION`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from decisionloop.errors import UsageError

Stage = Literal["candidate", "refused", "shadow", "canary", "champion", "baseline", "retired", "rolled_back"]
"""``canary``: decides a share. ``baseline``: rules that stand beside a model that decides."""
DeciderKind = Literal["decisionloop", "gate", "guard", "person", "approver"]
"""``decisionloop``: what follows from a contract or a training. ``approver``: a person whom the contract names."""
DEFAULT_ACTION = "default_action"
"""What stands in the id of a release of rules, in the place of their kind, that give everybody the default action."""
GONE: tuple[Stage, ...] = ("refused", "retired", "rolled_back")
"""Where a release is not looked at any more."""

_OURS = frozenset[DeciderKind]({"decisionloop"})
_GATE = frozenset[DeciderKind]({"gate"})
_GATE_OR_APPROVER = frozenset[DeciderKind]({"gate", "approver"})
_PEOPLE = frozenset[DeciderKind]({"person", "approver"})
_STOPPING_RULES = _OURS | frozenset[DeciderKind]({"guard", "approver"})
_STOPPING = frozenset[DeciderKind]({"guard"}) | _PEOPLE
_Moves = Mapping[tuple[Stage | None, Stage], frozenset[DeciderKind]]

MOVES_OF_MODELS: _Moves = {
    (None, "candidate"): _OURS,
    ("candidate", "shadow"): _GATE,
    ("candidate", "refused"): _GATE | _PEOPLE,
    ("shadow", "refused"): _GATE | _PEOPLE,
    ("shadow", "canary"): _GATE_OR_APPROVER,
    ("shadow", "champion"): _GATE_OR_APPROVER,
    ("canary", "canary"): _GATE_OR_APPROVER,
    ("canary", "champion"): _GATE_OR_APPROVER,
    ("canary", "refused"): _GATE | _PEOPLE,
    ("canary", "rolled_back"): _STOPPING,
    # Its control has gone: the champion beside which it decided was rolled back.
    ("canary", "shadow"): _STOPPING,
    ("champion", "retired"): _GATE,
    ("champion", "rolled_back"): _STOPPING,
    # Back to one that has decided before, whatever has become of it.
    ("retired", "champion"): frozenset({"guard", "approver"}),
    ("rolled_back", "champion"): frozenset({"approver"}),
    ("refused", "champion"): frozenset({"approver"}),
    # To be compared again decides nothing, so that anybody may ask for it.
    ("retired", "shadow"): _PEOPLE,
    ("rolled_back", "shadow"): _PEOPLE,
    ("refused", "shadow"): _PEOPLE,
}
MOVES_OF_RULES: _Moves = {
    (None, "candidate"): _OURS,
    # Others take their place: those of another contract, the default action where they lose, and they again.
    **{(before, after): _STOPPING_RULES for before in ("candidate", "retired") for after in ("champion", "baseline")},
    ("champion", "retired"): _STOPPING_RULES,
    ("baseline", "retired"): _STOPPING_RULES,
    # A model takes over, or goes.
    ("champion", "baseline"): _GATE_OR_APPROVER,
    ("baseline", "champion"): _STOPPING,
}


def is_default_action(release_id: str) -> bool:
    """Whether a release, by its id ``use_case/kind/…``, gives everybody but the holdout the default action."""
    return release_id.split("/")[-2:-1] == [DEFAULT_ACTION]


class TransitionRefused(UsageError):
    """A release cannot go where somebody wants it to; the message says why, and what can be."""


@dataclass(frozen=True)
class Decider:
    """Who moves a release: the kind says what it may do, the name who it was."""

    kind: DeciderKind
    name: str


@dataclass(frozen=True)
class Move:
    """One release goes from a stage (None: it is new) to another; ``share`` of the decisions, in canary alone.

    ``because``: what it follows from, where it is not itself what was asked for.
    """

    release_id: str
    is_rules: bool
    before: Stage | None
    after: Stage
    share: float | None = None
    because: str = ""

    def require_allowed(self, by: Decider) -> None:
        """Raises TransitionRefused where no such move is in the table, or somebody else must make it."""
        moves = MOVES_OF_RULES if self.is_rules else MOVES_OF_MODELS
        deciders = moves.get((self.before, self.after))
        if deciders is None:
            where = self.before or "nowhere"
            onward = ", ".join(after for before, after in moves if before == self.before) or "nowhere"
            raise TransitionRefused(
                f"{self.release_id} cannot go from {where} to {self.after}. From {where} it can go to {onward}."
            )
        if by.kind not in deciders:
            raise TransitionRefused(
                f"{by.name} ({by.kind}) may not move {self.release_id} from {self.before or 'nowhere'} to "
                f"{self.after}: that is for {_either(deciders)}."
            )


_WORDS: Mapping[DeciderKind, str] = {
    "decisionloop": "decisionloop itself",
    "gate": "the gate",
    "guard": "a guard",
    "person": "any person",
    "approver": "a person whom approval.approvers names",
}


def _either(deciders: frozenset[DeciderKind]) -> str:
    return " or ".join(words for kind, words in _WORDS.items() if kind in deciders)
