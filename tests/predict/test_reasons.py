"""Reason codes: order, grouping, direction and size, the same text from both engines, and what it says when read."""

from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decisionloop.errors import ConfigurationError, IntegrityError, UsageError
from decisionloop.predict.reasons.codes import Reason, ReasonCatalogue, ReasonWriter, top_reasons
from decisionloop.predict.reasons.wording import ReasonSentences, WordedReason, in_words, read_reasons, sentence_of

FEATURES = ("status", "use", "paid", "age")
OWN = ReasonCatalogue({name: Reason(f"the {name}") for name in FEATURES})
GROUPED = ReasonCatalogue(
    {
        "status": Reason("repayment status", "payment"),
        "use": Reason('use of the "line"'),
        "paid": Reason("amount paid", "payment"),
        "age": Reason("月數"),
    }
)
ENGINES = pytest.mark.parametrize("engine", ["numpy", "numba"])


def reasons(rows: list[list[float]], catalogue=OWN, count: int = 3, engine="auto") -> list[list[tuple[str, float]]]:
    texts = top_reasons(np.array(rows), FEATURES, catalogue, count, engine)
    return [[tuple(entry) for entry in json.loads(text)] for text in texts.to_pylist()]


@ENGINES
def test_the_largest_come_first_with_their_sign_and_rounded(engine):
    rows = [[0.1, -0.812345, 0.3, -0.2]]
    assert reasons(rows, engine=engine) == [[("use", -0.8123), ("paid", 0.3), ("age", -0.2)]]


@ENGINES
def test_the_text_is_compact_json_in_the_documented_form(engine):
    texts = top_reasons(np.array([[0.81, 0, -2.0, 0]]), FEATURES, OWN, 3, engine)
    assert isinstance(texts, pa.StringArray)
    assert texts.to_pylist() == ['[["paid",-2],["status",0.81]]']


@ENGINES
def test_what_rounds_to_zero_is_no_reason(engine):
    rows = [[0.0, 0.00004, -0.00004, 0.0], [0.0, 0.0001, 0.0, -0.0]]
    assert reasons(rows, engine=engine) == [[], [("use", 0.0001)]]


@ENGINES
def test_a_group_is_summed_and_names_the_member_that_moved_it(engine):
    first, second = reasons([[0.5, 0.6, 0.4, 0.0], [0.3, 0.6, -0.7, 0.0]], GROUPED, engine=engine)
    assert first == [("status", 0.9), ("use", 0.6)]
    assert second == [("use", 0.6), ("paid", -0.4)]


@ENGINES
def test_a_group_does_not_name_the_member_that_pulled_the_other_way(engine):
    group = ReasonCatalogue({name: Reason(name, "all") for name in FEATURES})
    assert reasons([[-0.5, 0.3, 0.4, 0.0]], group, engine=engine) == [[("paid", 0.2)]]


@ENGINES
def test_a_group_whose_members_cancel_is_no_reason(engine):
    assert reasons([[0.5, 0.1, -0.5, 0.0]], GROUPED, engine=engine) == [[("use", 0.1)]]


@ENGINES
def test_a_group_that_is_named_as_a_feature_is_another_reason(engine):
    catalogue = ReasonCatalogue({n: Reason(n, "age" if n in ("use", "paid") else None) for n in FEATURES})
    assert reasons([[0.0, 0.2, 0.1, 0.4]], catalogue, engine=engine) == [[("age", 0.4), ("use", 0.3)]]


@ENGINES
def test_ties_keep_the_order_of_the_features(engine):
    (row,) = reasons([[0.2, -0.2, 0.2, 0.2]], engine=engine)
    assert [feature for feature, _ in row] == ["status", "use", "paid"]


@ENGINES
@pytest.mark.parametrize("count", [0, 1, 9])
def test_as_many_reasons_as_asked_for_and_as_there_are(engine, count):
    assert len(reasons([[1.0, 2.0, 3.0, 4.0]], OWN, count, engine)[0]) == min(count, 4)
    assert len(top_reasons(np.empty((0, 4)), FEATURES, OWN, count, engine)) == 0


def test_a_feature_without_a_wording_is_named():
    with pytest.raises(UsageError, match="no reason is worded for paid, age"):
        top_reasons(np.zeros((1, 4)), FEATURES, ReasonCatalogue({"status": Reason("a"), "use": Reason("b")}))


@ENGINES
@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 3)), np.zeros(4), np.array([[0, 0, np.nan, 0]]), np.array([[0, np.inf, 0, 0]]),
     np.array([[np.inf, 0, -np.inf, 0]])],
)  # fmt: skip
def test_contributions_of_another_shape_or_not_finite_are_refused(wrong, engine):
    with pytest.raises(UsageError, match="finite contributions"):
        top_reasons(wrong, FEATURES, GROUPED, 3, engine)


