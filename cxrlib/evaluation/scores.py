"""Scores of a binary classifier of chest radiographs (section 2.5.2 of the paper), each with a way to an interval.

The positive class is abnormal (label 1). An image is called abnormal when its probability is at or above the
threshold. What scikit-learn computes is scikit-learn's; the DeLong variance, which it lacks, is here.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from cxrlib.evaluation.predictions import check_counts, check_predictions

SCORES = ("balanced_accuracy", "sensitivity", "specificity", "f_score", "mcc", "kappa", "youden")


def from_counts(tp: int, fn: int, fp: int, tn: int) -> dict[str, float]:
    """Return the seven scores of the paper's Table 3 from a confusion matrix.

    Balanced accuracy is Eq. 8, the mean of sensitivity and specificity; Youden's index is their sum less one. A
    model that gives every image the same answer has an MCC and a kappa of 0 (the MCC is 0 / 0 there, 0 by
    scikit-learn's convention), and an F-score of 0 where that answer is "normal".

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.

    Returns:
        `balanced_accuracy`, `sensitivity`, `specificity`, `f_score` in [0, 1]; `mcc`, `kappa`, `youden` in [-1, 1].

    Raises:
        ValueError: a count is negative or no whole number, or one class has no image, which leaves sensitivity or
            specificity undefined.
    """
    tp, fn, fp, tn = check_counts(tp, fn, fp, tn)
    # One weighted row a cell of the confusion matrix: scikit-learn then needs no per-image arrays.
    true, predicted, weight = [1, 1, 0, 0], [1, 0, 1, 0], [tp, fn, fp, tn]
    recall = sklearn_metrics.recall_score(true, predicted, labels=[1, 0], average=None, sample_weight=weight)
    sensitivity, specificity = recall.tolist()
    return {
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "f_score": float(sklearn_metrics.f1_score(true, predicted, sample_weight=weight)),
        "mcc": float(sklearn_metrics.matthews_corrcoef(true, predicted, sample_weight=weight)),
        "kappa": float(sklearn_metrics.cohen_kappa_score(true, predicted, sample_weight=weight)),
        "youden": sensitivity + specificity - 1,
    }


def from_predictions(y_true: ArrayLike, probability: ArrayLike, threshold: float = 0.5) -> dict[str, float]:
    """Return the scores of `from_counts`, and the four counts, at one threshold (the paper's: 0.5).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].
        threshold: an image at or above it is called abnormal.

    Returns:
        `tp`, `fn`, `fp`, `tn` as int, and the scores of `from_counts`.

    Raises:
        ValueError: the arrays are empty, differ in length, hold NaN, a label other than 0 and 1, a single class,
            or a probability outside [0, 1]; or the threshold is NaN.
    """
    y_true, probability = check_predictions(y_true, probability)
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN: give a number such as 0.5")
    table = sklearn_metrics.confusion_matrix(y_true, probability >= threshold, labels=[0, 1])
    tn, fp, fn, tp = (int(count) for count in table.ravel())
    return {"tp": tp, "fn": fn, "fp": fp, "tn": tn, **from_counts(tp, fn, fp, tn)}


def roc_auc(y_true: ArrayLike, probability: ArrayLike, level: float = 0.95) -> dict[str, float]:
    """Return the area under the ROC curve with its DeLong interval (a normal interval, cut at 0 and 1).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,), at least two of each.
        probability: probability of abnormal, shape (images,), in [0, 1].
        level: coverage of the interval.

    Returns:
        `auc`, `standard_error`, `low`, `high`. Where the classes do not overlap at all the standard error is 0 and
        the interval has no width: an artefact of the method, no certainty.

    Raises:
        ValueError: as in `from_predictions`, or a class has a single image.
    """
    areas, covariance = delong(y_true, [probability])
    standard_error = float(np.sqrt(covariance[0, 0]))
    margin = float(norm.ppf((1 + level) / 2)) * standard_error
    auc = float(areas[0])
    return {"auc": auc, "standard_error": standard_error, "low": max(auc - margin, 0.0), "high": min(auc + margin, 1.0)}


def delong(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas under the ROC curves of models that read the same images, and their covariance.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837-845, from mid-ranks as in Sun and Xu, IEEE Signal
    Processing Letters 21 (2014) 1389-1393.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,), at least two of each.
        probabilities: probability of abnormal, shape (models, images), in [0, 1].

    Returns:
        Areas of shape (models,) in [0, 1], covariance of shape (models, models).

    Raises:
        ValueError: as in `from_predictions`, or a class has a single image.
    """
    pairs = [check_predictions(y_true, probability) for probability in probabilities]
    if not pairs:
        raise ValueError("no model: give probabilities of shape (models, images)")
    abnormal = pairs[0][0] == 1
    scores = np.stack([probability for _, probability in pairs])  # (models, images)
    positives, negatives = int(abnormal.sum()), int((~abnormal).sum())
    if min(positives, negatives) < 2:
        raise ValueError(f"{positives} abnormal and {negatives} normal images: a variance needs at least two of each")
    ranks = rankdata(scores, axis=1)
    # Share of the other class that lies on the right side of each image, ties counted half.
    of_positive = (ranks[:, abnormal] - rankdata(scores[:, abnormal], axis=1)) / negatives
    of_negative = 1 - (ranks[:, ~abnormal] - rankdata(scores[:, ~abnormal], axis=1)) / positives
    covariance = np.atleast_2d(np.cov(of_positive)) / positives + np.atleast_2d(np.cov(of_negative)) / negatives
    return of_positive.mean(axis=1), covariance


def brier_score(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared error of the probability of abnormal, in [0, 1], 0 best (scikit-learn's).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].

    Raises:
        ValueError: as in `from_predictions`.
    """
    return float(sklearn_metrics.brier_score_loss(*check_predictions(y_true, probability)))


def reliability_curve(
    y_true: ArrayLike, probability: ArrayLike, bins: int = 10, strategy: str = "uniform"
) -> pd.DataFrame:
    """Return how often images are abnormal against how probable the model says it is (scikit-learn's curve).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].
        bins: number of bins of probability; empty ones are left out.
        strategy: "uniform" for bins of equal width, "quantile" for bins of equally many images.

    Returns:
        One row a bin, with `predicted` (mean probability) and `observed` (share of abnormal images), both in [0, 1].

    Raises:
        ValueError: as in `from_predictions`, or an unknown strategy.
    """
    y_true, probability = check_predictions(y_true, probability)
    observed, predicted = calibration_curve(y_true, probability, n_bins=bins, strategy=strategy)
    return pd.DataFrame({"predicted": predicted, "observed": observed})


def threshold_at_specificity(y_true: ArrayLike, probability: ArrayLike, specificity: float) -> float:
    """Return the lowest threshold whose specificity on these images is at least the one asked for.

    It is the most sensitive operating point at that specificity. Choose it on validation images, then report what
    `from_predictions` gives at it on test images: chosen on test images, the sensitivity is flattered.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].
        specificity: share of normal images to be called normal, in [0, 1].

    Returns:
        One of the probabilities, or, where no probability reaches the specificity, the next number above them all.

    Raises:
        ValueError: as in `from_predictions`, or the specificity lies outside [0, 1].
    """
    y_true, probability = check_predictions(y_true, probability)
    if not 0 <= specificity <= 1:
        raise ValueError(f"specificity {specificity} lies outside [0, 1]")
    false_positive_rate, _, thresholds = sklearn_metrics.roc_curve(y_true, probability, drop_intermediate=False)
    reached = 1 - false_positive_rate >= specificity - 1e-12
    threshold = thresholds[reached].min()
    return float(threshold) if np.isfinite(threshold) else float(np.nextafter(probability.max(), np.inf))


def bootstrap_by_patient(
    y_true: ArrayLike,
    probability: ArrayLike,
    patients: ArrayLike,
    statistic: Callable[[np.ndarray, np.ndarray], float | Mapping[str, float]],
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return percentile intervals from drawing patients, not images, with replacement.

    Images of one child resemble each other, so that the child is the unit of chance (the cluster bootstrap; Field
    and Welsh, JRSS B 69 (2007) 369-390). A resample without both classes leaves most scores undefined: it is drawn
    again, so that the intervals hold given that both classes are there.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), or (models, images) for a statistic that compares
            models.
        patients: the patient of each image, shape (images,).
        statistic: takes resampled labels and probabilities, returns a number or a dict of numbers, such as
            `from_predictions`.
        resamples: number of resamples.
        seed: seed of the generator that draws patients.
        level: coverage of the intervals.

    Returns:
        One row a number, indexed by its name in the dict (a lone number is called "statistic"), with `estimate`,
        `low`, `high`.

    Raises:
        ValueError: lengths differ, labels or probabilities are not as in `from_predictions`, patients are missing or
            fewer than two, or no resample is asked for.
    """
    scores = np.asarray(probability, dtype=float)
    for row in np.atleast_2d(scores):
        labels, _ = check_predictions(y_true, row)
    codes, names = pd.factorize(np.asarray(patients))
    if codes.shape != labels.shape or (codes < 0).any():
        raise ValueError(f"{labels.size} images need one patient each, none missing; there are {(codes >= 0).sum()}")
    if len(names) < 2:
        raise ValueError("one patient alone: a bootstrap over patients needs at least two")
    if resamples < 1:
        raise ValueError(f"{resamples} resamples: ask for at least one")
    images_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    generator = np.random.default_rng(seed)

    def evaluate(images: np.ndarray) -> dict[str, float]:
        value = statistic(labels[images], scores[..., images])
        return dict(value) if isinstance(value, Mapping) else {"statistic": value}

    drawn: list[dict[str, float]] = []
    while len(drawn) < resamples:
        images = np.concatenate([images_of[patient] for patient in generator.integers(len(names), size=len(names))])
        # With both classes in the data at least half of all draws hold both.
        if np.ptp(labels[images]) > 0:
            drawn.append(evaluate(images))
    frame = pd.DataFrame(drawn)
    estimate = pd.Series(evaluate(np.arange(labels.size)))
    return pd.DataFrame(
        {"estimate": estimate, "low": frame.quantile((1 - level) / 2), "high": frame.quantile((1 + level) / 2)}
    ).loc[list(estimate.index)]
