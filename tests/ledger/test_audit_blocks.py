"""A block of the chain says whether it may hold keys without being read whole, and never wrongly no."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from decisionloop.ledger.audit.links import Block, packed

KEYS = st.tuples(st.text(st.sampled_from('ab["],\\'), max_size=3), st.integers(1, 3).map(str))


@given(st.sets(KEYS), st.sets(KEYS), st.sets(KEYS))
def test_a_block_that_says_no_holds_none_of_them(own: set[tuple[str, str]], erased: set, wanted: set) -> None:
    left = [None if key in erased else key for key in sorted(own)]
    block = Block(1, 0, None, None, b"", packed(left))
    assert block.may_hold(sorted(wanted)) or not wanted & set(left)


def test_it_says_no_of_what_lies_outside_of_it() -> None:
    block = Block(1, 0, None, None, b"", packed([None, ("b", "1"), ("d", "1"), None]))
    assert block.may_hold([("a", "1"), ("c", "1")])
    assert not block.may_hold([("a", "1"), ("e", "1")])
    assert not Block(1, 0, None, None, b"", packed([None, None])).may_hold([("a", "1")])
