"""Which column of a table is the entity, the time, the outcome, the action: as people say, else by name and content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

import pandas as pd

from decisionloop.draft.logged_action import is_chance, require_action
from decisionloop.draft.profiles import Column, neither_yes_nor_no
from decisionloop.draft.table import name_of
from decisionloop.draft.told_by_outcome import told_by
from decisionloop.draft.unanswered import Unanswered
from decisionloop.draft.unused import Unused
from decisionloop.draft.usable import features_of
from decisionloop.errors import UsageError

EACH_ROW = "row"
"""`--entity row`: each row is about somebody else."""
FILE_ORDER = "order"
"""`--time order`: the rows are in the order of time, which the file does not say."""
SHARES = "shares"
"""`--propensity shares`: the actions were drawn at random, each with the share that it has."""

PROTECTED = (
    *("sex", "gender", "race", "ethnicity", "religion", "nationality", "disability", "age_band", "age_group"),
    *("geschlecht", "herkunft", "konfession", "nationalitaet", "nationalität", "behinderung", "altersgruppe"),
    *("sexe", "genre", "sexo", "genero", "género", "nationalite", "nacionalidad"),
)
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
    "fail",
    "broke",
    "breakdown",
    "claim",
    "accident",
    "died",
    "death",
    "no_show",
    "noshow",
    "absent",
    "unsubscrib",
    "readmi",
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
    features: tuple[str, ...] = ()
    is_observed: bool = False
    """Whether another system has made the decisions, and goes on making them."""
    is_live: bool = False
    """Whether the table goes on growing, and what is due now is decided, instead of replaying what is past."""
    outcome_days: int = 0
    """So many days after its decision each outcome is seen, where no column says when; 0: nobody has said."""

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
    is_observed: bool = False
    is_live: bool = False

    @property
    def is_logged(self) -> bool:
        """Whether it says what was done: several actions that were drawn at random, or that another system chose."""
        return bool(self.action)


def is_called_protected(name: str) -> bool:
    """Whether a column is called like what nobody may be treated worse for: `sex`, or whose, as `owner_sex`."""
    return any(name == one or name.endswith(f"_{one}") for one in PROTECTED)


def _called_protected(columns: Mapping[str, Column], usable: Sequence[str]) -> tuple[str, ...]:
    """Those of ``usable`` whose name and kind say that they are groups of people."""
    return tuple(one for one in usable if is_called_protected(one) and columns[one].kind in {"category", "integer"})


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
    _require_known(columns, tuple(name_of(one) for one in asked.ignored), "ignore")
    features = tuple(name_of(one) for one in asked.features)
    _require_known(columns, features, "feature")
    taken |= set(protected)
    free = Unused({name: one for name, one in columns.items() if name not in features}, taken)
    time = role("time", free.time())
    _require_one_delay(asked)
    outcome_time = role("outcome_time", "" if asked.outcome_days else free.later_time(time))
    propensity = role("propensity", free.named("propensity", is_chance))
    outcome = role("outcome", free.outcome())
    amount = role("amount", free.amount(outcome))
    action = role("action", free.action(propensity))
    entity = role("entity", free.entity(time)) or EACH_ROW
    is_kept = [one for one in columns.values() if one.name not in taken]
    with _counted(not time, not outcome and not amount, bool(action) and not propensity and not asked.is_observed):
        _require(columns, time, outcome, amount, action, propensity)
        _require_live(asked, time, action)
        _require_chance(action, propensity, asked.is_observed)
    if propensity in columns and not action:
        require_action(columns[propensity], is_kept)
    decided = pd.Series(range(len(is_kept[0].text) if is_kept else 0)) if time == FILE_ORDER else columns[time].times
    after = [one for one in told_by(outcome, columns) if one not in taken and one not in features]
    usable, left_out = features_of([one for one in is_kept if one.name not in after], decided, features)
    left_out += tuple(f"{one}: it is known only where {outcome} says yes, so it came of that" for one in after)
    if not protected:
        protected = _called_protected(columns, [one for one in usable if one not in features])
        usable = tuple(one for one in usable if one not in protected)
        guesses += [f"protected: column {one}" for one in protected]
    if not usable:
        told = f" ({'; '.join(left_out[:5])})" if left_out else ""
        raise UsageError(f"no column is left to decide by{told}. Give a table with what is known before the decision.")
    return Roles(
        entity, time, outcome, amount, action, propensity, outcome_time, usable, protected,
        tuple(guesses), left_out, asked.is_observed, asked.is_live,
    )  # fmt: skip


@contextmanager
def _counted(*is_open: bool) -> Iterator[None]:
    """Let a question that is raised say how many are open, itself among them."""
    try:
        yield
    except Unanswered as first:
        first.left = sum(is_open)
        raise


def _said(columns: Mapping[str, Column], asked: Asked) -> dict[str, str]:
    """The column of each role as people said; the words that stand for no column stay what they are."""
    words = {"entity": EACH_ROW, "time": FILE_ORDER, "propensity": SHARES}
    said = {}
    for one in fields(asked):
        value = getattr(asked, one.name)
        if not isinstance(value, str):
            continue
        is_word = words.get(one.name) == value
        said[one.name] = value if is_word or not value else name_of(value)
        if value and not is_word:
            _require_known(columns, (said[one.name],), one.name)
    return said


def _require_one_delay(asked: Asked) -> None:
    if asked.outcome_days < 0:
        raise UsageError(f"--outcome-days {asked.outcome_days}: an outcome is seen after its decision. Say 1 or more.")
    if asked.outcome_days and asked.outcome_time:
        raise UsageError("--outcome-time and --outcome-days both say when outcomes are seen. Give one of them.")


def _require_known(columns: Mapping[str, Column], names: tuple[str, ...], option: str) -> None:
    unknown = [name for name in names if name not in columns]
    if unknown:
        option = option.replace("_", "-")
        raise UsageError(f"--{option}: the table has no column {unknown[0]}. It has {', '.join(columns)}.")


def _require(columns: Mapping[str, Column], time: str, outcome: str, amount: str, action: str, propensity: str) -> None:
    if not time:
        times = [one.name for one in columns.values() if one.kind == "time" and one.is_nearly_whole]
        raise Unanswered(
            "time",
            [*times, FILE_ORDER],
            "no column says when each row was decided. Name it by --time COLUMN (ISO 8601), or say --time order where "
            "the rows stand in the order of time.",
        )
    if time != FILE_ORDER and (columns[time].kind != "time" or not columns[time].is_nearly_whole):
        is_none = columns[time].times.isna().to_numpy()
        where = int(is_none.argmax())
        first = (
            f" (the first that is none: {columns[time].text.iloc[where]!r} in row {where + 1})" if is_none.any() else ""
        )
        raise UsageError(
            f"--time: column {time} does not say a time in every row{first}. Write times as 2024-01-31T09:30:00Z."
        )
    if not outcome and not amount:
        binary = [one.name for one in columns.values() if one.is_binary]
        raise Unanswered(
            "outcome",
            binary,
            f"no column is known to be the outcome. Name it by --outcome (of 0 and 1: {', '.join(binary) or 'none'}) "
            "or, where it is a quantity, --amount.",
        )
    if outcome and not columns[outcome].is_binary:
        odd = neither_yes_nor_no(columns[outcome])
        raise UsageError(
            f"--outcome: column {outcome} does not say yes or no in 0 and 1{odd}. A quantity is an --amount."
        )
    if amount and columns[amount].numbers is None:
        raise UsageError(f"--amount: column {amount} holds {columns[amount].values[0]!r}, which is no number.")
    if propensity in columns and not is_chance(columns[propensity]):
        raise UsageError(f"--propensity: column {propensity} does not say a chance, above 0 up to 1, in every row.")
    if propensity == SHARES and not action:
        raise UsageError("--propensity shares: no column says what was done. Name it by --action COLUMN.")


def _require_live(asked: Asked, time: str, action: str) -> None:
    """What is due now needs its real time, and what the loop does is not in the table."""
    if asked.is_live and time == FILE_ORDER:
        raise UsageError("--live: what is due now is known by its time. Name the column by --time COLUMN.")
    if asked.is_live and action:
        raise UsageError(
            f"--live: the loop decides, so it does not read what was done (column {action}). Leave that out by "
            f"--ignore {action}; where another system goes on deciding, say --mode observe instead of --live."
        )


def _require_chance(action: str, propensity: str, is_observed: bool) -> None:
    """Of what another system did nobody need know the chance; of an experiment somebody must."""
    if is_observed and not action:
        raise UsageError("--mode observe: no column says what the other system did. Name it by --action COLUMN.")
    if action and not propensity and not is_observed:
        raise Unanswered(
            "propensity",
            [SHARES],
            f"column {action} is taken for what was done, and nothing says with which chance. Name that column by "
            f"--propensity; say --propensity shares where the action was drawn at random; where it is something else, "
            f"--feature {action}; where another system goes on deciding, say --mode observe; or, where the same "
            f"outcome would have been seen whatever was done, leave the column out by --ignore {action}.",
        )
