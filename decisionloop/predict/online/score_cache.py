"""Two clients with the same codes have the same score and reasons: a bounded cache of what was computed lately.

A release's scorer is a function of a row's codes alone, so the key is the release's digest and the codes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decisionloop.errors import ConfigurationError
from decisionloop.predict.scorer.codes import distinct_rows


class CachedScore(NamedTuple):
    """A score, and the text of its reasons where they have been asked for."""

    score: float
    reasons: str | None = None


@dataclass(frozen=True)
class CacheStatistics:
    """How often the cache knew the answer since it was made, and how full it is."""

    hits: int
    misses: int
    size: int
    capacity: int

    @property
    def hit_share(self) -> float | None:
        """Share of the questions that it could answer; None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


class ScoreCache:
    """Keeps the last used ``capacity`` answers, of any number of releases; 0 keeps nothing. Safe between threads.

    An entry is about 400 bytes at 20 features with three reasons.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 0:
            raise ConfigurationError(f"a cache cannot hold {capacity} scores. Give 0 to turn it off, or more.")
        self.capacity = capacity
        self._entries: OrderedDict[tuple[str, bytes], CachedScore] = OrderedDict()
        self._lock = Lock()
        self._hits = 0
        self._misses = 0

    def find(self, digest: str, codes: bytes, has_reasons: bool = False) -> CachedScore | None:
        """The answer of release ``digest`` to ``codes``; None where it is not known, or not with reasons if asked."""
        key = (digest, codes)
        with self._lock:
            known = self._entries.get(key)
            if known is None or (has_reasons and known.reasons is None):
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return known

    def keep(self, digest: str, codes: bytes, answer: CachedScore) -> None:
        """Remember an answer; the one that was not used for longest makes room."""
        if not self.capacity:
            return
        key = (digest, codes)
        with self._lock:
            known = self._entries.get(key)
            if known is None or answer.reasons is not None:  # another thread may have known the reasons
                self._entries[key] = answer
            self._entries.move_to_end(key)
            while len(self._entries) > self.capacity:
                self._entries.popitem(last=False)

    def statistics(self) -> CacheStatistics:
        """Hits, misses and size, of one moment."""
        with self._lock:
            return CacheStatistics(self._hits, self._misses, len(self._entries), self.capacity)


def distinct_share(codes: NDArray[np.uint8]) -> float | None:
    """The share of coded rows (F, n) that a batch has to score: one less it is its hit rate. None without rows."""
    rows = codes.shape[1]
    return len(distinct_rows(codes)[0]) / rows if rows else None
