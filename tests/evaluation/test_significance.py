"""Tests of significance: published intervals, hand arithmetic and the audit of the paper's Table 3."""

from itertools import combinations

import numpy as np
import pytest
from decoded import SENSITIVITY
from scipy.stats import norm

from cxrlib.evaluation import significance


def _row(frame, model_1, model_2):
    return frame.set_index(["model_1", "model_2"]).loc[(model_1, model_2)]


@pytest.mark.parametrize(
    ("hits", "positives", "method", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857, Table I: methods 1, 3 and 5.
        (81, 263, "wald", (0.2522, 0.3638)),
        (81, 263, "wilson", (0.2553, 0.3662)),
        (81, 263, "clopper-pearson", (0.2527, 0.3676)),
        (15, 148, "wald", (0.0527, 0.1500)),
        (15, 148, "wilson", (0.0624, 0.1605)),
        (15, 148, "clopper-pearson", (0.0578, 0.1617)),
        (0, 20, "wald", (0.0, 0.0)),
        (0, 20, "wilson", (0.0, 0.1611)),
        (0, 20, "clopper-pearson", (0.0, 0.1684)),
    ],
)
def test_intervals_match_a_published_table(hits, positives, method, expected):
    assert significance.sensitivity_interval(hits, positives - hits, method) == pytest.approx(expected, abs=5.1e-5)


@pytest.mark.parametrize("method", significance.INTERVALS)
def test_intervals_mirror_for_misses_and_widen_with_the_level(method):
    low, high = significance.sensitivity_interval(30, 70, method)
    mirrored = significance.sensitivity_interval(70, 30, method)
    wider = significance.sensitivity_interval(30, 70, method, level=0.99)
    assert (1 - high, 1 - low) == pytest.approx(mirrored)
    assert wider[0] < low < 0.3 < high < wider[1]


def test_equations_9_to_12_by_hand():
    result = significance.compare_sensitivity((50, 50), (80, 20))
    # Wald: a standard error of sqrt(r (1 - r) / n), times the normal quantile, over the paper's rounded 1.96.
    errors = np.sqrt([0.5 * 0.5 / 100, 0.8 * 0.2 / 100]) * norm.ppf(0.975) / 1.96
    assert result["difference"] == pytest.approx(0.3)
    assert result["standard_error"] == pytest.approx(np.sqrt(errors[0] ** 2 + errors[1] ** 2))
    assert result["z"] == pytest.approx(0.3 / result["standard_error"])
    assert result["p"] == pytest.approx(2 * (1 - norm.cdf(result["z"])), rel=1e-3)


def test_exchanging_models_turns_the_sign_only():
    forward = significance.compare_sensitivity((30, 70), (45, 55), "wilson")
    backward = significance.compare_sensitivity((45, 55), (30, 70), "wilson")
    assert (forward["difference"], forward["z"]) == pytest.approx((-backward["difference"], -backward["z"]))
    assert forward["p"] == backward["p"]


def test_equal_sensitivities_do_not_differ_even_without_a_width():
    assert significance.compare_sensitivity((20, 0), (20, 0))["p"] == 1
    assert significance.compare_sensitivity((3, 7), (30, 70), "wilson")["z"] == 0


@pytest.mark.parametrize(
    ("counts_1", "counts_2", "method", "message"),
    [
        ((20, 0), (0, 20), "wald", "neither wald interval has a width"),
        ((20, 0), (0, 20), "jeffreys", "'jeffreys' is unknown: choose from wald"),
        ((0, 0), (3, 4), "wald", "sensitivity is undefined"),
        ((-3, 4), (3, 4), "wald", "tp is -3"),
    ],
)
def test_comparison_names_what_is_wrong(counts_1, counts_2, method, message):
    with pytest.raises(ValueError, match=message):
        significance.compare_sensitivity(counts_1, counts_2, method)


@pytest.mark.parametrize("method", significance.INTERVALS)
def test_pairwise_reproduces_the_audit(method):
    frame = significance.pairwise(SENSITIVITY, method)
    assert list(zip(frame["model_1"], frame["model_2"], strict=True)) == list(combinations(SENSITIVITY, 2))
    undecided = {("Den-P", "Deb-P"), ("Den-P", "SA"), ("Deb-P", "SLSQP-WA")}
    names = frame.set_index(["model_1", "model_2"])
    assert set(names.index[names["p"] >= 0.05]) == undecided
    assert set(names.index[names["p_holm"] >= 0.05]) == undecided | {("Den-P", "SLSQP-WA")}


def test_pairwise_p_values_of_the_audit_under_wald():
    frame = significance.pairwise(SENSITIVITY, "wald")
    assert _row(frame, "Den-P", "SA")["p"] == pytest.approx(0.068, abs=5e-4)
    assert _row(frame, "Deb-P", "SLSQP-WA")["p"] == pytest.approx(0.218, abs=5e-4)
    assert _row(frame, "Den-P", "SLSQP-WA")["p"] == pytest.approx(0.029, abs=5e-4)
    assert _row(frame, "Den-P", "SLSQP-WA")["p_holm"] == pytest.approx(0.118, abs=5e-4)


def test_holm_adjustment_by_hand():
    frame = significance.pairwise({"a": (30, 70), "b": (45, 55), "c": (50, 50)})
    smallest, middle, largest = np.sort(frame["p"])
    second = max(3 * smallest, 2 * middle)
    np.testing.assert_allclose(np.sort(frame["p_holm"]), [3 * smallest, second, max(second, largest)])


def test_one_model_has_no_pair():
    with pytest.raises(ValueError, match="1 model"):
        significance.pairwise({"a": (1, 2)})
