"""Scores of a binary classifier of chest radiographs (section 2.5.2 of the paper), each with a way to get an interval.

The positive class is abnormal, label 1. An image is called abnormal when its probability is at or above the threshold.
A confusion matrix is written (tp, fn, fp, tn).
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

COUNTS = ("tp", "fn", "fp", "tn")
SCORES = ("balanced_accuracy", "sensitivity", "specificity", "f_score", "mcc", "kappa", "youden")


def check_counts(tp: ArrayLike, fn: ArrayLike, fp: ArrayLike, tn: ArrayLike) -> tuple[int | np.ndarray, ...]:
    """Return the four cells of a confusion matrix, or of many, as whole numbers.

    Args:
        tp: abnormal images called abnormal, a number or an array of any shape.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.

    Returns:
        int for numbers, arrays of int for arrays.

    Raises:
        ValueError: a count is negative or not a whole number, or one class has no image.
    """
    cells = [np.asarray(count, dtype=float) for count in (tp, fn, fp, tn)]
    for name, count in zip(COUNTS, cells, strict=True):
        # Written so that NaN, which fails every comparison, is refused too.
        if (wrong := ~((count >= 0) & (count < np.inf) & (count == np.floor(count)))).any():
            raise ValueError(f"{name} is {count[wrong][0]:g}: a count is a whole number, 0 or more")
    if np.any(cells[0] + cells[1] == 0):
        raise ValueError("no abnormal image (tp + fn is 0): sensitivity is undefined; use a test set with both classes")
    if np.any(cells[2] + cells[3] == 0):
        raise ValueError("no normal image (fp + tn is 0): specificity is undefined; use a test set with both classes")
    return tuple(count.astype(int) if count.ndim else int(count) for count in cells)


def check_predictions(y_true: ArrayLike, probability: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as int and probabilities as float, both of shape (images,).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].

    Raises:
        ValueError: the arrays are empty, differ in shape, hold NaN, a label other than 0 and 1, a single class, or
            a probability outside [0, 1].
    """
    labels, scores = np.asarray(y_true, dtype=float), np.asarray(probability, dtype=float)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(f"y_true {labels.shape} and probability {scores.shape} must both have shape (images,)")
    if labels.size == 0:
        raise ValueError("no image: y_true is empty")
    for name, values in (("y_true", labels), ("probability", scores)):
        if not np.isfinite(values).all():
            wrong = np.count_nonzero(~np.isfinite(values))
            raise ValueError(f"{name} has {wrong} values that are NaN or infinite: leave these images out")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"y_true has labels {np.unique(labels)}: give only 0 (normal) and 1 (abnormal)")
    if np.ptp(labels) == 0:
        raise ValueError(f"all {labels.size} images have label {labels[0]:.0f}: both classes are needed")
    # A softmax in single precision can overshoot 1 by a rounding error.
    if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        raise ValueError(f"probability spans [{scores.min():g}, {scores.max():g}]: it must lie in [0, 1]")
    return labels.astype(int), np.clip(scores, 0, 1)


def from_counts(tp: ArrayLike, fn: ArrayLike, fp: ArrayLike, tn: ArrayLike) -> dict[str, float | np.ndarray]:
    """Return the seven scores of the paper's Table 3 from a confusion matrix, or from many at once.

    Balanced accuracy is Eq. 8, the mean of sensitivity and specificity; Youden's index is their sum minus one. A
    model that gives every image the same answer has an MCC and a kappa of 0 (the MCC is 0 / 0 there, 0 by
    scikit-learn's convention), and an F-score of 0 if that answer is "normal".

    Args:
        tp: abnormal images called abnormal, a number or an array of any shape.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.

    Returns:
        `balanced_accuracy`, `sensitivity`, `specificity`, `f_score` in [0, 1]; `mcc`, `kappa`, `youden` in [-1, 1];
        float for numbers, arrays for arrays.

    Raises:
        ValueError: a count is negative or not a whole number, or one class has no image, which leaves sensitivity or
            specificity undefined.

    >>> from_counts(tp=20, fn=5, fp=10, tn=15)["kappa"]
    0.4
    >>> from_counts(tp=[20, 25], fn=[5, 0], fp=[10, 25], tn=[15, 0])["sensitivity"]
    array([0.8, 1. ])
    """
    # As floats: the products below would overflow whole numbers.
    tp, fn, fp, tn = (np.asarray(count, dtype=float) for count in check_counts(tp, fn, fp, tn))
    abnormal, normal, called, passed = tp + fn, fp + tn, tp + fp, tn + fn
    sensitivity, specificity = tp / abnormal, tn / normal
    covariance = tp * tn - fp * fn
    spread = np.sqrt(called * abnormal * normal * passed)  # 0 for a constant answer, whose covariance is 0 too
    found = {
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "f_score": 2 * tp / (abnormal + called),
        "mcc": covariance / np.where(spread == 0, 1, spread),
        "kappa": 2 * covariance / (called * normal + abnormal * passed),
        "youden": sensitivity + specificity - 1,
    }
    return {name: value if np.ndim(value) else float(value) for name, value in found.items()}


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

    >>> found = from_predictions([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9])
    >>> found["tp"], found["fp"], found["sensitivity"], found["specificity"]
    (2, 1, 1.0, 0.5)
    """
    y_true, probability = check_predictions(y_true, probability)
    if np.isnan(threshold):
        raise ValueError("the threshold is NaN: give a number such as 0.5")
    table = np.bincount(2 * y_true + (probability >= threshold), minlength=4)
    tn, fp, fn, tp = (int(count) for count in table)
    return {"tp": tp, "fn": fn, "fp": fp, "tn": tn, **from_counts(tp, fn, fp, tn)}


def brier_score(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared error of the probability of abnormal, in [0, 1], 0 best (scikit-learn's).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].

    Raises:
        ValueError: as in `from_predictions`.
    """
    return float(brier_score_loss(*check_predictions(y_true, probability)))


def reliability_curve(
    y_true: ArrayLike, probability: ArrayLike, bins: int = 10, strategy: str = "uniform"
) -> pd.DataFrame:
    """Return the share of abnormal images against the model's probability (scikit-learn's curve).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].
        bins: number of bins of probability; empty bins are left out.
        strategy: "uniform" for bins of equal width, "quantile" for bins of equally many images.

    Returns:
        One row per bin, with `predicted` (mean probability) and `observed` (share of abnormal images), both in [0, 1].

    Raises:
        ValueError: as in `from_predictions`, or an unknown strategy.
    """
    y_true, probability = check_predictions(y_true, probability)
    observed, predicted = calibration_curve(y_true, probability, n_bins=bins, strategy=strategy)
    return pd.DataFrame({"predicted": predicted, "observed": observed})


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

    Images of one child resemble each other, so the child is the unit of chance (the cluster bootstrap; Field and Welsh,
    JRSS B 69 (2007) 369-390). A resample with one class only leaves most scores undefined. It is drawn again, so the
    intervals hold on the condition that both classes are present.

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
        One row per number, indexed by its name in the dict (a lone number is called "statistic"), with `estimate`,
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
        raise ValueError(f"{labels.size} images need one patient each, none missing; got {(codes >= 0).sum()}")
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
