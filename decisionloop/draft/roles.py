"""Which column of a table is the entity, the time, the outcome, the action: as people say, else by name and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import pandas as pd

from decisionloop.draft.profiles import Column
from decisionloop.draft.table import name_of
from decisionloop.errors import UsageError

EACH_ROW = "row"
"""`--entity row`: each row is about somebody else."""
FILE_ORDER = "order"
"""`--time order`: the rows are in the order of time, which the file does not say."""
SHARES = "shares"
"""`--propensity shares`: the actions were drawn at random, each with the share that it has."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "entity": ("entity", "entity_id", "id", "customer_id", "client_id", "user_id", "account_id", "member_id"),
    "time": ("decided_at", "time", "date", "timestamp", "datetime", "created_at", "decision_time", "as_of"),
    "outcome_time": ("seen_at", "outcome_time", "outcome_at", "outcome_date", "resolved_at", "paid_at", "closed_at"),
    "outcome": (
        "outcome", "y", "label", "target", "class", "converted", "conversion", "purchased", "bought", "ordered",
        "response", "responded", "visit", "default", "defaulted", "arrears", "churn", "churned", "fraud", "is_fraud",
        "clicked", "click",
    ),
    "amount": ("amount", "spend", "revenue", "sales", "profit", "value", "money", "reward"),
    "action": ("action", "treatment", "arm", "segment", "offer", "variant", "decision", "logged_action"),
    "propensity": ("propensity", "propensity_score", "probability", "prob", "p"),
}  # fmt: skip
PROTECTED = ("sex", "gender", "race", "ethnicity", "religion", "nationality", "disability", "age_band", "age_group")
HARMS = (
    "default",
    "arrear",
    "fraud",
    "churn",
    "late",
    "bad",
    "loss",
    "chargeback",
    "delinquen",
    "cancel",
    "complain",
    "miss",
)
"""What a yes means where it is none that anybody wants."""


@dataclass(frozen=True)
class Asked:
    """What people have said of the columns; "" where they have not."""

    entity: str = ""
    time: str = ""
    outcome: str = ""
    amount: str = ""
    action: str = ""
    propensity: str = ""
    outcome_time: str = ""
    protected: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def is_anything(self) -> bool:
        """Whether they have said anything."""
        return self != Asked()


@dataclass(frozen=True)
class Roles:
    """The column of each role, "" where there is none; ``features`` and ``protected`` in the order of the table.

    ``guesses`` say which roles were guessed, and ``left_out`` why a column is none of these, in words.
    """

    entity: str
    time: str
    outcome: str
    amount: str
    action: str
    propensity: str
    outcome_time: str
    features: tuple[str, ...]
    protected: tuple[str, ...]
    guesses: tuple[str, ...] = ()
    left_out: tuple[str, ...] = field(default=())

    @property
    def is_experiment(self) -> bool:
        """Whether it is the log of several actions that were drawn at random."""
        return bool(self.action)


def roles_of(columns: Mapping[str, Column], asked: Asked) -> Roles:
    """Give each column its role. Raises UsageError, naming the option, where one that must be is missing."""
    said = _said(columns, asked)
    taken = {name for name in said.values() if name in columns} | {name_of(one) for one in asked.ignored}
    guesses: list[str] = []

    def role(kind: str, found: str) -> str:
        if said[kind]:
            return said[kind]
        if found:
            taken.add(found)
            guesses.append(f"{kind.replace('_', ' ')}: column {found}")
        return found

    protected = tuple(name_of(one) for one in asked.protected)
    _require_known(columns, protected, "protected")
    free = _Free(columns, taken | set(protected))
    time = role("time", free.time())
    outcome_time = role("outcome_time", free.later_time(time))
    propensity = role("propensity", free.named("propensity", lambda one: _is_probability(one)))
    action = role("action", free.named("action", lambda one: one.kind in {"category", "boolean", "integer"}))
    outcome = role("outcome", free.named("outcome", lambda one: one.is_binary))
    amount = role("amount", free.named("amount", lambda one: one.kind in {"integer", "number"}))
    entity = role("entity", free.entity(time)) or EACH_ROW
    _require(columns, time, outcome, amount, action, propensity)
    is_kept = [one for one in columns.values() if one.name not in taken and one.name not in protected]
    features, left_out = _features(is_kept)
    if not protected:
        protected = tuple(one for one in features if one in PROTECTED and columns[one].kind in {"category", "integer"})
        features = tuple(one for one in features if one not in protected)
        guesses += [f"protected: column {one}" for one in protected]
    if not features:
        raise UsageError("no column is left to decide by. Leave what is known before the decision in the table.")
    return Roles(
        entity, time, outcome, amount, action, propensity if action else "", outcome_time, features, protected,
        tuple(guesses), left_out,
    )  # fmt: skip


