"""Youden's J, d' and other points of the ROC curve from one operating point, a sensitivity with its specificity.

The paper prints one operating point per model (Table 3) and no ROC curve. Two assumptions can fill the gap, and neither
is observed: the equal-variance binormal model, whose only parameter is d', or only that the curve is concave.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from cxrlib.arrays import check_array
from cxrlib.evaluation.scores import check_counts


def d_prime(sensitivity: float, specificity: float) -> float:
    """Return d' of the equal-variance binormal model, the distance of the two classes in standard deviations.

    d' = z(sensitivity) + z(specificity), z the normal quantile (Green and Swets, Signal Detection Theory and
    Psychophysics, 1966). In the model the area under the ROC curve is the normal distribution at d' / sqrt(2).

    Args:
        sensitivity: above 0 and below 1.
        specificity: above 0 and below 1.

    Returns:
        d', 0 at chance, negative below it.

    Raises:
        ValueError: a rate outside (0, 1), where d' is infinite.

    >>> round(d_prime(sensitivity=0.8, specificity=0.9), 3)
    2.123
    """
    for name, rate in (("sensitivity", sensitivity), ("specificity", specificity)):
        if not 0 < rate < 1:
            raise ValueError(
                f"{name} is {rate}: d' needs a rate between 0 and 1; add half a count to each cell (Hautus 1995)"
            )
    return float(norm.ppf(sensitivity) + norm.ppf(specificity))


def _rates_from_counts(tp: int, fn: int, fp: int, tn: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of each class, abnormal first, and the share of each that is called right; shape (2,)."""
    tp, fn, fp, tn = check_counts(tp, fn, fp, tn)
    images = np.array([tp + fn, fp + tn])
    return images, np.array([tp, tn]) / images


def d_prime_from_counts(tp: int, fn: int, fp: int, tn: int, level: float = 0.95) -> dict[str, float]:
    """Return d' with its normal interval by the delta method (Gourevitch and Galanter, Psychometrika 32 (1967) 25).

    The variance is the sum over both rates of r (1 - r) / (n phi(z(r))^2), phi the normal density.

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.
        level: coverage of the interval.

    Returns:
        `d_prime`, `standard_error`, `low`, `high`.

    Raises:
        ValueError: as in `d_prime`, or counts as in `cxrlib.evaluation.scores.from_counts`.
    """
    images, rates = _rates_from_counts(tp, fn, fp, tn)
    distance = d_prime(*rates)
    standard_error = float(np.sqrt(np.sum(rates * (1 - rates) / (images * norm.pdf(norm.ppf(rates)) ** 2))))
    return _with_interval("d_prime", distance, standard_error, level)


def youden_from_counts(tp: int, fn: int, fp: int, tn: int, level: float = 0.95) -> dict[str, float]:
    """Return Youden's J = sensitivity + specificity - 1 with Wald's interval; balanced accuracy is (J + 1) / 2.

    The classes are independent, so the variance is the sum over both rates of r (1 - r) / n (Youden, Cancer 3 (1950)
    32).

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.
        level: coverage of the interval.

    Returns:
        `youden`, `standard_error`, `low`, `high`.

    Raises:
        ValueError: as in `cxrlib.evaluation.scores.from_counts`.

    >>> round(youden_from_counts(tp=40, fn=10, fp=20, tn=30)["standard_error"], 4)
    0.0894
    """
    images, rates = _rates_from_counts(tp, fn, fp, tn)
    standard_error = float(np.sqrt(np.sum(rates * (1 - rates) / images)))
    return _with_interval("youden", float(rates.sum() - 1), standard_error, level)


def _with_interval(name: str, estimate: float, standard_error: float, level: float) -> dict[str, float]:
    margin = float(norm.ppf((1 + level) / 2)) * standard_error
    return {name: estimate, "standard_error": standard_error, "low": estimate - margin, "high": estimate + margin}


def best_youden(d_prime: float) -> float:
    """Return the largest J that a binormal classifier reaches by moving its threshold, 2 Phi(d' / 2) - 1.

    It is reached half way between the classes, where sensitivity and specificity are equal.

    >>> round(best_youden(2), 3)
    0.683
    """
    return float(2 * norm.cdf(d_prime / 2) - 1)


def implied_sensitivity(d_prime: float, specificity: ArrayLike) -> np.ndarray | float:
    """Return the sensitivity at a specificity in the equal-variance binormal model, Phi(d' - z(specificity)).

    Args:
        d_prime: distance of the classes.
        specificity: in [0, 1], any shape.

    Returns:
        Sensitivity in [0, 1], of the same shape.

    Raises:
        ValueError: a specificity outside [0, 1].
    """
    specificity = _rates(specificity)
    sensitivity = norm.cdf(d_prime - norm.ppf(specificity))
    return float(sensitivity) if np.ndim(sensitivity) == 0 else sensitivity


def concave_bounds(sensitivity: float, specificity: float, at_specificity: float) -> tuple[float, float]:
    """Bound the sensitivity at another specificity for any concave ROC curve through one operating point.

    The lower bound is the chord to the nearer corner, (0, 0) or (1, 1) of the ROC plane, which mixing two thresholds at
    random reaches; the upper bound is the line from the farther corner, cut at 1. A curve that ranks images by
    their true odds is concave; that a network does so is an assumption, though a weaker one than a binormal curve.

    Args:
        sensitivity: of the known point, in [0, 1].
        specificity: of the known point, in [0, 1].
        at_specificity: where to bound, in [0, 1].

    Returns:
        (lowest, highest) sensitivity.

    Raises:
        ValueError: a rate outside [0, 1], or a point below chance (no concave curve goes through it).
    """
    sensitivity, specificity, at_specificity = (float(_rates(r)) for r in (sensitivity, specificity, at_specificity))
    if sensitivity + specificity < 1:
        raise ValueError(f"({sensitivity:g}, {specificity:g}) is below chance: no concave ROC curve goes through it")
    false_positive_rate, at = 1 - specificity, 1 - at_specificity
    with np.errstate(divide="ignore", invalid="ignore"):
        from_origin = np.float64(sensitivity) * at / false_positive_rate
        from_corner = 1 - (1 - sensitivity) * at_specificity / np.float64(specificity)
    if at == false_positive_rate:
        return sensitivity, sensitivity
    bounds = (from_origin, from_corner) if at < false_positive_rate else (from_corner, from_origin)
    # From a corner of the plane itself no line is defined, and nothing is ruled out.
    return float(bounds[0]), float(np.nanmin([bounds[1], 1.0]))


def _rates(values: ArrayLike) -> np.ndarray:
    return check_array(np.asarray(values, dtype=float), "a rate", low=0, high=1, remedy="give shares, not percentages")
