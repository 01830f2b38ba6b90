"""Values from answers: plain ones arrive as they were, and nothing else can be made to arrive."""

import json
import pickle
from base64 import b64encode
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest

from bookchain.editions.values import NoValueError, decoded, encoded

PAIR = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -(2**80), 0.1, float("inf"), "é\ud800", b"\0", 1 + 2j, (1, [2, (3,)]), [], {"a": {1: 2}}, {1, "b"}],
    ids=repr,
)
def test_plain_value_arrives_as_it_was(value):
    found = decoded(encoded(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.array([True, False]),
        np.array(["a", "bc"]),
        np.array(["2024-01-01"], "M8[D]"),
        np.array([1, None, "a"], object),
        np.float32(0.1),
        np.bool_(False),
    ],
    ids=lambda array: array.dtype.str,
)
def test_array_arrives_with_its_type(array):
    found = decoded(encoded(array))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert isinstance(found, np.ndarray) == isinstance(array, np.ndarray)


def test_tables_arrive():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([5, 7], name="row"))
    pd.testing.assert_frame_equal(decoded(encoded(frame)), frame)
    pd.testing.assert_series_equal(decoded(encoded(frame.a)), frame.a)
    pd.testing.assert_index_equal(decoded(encoded(frame.index)), frame.index)
    two = pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["n", "l"])
    pd.testing.assert_index_equal(decoded(encoded(two)), two)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(PAIR(1, 2), (1, 2)), (range(3), [0, 1, 2]), ({1: 2}.keys(), [1]), (map(str, [1]), ["1"]), (np.float64(2), 2.0)],
    ids=["named tuple", "range", "keys", "map", "scalar"],
)
def test_near_values_arrive_as_the_plain_one(value, expected):
    assert decoded(encoded(value)) == expected


class Equal(list):
    """A list that says of itself that it equals everything."""

    def __eq__(self, other):
        return True


def test_value_that_equals_everything_arrives_without_that():
    assert decoded(encoded(Equal([1]))) != [2]


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def holding_itself():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [object(), len, ..., nested(10**5), holding_itself(), np.array([len], object)])
def test_other_value_is_refused_by_name(value):
    with pytest.raises(NoValueError, match=r"a value of type|nested too deeply|which an exercise begins with"):
        encoded(value)


def coded_array(dtype, shape, data=b""):
    return json.dumps(["array", dtype, shape, b64encode(data).decode()])


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"",
        b"[" * 10**6,
        b"1" * 10**5,
        pickle.dumps(1),
        '["list"]',
        '["unknown", 1]',
        '["dict", [[["list", []], 1]]]',
        '["complex", "1", 2]',
        '{"a": 1}',
        '["frame", [1], 2, 3]',
        '["index", [1], 2]',
        coded_array("O", [1], b"12345678"),
        coded_array("V8", [1], b"12345678"),
        coded_array("<f8", [10**12], b"12345678"),
        coded_array("<f8", [-1, 0], b""),
        coded_array("<f8,<f8", [1], b"1234567812345678"),
        coded_array("nothing", [1], b"1"),
    ],
)
def test_text_made_to_confuse_is_refused(text):
    with pytest.raises(NoValueError):
        decoded(text)


@pytest.mark.parametrize("empty", [np.empty((0, 1)), np.array([]), np.array([], object), pd.DataFrame(), pd.Series([])])
def test_empty_array_is_refused_for_it_is_close_to_anything(empty):
    assert np.allclose(np.empty((0, 1)), [1.0, 2.0])  # why
    with pytest.raises(NoValueError, match="empty"):
        decoded(encoded(empty))


def test_no_byte_makes_a_truth_that_is_neither():
    found = decoded(coded_array("|b1", [3], b"\x00\x01\x07"))
    assert found.view(np.uint8).tolist() == [0, 1, 1]
