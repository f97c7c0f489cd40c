"""Draws and ids are functions of their arguments alone: the same on every machine, and without structure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from decisionloop.act.draws import in_holdout, uniform_draws
from decisionloop.act.hashing import stable_hash
from decisionloop.act.identity import decision_ids
from decisionloop.errors import UsageError

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CLIENTS = np.array([f"c{i}" for i in range(50_000)], dtype=object)

GOLDEN_DRAWS = [0.03580917691230223, 0.7016373483823376, 0.03532265322682482]
GOLDEN_IDS = [
    "42cdc200c578bc33a50ac793fc873afa",
    "42cdc2001167dd8c467c90f1ac583680",
    "42cdc2004de25b71586e748478112998",
]
GOLDEN_HOLDOUT = [1, 4, 6, 9, 17, 19, 37, 41, 54, 55, 57, 58]


def test_golden_values_hold_on_every_platform():
    draws = uniform_draws(["1", "2", "Zoë"], AS_OF, "2005", "exploration")
    assert draws.tolist() == GOLDEN_DRAWS
    assert decision_ids("credit_line", ["1", "2", "Zoë"], AS_OF).tolist() == GOLDEN_IDS
    assert np.flatnonzero(in_holdout(CLIENTS[:60], "2005", 0.1)).tolist() == GOLDEN_HOLDOUT


def test_draws_are_siphash_and_splitmix_as_published():
    key = hashlib.blake2b(b'["draw", "2005-07-08T00:00:00.000000Z", "2005", "exploration"]', digest_size=8)
    bits = [_splitmix(_siphash24(key.hexdigest().encode(), name.encode())) for name in ("1", "2", "Zoë", "x" * 23)]
    draws = uniform_draws(["1", "2", "Zoë", "x" * 23], AS_OF, "2005", "exploration")
    assert draws.tolist() == [(one >> 11) / 2**53 for one in bits]


def test_draws_are_uniform():
    draws = uniform_draws(CLIENTS, AS_OF, "1", "exploration")
    assert draws.min() >= 0
    assert draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 0.001


@pytest.mark.parametrize(
    "other",
    [
        (AS_OF, "1", "mixture"),
        (AS_OF, "2", "exploration"),
        (AS_OF + pd.Timedelta(days=7), "1", "exploration"),
    ],
    ids=["purpose", "salt", "time"],
)
def test_draws_are_independent_across_purposes_salts_and_times(other):
    one = uniform_draws(CLIENTS, AS_OF, "1", "exploration")
    another = uniform_draws(CLIENTS, *other)
    cells = np.histogram2d(one, another, bins=10, range=[[0, 1], [0, 1]])[0]
    assert abs(np.corrcoef(one, another)[0, 1]) < 4 / np.sqrt(len(CLIENTS))
    assert stats.chisquare(cells.ravel()).pvalue > 0.001


def test_draws_are_independent_of_the_holdout():
    held = in_holdout(CLIENTS, "1", 0.2)
    draws = uniform_draws(CLIENTS, AS_OF, "1", "exploration")
    assert stats.ks_2samp(draws[held], draws[~held]).pvalue > 0.001


def test_neighbouring_entities_are_not_alike():
    draws = uniform_draws(CLIENTS, AS_OF, "1", "exploration")
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 4 / np.sqrt(len(CLIENTS))


def test_the_holdout_has_its_share_and_only_grows_with_it():
    small, large = (in_holdout(CLIENTS, "1", share) for share in (0.05, 0.2))
    assert small.mean() == pytest.approx(0.05, abs=0.005)
    assert large.mean() == pytest.approx(0.2, abs=0.01)
    assert large[small].all()
    assert not in_holdout(CLIENTS, "1", 0.0).any()


def test_the_order_and_container_of_entities_do_not_matter():
    order = np.random.default_rng(0).permutation(len(CLIENTS))
    draws = uniform_draws(CLIENTS, AS_OF, "1", "x")
    assert (uniform_draws(pd.Series(CLIENTS[order], dtype="str"), AS_OF, "1", "x") == draws[order]).all()


def test_the_same_instant_in_another_zone_is_the_same_decision():
    there = datetime(2005, 7, 8, 2, tzinfo=timezone(timedelta(hours=2)))
    assert (decision_ids("u", CLIENTS[:9], there) == decision_ids("u", CLIENTS[:9], AS_OF)).all()
    with pytest.raises(UsageError, match="no time zone"):
        decision_ids("u", CLIENTS[:9], datetime(2005, 7, 8))


def test_ids_are_32_hex_characters_and_differ_between_use_cases_and_times():
    ids = [
        decision_ids(name, CLIENTS, as_of)
        for name, as_of in (("a", AS_OF), ("b", AS_OF), ("a", AS_OF + pd.Timedelta(microseconds=1)))
    ]
    together = np.concatenate(ids)
    assert len(set(together)) == 3 * len(CLIENTS)
    assert all(isinstance(one, str) and len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids[0][:99])
    assert all((one != other).all() for one, other in pairwise(ids))


def test_a_million_ids_do_not_collide():
    ids = decision_ids("credit_line", np.arange(1_000_000).astype(str), AS_OF)
    assert len(set(ids)) == 1_000_000
    # 64 of the 96 hashed bits alone would collide with probability 3e-8, if they are as random as they should be
    assert len({one[8:24] for one in ids}) == len({one[16:] for one in ids}) == 1_000_000


def test_ids_of_a_later_batch_are_greater():
    ids = [decision_ids("u", CLIENTS[:999], AS_OF + pd.Timedelta(weeks=week)) for week in range(3)]
    assert all(earlier.max() < later.min() for earlier, later in pairwise(ids))


def test_text_cannot_slip_from_one_part_of_the_context_into_another():
    one = uniform_draws(["c"], AS_OF, "a", "bc")
    assert one != uniform_draws(["c"], AS_OF, "ab", "c")


def _siphash24(key: bytes, text: bytes) -> int:
    """SipHash-2-4 (Aumasson and Bernstein 2012), one text at a time."""
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) % 256])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        _sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[int], rounds: int) -> None:
    for _ in range(rounds):
        for a, b, turn, half in ((0, 1, 13, True), (2, 3, 16, False), (0, 3, 21, False), (2, 1, 17, True)):
            v[a] = (v[a] + v[b]) % 2**64
            v[b] = _rotated(v[b], turn) ^ v[a]
            if half:
                v[a] = _rotated(v[a], 32)


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) % 2**64


def _splitmix(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def test_many_ids_hash_as_the_same_ids_one_by_one(monkeypatch):
    monkeypatch.setattr("decisionloop.act.hashing.resolve_engine", lambda *_: "numba")
    texts = pd.Series(["", "a", "1234567", "12345678", "123456789", "Zoë", "😀" * 70, "a\0b", "x" * 256], dtype="str")
    ids = texts.to_numpy(dtype=object)
    with monkeypatch.context() as without_kernels:
        without_kernels.setattr("decisionloop.act.hashing.resolve_engine", lambda *_: "numpy")
        one_by_one = stable_hash(ids, ("any", "purpose"))
    assert stable_hash(ids, ("any", "purpose")).tolist() == one_by_one.tolist()
    assert stable_hash(ids[[3]], ("any", "purpose")).tolist() == one_by_one[[3]].tolist()
    assert stable_hash(texts, ("any", "purpose")).tolist() == one_by_one.tolist()
    assert stable_hash(texts.iloc[3:].array, ("any", "purpose")).tolist() == one_by_one[3:].tolist()
    assert stable_hash(texts.iloc[[]].array, ("any", "purpose")).tolist() == []
    unknown = pd.Series(["a", None], dtype="str")
    assert stable_hash(unknown, ("any",)).tolist() == stable_hash(np.array(["a", np.nan], object), ("any",)).tolist()
