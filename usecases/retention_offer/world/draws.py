"""Draws that are functions of what they are for: nothing is stored, and any subset can be drawn in any order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class Draws:
    """Independent draws for each purpose (a name), customer (a number) and time (a whole number, may be negative)."""

    seed: int

    def uniform(self, purpose: str, customer: np.ndarray, time: np.ndarray | int = 0) -> np.ndarray:
        """Draws in (0, 1), float64 (n,)."""
        key = hashlib.blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest()
        hashed = _mixed(customer.astype(np.int64).view(np.uint64) + np.uint64(int.from_bytes(key, "little")))
        moments = np.atleast_1d(np.asarray(time, dtype=np.int64)).view(np.uint64)  # scalars would warn of overflow
        bits = _mixed(hashed ^ _mixed(moments + _GOLDEN)) >> np.uint64(11)
        return (bits + 0.5) * 2.0**-53

    def normal(self, purpose: str, customer: np.ndarray, time: np.ndarray | int = 0) -> np.ndarray:
        """Standard normal draws, float64 (n,)."""
        from scipy.special import ndtri

        return np.asarray(ndtri(self.uniform(purpose, customer, time)))


def _mixed(state: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014), uint64 (n,)."""
    state = state + _GOLDEN
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return np.asarray(state ^ (state >> np.uint64(31)))
