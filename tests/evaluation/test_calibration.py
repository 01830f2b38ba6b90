"""Tests of calibration against probabilities whose truth is known."""

import numpy as np
import pytest
from scipy.special import expit, logit

from cxrlib.evaluation import calibration
from cxrlib.evaluation.roc import roc_auc


def test_recalibration_finds_the_truth_behind_bold_and_shifted_probabilities():
    rng = np.random.default_rng(0)
    true = expit(rng.normal(size=20000))
    labels = (rng.random(20000) < true).astype(int)
    shown = expit(3 * logit(true) + 2)  # three times too bold, and too sure of illness
    half = slice(None, 10000), slice(10000, None)
    found = calibration.recalibrate((labels[half[0]], shown[half[0]]), shown[half[1]])
    np.testing.assert_allclose(found, true[half[1]], atol=0.03)
    assert found.mean() == pytest.approx(true[half[1]].mean(), abs=0.02)
    assert roc_auc(labels[half[1]], found)["auc"] == pytest.approx(roc_auc(labels[half[1]], shown[half[1]])["auc"])


def test_certainty_is_no_infinity():
    found = calibration.recalibrate(([0, 1, 0, 1], [0.0, 0.3, 0.4, 1.0]), [0.0, 1.0])
    assert np.isfinite(found).all()
    assert found[0] < found[1]


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match="class"):
        calibration.recalibrate(([1, 1], [0.2, 0.4]), [0.5])
