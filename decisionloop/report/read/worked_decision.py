"""One real decision, told from its features to its money: which one, and what the ledger and its snapshot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from decisionloop.act.choice_table import CHANCE
from decisionloop.act.economics import known_values, realised_values
from decisionloop.contract import UseCase
from decisionloop.contract.loading import parse_use_case
from decisionloop.contract.problem import Feature
from decisionloop.errors import ContractError
from decisionloop.ledger.batch_parts import PartKind, find_part, parts_of
from decisionloop.ledger.use_cases import contract
from decisionloop.predict.reasons.codes import ReasonCatalogue, reason_catalogue
from decisionloop.predict.reasons.wording import read_reasons
from decisionloop.report.read.decisions import as_object, one_decision, telling_decisions
from decisionloop.report.record.lines import ActionValue, ExecutedLine, FeatureLine, ReasonLine, WorkedDecision
from decisionloop.report.words.figures import UNKNOWN, money, number, percent
from decisionloop.report.words.naming import ReleaseNames

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.snapshots import SnapshotStore


def chosen_decision(telling: pd.DataFrame) -> str | None:
    """Id of the decision of ``telling`` with the largest reason; the smallest id breaks ties.

    ``telling`` as `reads.telling_decisions`. None where there is no row.
    """
    if not len(telling):
        return None
    # Reason codes are written largest first, so the first size is the largest: [["status",0.81],...].
    size = telling["reason_codes"].str.extract(_FIRST_SIZE)[0].astype("float64").abs().fillna(0.0)
    order = telling.assign(size=-size).sort_values(["size", "decision_id"], kind="stable").iloc[0]
    return str(order["decision_id"])


_FIRST_SIZE = r'^\[\["[^"]*",\s*([-+0-9.eE]+)'

# By a model against the rules; explored against the rules; by a model as the rules; explored as the rules.
_WANTED = ((True, True), (False, True), (True, False), (False, False))


def worked_decision(
    ledger: Ledger, use_case: UseCase, names: ReleaseNames, snapshots: SnapshotStore | None
) -> WorkedDecision | None:
    """The most instructive decision with an outcome, told: a model's against the rules, else an explored one.

    Without snapshots neither its features nor its money are known.
    """
    asked = (telling_decisions(ledger, use_case.name, *wanted) for wanted in _WANTED)
    chosen = next((found for telling in asked if (found := chosen_decision(telling))), None)
    row = one_decision(ledger, chosen) if chosen else None
    if row is None:
        return None
    chances = {} if snapshots is None else stored_chances(ledger, snapshots, row)
    own = contract_of(ledger, str(row["contract_digest"]), use_case)
    return told_decision(row, own, names, frozen_row(snapshots, row), chances)


def contract_of(ledger: Ledger, digest: str, present: UseCase) -> UseCase:
    """The contract that a decision was made under; the present one where that cannot be read any more."""
    recorded = None if digest == present.digest else contract(ledger, digest)
    try:
        return present if recorded is None else parse_use_case(recorded.contract_yaml, f"contract {digest[:12]}")
    except ContractError:
        return present


def told_decision(
    row: pd.Series,
    use_case: UseCase,
    names: ReleaseNames,
    frame: pd.DataFrame | None,
    chances: Mapping[str, float],
) -> WorkedDecision:
    """One decision, as `reads.one_decision` reads it, from its features to its money, in the words of a contract.

    ``frame``: its features (one row), None: unknown. ``chances``: the propensity of each action, as far as it is known.
    """
    rules_action = "" if pd.isna(row["rules_action"]) else str(row["rules_action"])
    return WorkedDecision(
        decision_id=str(row["decision_id"]),
        entity=str(row["entity_id"]),
        as_of=row["as_of"].date(),
        release=names[str(row["release_id"])],
        role=str(row["role"]),
        features=feature_lines(use_case, frame),
        score=_number(row["score"]) if not pd.isna(row["score"]) else _number(row["amount"]),
        values=action_lines(use_case, _expected(use_case, row, frame), str(row["action"]), rules_action, chances),
        action=str(row["action"]),
        rules_action=rules_action,
        propensity=_number(row["propensity"]),
        reasons=reason_lines(use_case, str(row["reason_codes"]), frame, str(row["contract_digest"])),
        outcome_class=None if pd.isna(row["outcome_class"]) else int(row["outcome_class"]),
        outcome_amount=_number(row["outcome_amount"]),
        money=_money(use_case, frame, row),
        executed=_executed(row),
        fallback_reason=None if pd.isna(row["fallback_reason"]) else str(row["fallback_reason"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def frozen_row(snapshots: SnapshotStore | None, row: pd.Series) -> pd.DataFrame | None:
    """The decision's row of its snapshot, as a frame of one row."""
    if snapshots is None:
        return None
    table = snapshots.get_table(str(row["snapshot_digest"]))
    return table.slice(int(row["snapshot_row"]), 1).to_pandas()


def feature_lines(use_case: UseCase, frame: pd.DataFrame | None) -> tuple[FeatureLine, ...]:
    """Every feature of the contract with its value written out."""
    if frame is None:
        return ()
    return tuple(
        FeatureLine(feature.wording, value_text(feature, frame[feature.name].iloc[0], use_case.economics.currency))
        for feature in use_case.features
        if feature.name in frame
    )


