"""What a release and the champion said of the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What one release said of n rows: each output (n,), NaN where it said nothing; money (n, A); its action (n,).

    ``values`` None: rules, who value nothing and have no output.
    """

    outputs: Mapping[str, Floats]
    values: Floats | None
    action: Codes


@dataclass(frozen=True, eq=False)
class PartBeside:
    """One part of a batch: the canonical ``frame`` (n rows), what the rules do (n,), both releases' answers."""

    frame: pd.DataFrame
    rules: Codes
    champion: Answers
    shadow: Answers
