"""The source of the large batch: sorted Parquet files of FILE_ROWS rows each; only what is asked for is read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

FILE_ROWS = 50_000
KEY, TIME = "customer", "known_at"


class LargeSource:
    """``rows`` customers, 00000000 and on, whose features were known a day before any as-of."""

    time_column = TIME

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"

    def due(self, as_of, covers_days):
        """Everyone."""
        files = sorted(self.folder.glob("*.parquet"))
        return pa.concat_tables([pyarrow.parquet.read_table(file, columns=[KEY]) for file in files]).to_pandas()

    def known(self, entities, as_of):
        """The rows of ``entities``, which are neighbours."""
        first, last = entities[KEY].iloc[[0, -1]].astype(int)
        files = range(first // FILE_ROWS, last // FILE_ROWS + 1)
        table = pa.concat_tables(
            [pyarrow.parquet.read_table(self.folder / f"{number:05d}.parquet") for number in files]
        )
        asked = table.slice(first - files[0] * FILE_ROWS, last - first + 1)
        return asked.to_pandas().assign(**{TIME: as_of - pd.Timedelta(days=1)})

    def newest_time(self, as_of):
        """A day ago."""
        return as_of - pd.Timedelta(days=1)

    def outcomes(self, as_of, decided):
        """None: the benchmark decides and does not observe."""
        names = ("entity_id", "decision_id", "outcome_class", "amount")
        times = {name: pd.Series(dtype="datetime64[us, UTC]") for name in ("decision_time", "observed_at")}
        return pd.DataFrame({name: pd.Series(dtype="str") for name in names} | times)

    def calendar(self):
        """No replay."""
        return ()


def source(use_case, folder):
    """The source that the contract asks for."""
    return LargeSource(folder)