def value_text(feature: Feature, value: Any, currency: str) -> str:
    """A value as people read it: shares in percent, the contract's currency as money, other units after it."""
    if value is None or pd.isna(value):
        return UNKNOWN
    if feature.type == "category":
        return str(value)
    if feature.type == "boolean":
        return "yes" if value else "no"
    if feature.unit.startswith("share"):
        return percent(float(value))
    if feature.unit == currency:
        return money(float(value), currency)
    unit = feature.unit.partition("(")[0]  # what stands in brackets explains the codes, not this value
    return f"{number(float(value))} {unit}".strip()


def _expected(use_case: UseCase, row: pd.Series, frame: pd.DataFrame | None) -> Mapping[str, float | None]:
    """What each action was expected to earn: as was logged, and by the contract where no outcome decides on it.

    Rules expect nothing, and still what an action costs whatever happens is known.
    """
    logged = as_object(str(row["action_values"]))
    names = use_case.action_names
    known = [None] * len(names) if frame is None else known_values(use_case, frame)[0].tolist()
    told = {name: _number(logged.get(name)) for name in names}
    return {
        name: _number(value) if told[name] is None else told[name] for name, value in zip(names, known, strict=True)
    }


def action_lines(
    use_case: UseCase,
    expected: Mapping[str, float | None],
    action: str,
    rules_action: str,
    chances: Mapping[str, float],
) -> tuple[ActionValue, ...]:
    """What each action was ``expected`` to earn and its chance, in contract order."""
    return tuple(
        ActionValue(
            action=one.name,
            expected=expected.get(one.name),
            is_chosen=one.name == action,
            is_rules=one.name == rules_action,
            propensity=_number(chances.get(one.name)),
            is_default=one.is_default,
        )
        for one in use_case.actions
    )


_CHOICES: tuple[PartKind, ...] = ("choice", "stand_in_choice", "rules_choice", "default_choice", "legacy_choice")


def stored_chances(ledger: Ledger, snapshots: SnapshotStore, row: pd.Series) -> dict[str, float]:
    """The propensity of each action by name, as the decision's batch kept it; {} where it did not, or of one alone."""
    batch_id, place = str(row["batch_id"]), int(row["snapshot_row"])
    part = part_of(ledger, row)
    for kind in _CHOICES:
        stored = None if part is None else find_part(ledger, batch_id, kind, part)
        if stored is None:
            continue
        told = snapshots.get_table(stored.digest).slice(place, 1).to_pylist()[0]
        if told["action"] == row["action"] and told["propensity"] == _number(row["propensity"]):
            return chances_in(told)
    return {}


def chances_in(chosen: Mapping[str, Any]) -> dict[str, float]:
    """The propensity of each action by name, of a row of a stored choice."""
    return {name.removeprefix(CHANCE): float(told) for name, told in chosen.items() if name.startswith(CHANCE)}


def part_of(ledger: Ledger, row: pd.Series) -> int | None:
    """The part of its batch that a decision is in; None for one of a batch that was not cut into parts."""
    parts = parts_of(ledger, str(row["batch_id"]), "features")
    return next((one.part for one in parts if one.digest == row["snapshot_digest"]), None)


def reason_lines(
    use_case: UseCase, reason_codes: str, frame: pd.DataFrame | None, contract_digest: str
) -> tuple[ReasonLine, ...]:
    """Reason codes with the value of their feature; a rules' reason is text alone.

    ``contract_digest``: the contract that the decision was made under. Another one may have worded it differently,
    so the reasons of its decisions keep the features' names.
    """
    is_same = contract_digest == use_case.digest
    reasons = read_reasons(reason_codes, reason_catalogue(use_case) if is_same else ReasonCatalogue({}))
    features = {feature.name: feature for feature in use_case.features}
    lines = []
    for reason in reasons:
        feature, value = features.get(reason.feature), ""
        if feature is not None and frame is not None and feature.name in frame:
            value = value_text(feature, frame[feature.name].iloc[0], use_case.economics.currency)
        wording = reason.wording if reason.is_exact else f"{reason.wording} (approximately)"
        lines.append(ReasonLine(wording, value, reason.contribution))
    return tuple(lines)


def _executed(row: pd.Series) -> ExecutedLine | None:
    """What was said of its execution; None where nobody said anything."""
    if pd.isna(row["executed_action"]):
        return None
    by, reason = ("" if pd.isna(row[name]) else str(row[name]) for name in ("overridden_by", "override_reason"))
    return ExecutedLine(str(row["executed_action"]), by, reason, row["executed_seen"].date())


def _money(use_case: UseCase, frame: pd.DataFrame | None, row: pd.Series) -> float | None:
    """What the decision brought under the contract's economics: that of what was executed."""
    done = row["action"] if pd.isna(row["executed_action"]) else row["executed_action"]
    if frame is None or done not in use_case.action_names:
        return None
    index = np.array([use_case.action_names.index(done)])
    seen = {
        name: np.array([np.nan if pd.isna(row[name]) else float(row[name])])
        for name in ("outcome_class", "outcome_amount")
    }
    return _number(realised_values(use_case, frame, index, seen["outcome_class"], seen["outcome_amount"])[0])
