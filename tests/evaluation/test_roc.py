"""Tests of roc against scikit-learn, statsmodels and the definitions."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.nonparametric import rank_compare_2indep

from cxrlib.evaluation import roc, scores


def test_auc_and_interval_match_scikit_learn_and_statsmodels(reading):
    y_true, probability = reading
    result = roc.roc_auc(y_true, probability)
    # Brunner and Munzel's variance of the probability of superiority is DeLong's of the area.
    reference = rank_compare_2indep(probability[y_true == 1], probability[y_true == 0], use_t=False)
    assert result["auc"] == pytest.approx(roc_auc_score(y_true, probability))
    assert (result["low"], result["high"]) == pytest.approx(reference.conf_int())


def test_auc_of_reversed_probabilities_is_its_complement(reading):
    y_true, probability = reading
    result, reversed_result = roc.roc_auc(y_true, probability), roc.roc_auc(y_true, 1 - probability)
    assert result["auc"] + reversed_result["auc"] == pytest.approx(1)
    assert result["standard_error"] == pytest.approx(reversed_result["standard_error"])


def test_interval_of_the_area_stays_in_range():
    result = roc.roc_auc([0, 0, 1, 1, 1], [0.1, 0.6, 0.5, 0.8, 0.9])
    assert 0 <= result["low"] < result["auc"] < 1 == result["high"]


def test_covariance_matches_the_definition_by_pairs(reading):
    y_true, probability = reading
    probabilities = np.stack([probability, np.random.default_rng(1).permutation(probability), 0.5 * probability])
    areas, covariance = roc.delong(y_true, probabilities)
    positive, negative = probabilities[:, y_true == 1, None], probabilities[:, None, y_true == 0]
    wins = (positive > negative) + 0.5 * (positive == negative)  # (models, positives, negatives)
    expected = np.cov(wins.mean(axis=2)) / wins.shape[1] + np.cov(wins.mean(axis=1)) / wins.shape[2]
    np.testing.assert_allclose(areas, wins.mean(axis=(1, 2)))
    np.testing.assert_allclose(covariance, expected, atol=1e-15)


def test_variance_needs_two_images_of_each_class():
    with pytest.raises(ValueError, match="1 abnormal and 2 normal"):
        roc.roc_auc([0, 0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="no model"):
        roc.delong([0, 1], [])


@pytest.mark.parametrize("specificity", [0, 0.5, 0.9344, 0.99, 1])
def test_threshold_is_the_lowest_that_reaches_the_specificity(reading, specificity):
    y_true, probability = reading
    threshold = roc.threshold_at_specificity(y_true, probability, specificity)
    assert scores.from_predictions(y_true, probability, threshold)["specificity"] >= specificity
    lower = probability[probability < threshold]
    if lower.size:
        assert scores.from_predictions(y_true, probability, lower.max())["specificity"] < specificity


def test_threshold_rises_above_a_normal_image_that_scores_highest():
    threshold = roc.threshold_at_specificity([1, 0], [0.3, 0.9], 1.0)
    assert 0.9 < threshold < 0.9 + 1e-9
    with pytest.raises(ValueError, match=r"1\.2 is outside"):
        roc.threshold_at_specificity([1, 0], [0.3, 0.9], 1.2)


@pytest.mark.parametrize("probability", [[0.5, np.nan], [0.5]])
@pytest.mark.parametrize("score", [roc.roc_auc, lambda y, p: roc.threshold_at_specificity(y, p, 0.9)])
def test_predictions_are_checked(score, probability):
    with pytest.raises(ValueError, match="probability"):
        score([0, 1], probability)


def test_operating_points_use_validation_thresholds_and_resample_children():
    rng = np.random.default_rng(2)

    def drawn(count):
        labels = rng.integers(2, size=count)
        return labels, norm.cdf(rng.normal(labels * 1.5))

    validation, test, patients = drawn(4000), drawn(4000), np.arange(4000)
    found = roc.operating_points(validation, test, patients, (0.8, 0.95), resamples=200)
    assert found.asked.tolist() == [0.8, 0.95]
    # Two normal classes 1.5 deviations apart: the sensitivity is the normal distribution at 1.5 - z(specificity).
    assert found.sensitivity.tolist() == pytest.approx(norm.cdf(1.5 - norm.ppf([0.8, 0.95])), abs=0.03)
    for row, asked in zip(found.itertuples(), (0.8, 0.95), strict=True):
        at = scores.from_predictions(*test, roc.threshold_at_specificity(*validation, asked))
        assert (row.sensitivity, row.specificity) == (at["sensitivity"], at["specificity"])
        assert row.low < row.sensitivity < row.high
    width = found.high - found.low
    assert width.tolist() == pytest.approx(3.92 * np.sqrt(found.sensitivity * (1 - found.sensitivity) / 2000), rel=0.25)
    # One child of twenty images each is one draw, not twenty.
    clustered = roc.operating_points(validation, [np.repeat(a[:200], 20) for a in test], np.arange(4000) // 20, (0.8,))
    assert (clustered.high - clustered.low).item() > 3 * width[0]
