"""Tests of audit against the binormal model itself, hand arithmetic and the audit of the paper's Table 3."""

from itertools import combinations

import numpy as np
import pytest
from decoded import SENSITIVITY, TABLE_3
from scipy.stats import norm

from cxrlib.evaluation import audit, significance

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
    result = significance.mcnemar_sensitivity([1] * 10 + [0], first, second)
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


def test_d_prime_of_normal_quantiles():
    assert audit.d_prime(norm.cdf(1), norm.cdf(1)) == pytest.approx(2)
    assert audit.d_prime(0.3, 0.7) == pytest.approx(0, abs=1e-15)
    assert audit.d_prime(0.2, 0.9) == audit.d_prime(0.9, 0.2)


@pytest.mark.parametrize(("rates", "message"), [((1, 0.5), "sensitivity is 1"), ((0.5, 0), "specificity is 0")])
def test_d_prime_is_not_infinite(rates, message):
    with pytest.raises(ValueError, match=message):
        audit.d_prime(*rates)


def test_d_prime_reproduces_the_audit():
    found = [audit.d_prime_from_counts(*counts)["d_prime"] for counts in TABLE_3.values()]
    assert found == pytest.approx([0.662, 0.670, 0.615, 0.736, 0.683, 0.757], abs=5.1e-4)


def test_standard_error_is_the_spread_of_repeated_experiments():
    generator = np.random.default_rng(5)
    hits, passed = generator.binomial(575, 0.5, 20000) / 575, generator.binomial(1174, 0.8, 20000) / 1174
    expected = np.std(norm.ppf(hits) + norm.ppf(passed))
    result = audit.d_prime_from_counts(287, 288, 235, 939)
    assert result["standard_error"] == pytest.approx(expected, rel=0.03)
    assert result["high"] - result["low"] == pytest.approx(2 * 1.96 * result["standard_error"], rel=1e-4)
    assert result["high"] + result["low"] == pytest.approx(2 * result["d_prime"])


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


def test_youden_interval_is_the_spread_of_repeated_experiments():
    generator = np.random.default_rng(5)
    found = generator.binomial(575, 0.5, 20000) / 575 + generator.binomial(1174, 0.8, 20000) / 1174 - 1
    result = audit.youden_from_counts(287, 288, 235, 939)
    assert result["standard_error"] == pytest.approx(found.std(), rel=0.03)
    assert [result["low"], result["high"]] == pytest.approx(np.quantile(found, [0.025, 0.975]), abs=3e-3)


def test_best_youden_is_the_highest_point_of_the_curve():
    baseline = audit.d_prime_from_counts(*TABLE_3["Baseline"])["d_prime"]
    specificity = np.linspace(0.001, 0.999, 999)
    highest = (audit.implied_sensitivity(baseline, specificity) + specificity - 1).max()
    assert audit.best_youden(baseline) == pytest.approx(highest, abs=1e-5)
    assert audit.best_youden(baseline) == pytest.approx(0.259, abs=5e-4)


@pytest.mark.parametrize(
    ("changed", "model", "words"),
    [
        ({}, "A-F", ("A-F does better than", "do not differ significantly")),
        ({}, "Den-P", ("is not shown to do better or worse", "do not differ significantly")),
        ({"A-F": (500, 75, 77, 1097)}, "A-F", ("does better", "apart better: its d'")),
        ({"A-F": (10, 565, 150, 1024)}, "A-F", ("does worse", "apart worse: its d'")),
    ],
    ids=["published", "neither", "better reader", "worse reader"],
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


def test_implied_sensitivity_inverts_d_prime_and_reproduces_the_audit():
    assert audit.implied_sensitivity(audit.d_prime(0.4, 0.8), 0.8) == pytest.approx(0.4)
    attention_fuzzy = audit.d_prime(287 / 575, 911 / 1174)
    assert audit.implied_sensitivity(attention_fuzzy, 1097 / 1174) == pytest.approx(0.23, abs=5e-3)
    curve = audit.implied_sensitivity(1.0, np.linspace(0, 1, 5))
    assert curve.shape == (5,)
    assert (np.diff(curve) < 0).all()
    assert (curve[0], curve[-1]) == (1, 0)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        audit.implied_sensitivity(1.0, 1.1)


def test_concave_bounds_by_hand():
    # Through (0.2, 0.6) of the ROC plane: half way to the origin 0.3; the line from (1, 1) falls 0.5 a unit.
    assert audit.concave_bounds(0.6, 0.8, 0.9) == pytest.approx((0.3, 0.55))
    # To the right the chord to (1, 1) is the lower bound, and the line from the origin, cut at 1, the upper one.
    assert audit.concave_bounds(0.6, 0.8, 0.75) == pytest.approx((0.625, 0.75))
    assert audit.concave_bounds(0.6, 0.8, 0.4) == pytest.approx((0.8, 1.0))
    assert audit.concave_bounds(0.6, 0.8, 0.8) == pytest.approx((0.6, 0.6))


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_binormal_curve_stays_within_the_concave_bounds(at):
    known = audit.implied_sensitivity(0.75, 0.8)
    low, high = audit.concave_bounds(known, 0.8, at)
    assert low - 1e-12 <= audit.implied_sensitivity(0.75, at) <= high + 1e-12


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.3, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, 0.7)])
def test_concave_bounds_at_the_edges_of_the_plane(sensitivity, specificity):
    for at in (0.0, 0.5, 1.0):
        low, high = audit.concave_bounds(sensitivity, specificity, at)
        assert 0 <= low <= high <= 1


def test_concave_bounds_refuse_a_point_below_chance():
    with pytest.raises(ValueError, match="below chance"):
        audit.concave_bounds(0.2, 0.7, 0.9)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        audit.concave_bounds(0.2, 1.7, 0.9)
