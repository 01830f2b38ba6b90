"""Tests of differences between classifiers: the paper's (section 2.6, Eq. 9-12), and those that its design asks for.

The paper compares sensitivities as if each model had read other children. Models that read the same images call for
a paired test, McNemar's; a sensitivity without its specificity is half an operating point, which d' completes.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from cxrlib.metrics import delong
from cxrlib.predictions import check_counts, check_predictions

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
        One row a pair: `model_1`, `model_2`, what `compare_sensitivity` returns, and `p_holm`, the p value after
        Holm's step-down adjustment over all pairs (statsmodels' `multipletests`).

    Raises:
        ValueError: fewer than two models, or as in `compare_sensitivity`.
    """
    return _all_pairs(list(counts), lambda a, b: compare_sensitivity(counts[a], counts[b], method))


def mcnemar_sensitivity(y_true: ArrayLike, predicted_1: ArrayLike, predicted_2: ArrayLike) -> dict[str, float]:
    """Test the difference of two sensitivities on the same abnormal images (exact McNemar, statsmodels).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,). For specificities give `1 - y_true` and turn the
            predictions likewise.
        predicted_1: the first model's calls, 0 or 1, shape (images,).
        predicted_2: the second model's calls.

    Returns:
        `difference` (second less first), `only_1` and `only_2` (abnormal images found by that model alone), and the
        exact two-sided `p`, 1 where the models find the same images.

    Raises:
        ValueError: shapes differ, NaN, a single class, or values other than 0 and 1.
    """
    labels, calls_1 = check_predictions(y_true, predicted_1)
    _, calls_2 = check_predictions(y_true, predicted_2)
    if not np.isin([calls_1, calls_2], (0, 1)).all():
        raise ValueError("predictions are calls, 0 or 1: compare probabilities with a threshold first")
    hits_1, hits_2 = calls_1[labels == 1] == 1, calls_2[labels == 1] == 1
    only_1, only_2 = int((hits_1 & ~hits_2).sum()), int((hits_2 & ~hits_1).sum())
    return {
        "difference": (only_2 - only_1) / hits_1.size,
        "only_1": only_1,
        "only_2": only_2,
        "p": _exact_mcnemar(only_1, only_2),
    }


