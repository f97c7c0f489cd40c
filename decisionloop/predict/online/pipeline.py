"""One row for a release that decides with its pipeline: through a frame of one row, in milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decisionloop.predict.online.rows import Row, read_one_by_one

if TYPE_CHECKING:
    import pandas as pd

    from decisionloop.predict.pipeline_model import PipelineScorer


class PipelineRow:
    """A pipeline that scores one row at a time; it takes and refuses the rows that a compiled scorer does."""

    def __init__(self, scorer: PipelineScorer) -> None:
        self.digest, self.features = scorer.digest, scorer.features
        self._scorer = scorer

    def prepare(self, row: Row) -> pd.DataFrame:
        """The row as a frame; raises UsageError naming a feature that it lacks or that is not of its type."""
        import pandas as pd

        described = self._scorer.header.features
        numbers = [feature.name for feature in described if not feature.is_category]
        categories = [feature.name for feature in described if feature.is_category]
        values = dict(zip([*numbers, *categories], read_one_by_one(row, numbers, categories), strict=True))
        return pd.DataFrame(
            {
                feature.name: pd.Series([values[feature.name]], dtype="str" if feature.is_category else "float64")
                for feature in described
            }
        )

    def score(self, row: Row) -> float:
        """The score of one row; raises UsageError as `prepare`."""
        return self.score_of(self.prepare(row))

    def score_of(self, prepared: pd.DataFrame) -> float:
        """The score of a frame of one row."""
        return float(self._scorer.score(prepared)[0])

    def margin_of(self, prepared: pd.DataFrame) -> float:
        """The margin of a frame of one row."""
        return float(self._scorer.margin(prepared)[0])

    def contributions_of(self, prepared: pd.DataFrame) -> np.ndarray:
        """What each feature changes (F,) in a frame of one row; an approximation."""
        return self._scorer.contributions(prepared)[0]
