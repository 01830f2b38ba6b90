"""Tests of predictions: what passes keeps its meaning, what does not is named."""

import numpy as np
import pytest

from cxrlib.evaluation import predictions


@pytest.mark.parametrize(
    ("y_true", "probability", "message"),
    [
        ([], [], "empty"),
        ([0, 1], [0.5], r"\(2,\) .* \(1,\)"),
        ([[0, 1]], [[0.5, 0.5]], "shape"),
        ([0, 1], [0.5, np.nan], "probability holds 1 values that are NaN"),
        ([0, np.nan], [0.5, 0.5], "y_true holds 1 values that are NaN"),
        ([0, 2], [0.5, 0.5], "only 0"),
        ([1, 1], [0.5, 0.5], "all 2 images have label 1"),
        ([0, 1], [0.5, 1.5], "must lie in"),
    ],
)
def test_spoiled_predictions_are_named(y_true, probability, message):
    with pytest.raises(ValueError, match=message):
        predictions.check_predictions(y_true, probability)


def test_labels_become_integers_and_probabilities_floats():
    labels, scores = predictions.check_predictions([False, True], np.float32([0.25, 0.75]))
    assert labels.dtype.kind == "i"
    assert scores.dtype == np.float64
    assert scores.tolist() == [0.25, 0.75]


def test_single_precision_overshoot_is_cut():
    _, scores = predictions.check_predictions([0, 1], [-1e-7, 1 + 1e-7])
    assert scores.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((0, 0, 1, 2), "sensitivity is undefined"),
        ((1, 2, 0, 0), "specificity is undefined"),
        ((-1, 2, 3, 4), "tp is -1"),
        ((1, 2.5, 3, 4), "fn is 2.5"),
        ((1, 2, np.nan, 4), "fp is nan"),
    ],
)
def test_impossible_counts_are_named(counts, message):
    with pytest.raises(ValueError, match=message):
        predictions.check_counts(*counts)


def test_whole_numbers_of_any_type_become_integers():
    counts = predictions.check_counts(np.int64(1), 2.0, np.float32(3), 4)
    assert counts == (1, 2, 3, 4)
    assert all(type(count) is int for count in counts)
