"""Tables of many cohorts are read as few files, and each says what its own file says, whatever becomes of a block."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from decisionloop.ledger.expiring_files import _by_cohort
from decisionloop.ledger.monitor_references import reference_of
from decisionloop.ledger.releases import present_rules
from decisionloop.ledger.schema import utc_now
from tasks.keep import keep_table
from tasks.watch.entity_money_blocks import KIND, TOGETHER, read_tables

pytestmark = pytest.mark.xdist_group("loop")


def test_sixteen_tables_become_one_file_and_what_has_changed_is_read_anew(begun):
    workspace, store = begun.workspace, begun.workspace.snapshots
    owner = present_rules(begun.ledger, "small").release_id
    money = {f"2031-{number:03d}": float(number) for number in range(TOGETHER + 2)}

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