@dataclass(frozen=True)
class _Free:
    """The columns that have no role yet; ``taken`` grows as they get one."""

    columns: Mapping[str, Column]
    taken: set[str]

    def named(self, kind: str, fits: Callable[[Column], bool]) -> str:
        """The first column of the role's usual names that fits."""
        return next((one for one in _NAMES[kind] if one in self._left() and fits(self.columns[one])), "")

    def time(self) -> str:
        """A column of the usual names, else the one that is earliest."""
        times = [one for one in self._left().values() if one.kind == "time" and not one.missing]
        by_name = [one for one in times if one.name in _NAMES["time"]]
        earliest = sorted(by_name or times, key=lambda one: one.times.median())
        return earliest[0].name if earliest else ""

    def later_time(self, time: str) -> str:
        """A column of the usual names, else a time that is never before that of the decision."""
        if time not in self.columns:
            return ""
        named = self.named("outcome_time", lambda one: one.kind == "time")
        decided = self.columns[time].times
        later = (
            one.name
            for one in self._left().values()
            if one.kind == "time"
            and one.name != time
            and bool((one.times.dropna() >= decided[one.times.notna()]).all())
        )
        return named or next(later, "")

    def entity(self, time: str) -> str:
        """A column of the usual names, else one that ends in _id, none of whose values comes twice at a time."""
        found = [
            one
            for one in self._left().values()
            if one.kind in {"text", "integer", "category"} and not one.missing and self._is_one_a_time(one, time)
        ]
        names = [one.name for one in found]
        usual = [one for one in _NAMES["entity"] if one in names] or [one for one in names if one.endswith("_id")]
        return next(iter(usual), "")

    def _is_one_a_time(self, column: Column, time: str) -> bool:
        if time not in self.columns:
            return not column.text.duplicated().any()
        return not pd.DataFrame({"entity": column.text, "time": self.columns[time].text}).duplicated().any()

    def _left(self) -> dict[str, Column]:
        return {name: one for name, one in self.columns.items() if name not in self.taken}


def _said(columns: Mapping[str, Column], asked: Asked) -> dict[str, str]:
    """The column of each role as people said; the words that stand for no column stay what they are."""
    words = {"entity": EACH_ROW, "time": FILE_ORDER, "propensity": SHARES}
    said = {}
    for one in fields(asked):
        value = getattr(asked, one.name)
        if isinstance(value, tuple):
            continue
        is_word = words.get(one.name) == value
        said[one.name] = value if is_word or not value else name_of(value)
        if value and not is_word:
            _require_known(columns, (said[one.name],), one.name)
    return said


def _require_known(columns: Mapping[str, Column], names: tuple[str, ...], option: str) -> None:
    unknown = [name for name in names if name not in columns]
    if unknown:
        option = option.replace("_", "-")
        raise UsageError(f"--{option}: the table has no column {unknown[0]}. It has {', '.join(columns)}.")


def _require(columns: Mapping[str, Column], time: str, outcome: str, amount: str, action: str, propensity: str) -> None:
    if not time:
        raise UsageError(
            "no column says when each row was decided. Name it by --time COLUMN (ISO 8601), or say --time order where "
            "the rows stand in the order of time."
        )
    if time != FILE_ORDER and (columns[time].kind != "time" or columns[time].missing):
        raise UsageError(
            f"--time: column {time} does not say a time in every row. Write times as 2024-01-31T09:30:00Z."
        )
    if not outcome and not amount:
        binary = [one.name for one in columns.values() if one.is_binary]
        raise UsageError(
            f"no column is known to be the outcome. Name it by --outcome (of 0 and 1: {', '.join(binary) or 'none'}) "
            "or, where it is a quantity, --amount."
        )
    if outcome and not columns[outcome].is_binary:
        raise UsageError(f"--outcome: column {outcome} does not say yes or no in 0 and 1. A quantity is an --amount.")
    if amount and columns[amount].numbers is None:
        raise UsageError(f"--amount: column {amount} holds {columns[amount].values[0]!r}, which is no number.")
    if action and not propensity:
        raise UsageError(
            f"column {action} says what was done, and nothing with which chance. Name that column by --propensity; say "
            f"--propensity shares where the action was drawn at random; or, where the same outcome would have been "
            f"seen whatever was done, leave the column out by --ignore {action}."
        )


def _is_probability(column: Column) -> bool:
    numbers = column.numbers
    return numbers is not None and bool(((numbers > 0) & (numbers <= 1)).all())


def _features(columns: list[Column]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that a model can use, and why the others are left out."""
    why = {one.name: reason for one in columns if (reason := _unusable(one))}
    return tuple(one.name for one in columns if one.name not in why), tuple(f"{name}: {why[name]}" for name in why)


def _unusable(column: Column) -> str:
    if column.kind in {"empty", "time"}:
        return {"empty": "it is empty", "time": "it is a time; make a number of days of it in features.py"}[column.kind]
    if column.is_constant:
        return "it says the same of everybody"
    return f"it is text of {len(column.values):,} kinds" if column.kind == "text" else ""
