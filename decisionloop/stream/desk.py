"""What deciding one use case one at a time works with, opened once a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.problem import Feature
from decisionloop.errors import ConfigurationError, UsageError
from decisionloop.ledger.releases import RULES, release_id_of
from decisionloop.ledger.storage.kept_connection import KeptConnection
from decisionloop.predict.features import column_types
from decisionloop.predict.rules import SAMPLE, ReasonsFailed
from decisionloop.settings import Settings
from decisionloop.stream.asked import AskedRow
from decisionloop.stream.logged_once import LoggedOnce
from decisionloop.stream.spending import Pacer
from decisionloop.workspace import Workspace, open_workspace


@dataclass(frozen=True, eq=False)
class Desk:
    """A use case that is decided one at a time."""

    workspace: Workspace

    @property
    def use_case(self) -> UseCase:
        """The contract."""
        return self.workspace.use_case

    @cached_property
    def rules_id(self) -> str:
        """The release that the rules are under this contract and code."""
        return release_id_of(self.use_case.name, RULES, self.use_case.digest, self.workspace.code.digest)

    @cached_property
    def writer(self) -> KeptConnection:
        """What its decisions are kept through; to be closed."""
        return KeptConnection(self.workspace.ledger)

    @cached_property
    def pacer(self) -> Pacer:
        """The prices of the policy's constraints in this process."""
        return Pacer(self.workspace.ledger, self.use_case)

    @cached_property
    def reasons_failed(self) -> ReasonsFailed:
        """Hears of rules that choose and cannot say why."""
        return LoggedOnce(self.use_case.name)

    @cached_property
    def sound_rows(self) -> pd.DataFrame:
        """Made-up rows without a fault: they tell which features the rules read where no other row does."""
        return sound_rows(self.use_case)


def open_desk(name: str, settings: Settings) -> Desk:
    """Open a use case to decide it one at a time. Raises UsageError where its contract does not say that it is."""
    workspace = open_workspace(name, settings.model_copy(update={"ledger_retry_seconds": 0.0}))
    if workspace.use_case.online is None:
        raise UsageError(f"{name} is decided in batches only. Write `online: {{}}` into its usecase.yaml.")
    return Desk(workspace)


def sound_rows(use_case: UseCase) -> pd.DataFrame:
    """Canonical rows (`SAMPLE`) whose features are drawn from what the contract admits; the same every time."""
    draw = np.random.default_rng(0)
    features = {feature.name: _drawn(feature, draw) for feature in use_case.features}
    columns = {}
    for name, type_ in column_types(use_case).items():
        values = features.get(name, np.full(SAMPLE, "made up", dtype=object))
        columns[name] = pd.Series(values, dtype="str" if type_ == "category" else "float64")
    return pd.DataFrame(columns)


def made_up_rows(use_case: UseCase, many: int) -> list[AskedRow]:
    """So many of the rows of :func:`sound_rows`, as they are asked for."""
    told = sound_rows(use_case).head(many).to_dict("records")
    key = use_case.entity.key
    return [
        AskedRow(f"made up {place}", {str(name): value for name, value in one.items() if name != key})
        for place, one in enumerate(told)
    ]


def _drawn(feature: Feature, draw: np.random.Generator) -> np.ndarray:
    if feature.type == "category":
        return draw.choice(np.array(feature.categories, dtype=object), SAMPLE)
    if feature.type == "boolean":
        return draw.integers(0, 2, SAMPLE).astype(np.float64)
    low, high = feature.range or (-1000.0, 1000.0)
    numbers = draw.uniform(low, high, SAMPLE)
    return np.clip(np.round(numbers), np.ceil(low), np.floor(high)) if feature.type == "integer" else numbers


def require_current(desk: Desk, rules_id: str) -> None:
    """Raises ConfigurationError where other rules than those that this process read stand in the ledger."""
    if rules_id != desk.rules_id:
        raise ConfigurationError(
            f"the contract or code of {desk.use_case.name} has changed since the service read it. Restart the service."
        )