@settings(max_examples=150, deadline=None)
@given(
    values=hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 8), st.just(4)),
        elements=st.floats(-3, 3) | st.floats(-1e13, 1e13) | st.sampled_from([0.00005, 0.5, -0.5, 999999999.99996]),
    ),
    count=st.integers(0, 5),
    is_grouped=st.booleans(),
    is_exact=st.booleans(),
)
def test_both_engines_write_the_same_bytes(values, count, is_grouped, is_exact):
    catalogue = GROUPED if is_grouped else OWN
    expected = top_reasons(values, FEATURES, catalogue, count, "numpy", is_exact)
    for layout in (values, np.asfortranarray(values)):
        assert top_reasons(layout, FEATURES, catalogue, count, "numba", is_exact).equals(expected)


@settings(max_examples=80, deadline=None)
@given(
    values=hnp.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(4)), elements=st.floats(-1e8, 1e8)),
    count=st.integers(1, 4),
    is_grouped=st.booleans(),
)
def test_every_text_equals_the_reasons_worked_out_row_by_row(values, count, is_grouped):
    catalogue = GROUPED if is_grouped else OWN
    for row, found in zip(values, reasons(values.tolist(), catalogue, count), strict=True):
        groups: dict[str, list[int]] = {}
        for i, name in enumerate(FEATURES):
            groups.setdefault(catalogue.reasons[name].group or name, []).append(i)
        sums = [(float(np.round(row[members].sum(), 4)), members) for members in groups.values()]
        expected = sorted((pair for pair in sums if pair[0] != 0), key=lambda pair: -abs(pair[0]))[:count]
        leaders = [max(members, key=lambda i: row[i] * np.sign(total)) for total, members in expected]
        assert found == [(FEATURES[i], total) for i, (total, _) in zip(leaders, expected, strict=True)]


def test_one_row_has_the_text_that_it_has_in_a_batch():
    values = np.random.default_rng(0).normal(size=(50, 4))
    writer = ReasonWriter(FEATURES, OWN.of(FEATURES))
    assert [writer.text(row) for row in values] == top_reasons(values, FEATURES, OWN).to_pylist()


def test_three_reasons_fit_a_hundred_bytes():
    texts = top_reasons(np.random.default_rng(0).normal(size=(1000, 4)), FEATURES, OWN)
    assert max(len(text) for text in texts.to_pylist()) < 100


def test_without_numba_the_reference_writes_and_asking_for_numba_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert reasons([[0.1, 0.2, 0, 0]]) == [[("use", 0.2), ("status", 0.1)]]
    with pytest.raises(ConfigurationError, match=r"decisionloop\[fast\]"):
        reasons([[0.1, 0.2, 0, 0]], engine="numba")


def test_reasons_are_read_in_the_wording_of_the_contract_with_direction_and_size():
    text = top_reasons(np.array([[0.5, -0.6, 0.4, 0.0]]), FEATURES, GROUPED)[0].as_py()
    assert read_reasons(text, GROUPED) == (
        WordedReason("status", "repayment status", "raises", 0.9),
        WordedReason("use", 'use of the "line"', "lowers", 0.6),
    )
    assert [reason.contribution for reason in read_reasons(text, GROUPED)] == [0.9, -0.6]


def test_a_feature_that_the_contract_does_not_word_keeps_its_name():
    assert read_reasons('[["status",0.9]]', ReasonCatalogue({})) == (WordedReason("status", "status", "raises", 0.9),)


def test_approximate_reasons_say_so():
    text = top_reasons(np.array([[0.5, -0.6, 0.4, 0.0]]), FEATURES, OWN, 1, is_exact=False)[0].as_py()
    assert text == '[["use",-0.6,"approximate"]]'
    assert read_reasons(text, OWN) == (WordedReason("use", "the use", "lowers", 0.6, is_exact=False),)


def test_the_words_of_the_rules_are_kept_as_they_are():
    words = np.array(['the "line" is full', "月數", "None"], dtype=object)
    texts = in_words(words).to_pylist()
    assert [json.loads(text) for text in texts] == [[word] for word in words]
    assert read_reasons(texts[0], OWN) == (WordedReason("", 'the "line" is full', "decides", None),)
    assert read_reasons(words[0], OWN) == read_reasons(texts[0], OWN)
    assert read_reasons("[]", OWN) == ()


STORED = [
    '[["use",0.9],["status",-0.6]]', '[["use",-1]]', '[["use",0.9,"approximate"]]', '[["unknown",0.5]]', '["ab"]', "[]",
    "words alone", '["the words","of two"]',
]  # fmt: skip


@given(st.lists(st.sampled_from(STORED), max_size=12))
def test_sentences_say_what_the_reasons_say_whatever_was_told_before(texts):
    sentences = ReasonSentences(OWN)
    for text in texts:
        assert sentences.of(text) == [sentence_of(one) for one in read_reasons(text, OWN)]


@pytest.mark.parametrize("damaged", ['{"feature":"use"}', '[["use"]]', '[["use","0.1"]]', "[3]", "7"])
def test_json_that_is_no_list_of_reasons_is_refused(damaged):
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_reasons(damaged, OWN)
    sentences = ReasonSentences(OWN)
    sentences.of('[["use",0.9],["status",-0.6]]')
    with pytest.raises(IntegrityError):
        sentences.of(damaged)
