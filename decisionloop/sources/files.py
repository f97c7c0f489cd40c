"""Rows of one table in CSV or Parquet files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.errors import SourceError
from decisionloop.sources.columns import require_columns
from decisionloop.sources.layout import Layout

FEW = 1_000
"""Up to so many entities are looked up one by one."""


@dataclass
class FileRows:
    """Rows of CSV or Parquet files; read again only when a file has changed."""

    pattern: str
    folder: Path
    layout: Layout
    _read: tuple[tuple[object, ...], pd.DataFrame] | None = field(default=None, repr=False)
    _sorted: tuple[pd.DataFrame, np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """The files, for messages."""
        return str(self.folder / self.pattern)

    @property
    def undated(self) -> int:
        """How many rows had a time that nobody can read, when they were read last."""
        return 0 if self._read is None else int(self._read[1][self.layout.time].isna().sum())

    def between(
        self, after: pd.Timestamp | None, until: pd.Timestamp | None, entities: pd.Series | None = None
    ) -> pd.DataFrame:
        """Rows with ``after`` < time <= ``until``, of ``entities``."""
        rows = self._rows() if entities is None or len(entities) > FEW else self._rows_of(entities)
        kept = pd.Series(True, index=rows.index)
        if until is not None:
            kept &= ~(rows[self.layout.time] > until) if after is None else rows[self.layout.time] <= until
        if after is not None:
            kept &= rows[self.layout.time] > after
        if entities is not None:
            kept &= rows[self.layout.entity].isin(entities)
        return rows[kept]

    def entities_between(self, after: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
        """Of whom the rows with ``after`` < time <= ``until`` are; the other columns, which may be many, are left."""
        rows = self._rows()
        times = rows[self.layout.time]
        return rows.loc[(times <= until) & (times > after), self.layout.entity]

    def times(self) -> pd.Series:
        """The time of every row; the other columns, which may be many, are left."""
        return self._rows()[self.layout.time]

    def _rows_of(self, entities: pd.Series) -> pd.DataFrame:
        """The rows of a few entities, found and not searched for, in the order of the files."""
        rows = self._rows()
        if self._sorted is None or self._sorted[0] is not rows:
            ids = rows[self.layout.entity].to_numpy(dtype=object)
            order = np.argsort(ids, kind="stable")
            self._sorted = (rows, ids[order], order)
        _, ids, order = self._sorted
        asked = entities.dropna().unique()
        first, after = np.searchsorted(ids, asked, "left"), np.searchsorted(ids, asked, "right")
        places = [order[start:end] for start, end in zip(first, after, strict=True)]
        return rows.take(np.sort(np.concatenate(places)) if places else np.empty(0, dtype=np.int64))

    def newest(self, until: pd.Timestamp) -> pd.Timestamp | None:
        """Largest time at or before ``until``."""
        times = self._rows()[self.layout.time]
        newest = times[times <= until].max()
        return None if pd.isna(newest) else newest

    def _rows(self) -> pd.DataFrame:
        files = self._files()
        state = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
        if self._read is None or self._read[0] != state:
            frames = [self._frame(file) for file in files]
            self._read = (state, self.layout.applied(pd.concat(frames, ignore_index=True), self.where))
        return self._read[1]

    def _files(self) -> list[Path]:
        path = Path(self.pattern)
        base, pattern = (Path(path.anchor), str(path.relative_to(path.anchor))) if path.anchor else (self.folder, path)
        files = sorted(file for file in base.glob(str(pattern)) if file.is_file())
        if not files:
            raise SourceError(f"no file matches {self.where}. Put the data there, or correct `path` in the contract.")
        return files

    def _frame(self, file: Path) -> pd.DataFrame:
        try:
            frame = _reader_of(file)(file, self.layout)
        except SourceError:
            raise
        except Exception as error:  # every parser has its own errors; the remedy is the same
            raise SourceError(
                f"{file} cannot be read: {type(error).__name__}: {error}. "
                "Write it again as UTF-8 CSV with a header line, or as Parquet."
            ) from error
        require_columns(frame, self.layout.names, str(file))
        return frame


def _reader_of(file: Path) -> Callable[[Path, Layout], pd.DataFrame]:
    if file.suffix == ".parquet":
        return lambda path, _: pd.read_parquet(path)
    if ".csv" in file.suffixes[-2:]:
        return _read_csv
    raise SourceError(f"{file} is neither CSV (.csv, .csv.gz) nor Parquet (.parquet). Convert it, or rename it.")


def _read_csv(path: Path, layout: Layout) -> pd.DataFrame:
    """Every cell as it is written; nothing but an empty one is missing, until the column's type says so."""
    asked: list[str] | None = None
    if layout.is_only_named:
        header = pd.read_csv(path, nrows=0)
        require_columns(header, layout.names, str(path))
        asked = list(dict.fromkeys(layout.names))
    return layout.inferred(pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""], usecols=asked))
