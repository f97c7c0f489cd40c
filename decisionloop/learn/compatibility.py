"""May a release that was taught under one contract decide under another? What has changed, and what it means for it.

Nothing decides under a contract that it was not held against. What it learnt from must mean the same: the entity, the
outcome, the actions, and the features that it reads. What it is worth is asked of the present contract at every batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from decisionloop.contract import UseCase
from decisionloop.contract.loading import parse_use_case
from decisionloop.contract.meaning import changes_of_meaning

_LEARNT = ("entity.", "outcome.", "model.action_as")
_SAME = ("outcome.maturity_days", "outcome.due", "outcome.executed")
"""When an outcome is complete, and who did otherwise: it is the same outcome, and what was learnt of it still holds."""
_OF_A_FEATURE = ("type", "categories")
_OF_AN_ACTION = ("reveals_outcome",)
_MONEY = ("economics.", "serving_cost.", "policy.")


@dataclass(frozen=True)
class Compatibility:
    """What separates a contract from the one that a release was taught under.

    ``retrain``: why it must not decide under it, a sentence each. ``notes``: what else has changed.
    """

    retrain: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def compatibility(taught: str, present: str, reads: Sequence[str]) -> Compatibility:
    """Hold a release that reads these features against the ``present`` contract; both contracts are YAML text.

    Raises ContractError where either cannot be read any more.
    """
    changes = changes_of_meaning(taught, present)
    before, now = (parse_use_case(text, "usecase.yaml") for text in (taught, present))
    gone = [name for name in reads if name not in now.feature_names]
    retrain = [f"it reads {name}, which the contract does not name any more" for name in gone]
    still = [name for name in reads if name not in gone]
    retrain += [f"{path} is not what it was when it learnt" for path in changes if _is_learnt(path, still)]
    if before.action_names != now.action_names:
        retrain.append(f"it knows the actions {', '.join(before.action_names)}, not {', '.join(now.action_names)}")
    return Compatibility(tuple(dict.fromkeys(retrain)), tuple(_notes(before, now, changes)))


def _is_learnt(path: str, reads: Sequence[str]) -> bool:
    """Whether a change at ``path`` of a contract changes the meaning of what a release learnt from."""
    if path.startswith(_SAME):
        return False
    if path.startswith(_LEARNT):
        return True
    section, _, rest = path.partition(".")
    name, _, part = rest.partition(".")
    if section == "features":
        return name in reads and part.partition(".")[0] in _OF_A_FEATURE
    return section == "actions" and part in _OF_AN_ACTION


def _notes(before: UseCase, now: UseCase, changes: Sequence[str]) -> Iterator[str]:
    new = [name for name in now.feature_names if name not in before.feature_names]
    if new:
        yield f"it does not read {', '.join(new)}, which is new"
    money = [path for path in changes if path.startswith(_MONEY)]
    if money:
        yield f"its actions are priced by the present contract ({', '.join(money)})"
