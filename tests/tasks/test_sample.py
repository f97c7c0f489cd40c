"""A sample of a batch is the same whatever parts the batch was cut into, and no larger than was asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from decisionloop.act.hashing import stable_hash
from tasks.readback.sample import _Drawn, _lowest

ROWS = pd.DataFrame({"shop_id": [f"s{i:04d}" for i in range(900)], "debt": np.arange(900.0)})
HASHES = stable_hash(ROWS["shop_id"], ("a test",))


def _sampled(cuts: list[int], size: int) -> list[_Drawn]:
    drawn: list[_Drawn] = []
    for part, places in enumerate(np.split(np.arange(len(ROWS)), cuts)):
        table = pa.Table.from_pandas(ROWS.iloc[places], preserve_index=False)
        drawn = _lowest([*drawn, _Drawn(part, np.arange(len(places)), HASHES[places], table)], size)
    return drawn


@pytest.mark.parametrize("size", [1, 100, 900, 2000])
@pytest.mark.parametrize("cuts", [[], [450], [1, 300, 300, 899]], ids=["one part", "two", "five, one of them empty"])
def test_whose_hashes_are_lowest_are_drawn_in_the_order_of_the_batch(cuts: list[int], size: int) -> None:
    expected = np.sort(np.argsort(HASHES)[:size])
    drawn = _sampled(cuts, size)
    assert pa.concat_tables(one.rows for one in drawn)["debt"].to_pylist() == expected.tolist()
    starts = [0, *cuts]
    assert np.concatenate([starts[one.part] + one.places for one in drawn]).tolist() == expected.tolist()