def pairwise_mcnemar(y_true: ArrayLike, predicted: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Compare the sensitivities of every pair of models by exact McNemar tests, with Holm's adjustment.

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        predicted: name of each model to its calls, 0 or 1, shape (images,).

    Returns:
        One row a pair: `model_1`, `model_2`, what `mcnemar_sensitivity` returns, and `p_holm`.

    Raises:
        ValueError: fewer than two models, or as in `mcnemar_sensitivity`.
    """
    return _all_pairs(list(predicted), lambda a, b: mcnemar_sensitivity(y_true, predicted[a], predicted[b]))


def mcnemar_by_overlap(hits_1: int, hits_2: int, positives: int) -> pd.DataFrame:
    """Return the exact McNemar p value for every number of hits that two models can share.

    Args:
        hits_1: abnormal images that the first model finds.
        hits_2: abnormal images that the second finds.
        positives: abnormal images in all, which sets the least overlap.

    Returns:
        Columns `overlap`, rising by one a row, and `p`, which never rises.

    Raises:
        ValueError: hits outside 0 to `positives`, or no positive.
    """
    for hits in (hits_1, hits_2):
        check_counts(hits, positives - hits, 0, 1)
    overlap = np.arange(max(0, hits_1 + hits_2 - positives), min(hits_1, hits_2) + 1)
    return pd.DataFrame({"overlap": overlap, "p": [_exact_mcnemar(hits_1 - k, hits_2 - k) for k in overlap]})


def mcnemar_bounds(hits_1: int, hits_2: int, positives: int, alpha: float = 0.05) -> dict[str, float | None]:
    """Say what the margins alone tell of the exact McNemar test on sensitivity.

    Args:
        hits_1: abnormal images that the first model finds.
        hits_2: abnormal images that the second finds.
        positives: abnormal images in all.
        alpha: level of significance.

    Returns:
        `least_overlap` and `most_overlap` possible, the p value at each (`p_largest`, `p_smallest`), and
        `overlap_needed`: the fewest shared hits at which p is below alpha, None where no overlap is enough. It
        equals `least_overlap` where the test is significant however the hits overlap.

    Raises:
        ValueError: as in `mcnemar_by_overlap`.
    """
    frame = mcnemar_by_overlap(hits_1, hits_2, positives)
    enough = frame.loc[frame["p"] < alpha, "overlap"]
    return {
        "least_overlap": int(frame["overlap"].iloc[0]),
        "most_overlap": int(frame["overlap"].iloc[-1]),
        "overlap_needed": None if enough.empty else int(enough.iloc[0]),
        "p_largest": float(frame["p"].iloc[0]),
        "p_smallest": float(frame["p"].iloc[-1]),
    }


def compare_auc(y_true: ArrayLike, probability_1: ArrayLike, probability_2: ArrayLike) -> dict[str, float]:
    """Test the difference of two areas under the ROC curve on the same images (DeLong et al. 1988).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability_1: the first model's probability of abnormal, shape (images,).
        probability_2: the second model's.

    Returns:
        `auc_1`, `auc_2`, `difference` (second less first), `standard_error`, `z`, two-sided `p`; z 0 and p 1 for
        equal areas.

    Raises:
        ValueError: as in `cxrlib.metrics.delong`, or the areas differ without any variance.
    """
    (auc_1, auc_2), covariance = delong(y_true, [probability_1, probability_2])
    contrast = np.array([-1.0, 1.0])
    standard_error = float(np.sqrt(max(contrast @ covariance @ contrast, 0.0)))
    if auc_1 != auc_2 and standard_error == 0:
        raise ValueError("the areas differ but have no variance on these images: the test needs more images")
    return {"auc_1": float(auc_1), "auc_2": float(auc_2), **_z_test(float(auc_2 - auc_1), standard_error)}


def pairwise_auc(y_true: ArrayLike, probabilities: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """Compare the ROC areas of all pairs of models by DeLong's paired test.

    Args:
        y_true: as for `compare_auc`.
        probabilities: model name to its probability of abnormal, shape (N,).

    Returns:
        One row a pair: `model_1`, `model_2`, what `compare_auc` returns, and `p_holm`.

    Raises:
        ValueError: there are fewer than two models, or `compare_auc` refuses.
    """
    return _all_pairs(list(probabilities), lambda a, b: compare_auc(y_true, probabilities[a], probabilities[b]))


def compare_accuracy(
    counts_1: tuple[int, int, int, int], counts_2: tuple[int, int, int, int]
) -> dict[str, float | None]:
    """Test the difference of two accuracies, unpaired, and bound the paired test.

    Args:
        counts_1: (tp, fn, fp, tn) of the first model.
        counts_2: those of the second, on the same images.

    Returns:
        `difference` (second less first), the pooled two-proportion z test's `z` and `p` (statsmodels'
        `proportions_ztest`, models taken as independent), and `p_paired_smallest`: the least p value that an exact
        McNemar test of correct calls could have, which is where the models agree on as many images as they can.

    Raises:
        ValueError: counts as in `cxrlib.metrics.from_counts`, or other numbers of abnormal or normal images.
    """
    tp_1, fn_1, fp_1, tn_1 = check_counts(*counts_1)
    tp_2, fn_2, fp_2, tn_2 = check_counts(*counts_2)
    if (tp_1 + fn_1, fp_1 + tn_1) != (tp_2 + fn_2, fp_2 + tn_2):
        raise ValueError(f"{counts_1} and {counts_2} do not have the same abnormal and normal images")
    total, gained = tp_1 + fn_1 + fp_1 + tn_1, (tp_2 - tp_1, tn_2 - tn_1)
    correct = (tp_2 + tn_2, tp_1 + tn_1)
    # Both models right, or both wrong, on every image: the pooled error is 0, and so is the difference.
    z, p = (0.0, 1.0) if correct[0] == correct[1] else proportions_ztest(correct, (total, total))
    only_1, only_2 = sum(max(-change, 0) for change in gained), sum(max(change, 0) for change in gained)
    return {
        "difference": sum(gained) / total,
        "z": float(z),
        "p": float(p),
        "p_paired_smallest": _exact_mcnemar(only_1, only_2),
    }


def _z_test(difference: float, standard_error: float) -> dict[str, float]:
    z = 0.0 if difference == 0 else difference / standard_error
    return {"difference": difference, "standard_error": standard_error, "z": z, "p": float(2 * norm.sf(abs(z)))}


def _exact_mcnemar(only_1: int, only_2: int) -> float:
    return float(mcnemar([[0, only_1], [only_2, 0]], exact=True).pvalue)


def _all_pairs(names: list[str], compare) -> pd.DataFrame:
    if len(names) < 2:
        raise ValueError(f"{len(names)} model: a comparison needs at least two")
    frame = pd.DataFrame([{"model_1": a, "model_2": b, **compare(a, b)} for a, b in combinations(names, 2)])
    frame["p_holm"] = multipletests(frame["p"], method="holm")[1]
    return frame
