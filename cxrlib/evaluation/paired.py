"""Tests of two classifiers on the same images: McNemar's and DeLong's, each with an interval.

Both take the images as independent, which several images of one child are not. DeLong's can be counted by child.
`cxrlib.evaluation.clusters` draws children instead and returns how much the variance grows.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar

from cxrlib.evaluation.clusters import auc_contributions, variance_ratio
from cxrlib.evaluation.roc import delong
from cxrlib.evaluation.scores import check_predictions
from cxrlib.evaluation.significance import all_pairs, z_test


def exact_mcnemar(only_1: int, only_2: int) -> float:
    """Return McNemar's exact two-sided p value (statsmodels).

    Args:
        only_1: images that only the first model gets right.
        only_2: images that only the second gets right.

    Returns:
        p in (0, 1], 1 where the two counts are equal.

    >>> exact_mcnemar(only_1=1, only_2=6)
    0.125
    """
    return float(mcnemar([[0, only_1], [only_2, 0]], exact=True).pvalue)


def paired_interval(only_1: int, only_2: int, images: int, level: float = 0.95) -> tuple[float, float]:
    """Return an approximate interval for the difference of two proportions of the same images.

    Wald's interval for paired proportions, d +- z sqrt(b + c - (c - b)^2 / n) / n with d = (c - b) / n (Agresti,
    Categorical Data Analysis, 3rd ed. 2013, section 11.1), after half an image is added to each of the four cells of
    the paired table (Agresti and Min, Statistics in Medicine 24 (2005) 729): without them it is too narrow in small
    samples and has no width if two models find the same images. statsmodels 0.15 and SciPy have no such interval.

    Args:
        only_1: b, images that only the first model finds.
        only_2: c, images that only the second finds.
        images: n, all images of the class.
        level: coverage.

    Returns:
        (low, high) of the second proportion minus the first, in [-1, 1]. Its middle is a little closer to 0 than d.

    Raises:
        ValueError: a count is negative or not a whole number, no image, or more disagreements than images.

    >>> low, high = paired_interval(only_1=16, only_2=6, images=161)
    >>> round(low, 4), round(high, 4)
    (-0.1182, -0.0045)
    """
    counts = (only_1, only_2, images - only_1 - only_2)
    if images < 1 or any(count < 0 or count != int(count) for count in counts):
        raise ValueError(f"{only_1} and {only_2} of {images} images: give whole numbers, together at most the images")
    b, c, n = only_1 + 0.5, only_2 + 0.5, images + 2
    margin = norm.ppf((1 + level) / 2) * np.sqrt(b + c - (c - b) ** 2 / n) / n
    return max(-1.0, float((c - b) / n - margin)), min(1.0, float((c - b) / n + margin))


def mcnemar_sensitivity(y_true: ArrayLike, predicted_1: ArrayLike, predicted_2: ArrayLike) -> dict[str, float]:
    """Test the difference of two sensitivities on the same abnormal images (exact McNemar, statsmodels).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,). For specificities give `1 - y_true` and
            `1 - predicted`.
        predicted_1: the first model's calls, 0 or 1, shape (images,).
        predicted_2: the second model's calls.

    Returns:
        `difference` (second minus first) with its 95% interval `low` to `high` from `paired_interval`, `only_1` and
        `only_2` (abnormal images found by that model alone), and the exact two-sided `p`, 1 where the models find
        the same images. The interval is approximate: with few disagreements it can exclude 0 although p is above 0.05.

    Raises:
        ValueError: shapes differ, NaN, a single class, or values other than 0 and 1.
    """
    labels, calls_1 = check_predictions(y_true, predicted_1)
    _, calls_2 = check_predictions(y_true, predicted_2)
    if not np.isin([calls_1, calls_2], (0, 1)).all():
        raise ValueError("predictions are calls, 0 or 1: compare probabilities with a threshold first")
    hits_1, hits_2 = calls_1[labels == 1] == 1, calls_2[labels == 1] == 1
    only_1, only_2 = int((hits_1 & ~hits_2).sum()), int((hits_2 & ~hits_1).sum())
    low, high = paired_interval(only_1, only_2, hits_1.size)
    return {
        "difference": (only_2 - only_1) / hits_1.size,
        "low": low,
        "high": high,
        "only_1": only_1,
        "only_2": only_2,
        "p": exact_mcnemar(only_1, only_2),
    }


def pairwise_mcnemar(y_true: ArrayLike, predicted: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Compare the sensitivities of every pair of models by `mcnemar_sensitivity`, with Holm's adjustment.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        predicted: name of each model to its calls, 0 or 1, shape (images,).

    Returns:
        One row per pair, as in `cxrlib.evaluation.significance.pairwise`.
    """
    return all_pairs(list(predicted), lambda a, b: mcnemar_sensitivity(y_true, predicted[a], predicted[b]))


