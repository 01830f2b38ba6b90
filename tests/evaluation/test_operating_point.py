"""Tests of operating_point against the binormal model itself, hand arithmetic and the audit of the paper's Table 3."""

import numpy as np
import pytest
from decoded import TABLE_3
from scipy.stats import norm

from cxrlib.evaluation import operating_point


def test_d_prime_of_normal_quantiles():
    assert operating_point.d_prime(norm.cdf(1), norm.cdf(1)) == pytest.approx(2)
    assert operating_point.d_prime(0.3, 0.7) == pytest.approx(0, abs=1e-15)
    assert operating_point.d_prime(0.2, 0.9) == operating_point.d_prime(0.9, 0.2)


@pytest.mark.parametrize(("rates", "message"), [((1, 0.5), "sensitivity is 1"), ((0.5, 0), "specificity is 0")])
def test_d_prime_is_not_infinite(rates, message):
    with pytest.raises(ValueError, match=message):
        operating_point.d_prime(*rates)


def test_d_prime_reproduces_the_audit():
    found = [operating_point.d_prime_from_counts(*counts)["d_prime"] for counts in TABLE_3.values()]
    assert found == pytest.approx([0.662, 0.670, 0.615, 0.736, 0.683, 0.757], abs=5.1e-4)


def test_standard_error_is_the_spread_of_repeated_experiments():
    generator = np.random.default_rng(5)
    hits, passed = generator.binomial(575, 0.5, 20000) / 575, generator.binomial(1174, 0.8, 20000) / 1174
    expected = np.std(norm.ppf(hits) + norm.ppf(passed))
    result = operating_point.d_prime_from_counts(287, 288, 235, 939)
    assert result["standard_error"] == pytest.approx(expected, rel=0.03)
    assert result["high"] - result["low"] == pytest.approx(2 * 1.96 * result["standard_error"], rel=1e-4)
    assert result["high"] + result["low"] == pytest.approx(2 * result["d_prime"])


def test_youden_interval_is_the_spread_of_repeated_experiments():
    generator = np.random.default_rng(5)
    found = generator.binomial(575, 0.5, 20000) / 575 + generator.binomial(1174, 0.8, 20000) / 1174 - 1
    result = operating_point.youden_from_counts(287, 288, 235, 939)
    assert result["standard_error"] == pytest.approx(found.std(), rel=0.03)
    assert [result["low"], result["high"]] == pytest.approx(np.quantile(found, [0.025, 0.975]), abs=3e-3)


def test_best_youden_is_the_highest_point_of_the_curve():
    baseline = operating_point.d_prime_from_counts(*TABLE_3["Baseline"])["d_prime"]
    specificity = np.linspace(0.001, 0.999, 999)
    highest = (operating_point.implied_sensitivity(baseline, specificity) + specificity - 1).max()
    assert operating_point.best_youden(baseline) == pytest.approx(highest, abs=1e-5)
    assert operating_point.best_youden(baseline) == pytest.approx(0.259, abs=5e-4)


def test_implied_sensitivity_inverts_d_prime_and_reproduces_the_audit():
    assert operating_point.implied_sensitivity(operating_point.d_prime(0.4, 0.8), 0.8) == pytest.approx(0.4)
    attention_fuzzy = operating_point.d_prime(287 / 575, 911 / 1174)
    assert operating_point.implied_sensitivity(attention_fuzzy, 1097 / 1174) == pytest.approx(0.23, abs=5e-3)
    curve = operating_point.implied_sensitivity(1.0, np.linspace(0, 1, 5))
    assert curve.shape == (5,)
    assert (np.diff(curve) < 0).all()
    assert (curve[0], curve[-1]) == (1, 0)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        operating_point.implied_sensitivity(1.0, 1.1)


def test_concave_bounds_by_hand():
    # Through (0.2, 0.6) of the ROC plane: half way to the origin 0.3; the line from (1, 1) falls 0.5 a unit.
    assert operating_point.concave_bounds(0.6, 0.8, 0.9) == pytest.approx((0.3, 0.55))
    # To the right the chord to (1, 1) is the lower bound, and the line from the origin, cut at 1, the upper one.
    assert operating_point.concave_bounds(0.6, 0.8, 0.75) == pytest.approx((0.625, 0.75))
    assert operating_point.concave_bounds(0.6, 0.8, 0.4) == pytest.approx((0.8, 1.0))
    assert operating_point.concave_bounds(0.6, 0.8, 0.8) == pytest.approx((0.6, 0.6))


@pytest.mark.parametrize("at", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_binormal_curve_stays_within_the_concave_bounds(at):
    known = operating_point.implied_sensitivity(0.75, 0.8)
    low, high = operating_point.concave_bounds(known, 0.8, at)
    assert low - 1e-12 <= operating_point.implied_sensitivity(0.75, at) <= high + 1e-12


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.3, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, 0.7)])
def test_concave_bounds_at_the_edges_of_the_plane(sensitivity, specificity):
    for at in (0.0, 0.5, 1.0):
        low, high = operating_point.concave_bounds(sensitivity, specificity, at)
        assert 0 <= low <= high <= 1


def test_concave_bounds_refuse_a_point_below_chance():
    with pytest.raises(ValueError, match="below chance"):
        operating_point.concave_bounds(0.2, 0.7, 0.9)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        operating_point.concave_bounds(0.2, 1.7, 0.9)
