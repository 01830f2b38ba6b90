"""Tests of audit against the binormal model itself, hand arithmetic and the audit of the paper's Table 3."""

from itertools import combinations

import numpy as np
import pytest
from decoded import SENSITIVITY, TABLE_3

from cxrlib.evaluation import audit, paired

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
    bounds = audit.mcnemar_bounds(hits_1, hits_2, 575)
    expected = OVERLAP_NEEDED.get(pair, (0, min(hits_1, hits_2)))
    assert (bounds["overlap_needed"], bounds["most_overlap"]) == expected
    assert bounds == {**bounds, **audit.mcnemar_bounds(hits_2, hits_1, 575)}


def test_mcnemar_by_overlap_never_rises_and_agrees_with_predictions():
    frame = audit.mcnemar_by_overlap(6, 9, 10)
    assert frame["overlap"].tolist() == [5, 6]
    assert (frame["p"].diff().dropna() <= 0).all()
    first, second = np.arange(11) < 6, (np.arange(11) > 0) & (np.arange(11) < 10)
    result = paired.mcnemar_sensitivity([1] * 10 + [0], first, second)
    assert frame.set_index("overlap").loc[(first & second).sum(), "p"] == pytest.approx(result["p"])


def test_mcnemar_bounds_where_no_overlap_is_enough():
    assert audit.mcnemar_bounds(5, 6, 20)["overlap_needed"] is None
    with pytest.raises(ValueError, match="fn is -1"):
        audit.mcnemar_bounds(21, 6, 20)


def test_no_accuracy_of_the_audit_differs():
    results = [audit.compare_accuracy(TABLE_3[a], TABLE_3[b]) for a, b in combinations(TABLE_3, 2)]
    assert min(result["p"] for result in results) > 0.05
    assert [sum(counts[::3]) / 1749 for counts in TABLE_3.values()] == pytest.approx(
        [0.692, 0.691, 0.681, 0.700, 0.688, 0.685], abs=5e-4
    )


def test_accuracy_by_hand():
    # 60 and 70 of 100 right: z = 0.1 / sqrt(2 x 0.65 x 0.35 / 100).
    result = audit.compare_accuracy((30, 20, 20, 30), (40, 10, 20, 30))
    assert result["difference"] == pytest.approx(0.1)
    assert result["z"] == pytest.approx(0.1 / np.sqrt(2 * 0.65 * 0.35 / 100))
    # At most 90 images in agreement leave 10 that the second alone calls right.
    assert result["p_paired_smallest"] == pytest.approx(2 * 0.5**10)


def test_gains_and_losses_of_different_classes_cannot_cancel_in_the_paired_bound():
    # Ten abnormal images won and eight normal ones lost: 18 disagreements at least.
    result = audit.compare_accuracy((30, 20, 12, 38), (40, 10, 20, 30))
    tail = sum(float(np.prod(np.arange(18, 18 - k, -1)) / np.prod(np.arange(1, k + 1))) for k in range(9)) / 2**18
    assert result["p_paired_smallest"] == pytest.approx(2 * tail)


def test_equal_accuracies_and_unequal_test_sets():
    assert audit.compare_accuracy((5, 0, 0, 5), (5, 0, 0, 5))["p"] == 1
    with pytest.raises(ValueError, match="same abnormal and normal"):
        audit.compare_accuracy((5, 0, 0, 5), (4, 0, 0, 6))


def test_youden_reproduces_the_audit():
    frame = audit.compare_pairs(TABLE_3, "youden").set_index(["model_1", "model_2"])
    expected = {  # difference, raw p, p after Holm; None: said to be above 0.05, no more
        ("Baseline", "A-F"): (0.142, 2.6e-6, 3.9e-5),
        ("SA", "A-F"): (0.097, 0.002, 0.029),
        ("Baseline", "Den-P"): (0.057, 0.044, None),
        ("Baseline", "Deb-P"): (0.055, 0.057, None),
    }
    for pair, (difference, p, p_holm) in expected.items():
        row = frame.loc[pair]
        assert row["difference"] == pytest.approx(difference, abs=6e-4)
        assert row["p"] == pytest.approx(p, abs=6e-4)
        assert row["p_holm"] > 0.05 if p_holm is None else row["p_holm"] == pytest.approx(p_holm, abs=6e-4)
    assert frame.loc[("Baseline", "A-F"), "z"] == pytest.approx(4.7, abs=0.05)


@pytest.mark.parametrize(
    ("changed", "model", "words"),
    [
        ({}, "A-F", ("A-F does better than", "do not differ significantly")),
        ({}, "Den-P", ("is not shown to do better or worse", "do not differ significantly")),
        ({"A-F": (500, 75, 77, 1097)}, "A-F", ("does better", "also separates the classes better: its d'")),
        ({"A-F": (10, 565, 150, 1024)}, "A-F", ("does worse", "also separates the classes worse: its d'")),
        (
            {"Baseline": TABLE_3["A-F"], "A-F": TABLE_3["Baseline"]},
            "A-F",
            ("does worse", "worse or only has a worse threshold"),
        ),
    ],
    ids=["published", "neither", "better by both", "worse by both", "the other way round"],
)
def test_verdict_follows_the_numbers(changed, model, words):
    told = audit.verdict(TABLE_3 | changed, model, "Baseline")
    assert all(word in told for word in words), told
    turned = dict(reversed((TABLE_3 | changed).items()))
    assert audit.verdict(turned, model, "Baseline") == told


def test_no_d_prime_of_the_audit_differs():
    frame = audit.compare_pairs(TABLE_3, "d_prime")
    assert list(zip(frame["model_1"], frame["model_2"], strict=True)) == list(combinations(TABLE_3, 2))
    assert frame["p"].min() == pytest.approx(0.14, abs=5e-3)
    assert (frame["p_holm"] >= frame["p"]).all()
    with pytest.raises(ValueError, match="1 model"):
        audit.compare_pairs({"a": (1, 1, 1, 1)}, "d_prime")
