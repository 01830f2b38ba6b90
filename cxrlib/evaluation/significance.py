"""Tests of differences between classifiers: the paper's (section 2.6, Eq. 9-12), and those that its design asks for.

The paper compares sensitivities as if each model had read other children. Models that read the same images call for
paired tests: McNemar's of sensitivities and DeLong's of areas under the ROC curve, each with an interval.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from cxrlib.evaluation.roc import delong
from cxrlib.evaluation.scores import check_counts, check_predictions

INTERVALS = {"wald": "normal", "wilson": "wilson", "clopper-pearson": "beta"}
"""The names of the intervals here, and in statsmodels."""

EQUATION_9_QUANTILE = 1.96


def sensitivity_interval(tp: int, fn: int, method: str = "wald", level: float = 0.95) -> tuple[float, float]:
    """Return the confidence interval of a sensitivity (section 2.6; the paper does not say which it used).

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        method: "wald", "wilson" or "clopper-pearson" (statsmodels' `proportion_confint`).
        level: coverage.

    Returns:
        (low, high), in [0, 1]. Wald's is cut there, and has no width at a sensitivity of 0 or 1.

    Raises:
        ValueError: a count is negative or no whole number, both are 0, or the method is unknown.

    >>> low, high = sensitivity_interval(tp=81, fn=182, method="wilson")
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if method not in INTERVALS:
        raise ValueError(f"interval {method!r} is unknown: choose from {', '.join(INTERVALS)}")
    tp, fn, _, _ = check_counts(tp, fn, 0, 1)
    low, high = proportion_confint(tp, tp + fn, alpha=1 - level, method=INTERVALS[method])
    return float(low), float(high)


def compare_sensitivity(counts_1: tuple[int, int], counts_2: tuple[int, int], method: str = "wald") -> dict[str, float]:
    """Test the difference of two sensitivities as the paper does (Eq. 9-12).

    Eq. 9 makes a standard error of each 95% interval, (upper - lower) / (2 x 1.96); Eq. 10 is the difference,
    second less first; Eq. 11 adds the squared errors, which holds for models that read different images; Eq. 12 is
    z, their ratio. The same test serves specificities, given (tn, fp).

    Args:
        counts_1: (tp, fn) of the first model.
        counts_2: (tp, fn) of the second.
        method: interval, as in `sensitivity_interval`.

    Returns:
        `difference`, `standard_error`, `z` and the two-sided `p` from the normal distribution. Equal sensitivities
        have z 0 and p 1, whatever the error.

    Raises:
        ValueError: as in `sensitivity_interval`; or the sensitivities differ and neither interval has a width (one
            is 0, the other 1, with Wald).

    >>> found = compare_sensitivity((50, 50), (80, 20))
    >>> round(found["difference"], 4), round(found["z"], 2)
    (0.3, 4.69)
    """
    standard_errors = []
    for counts in (counts_1, counts_2):
        low, high = sensitivity_interval(*counts, method=method)
        standard_errors.append((high - low) / (2 * EQUATION_9_QUANTILE))
    (tp_1, fn_1), (tp_2, fn_2) = counts_1, counts_2
    difference = tp_2 / (tp_2 + fn_2) - tp_1 / (tp_1 + fn_1)
    standard_error = float(np.hypot(*standard_errors))
    if difference != 0 and standard_error == 0:
        raise ValueError(f"neither {method} interval has a width at (tp, fn) {counts_1} and {counts_2}: take wilson")
    return _z_test(difference, standard_error)


def pairwise(counts: Mapping[str, tuple[int, int]], method: str = "wald") -> pd.DataFrame:
    """Compare the sensitivities of every pair of models by Eq. 9-12, and adjust for their number.

    Args:
        counts: name of each model to its (tp, fn), in the order wanted.
        method: interval, as in `sensitivity_interval`.

    Returns:
        One row a pair, with `model_1`, `model_2`, what `compare_sensitivity` returns, and `p_holm`, the p value after
        Holm's step-down adjustment over all pairs (statsmodels' `multipletests`).

    Raises:
        ValueError: fewer than two models, or as in `compare_sensitivity`.
    """
    return _all_pairs(list(counts), lambda a, b: compare_sensitivity(counts[a], counts[b], method))


def exact_mcnemar(only_1: int, only_2: int) -> float:
    """Return McNemar's exact two-sided p value (statsmodels).

    Args:
        only_1: images that the first model alone gets right.
        only_2: images that the second alone gets right.

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
    samples, and has no width where two models find the same images. statsmodels 0.15 and SciPy have none.

    Args:
        only_1: b, images that the first model alone finds.
        only_2: c, images that the second alone finds.
        images: n, all images of the class.
        level: coverage.

    Returns:
        (low, high) of the second proportion less the first, in [-1, 1]. Its middle lies a little nearer to 0 than d.

    Raises:
        ValueError: a count is negative or no whole number, no image, or more disagreements than images.

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
        y_true: labels, 0 normal and 1 abnormal, shape (images,). For specificities give `1 - y_true` and turn the
            predictions likewise.
        predicted_1: the first model's calls, 0 or 1, shape (images,).
        predicted_2: the second model's calls.

    Returns:
        `difference` (second less first) with its 95% interval `low` to `high` from `paired_interval`, `only_1` and
        `only_2` (abnormal images found by that model alone), and the exact two-sided `p`, 1 where the models find
        the same images. The interval is approximate: with few disagreements it can leave out 0 though p is above 0.05.

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
        One row a pair, as in `pairwise`.
    """
    return _all_pairs(list(predicted), lambda a, b: mcnemar_sensitivity(y_true, predicted[a], predicted[b]))


def compare_auc(y_true: ArrayLike, probability_1: ArrayLike, probability_2: ArrayLike) -> dict[str, float]:
    """Test the difference of two areas under the ROC curve on the same images (DeLong et al. 1988).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability_1: the first model's probability of abnormal, shape (images,).
        probability_2: the second model's.

    Returns:
        `auc_1`, `auc_2`, `difference` (second less first), `standard_error`, the 95% interval of the difference `low`
        to `high`, `z`, two-sided `p`; z 0 and p 1 for equal areas, as those of two constants or two perfect models.

        Between a constant and a perfect model, or a perfect one and its reverse, no image says anything else than the
        others. So DeLong's variance is 0, the interval has no width and z is infinite: an artefact of the method, no
        certainty, for p would be 0 with four images too. There p is that of a permutation of the labels instead:
        only two of their orders, the one found and its reverse, give such a difference.

    Raises:
        ValueError: as in `cxrlib.evaluation.roc.delong`.

    >>> found = compare_auc([0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5], [0.1, 0.2, 0.8, 0.9])
    >>> found["difference"], found["standard_error"], found["z"], round(found["p"], 3)
    (0.5, 0.0, inf, 0.333)
    """
    (auc_1, auc_2), covariance = delong(y_true, [probability_1, probability_2])
    contrast = np.array([-1.0, 1.0])
    standard_error = float(np.sqrt(max(contrast @ covariance @ contrast, 0.0)))
    difference, margin = float(auc_2 - auc_1), float(norm.ppf(0.975)) * standard_error
    tested = _z_test(difference, standard_error)
    if difference != 0 and standard_error == 0:
        labels = np.asarray(y_true)
        tested["p"] = 2 / math.comb(labels.size, int(labels.sum()))
    limits = {"low": difference - margin, "high": difference + margin}
    return {"auc_1": float(auc_1), "auc_2": float(auc_2), **limits, **tested}


def pairwise_auc(
    y_true: ArrayLike, probabilities: Mapping[str, ArrayLike], pairs: Sequence[tuple[str, str]] | None = None
) -> pd.DataFrame:
    """Compare the areas under the ROC curves of every pair of models by `compare_auc`, with Holm's adjustment.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probabilities: name of each model to its probability of abnormal, shape (images,).
        pairs: pairs that were planned, the control first; all pairs by default. Holm's adjustment is over these alone.

    Returns:
        One row a pair, as in `pairwise`.
    """

    def compare(a: str, b: str) -> dict[str, float]:
        return compare_auc(y_true, probabilities[a], probabilities[b])

    return _all_pairs(list(probabilities), compare, pairs)


def _z_test(difference: float, standard_error: float) -> dict[str, float]:
    if difference == 0:
        z = 0.0
    else:
        z = difference / standard_error if standard_error else math.copysign(math.inf, difference)
    return {"difference": difference, "standard_error": standard_error, "z": z, "p": float(2 * norm.sf(abs(z)))}


def _all_pairs(names: list[str], compare, pairs: Sequence[tuple[str, str]] | None = None) -> pd.DataFrame:
    if len(names) < 2:
        raise ValueError(f"{len(names)} model: a comparison needs at least two")
    pairs = combinations(names, 2) if pairs is None else pairs
    frame = pd.DataFrame([{"model_1": a, "model_2": b, **compare(a, b)} for a, b in pairs])
    frame["p_holm"] = multipletests(frame["p"], method="holm")[1]
    return frame