def compare_auc(
    y_true: ArrayLike, probability_1: ArrayLike, probability_2: ArrayLike, patients: ArrayLike | None = None
) -> dict[str, float]:
    """Test the difference of two areas under the ROC curve on the same images (DeLong et al. 1988).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability_1: the first model's probability of abnormal, shape (images,).
        probability_2: the second model's.
        patients: the patient of each image, shape (images,). DeLong's variance is then counted by child (Obuchowski,
            Biometrics 53 (1997) 567-578): multiplied by `cxrlib.evaluation.clusters.variance_ratio`, which is 1 where
            each child has one image. Without patients all images are taken as independent.

    Returns:
        `auc_1`, `auc_2`, `difference` (second minus first), `standard_error`, the 95% interval of the difference `low`
        to `high`, `z`, two-sided `p`; z 0 and p 1 for equal areas, as those of two constants or two perfect models.

        Between a constant and a perfect model, or a perfect one and its reverse, every image says the same. So DeLong's
        variance is 0, the interval has no width and z is infinite: an artefact of the method, not certainty, because p
        would be 0 with four images too. Then p is that of a permutation of the labels instead: only two of their
        orders, the one found and its reverse, give such a difference.

    Raises:
        ValueError: as in `cxrlib.evaluation.roc.delong`, or the patients do not fit the images.

    >>> found = compare_auc([0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5], [0.1, 0.2, 0.8, 0.9])
    >>> found["difference"], found["standard_error"], found["z"], round(found["p"], 3)
    (0.5, 0.0, inf, 0.333)
    """
    (auc_1, auc_2), covariance = delong(y_true, [probability_1, probability_2])
    contrast = np.array([-1.0, 1.0])
    variance = max(contrast @ covariance @ contrast, 0.0)
    if patients is not None and variance > 0:
        first, second = (auc_contributions(y_true, probability) for probability in (probability_1, probability_2))
        variance *= variance_ratio(second - first, patients)
    standard_error = float(np.sqrt(variance))
    difference, margin = float(auc_2 - auc_1), float(norm.ppf(0.975)) * standard_error
    tested = z_test(difference, standard_error)
    if difference != 0 and standard_error == 0:
        labels = np.asarray(y_true)
        tested["p"] = 2 / math.comb(labels.size, int(labels.sum()))
    limits = {"low": difference - margin, "high": difference + margin}
    return {"auc_1": float(auc_1), "auc_2": float(auc_2), **limits, **tested}


def pairwise_auc(
    y_true: ArrayLike,
    probabilities: Mapping[str, ArrayLike],
    pairs: Sequence[tuple[str, str]] | None = None,
    patients: ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare the areas under the ROC curves of every pair of models by `compare_auc`, with Holm's adjustment.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probabilities: name of each model to its probability of abnormal, shape (images,).
        pairs: pairs that were planned, the control first; all pairs by default. Holm's adjustment is over these alone.
        patients: the patient of each image, shape (images,), to count by child as in `compare_auc`.

    Returns:
        One row per pair, as in `cxrlib.evaluation.significance.pairwise`.
    """

    def compare(a: str, b: str) -> dict[str, float]:
        return compare_auc(y_true, probabilities[a], probabilities[b], patients)

    return all_pairs(list(probabilities), compare, pairs)
