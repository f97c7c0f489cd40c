"""YAML is read as it is written; what could be read in two ways is a fault with its line."""

from __future__ import annotations

from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract.written import Plain, named, read_yaml


def test_unquoted_scalars_keep_their_spelling():
    written = read_yaml("a: 007\nb: 1.0\nc: no\nd: 20:00\ne: ~\nf: '~'\ng:\n")
    assert written.content == {"a": "007", "b": "1.0", "c": "no", "d": "20:00", "e": None, "f": "~", "g": None}
    assert written.faults == []


def test_every_value_has_its_line():
    written = read_yaml("a: 1\nb:\n  - x: 2\n    y: 3\n")
    assert written.lines == {("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 0, "x"): 3, ("b", 0, "y"): 4}
    assert written.line_of(("b", 0, "z")) == 3
    assert written.line_of(("c",)) is None


@pytest.mark.parametrize(
    ("text", "where", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", 3),
        ("a: {x: 1, x: 1}\n", "a.x", 1),
        ("a:\n- {name: n, x: 1,\n   x: 2}\n", "a.n.x", 3),
        ("a: &here [*here]\n", "line 1", 1),
        ("a: 1\nb: *here\n", "line 2", 2),
        ("a: 1\n<<: *here\n", "line 2", 2),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1", 1),
        ("a: !!str 1\n", "line 1", 1),
        ("a: 1\n---\nb: 1\n", "line 2", 2),
        ("? [1, 2]\n: 3\n", "line 1", 1),
        ("~: 3\n", "line 1", 1),
    ],
)
def test_what_could_be_read_in_two_ways_is_a_fault(text, where, line):
    fault = read_yaml(text).faults[0]
    assert (fault.path, fault.line) == (where, line)
    assert fault.remedy


@pytest.mark.parametrize("depth", [100, 3_000, 100_000])
@pytest.mark.parametrize("bracket", ["[", "{a: "])
def test_deep_nesting_is_refused_not_followed(bracket, depth):
    assert read_yaml("a: " + bracket * depth).faults[0].problem == "nested too deeply"


def test_an_alias_repeats_what_is_complete():
    written = read_yaml("a: &x {b: 1}\nc: *x\nd: &y 2\ne: [*y, *x]\n")
    assert written.content == {"a": {"b": "1"}, "c": {"b": "1"}, "d": "2", "e": ["2", {"b": "1"}]}
    assert written.faults == []
    assert written.line_of(("c", "b")) == 2


def test_a_bomb_of_aliases_is_refused_before_it_goes_off():
    names = "abcdefghijklmnop"
    steps = [f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]" for a, b in pairwise(names)]
    assert read_yaml("\n".join(["a: &a [x, x]", *steps])).faults[0].problem == "holds too many values"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab 1.0:#-~é\n'", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), values, max_size=4))
def test_it_reads_what_yaml_reads_but_for_the_types_of_scalars(content):
    def typed(value: object) -> object:
        if isinstance(value, Plain):
            return value.typed()
        if isinstance(value, dict):
            return {key: typed(inner) for key, inner in value.items()}
        return [typed(inner) for inner in value] if isinstance(value, list) else value

    written = read_yaml(yaml.safe_dump(content, allow_unicode=True))
    assert written.faults == []
    assert typed(written.content) == content


def test_paths_name_items_and_leave_out_what_is_not_there():
    content = {"features": [{"name": "spend"}, {"type": "number"}], "source": {"history": {}}}
    assert named(("features", 0, "range"), content) == "features.spend.range"
    assert named(("features", 1, "type"), content) == "features.1.type"
    assert named(("source", "tables", "history", "time"), content) == "source.history.time"
    assert named((), content) == "(top)"
