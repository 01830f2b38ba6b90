"""The paper's test of differences between classifiers (section 2.6, Eq. 9-12), as if each had read other children.

For models tested on the same images use `cxrlib.evaluation.paired`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from cxrlib.evaluation.scores import check_counts

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
        ValueError: a count is negative or not a whole number, both are 0, or the method is unknown.

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

    Eq. 9 turns each 95% interval into a standard error, (upper - lower) / (2 x 1.96); Eq. 10 is the difference,
    second minus first; Eq. 11 adds the squared errors, which holds for models that read different images; Eq. 12 is
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
    return z_test(difference, standard_error)


def pairwise(counts: Mapping[str, tuple[int, int]], method: str = "wald") -> pd.DataFrame:
    """Compare the sensitivities of every pair of models by Eq. 9-12, and adjust for the number of pairs.

    Args:
        counts: name of each model to its (tp, fn), in the order of the output.
        method: interval, as in `sensitivity_interval`.

    Returns:
        One row per pair, with `model_1`, `model_2`, what `compare_sensitivity` returns, and `p_holm`, the p value after
        Holm's step-down adjustment over all pairs (statsmodels' `multipletests`).

    Raises:
        ValueError: fewer than two models, or as in `compare_sensitivity`.
    """
    return all_pairs(list(counts), lambda a, b: compare_sensitivity(counts[a], counts[b], method))


def z_test(difference: float, standard_error: float) -> dict[str, float]:
    """Return `difference`, `standard_error`, their ratio `z` and its two-sided `p`; z 0 and p 1 without a difference.

    >>> round(z_test(difference=0.196, standard_error=0.1)["p"], 2)
    0.05
    """
    if difference == 0:
        z = 0.0
    else:
        z = difference / standard_error if standard_error else math.copysign(math.inf, difference)
    return {"difference": difference, "standard_error": standard_error, "z": z, "p": float(2 * norm.sf(abs(z)))}


def all_pairs(
    names: Sequence[str],
    compare: Callable[[str, str], Mapping[str, float]],
    pairs: Sequence[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Compare pairs of models, and adjust for the number of pairs.

    Args:
        names: The models.
        compare: Takes two names and returns the results of a test, including `p`.
        pairs: Pairs to compare; all by default.

    Returns:
        One row per pair: `model_1`, `model_2`, what `compare` returns, and `p_holm`, the p value after Holm's step-down
        adjustment over these pairs (statsmodels' `multipletests`).

    Raises:
        ValueError: fewer than two models.
    """
    if len(names) < 2:
        raise ValueError(f"{len(names)} model: a comparison needs at least two")
    pairs = combinations(names, 2) if pairs is None else pairs
    frame = pd.DataFrame([{"model_1": a, "model_2": b, **compare(a, b)} for a, b in pairs])
    frame["p_holm"] = multipletests(frame["p"], method="holm")[1]
    return frame
