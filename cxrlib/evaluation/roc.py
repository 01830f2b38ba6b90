"""The ROC curve: the area under it with its variance, and the threshold of an operating point (section 2.5.2).

The curve is scikit-learn's; the DeLong variance, which it lacks, is here.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_curve

from cxrlib.evaluation.scores import bootstrap_by_patient, check_predictions, from_predictions


def roc_auc(y_true: ArrayLike, probability: ArrayLike, level: float = 0.95) -> dict[str, float]:
    """Return the area under the ROC curve with its DeLong interval (a normal interval, cut at 0 and 1).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,), at least two of each.
        probability: probability of abnormal, shape (images,), in [0, 1].
        level: coverage of the interval.

    Returns:
        `auc`, `standard_error`, `low`, `high`. If the classes do not overlap at all, the standard error is 0 and
        the interval has no width: an artefact of the method, not certainty.

    Raises:
        ValueError: as in `cxrlib.evaluation.scores.check_predictions`, or a class has a single image.

    >>> found = roc_auc([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9])
    >>> {name: round(value, 2) for name, value in found.items()}
    {'auc': 0.75, 'standard_error': 0.35, 'low': 0.06, 'high': 1.0}
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
        ValueError: as in `cxrlib.evaluation.scores.check_predictions`, or a class has a single image.

    >>> areas, covariance = delong([0, 0, 1, 1], [[0.1, 0.6, 0.5, 0.9], [0.1, 0.2, 0.8, 0.9]])
    >>> areas.tolist(), covariance.tolist()
    ([0.75, 1.0], [[0.125, 0.0], [0.0, 0.0]])
    """
    found = placements(y_true, probabilities)
    abnormal = np.asarray(y_true) == 1
    positives, negatives = int(abnormal.sum()), int((~abnormal).sum())
    if min(positives, negatives) < 2:
        raise ValueError(f"{positives} abnormal and {negatives} normal images: a variance needs at least two of each")
    of_positive, of_negative = found[:, abnormal], found[:, ~abnormal]
    covariance = np.atleast_2d(np.cov(of_positive)) / positives + np.atleast_2d(np.cov(of_negative)) / negatives
    return of_positive.mean(axis=1), covariance


def placements(y_true: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """Return for each image the share of the other class on its right side, ties counted half.

    Their mean over the images of either class is the area under the ROC curve.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probabilities: probability of abnormal, shape (models, images), in [0, 1].

    Returns:
        Shape (models, images), in [0, 1].

    Raises:
        ValueError: as in `cxrlib.evaluation.scores.check_predictions`, or there is no model.

    >>> placements([0, 0, 1, 1], [[0.1, 0.6, 0.5, 0.9]]).tolist()
    [[1.0, 0.5, 0.5, 1.0]]
    """
    pairs = [check_predictions(y_true, probability) for probability in probabilities]
    if not pairs:
        raise ValueError("no model: give probabilities of shape (models, images)")
    abnormal = pairs[0][0] == 1
    scores = np.stack([probability for _, probability in pairs])  # (models, images)
    ranks, found = rankdata(scores, axis=1), np.empty(scores.shape)
    found[:, abnormal] = (ranks[:, abnormal] - rankdata(scores[:, abnormal], axis=1)) / (~abnormal).sum()
    found[:, ~abnormal] = 1 - (ranks[:, ~abnormal] - rankdata(scores[:, ~abnormal], axis=1)) / abnormal.sum()
    return found


def threshold_at_specificity(y_true: ArrayLike, probability: ArrayLike, specificity: float) -> float:
    """Return the lowest threshold whose specificity on these images is at least the given one.

    It is the most sensitive operating point at that specificity. Choose it on validation images, then report what
    `cxrlib.evaluation.scores.from_predictions` gives at it on test images. Chosen there, it flatters the sensitivity.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].
        specificity: share of normal images to be called normal, in [0, 1].

    Returns:
        One of the probabilities, or, if no probability reaches the specificity, the next number above all of them.

    Raises:
        ValueError: as in `cxrlib.evaluation.scores.check_predictions`, or the specificity is outside [0, 1].

    >>> threshold_at_specificity([0, 0, 0, 1, 1], [0.1, 0.2, 0.7, 0.6, 0.9], specificity=0.6)
    0.6
    """
    y_true, probability = check_predictions(y_true, probability)
    if not 0 <= specificity <= 1:
        raise ValueError(f"specificity {specificity} is outside [0, 1]: give a share, not a percentage")
    false_positive_rate, _, thresholds = roc_curve(y_true, probability, drop_intermediate=False)
    reached = 1 - false_positive_rate >= specificity - 1e-12
    threshold = thresholds[reached].min()
    return float(threshold) if np.isfinite(threshold) else float(np.nextafter(probability.max(), np.inf))


def operating_points(
    validation: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike],
    patients: ArrayLike,
    specificities: Sequence[float] = (0.8, 0.9, 0.95),
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the sensitivity of a model at fixed specificities, with thresholds chosen on validation images.

    Args:
        validation: labels and probabilities of abnormal on which the thresholds are chosen.
        test: labels and probabilities on which sensitivity and specificity are measured.
        patients: the patient of each test image, for the bootstrap.
        specificities: the specificities to reach on the validation images, in [0, 1].
        resamples: number of resamples of the test's patients; the thresholds are fixed, so their choice adds no width.
        seed: seed of the resampling.

    Returns:
        One row per specificity, with `asked`, `threshold`, `sensitivity` with its 95% limits `low` and `high`, and
        `specificity`, which the test reached, with `specificity_low` and `specificity_high`.

    Raises:
        ValueError: as in `threshold_at_specificity` and `bootstrap_by_patient`.
    """
    names = ("sensitivity", "specificity")
    cuts = [threshold_at_specificity(*validation, asked) for asked in specificities]

    def rates(labels: np.ndarray, probability: np.ndarray) -> dict[str, float]:
        found = [from_predictions(labels, probability, cut) for cut in cuts]
        return {
            f"{name} {place}": at[name] for place, at in enumerate(found) for name in ("sensitivity", "specificity")
        }

    drawn = bootstrap_by_patient(*test, patients, rates, resamples, seed)
    rows = []
    for place, (asked, cut) in enumerate(zip(specificities, cuts, strict=True)):
        sensitivity, specificity = (drawn.loc[f"{name} {place}"] for name in names)
        rows.append((asked, cut, *sensitivity, *specificity))
    limits = ["sensitivity", "low", "high", "specificity", "specificity_low", "specificity_high"]
    return pd.DataFrame(rows, columns=["asked", "threshold", *limits])
