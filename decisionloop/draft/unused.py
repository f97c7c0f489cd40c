"""Guessing a role: which of the columns that have none yet is the time, the entity, the action; by name and content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import pandas as pd

from decisionloop.draft.logged_action import drawn_with, is_chance
from decisionloop.draft.profiles import YES, Column
from decisionloop.draft.told_by_outcome import is_quantity, told_by
from decisionloop.draft.usable import PERSONS, is_numbering

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
    "action": ("action", "treatment", "arm", "segment", "offer", "variant", "decision", "logged_action",
        "aktion", "angebot", "massnahme", "maßnahme", "behandlung", "variante", "entscheidung", "traitement", "offre",
        "accion", "tratamiento", "oferta", "azione", "decisione", "trattamento", "offerta", "beslissing", "behandeling",
        "decisao", "tratamento"),
    "propensity": ("propensity", "propensity_score", "probability", "prob", "p", "chance", "wahrscheinlichkeit"),
}  # fmt: skip


_REPEATED, _ENOUGH = 0.002, 10
"""Of enough rows such a share, or one, may be about somebody who is in another row of the time: slips, no habit."""

_SLIPS = 0.01
"""So large a share of outcomes at most lies before the decision by a slip of the pen."""


@dataclass(frozen=True)
class Unused:
    """The columns that have no role yet; ``taken``, which is shared, grows as they get one."""

    columns: Mapping[str, Column]
    taken: set[str]

    def named(self, kind: str, fits: Callable[[Column], bool]) -> str:
        """The first column of the role's usual names that fits."""
        return next((one for one in _NAMES[kind] if one in self._left() and fits(self.columns[one])), "")

    def outcome(self) -> str:
        """A yes or no of the usual names, else the only one whose yes other columns tell more of, and whose no none."""
        binary = [name for name, one in self._left().items() if one.is_binary]
        telling = [one for one in binary if told_by(one, self.columns)]
        return self.named("outcome", lambda one: one.is_binary) or (telling[0] if len(telling) == 1 else "")

    def amount(self, outcome: str) -> str:
        """A number of the usual names which, where an ``outcome`` says yes or no, is nothing wherever that says no.

        What is as large at a no was there before, as the sum of a payment is that may be a fraud. Else, whatever it is
        called, the first number that nearly every yes knows and no no does: what came of it.
        """
        is_yes = self.columns[outcome].text.str.lower().isin(YES) if outcome in self.columns else None

        def came_of_it(one: Column) -> bool:
            if one.numbers is None or one.kind not in {"integer", "number"}:
                return False
            return is_yes is None or bool((one.numbers[~is_yes].fillna(0) == 0).all())

        told = told_by(outcome, {name: one for name, one in self.columns.items() if self._is_left(name, outcome)})
        return self.named("amount", came_of_it) or next((one for one in told if is_quantity(self.columns[one])), "")

    def action(self, propensity: str) -> str:
        """The column whose values were done as often as the propensity says, of the usual names first."""
        named = self.named("action", lambda one: one.kind in {"category", "boolean", "integer"})
        if propensity not in self.columns or not is_chance(self.columns[propensity]):
            return named
        drawn = drawn_with(self.columns[propensity], self._left().values())
        usual = [one for one in _NAMES["action"] if one in drawn]
        return (usual or (list(drawn) if len(drawn) == 1 else [named]))[0]

    def time(self) -> str:
        """A column of the usual names, else the one that is earliest."""
        times = [one for one in self._left().values() if one.kind == "time" and one.is_nearly_whole]
        by_name = [one for one in times if one.name in _NAMES["time"]]
        earliest = sorted(by_name or times, key=lambda one: one.times.median())
        return earliest[0].name if earliest else ""

    def later_time(self, time: str) -> str:
        """A column of the usual names, else a time that is never, but for few slips, before that of the decision."""
        if time not in self.columns:
            return ""
        named = self.named("outcome_time", lambda one: one.kind == "time")
        decided = self.columns[time].times
        later = (
            one.name
            for one in self._left().values()
            if one.kind == "time" and one.name != time and _is_later(one.times, decided)
        )
        return named or next(later, "")

    def entity(self, time: str) -> str:
        """A column of the usual names, else one that is called an id or a person, else one that tells rows apart.

        Hardly any of its values comes twice at a time. What numbers the rows of a file is nobody.
        """
        left = [one for one in self._left().values() if one.kind in {"text", "integer", "category"} and not one.missing]
        usual = [one for name in _NAMES["entity"] for one in left if one.name == name]
        ids = [one for one in left if one.name.endswith("_id")]
        called = [one for one in left if PERSONS & set(one.name.split("_"))]
        apart = (one for one in left if is_numbering(one) and _is_code(one))
        # Asked of those alone that may be it: a wide table has thousands of others.
        found = (one.name for one in chain(usual, ids, called, apart) if self._is_one_a_time(one, time))
        return next(found, "")

    def _is_one_a_time(self, column: Column, time: str) -> bool:
        if time not in self.columns:
            return not column.text.duplicated().any()
        is_repeated = pd.DataFrame({"entity": column.text, "time": self.columns[time].text}).duplicated()
        if is_repeated.any():  # copies of whole rows tell nothing new
            is_repeated &= ~self._is_copy
        return int(is_repeated.sum()) <= max(len(is_repeated) >= _ENOUGH, _REPEATED * len(is_repeated))

    @cached_property
    def _is_copy(self) -> pd.Series:
        """Which rows (n,) are copies of earlier ones; looked at once, for a wide table is wide."""
        return pd.DataFrame({name: one.text for name, one in self.columns.items()}).duplicated()

    def _left(self) -> dict[str, Column]:
        return {name: one for name, one in self.columns.items() if name not in self.taken}

    def _is_left(self, name: str, outcome: str) -> bool:
        return name == outcome or name not in self.taken


def _is_later(times: pd.Series, decided: pd.Series) -> bool:
    """Whether times (n,) are never before those of the decisions, but for a slip of the pen in few rows."""
    known = times.notna() & decided.notna()
    is_early = (times < decided)[known]
    return bool(is_early.mean() <= _SLIPS) if known.any() else False


def _is_code(column: Column) -> bool:
    """Whether its cells are codes and neither sentences nor numbers, which may be a measurement or a row's."""
    return column.kind == "text" and not bool(column.text.str.contains(r"\s").any())
