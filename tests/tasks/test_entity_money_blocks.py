"""Tables of many cohorts are read as few files, and each says what its own file says, whatever becomes of a block."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.ledger.expiring_files import _by_cohort
from decisionloop.ledger.monitor_references import reference_of
from decisionloop.ledger.releases import present_rules
from decisionloop.ledger.schema import utc_now
from tasks.keep import keep_table
from tasks.watch.entity_money_blocks import KIND, LARGE_ROWS, TOGETHER, merged_files, read_tables

pytestmark = pytest.mark.xdist_group("loop")


@given(st.integers(1, 600))
@settings(max_examples=30, deadline=None)
def test_a_long_life_is_read_as_few_files_and_each_table_lies_in_one(count):
    files, written = [], 0
    for number in range(count):
        before, files = files, merged_files([*files, (f"{number:04d}",)], {f"{one:04d}": 300 for one in range(count)})
        written += sum(len(one) for one in files if one not in before and len(one) > 1)
    assert sorted(itertools.chain(*files)) == [f"{number:04d}" for number in range(count)]
    levels = 1 + math.floor(math.log(count, TOGETHER) + 1e-9)
    assert len(files) <= (TOGETHER - 1) * levels
    assert written <= count * (levels - 1)  # once a level
    assert merged_files(files, dict.fromkeys(itertools.chain(*files), 300)) == files


def test_no_file_has_more_rows_than_are_read_faster_together():
    names = [f"{number:02d}" for number in range(8)]
    alone = [(name,) for name in names]
    assert merged_files(alone, dict.fromkeys(names, LARGE_ROWS // TOGETHER + 1)) == alone
    few_are_small = {**dict.fromkeys(names, LARGE_ROWS), **dict.fromkeys(names[2:6], 10)}
    assert merged_files(alone, few_are_small) == [*alone[:2], tuple(names[2:6]), *alone[6:]]


def test_tables_are_laid_together_and_what_has_changed_is_read_anew(begun):
    workspace, store = begun.workspace, begun.workspace.snapshots
    owner = present_rules(begun.ledger, "small").release_id
    money = {f"2031-{number:03d}": float(number) for number in range(5 * TOGETHER)}

    def kept(value: float) -> str:
        return keep_table(workspace, pa.table({"money": [value, value + 0.5], "is_held": [True, False]}), "outcomes")

    def read() -> dict[str, list[float]]:
        found = read_tables(workspace, owner, asked, utc_now())
        return {name: columns["money"].tolist() for name, columns in sorted(found.items())}

    asked = {name: kept(value) for name, value in money.items()}
    told = {name: [value, value + 0.5] for name, value in money.items()}
    assert read() == told
    first, *_ = asked
    assert store.remove(asked[first])
    assert read() == told  # in the block
    (block,) = {digest for name, digest in _by_cohort(_content(begun, owner)) if name == first}  # as retention asks

    changed = kept(99.0)
    asked[first], told[first] = changed, [99.0, 99.5]
    assert read() == told
    assert store.remove(block)
    assert read() == told
    assert store.remove(changed)
    np.testing.assert_equal(read(), told)  # laid together again


def _content(life, owner: str) -> str:
    found = reference_of(life.ledger, "small", owner, KIND)
    assert found is not None
    return found.content
