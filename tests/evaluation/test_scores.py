"""Tests of scores against published tables, scikit-learn and the definitions."""

from itertools import product

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from cxrlib.evaluation import roc, scores
from cxrlib.evaluation.scores import COUNTS

# Chicco, BioData Mining 10 (2017) 35, tip 8: 90 true and 4 false positives, 1 true and 5 false negatives.
CHICCO = {"tp": 90, "fn": 5, "fp": 4, "tn": 1}


def test_scores_of_a_published_confusion_matrix():
    found = scores.from_counts(**CHICCO)
    assert tuple(found) == scores.SCORES
    assert found["f_score"] == pytest.approx(0.9524, abs=5e-5)
    assert found["mcc"] == pytest.approx(0.14, abs=5e-3)
    assert all(type(value) is float for value in found.values())


def test_scores_of_many_matrices_match_scikit_learn():
    # All small matrices, constant, perfect and reversed models among them, and one that overflows whole numbers.
    matrices = [cells for cells in product(range(3), repeat=4) if sum(cells[:2]) and sum(cells[2:])]
    matrices.append((10**5, 2 * 10**5, 3 * 10**5, 4 * 10**5))
    found = scores.from_counts(*np.transpose(matrices))
    for place, cells in enumerate(matrices):
        case = {"y_true": [1, 1, 0, 0], "y_pred": [1, 0, 1, 0], "sample_weight": cells}
        kappa = sklearn_metrics.cohen_kappa_score(*list(case.values())[:2], sample_weight=cells)
        expected = {
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(**case),
            "sensitivity": sklearn_metrics.recall_score(**case),
            "specificity": sklearn_metrics.recall_score(**case, pos_label=0),
            "f_score": sklearn_metrics.f1_score(**case),
            "mcc": sklearn_metrics.matthews_corrcoef(**case),
            "kappa": kappa,
            "youden": sklearn_metrics.balanced_accuracy_score(**case, adjusted=True),
        }
        assert {name: values[place] for name, values in found.items()} == pytest.approx(expected, abs=1e-12), cells
        assert scores.from_counts(*cells) == {name: values[place] for name, values in found.items()}


def test_predictions_are_counted_image_by_image(reading):
    y_true, probability = reading
    found, calls = scores.from_predictions(y_true, probability, 0.4), probability >= 0.4
    assert tuple(found) == COUNTS + scores.SCORES
    table = sklearn_metrics.confusion_matrix(y_true, calls)
    assert [[found["tn"], found["fp"]], [found["fn"], found["tp"]]] == table.tolist()
    assert found["kappa"] == pytest.approx(sklearn_metrics.cohen_kappa_score(y_true, calls))
    assert all(type(found[name]) is int for name in COUNTS)


def test_an_image_at_the_threshold_is_called_abnormal():
    assert scores.from_predictions([1, 0], np.float32([0.5, 0.25]))["tp"] == 1


@pytest.mark.parametrize(
    "score",
    [
        scores.from_predictions,
        scores.brier_score,
        scores.reliability_curve,
        lambda y_true, probability: scores.bootstrap_by_patient(y_true, probability, [1, 2], scores.brier_score),
    ],
)
@pytest.mark.parametrize("probability", [[0.5, np.nan], [0.5]])
def test_every_score_checks_its_predictions(score, probability):
    with pytest.raises(ValueError, match="probability"):
        score([0, 1], probability)
    with pytest.raises(ValueError, match="both classes are needed"):
        score([1, 1], [0.5, 0.6])


def test_nan_threshold_is_refused():
    with pytest.raises(ValueError, match="threshold is NaN"):
        scores.from_predictions([0, 1], [0.2, 0.8], threshold=np.nan)


@pytest.mark.parametrize(
    ("y_true", "probability", "message"),
    [
        ([], [], "empty"),
        ([0, 1], [0.5], r"\(2,\) .* \(1,\)"),
        ([[0, 1]], [[0.5, 0.5]], "shape"),
        ([0, 1], [0.5, np.nan], "probability has 1 values that are NaN"),
        ([0, np.nan], [0.5, 0.5], "y_true has 1 values that are NaN"),
        ([0, 2], [0.5, 0.5], "only 0"),
        ([1, 1], [0.5, 0.5], "all 2 images have label 1"),
        ([0, 1], [0.5, 1.5], "must lie in"),
    ],
)
def test_spoiled_predictions_are_named(y_true, probability, message):
    with pytest.raises(ValueError, match=message):
        scores.check_predictions(y_true, probability)


def test_labels_become_integers_and_probabilities_floats():
    labels, probability = scores.check_predictions([False, True], np.float32([0.25, 0.75]))
    assert labels.dtype.kind == "i"
    assert probability.dtype == np.float64
    assert probability.tolist() == [0.25, 0.75]


def test_single_precision_overshoot_is_cut():
    _, probability = scores.check_predictions([0, 1], [-1e-7, 1 + 1e-7])
    assert probability.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((0, 0, 1, 2), "sensitivity is undefined"),
        ((1, 2, 0, 0), "specificity is undefined"),
        ((-1, 2, 3, 4), "tp is -1"),
        ((1, 2.5, 3, 4), "fn is 2.5"),
        ((1, 2, np.nan, 4), "fp is nan"),
        ((1, 2, 3, np.inf), "tn is inf"),
    ],
)
def test_impossible_counts_are_named(counts, message):
    with pytest.raises(ValueError, match=message):
        scores.from_counts(*counts)
    among_others = np.stack([counts, (1, 2, 3, 4)], axis=1)
    with pytest.raises(ValueError, match=message):
        scores.check_counts(*among_others)


def test_whole_numbers_of_any_type_become_integers():
    counts = scores.check_counts(np.int64(1), 2.0, np.float32(3), 4)
    assert counts == (1, 2, 3, 4)
    assert all(type(count) is int for count in counts)
    assert [count.dtype.kind for count in scores.check_counts([1.0], [2.0], [3.0], [4.0])] == ["i"] * 4


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


def test_bootstrap_counts_patients_not_images(reading):
    y_true, probability = reading
    patients = np.arange(y_true.size)
    alone = scores.bootstrap_by_patient(y_true, probability, patients, roc.roc_auc, resamples=100)
    repeated = [np.repeat(values, 9) for values in (y_true, probability, patients)]
    copied = scores.bootstrap_by_patient(*repeated, roc.roc_auc, resamples=100)
    columns = ["estimate", "low", "high"]
    assert list(copied.columns) == columns
    np.testing.assert_allclose(copied.loc["auc", columns], alone.loc["auc", columns])


def test_bootstrap_agrees_with_delong_for_independent_images(reading):
    y_true, probability = reading
    frame = scores.bootstrap_by_patient(
        y_true, probability, np.arange(y_true.size), sklearn_metrics.roc_auc_score, resamples=1000
    )
    expected = roc.roc_auc(y_true, probability)
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
