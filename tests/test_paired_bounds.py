"""Tests of cxrlib.paired_bounds against hand arithmetic and the audit of the paper's Table 3."""

from itertools import combinations

import numpy as np
import pytest
from test_significance import SENSITIVITY, TABLE_3

from cxrlib import paired_bounds, significance

# The audit in the project's notes on the paper, computed before and apart from this package.
OVERLAP_NEEDED = {
    ("Den-P", "SA"): (71, 152),
    ("Den-P", "SLSQP-WA"): (47, 180),
    ("Deb-P", "SLSQP-WA"): (158, 195),
    ("Den-P", "Deb-P"): (162, 180),
}


@pytest.mark.parametrize("pair", list(combinations(SENSITIVITY, 2)), ids="/".join)
def test_mcnemar_bounds_reproduce_the_audit(pair):
    hits_1, hits_2 = (SENSITIVITY[model][0] for model in pair)
    bounds = paired_bounds.mcnemar_bounds(hits_1, hits_2, 575)
    expected = OVERLAP_NEEDED.get(pair, (0, min(hits_1, hits_2)))
    assert (bounds["overlap_needed"], bounds["most_overlap"]) == expected
    assert bounds == {**bounds, **paired_bounds.mcnemar_bounds(hits_2, hits_1, 575)}


def test_mcnemar_by_overlap_never_rises_and_agrees_with_predictions():
    frame = paired_bounds.mcnemar_by_overlap(6, 9, 10)
    assert frame["overlap"].tolist() == [5, 6]
    assert (frame["p"].diff().dropna() <= 0).all()
    first, second = np.arange(11) < 6, (np.arange(11) > 0) & (np.arange(11) < 10)
    result = significance.mcnemar_sensitivity([1] * 10 + [0], first, second)
    assert frame.set_index("overlap").loc[(first & second).sum(), "p"] == pytest.approx(result["p"])


def test_mcnemar_bounds_where_no_overlap_is_enough():
    assert paired_bounds.mcnemar_bounds(5, 6, 20)["overlap_needed"] is None
    with pytest.raises(ValueError, match="fn is -1"):
        paired_bounds.mcnemar_bounds(21, 6, 20)


def test_no_accuracy_of_the_audit_differs():
    results = [paired_bounds.compare_accuracy(TABLE_3[a], TABLE_3[b]) for a, b in combinations(TABLE_3, 2)]
    assert min(result["p"] for result in results) > 0.05
    assert [sum(counts[::3]) / 1749 for counts in TABLE_3.values()] == pytest.approx(
        [0.692, 0.691, 0.681, 0.700, 0.688, 0.685], abs=5e-4
    )


def test_accuracy_by_hand():
    # 60 and 70 of 100 right: z = 0.1 / sqrt(2 x 0.65 x 0.35 / 100).
    result = paired_bounds.compare_accuracy((30, 20, 20, 30), (40, 10, 20, 30))
    assert result["difference"] == pytest.approx(0.1)
    assert result["z"] == pytest.approx(0.1 / np.sqrt(2 * 0.65 * 0.35 / 100))
    # At most 90 images in agreement leave 10 that the second alone calls right.
    assert result["p_paired_smallest"] == pytest.approx(2 * 0.5**10)


def test_gains_and_losses_of_different_classes_cannot_cancel_in_the_paired_bound():
    # Ten abnormal images won and eight normal ones lost: 18 disagreements at least.
    result = paired_bounds.compare_accuracy((30, 20, 12, 38), (40, 10, 20, 30))
    tail = sum(float(np.prod(np.arange(18, 18 - k, -1)) / np.prod(np.arange(1, k + 1))) for k in range(9)) / 2**18
    assert result["p_paired_smallest"] == pytest.approx(2 * tail)


def test_equal_accuracies_and_unequal_test_sets():
    assert paired_bounds.compare_accuracy((5, 0, 0, 5), (5, 0, 0, 5))["p"] == 1
    with pytest.raises(ValueError, match="same abnormal and normal"):
        paired_bounds.compare_accuracy((5, 0, 0, 5), (4, 0, 0, 6))
