"""Comparisons when a child has several images: the child is the unit of chance, not the image.

McNemar's and DeLong's tests, and their intervals, take images as independent. Images of one child resemble each other,
so they carry less information than as many images of different children. Here whole children are drawn or counted.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cxrlib.evaluation.roc import placements
from cxrlib.evaluation.scores import bootstrap_by_patient, check_predictions


def mean_interval(
    values: ArrayLike, patients: ArrayLike, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return a percentile interval of a mean over images, from drawing children with replacement.

    For a paired difference of two models, give the difference for each image.

    Args:
        values: One number per image, shape (images,).
        patients: The patient of each image, shape (images,).
        resamples: Number of resamples.
        seed: Seed of the generator that draws children.
        level: Coverage.

    Returns:
        (low, high), in the unit of the values; both are NaN for a single child, which says nothing about others.

    Raises:
        ValueError: The lengths differ, a value is not finite, a patient is missing, or there is no image or resample.

    Source: the cluster bootstrap; Field and Welsh, JRSS B 69 (2007) 369-390.

    >>> mean_interval([1, 1, 1, 0], ["a", "b", "b", "b"], level=0.5)
    (0.6666666666666666, 1.0)
    """
    values, codes = _by_child(values, patients)
    if resamples < 1:
        raise ValueError(f"{resamples} resamples: ask for at least one")
    sums, sizes = np.bincount(codes, values), np.bincount(codes)  # (children,)
    children = len(sizes)
    if children < 2:
        return np.nan, np.nan
    times = np.random.default_rng(seed).multinomial(children, np.full(children, 1 / children), size=resamples)
    means = times @ sums / (times @ sizes)  # (resamples,)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def variance_ratio(values: ArrayLike, patients: ArrayLike) -> float:
    """Return the variance of a mean counted by child over that counted by image.

    By child it is the sum, over children, of the squared sum of their images' deviations from the mean; by image it is
    the sum of the squared deviations. Their ratio is the design effect of survey sampling. Above 1, tests and intervals
    that take images as independent are too sure.

    Args:
        values: One number per image, shape (images,).
        patients: The patient of each image, shape (images,).

    Returns:
        0 or more; 1 where each child has one image; NaN where all values are equal.

    Raises:
        ValueError: As in `mean_interval`.

    >>> variance_ratio([1, 1, 0, 0], ["a", "a", "b", "b"]), variance_ratio([1, 0, 1, 0], ["a", "a", "b", "b"])
    (2.0, 0.0)
    """
    values, codes = _by_child(values, patients)
    deviations = values - values.mean()
    by_image = np.sum(deviations**2)
    return float(np.sum(np.bincount(codes, deviations) ** 2) / by_image) if by_image > 0 else np.nan


def auc_contributions(y_true: ArrayLike, probability: ArrayLike) -> np.ndarray:
    """Return what each image adds to the error of an area under the ROC curve, from its placement.

    The sum of their squares is DeLong's variance, but for factors m / (m - 1) of the m images of a class. If they are
    summed within each child before they are squared, they give the variance of Obuchowski, Biometrics 53 (1997)
    567-578, but for the same factors.

    Args:
        y_true: Labels, 0 normal and 1 abnormal, shape (images,).
        probability: Probability of abnormal, shape (images,), in [0, 1].

    Returns:
        Shape (images,); those of each class sum to 0. For a difference of two models take the difference of theirs.

    Raises:
        ValueError: As in `cxrlib.evaluation.scores.check_predictions`.
    """
    labels, _ = check_predictions(y_true, probability)
    found = placements(labels, [probability])[0]
    classes = np.bincount(labels)
    return (found - np.bincount(labels, found)[labels] / classes[labels]) / classes[labels]


def auc_pairs(
    y_true: ArrayLike,
    probabilities: Mapping[str, ArrayLike],
    patients: ArrayLike,
    pairs: Sequence[tuple[str, str]],
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Resample children to get intervals for differences in AUC between pairs of models.

    Args:
        y_true: Labels, 0 normal and 1 abnormal, shape (images,).
        probabilities: Name of each model to its probability of abnormal, shape (images,).
        patients: The patient of each image, shape (images,).
        pairs: Names of two models each; the difference is the second minus the first.
        resamples: Number of resamples, the same for all pairs.
        seed: Seed of the generator that draws children.

    Returns:
        One row per pair, in their order: the 95% interval `child_low` to `child_high`, and `variance_ratio`, the
        variance of the difference by child over that by image.

    Raises:
        ValueError: As in `cxrlib.evaluation.scores.bootstrap_by_patient`.
    """
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    places = [(names.index(first), names.index(second)) for first, second in pairs]

    def differences(labels: np.ndarray, scores: np.ndarray) -> dict[int, float]:
        areas = placements(labels, scores)[:, labels == 1].mean(axis=1)
        return {number: areas[second] - areas[first] for number, (first, second) in enumerate(places)}

    scores = np.stack([np.asarray(probabilities[name], dtype=float) for name in names])
    drawn = bootstrap_by_patient(y_true, scores, patients, differences, resamples, seed)
    added = [auc_contributions(y_true, score) for score in scores]
    ratios = [variance_ratio(added[second] - added[first], patients) for first, second in places]
    return pd.DataFrame({"child_low": drawn.low, "child_high": drawn.high, "variance_ratio": ratios})


def sensitivity_pairs(
    y_true: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    patients: ArrayLike,
    pairs: Sequence[tuple[str, str]],
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Resample children with abnormal images to get intervals for differences in sensitivity between pairs of models.

    Args:
        y_true: Labels, 0 normal and 1 abnormal, shape (images,).
        predicted: Name of each model to its calls, 0 or 1, shape (images,).
        patients: The patient of each image, shape (images,).
        pairs: As in `auc_pairs`.
        resamples: Number of resamples.
        seed: Seed of the generator that draws children.

    Returns:
        As `auc_pairs` does.

    Raises:
        ValueError: As in `mean_interval`, or there is no abnormal image.
    """
    abnormal = np.asarray(y_true) == 1
    children = np.asarray(patients)[abnormal]
    calls = {name: np.asarray(call, dtype=float)[abnormal] for name, call in predicted.items()}
    rows = []
    for first, second in pairs:
        difference = calls[second] - calls[first]
        low, high = mean_interval(difference, children, resamples, seed)
        rows.append((low, high, variance_ratio(difference, children)))
    return pd.DataFrame(rows, columns=["child_low", "child_high", "variance_ratio"])


def _by_child(values: ArrayLike, patients: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and the number of each one's child, both of shape (images,)."""
    values, codes = np.asarray(values, dtype=float), pd.factorize(np.asarray(patients))[0]
    if values.ndim != 1 or values.shape != codes.shape or not len(codes) or (codes < 0).any():
        raise ValueError(f"values {values.shape}, patients {codes.shape}: one per image, none missing, at least one")
    if not np.isfinite(values).all():
        raise ValueError("a value is NaN or infinite: leave its image out")
    return values, codes
