"""Tests of scores against published tables, scikit-learn, statsmodels and the definitions."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics
from statsmodels.stats.nonparametric import rank_compare_2indep

from cxrlib.evaluation import scores
from cxrlib.evaluation.predictions import COUNTS

# Chicco, BioData Mining 10 (2017) 35, tip 8: 90 true and 4 false positives, 1 true and 5 false negatives.
CHICCO = {"tp": 90, "fn": 5, "fp": 4, "tn": 1}


@pytest.fixture
def reading():
    generator = np.random.default_rng(7)
    y_true = np.repeat([0, 1], [180, 120])
    # One decimal place: many ties between and within the classes.
    probability = np.clip(generator.normal(0.4 + 0.15 * y_true, 0.2), 0, 1).round(1)
    return y_true, probability


def test_scores_of_a_published_confusion_matrix():
    found = scores.from_counts(**CHICCO)
    assert tuple(found) == scores.SCORES
    assert found["f_score"] == pytest.approx(0.9524, abs=5e-5)
    assert found["mcc"] == pytest.approx(0.14, abs=5e-3)


def test_kappa_by_hand():
    # Agreement in 35 of 50, in 25 of 50 by chance: (0.7 - 0.5) / (1 - 0.5).
    assert scores.from_counts(20, 5, 10, 15)["kappa"] == pytest.approx(0.4)


def test_a_perfect_a_reversed_and_a_constant_model():
    signed = ("mcc", "kappa", "youden")
    perfect, reversed_model = scores.from_counts(3, 0, 0, 3), scores.from_counts(0, 3, 3, 0)
    assert all(value == 1 for value in perfect.values())
    assert all(reversed_model[name] == -1 for name in signed)
    for constant in (scores.from_counts(0, 4, 0, 6), scores.from_counts(4, 0, 6, 0)):
        assert constant["balanced_accuracy"] == 0.5
        assert all(constant[name] == 0 for name in signed)


def test_exchanging_the_classes_exchanges_sensitivity_and_specificity():
    found, exchanged = scores.from_counts(30, 20, 5, 45), scores.from_counts(45, 5, 20, 30)
    assert found["sensitivity"] == exchanged["specificity"] == 0.6
    for name in ("balanced_accuracy", "mcc", "kappa", "youden"):
        assert found[name] == pytest.approx(exchanged[name])


def test_predictions_match_scikit_learn_image_by_image(reading):
    y_true, probability = reading
    found, calls = scores.from_predictions(y_true, probability), probability >= 0.5
    assert tuple(found) == COUNTS + scores.SCORES
    assert found["balanced_accuracy"] == pytest.approx(sklearn_metrics.balanced_accuracy_score(y_true, calls))
    assert found["mcc"] == pytest.approx(sklearn_metrics.matthews_corrcoef(y_true, calls))
    assert found["kappa"] == pytest.approx(sklearn_metrics.cohen_kappa_score(y_true, calls))
    assert found["f_score"] == pytest.approx(sklearn_metrics.f1_score(y_true, calls))
    assert found["tp"] == np.sum(y_true * calls)
    assert all(isinstance(found[name], int) for name in COUNTS)


def test_an_image_at_the_threshold_is_called_abnormal():
    assert scores.from_predictions([1, 0], np.float32([0.5, 0.25]))["tp"] == 1


@pytest.mark.parametrize(
    "score",
    [
        scores.from_predictions,
        scores.roc_auc,
        scores.brier_score,
        scores.reliability_curve,
        lambda y_true, probability: scores.delong(y_true, [probability]),
        lambda y_true, probability: scores.threshold_at_specificity(y_true, probability, 0.9),
        lambda y_true, probability: scores.bootstrap_by_patient(y_true, probability, [1, 2], scores.brier_score),
    ],
)
@pytest.mark.parametrize("probability", [[0.5, np.nan], [0.5]])
def test_every_score_checks_its_predictions(score, probability):
    with pytest.raises(ValueError, match="probability"):
        score([0, 1], probability)
    with pytest.raises(ValueError, match="both classes are needed"):
        score([1, 1], [0.5, 0.6])


def test_counts_are_checked():
    with pytest.raises(ValueError, match="specificity is undefined"):
        scores.from_counts(1, 2, 0, 0)


def test_nan_threshold_is_refused():
    with pytest.raises(ValueError, match="threshold is NaN"):
        scores.from_predictions([0, 1], [0.2, 0.8], threshold=np.nan)


def test_auc_and_interval_match_scikit_learn_and_statsmodels(reading):
    y_true, probability = reading
    result = scores.roc_auc(y_true, probability)
    # Brunner and Munzel's variance of the probability of superiority is DeLong's of the area.
    reference = rank_compare_2indep(probability[y_true == 1], probability[y_true == 0], use_t=False)
    assert result["auc"] == pytest.approx(sklearn_metrics.roc_auc_score(y_true, probability))
    assert (result["low"], result["high"]) == pytest.approx(reference.conf_int())


def test_auc_of_reversed_probabilities_is_its_complement(reading):
    y_true, probability = reading
    result, reversed_result = scores.roc_auc(y_true, probability), scores.roc_auc(y_true, 1 - probability)
    assert result["auc"] + reversed_result["auc"] == pytest.approx(1)
    assert result["standard_error"] == pytest.approx(reversed_result["standard_error"])


def test_interval_of_the_area_stays_in_range():
    result = scores.roc_auc([0, 0, 1, 1, 1], [0.1, 0.6, 0.5, 0.8, 0.9])
    assert 0 <= result["low"] < result["auc"] < 1 == result["high"]


def test_covariance_matches_the_definition_by_pairs(reading):
    y_true, probability = reading
    probabilities = np.stack([probability, np.random.default_rng(1).permutation(probability), 0.5 * probability])
    areas, covariance = scores.delong(y_true, probabilities)
    positive, negative = probabilities[:, y_true == 1, None], probabilities[:, None, y_true == 0]
    wins = (positive > negative) + 0.5 * (positive == negative)  # (models, positives, negatives)
    expected = np.cov(wins.mean(axis=2)) / wins.shape[1] + np.cov(wins.mean(axis=1)) / wins.shape[2]
    np.testing.assert_allclose(areas, wins.mean(axis=(1, 2)))
    np.testing.assert_allclose(covariance, expected, atol=1e-15)


def test_variance_needs_two_images_of_each_class():
    with pytest.raises(ValueError, match="1 abnormal and 2 normal"):
        scores.roc_auc([0, 0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="no model"):
        scores.delong([0, 1], [])


def test_brier_score_of_known_forecasts():
    assert scores.brier_score([0, 1, 1, 0], [0, 1, 1, 0]) == 0
    assert scores.brier_score([0, 1], [0.5, 0.5]) == 0.25
    # The worked example of scikit-learn's documentation of brier_score_loss.
    assert scores.brier_score([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]) == pytest.approx(0.0375)


def test_reliability_of_a_model_that_is_right_about_itself():
    probability = np.repeat([0.2, 0.8], 100)
    y_true = np.concatenate([np.arange(100) < 20, np.arange(100) < 80]).astype(int)
    curve = scores.reliability_curve(y_true, probability, bins=5)
    assert list(curve.columns) == ["predicted", "observed"]
    np.testing.assert_allclose(curve["observed"], curve["predicted"])
    with pytest.raises(ValueError, match="strategy"):
        scores.reliability_curve(y_true, probability, strategy="none")


@pytest.mark.parametrize("specificity", [0, 0.5, 0.9344, 0.99, 1])
def test_threshold_is_the_lowest_that_reaches_the_specificity(reading, specificity):
    y_true, probability = reading
    threshold = scores.threshold_at_specificity(y_true, probability, specificity)
    assert scores.from_predictions(y_true, probability, threshold)["specificity"] >= specificity
    lower = probability[probability < threshold]
    if lower.size:
        assert scores.from_predictions(y_true, probability, lower.max())["specificity"] < specificity


def test_threshold_rises_above_a_normal_image_that_scores_highest():
    threshold = scores.threshold_at_specificity([1, 0], [0.3, 0.9], 1.0)
    assert 0.9 < threshold < 0.9 + 1e-9
    with pytest.raises(ValueError, match=r"1\.2 lies outside"):
        scores.threshold_at_specificity([1, 0], [0.3, 0.9], 1.2)


def test_bootstrap_counts_patients_not_images(reading):
    y_true, probability = reading
    patients = np.arange(y_true.size)
    alone = scores.bootstrap_by_patient(y_true, probability, patients, scores.roc_auc, resamples=100)
    repeated = [np.repeat(values, 9) for values in (y_true, probability, patients)]
    copied = scores.bootstrap_by_patient(*repeated, scores.roc_auc, resamples=100)
    columns = ["estimate", "low", "high"]
    assert list(copied.columns) == columns
    np.testing.assert_allclose(copied.loc["auc", columns], alone.loc["auc", columns])


def test_bootstrap_agrees_with_delong_for_independent_images(reading):
    y_true, probability = reading
    frame = scores.bootstrap_by_patient(
        y_true, probability, np.arange(y_true.size), sklearn_metrics.roc_auc_score, resamples=1000
    )
    expected = scores.roc_auc(y_true, probability)
    assert frame.loc["statistic", "estimate"] == pytest.approx(expected["auc"])
    assert frame.loc["statistic", "low"] == pytest.approx(expected["low"], abs=0.01)
    assert frame.loc["statistic", "high"] == pytest.approx(expected["high"], abs=0.01)


def test_bootstrap_is_repeatable_and_follows_its_seed(reading):
    y_true, probability = reading
    frames = [
        scores.bootstrap_by_patient(
            y_true, probability, np.arange(y_true.size) // 2, scores.from_predictions, resamples=20, seed=seed
        )
        for seed in (0, 0, 1)
    ]
    assert list(frames[0].index) == list(COUNTS + scores.SCORES)
    assert frames[0].equals(frames[1])
    assert not frames[0].equals(frames[2])


def test_bootstrap_compares_models_on_the_same_draw(reading):
    y_true, probability = reading

    def difference(labels, scores):
        return sklearn_metrics.roc_auc_score(labels, scores[0]) - sklearn_metrics.roc_auc_score(labels, scores[1])

    twice = np.stack([probability, probability])
    frame = scores.bootstrap_by_patient(y_true, twice, np.arange(y_true.size), difference, resamples=20)
    assert (frame == 0).all(axis=None)


def test_bootstrap_draws_again_where_a_class_is_missing():
    frame = scores.bootstrap_by_patient([0, 1], [0.2, 0.8], ["a", "b"], scores.brier_score, resamples=30)
    assert frame.loc["statistic", "low"] == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("patients", "resamples", "message"),
    [
        (["a", "b"], 10, "3 images need one patient each"),
        (["a", None, "b"], 10, "none missing"),
        (["a", "a", "a"], 10, "one patient alone"),
        (["a", "a", "b"], 0, "0 resamples"),
    ],
)
def test_bootstrap_names_what_is_wrong_with_patients(patients, resamples, message):
    with pytest.raises(ValueError, match=message):
        scores.bootstrap_by_patient([0, 1, 1], [0.1, 0.2, 0.3], patients, scores.brier_score, resamples)
